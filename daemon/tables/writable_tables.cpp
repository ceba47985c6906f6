#include "daemon/tables/writable_tables.h"

#include "config/pipeline.h"
#include "segments/table_path.h"

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

using segments::Refusal;
using segments::Request;

/// One answer for all that is not there: nobody learns which topics there are.
Refusal nothing_here() {
    return {404, "there is nothing here"};
}

Refusal not_known() {
    return {409,
            "this daemon does not know the statement's earlier blocks: it was started anew, or "
            "they went to another one, or are longer ago than timeout of [segments]; run the "
            "INSERT again"};
}

bool is_writable(const config::Config& config, const std::string& topic) {
    const auto& writable = config.segments.sql_writable;
    return std::ranges::find(writable, topic) != writable.end();
}

}  // namespace

/// One block of one segment.
class WritableTables::Part : public segments::Writing {
public:
    Part(std::shared_ptr<TopicWrite> write, Request request)
        : write_(std::move(write)), request_(std::move(request)) {}

    void put(std::string block) override {
        if (write_)
            block_ = write_->put(request_, std::move(block));
        else if (!block.empty())
            refusal_ = not_known();
    }
    [[nodiscard]] bool is_ready(const std::function<void()>& ready) override {
        return !block_ || write_->is_ready(*block_, ready);
    }
    [[nodiscard]] std::optional<Refusal> outcome() override {
        return block_ ? write_->outcome(*block_) : refusal_;
    }

private:
    const std::shared_ptr<TopicWrite> write_;  ///< null: of a statement that is not known
    const Request request_;
    std::shared_ptr<TopicWrite::Block> block_;
    std::optional<Refusal> refusal_;
};

void WritableTables::adopt(const config::Config& config) {
    const std::lock_guard lock{mutex_};
    config_ = std::make_shared<const config::Config>(config);
    std::erase_if(counts_, [&](const auto& of) { return !is_writable(config, of.first); });
}

std::shared_ptr<const config::Config> WritableTables::config() const {
    const std::lock_guard lock{mutex_};
    return config_;
}

std::variant<std::unique_ptr<segments::Reading>, Refusal> WritableTables::begin(
    const Request& request) {
    const auto config = this->config();
    if (!config || !segments::topic_of(request.path, config->segments.sql_secret.text))
        return nothing_here();
    return Refusal{405, "this is to write by; sluice sql without --writable makes a table to read"};
}

std::variant<std::unique_ptr<segments::Writing>, Refusal> WritableTables::begin_writing(
    const Request& request) {
    const auto config = this->config();
    if (!config) return nothing_here();
    const auto topic = segments::topic_of(request.path, config->segments.sql_secret.text);
    if (!topic) return nothing_here();
    if (!is_writable(*config, *topic))
        return Refusal{403, "sql_writable of [segments] does not name topic " + *topic};

    forget_old(config->segments.timeout);
    const std::string statement = request.path + "?" + request.query + " " + request.scan;
    const auto found = writes_.find(statement);
    if (found != writes_.end()) {
        if (auto failure = found->second->failure()) return *failure;
        return std::make_unique<Part>(found->second, request);
    }
    // What was acknowledged before is where it was to go, whoever has acknowledged it.
    if (request.is_last) return std::make_unique<Part>(nullptr, request);
    if (request.block != 1) return not_known();
    auto order = order_of(request, *topic);
    if (auto* refusal = std::get_if<Refusal>(&order)) return *refusal;
    if (under_way() >= static_cast<std::size_t>(config->segments.sql_statements))
        return Refusal{503, "as many statements write to topics as sql_statements permits"};
    auto write = std::make_shared<TopicWrite>(std::get<TopicWrite::Order>(std::move(order)),
                                              counts_of(*topic));
    writes_.emplace(statement, write);
    return std::make_unique<Part>(std::move(write), request);
}

std::variant<TopicWrite::Order, Refusal> WritableTables::order_of(const Request& request,
                                                                  const std::string& topic) const {
    auto rows = segments::read_writing_query(request.query);
    if (!rows)
        return Refusal{400,
                       "LOCATION's query part is not pipeline=NAME&columns=LIST, percent-encoded; "
                       "sluice sql --writable makes it"};
    TopicWrite::Order order{
        .config = config(), .topic = topic, .columns = std::move(rows->columns)};
    if (rows->pipeline.empty()) return order;
    const config::Ingest* const ingest = config::find_ingest(*order.config, rows->pipeline);
    if (ingest == nullptr || !config::TopicMatcher(ingest->topic).matches(topic))
        return Refusal{400, "there is no [ingest." + rows->pipeline + "] with topic " + topic +
                                " any more; make the table anew: sluice sql --writable"};
    order.ingest = *ingest;
    return order;
}

std::size_t WritableTables::under_way() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(writes_, [](const auto& one) { return one.second->has_thread(); }));
}

/// Whoever still waits for a block of it keeps it.
void WritableTables::forget_old(std::chrono::milliseconds age) {
    for (const auto& [statement, write] : writes_) write->let_thread_go();
    const auto now = TopicWrite::Clock::now();
    std::erase_if(writes_, [&](const auto& one) {
        return !one.second->has_thread() && now - one.second->last_heard() > age;
    });
}

std::shared_ptr<WriteCounts> WritableTables::counts_of(const std::string& topic) {
    const std::lock_guard lock{mutex_};
    auto& counts = counts_[topic];
    if (counts) return counts;
    counts = std::make_shared<WriteCounts>(write_counts(metrics_, topic));
    return counts;
}

}  // namespace sluice
