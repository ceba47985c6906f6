#include "daemon/tables/topic_tables.h"

#include "daemon/commands/peek/topic_columns.h"
#include "pipeline/errors.h"
#include "pipeline/log.h"
#include "segments/table_path.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace sluice {
namespace {

/// Statements whose segments begin a day apart are none that anybody waits for.
constexpr auto remembered_for = std::chrono::hours(24);
constexpr std::size_t most_remembered = 1'000'000;

/// What LOCATION's query part asks for; or what is wrong with it.
std::string read_options(const std::string& query, TopicOrder& order) {
    const auto options = segments::read_query(query);
    if (!options) return "LOCATION's query part is not NAME=VALUE&…, percent-encoded";
    for (const auto& [name, value] : *options) {
        if (name == "where") {
            order.where = value;
        } else if (name == "columns") {
            order.fingerprint = value;
        } else if (name == "rejects" && (value == "skip" || value == "fail")) {
            order.rejects_fail = value == "fail";
        } else {
            return "LOCATION's query part takes where, columns, and rejects=skip or rejects=fail";
        }
    }
    return {};
}

}  // namespace

/// What one segment gets.
class TopicTables::Part : public segments::Reading {
public:
    explicit Part(std::shared_ptr<TopicScan> scan) : scan_(std::move(scan)) {}
    ~Part() override { scan_->leave(); }
    Part(const Part&) = delete;
    Part& operator=(const Part&) = delete;

    [[nodiscard]] bool is_ready(const std::function<void()>& ready) override {
        return scan_->is_ready(ready);
    }
    [[nodiscard]] std::optional<std::string_view> next() override {
        block_ = scan_->take();
        return block_;
    }
    /// A cursor's reader may take its time, and hears when that is up.
    [[nodiscard]] std::chrono::milliseconds patience() const override { return scan_->time_left(); }
    void finish() override {}

private:
    const std::shared_ptr<TopicScan> scan_;
    std::optional<std::string> block_;
};

void TopicTables::adopt(const config::Config& config) {
    const std::lock_guard lock{mutex_};
    config_ = std::make_shared<const config::Config>(config);
    std::erase_if(counts_, [&](const auto& of) {
        return std::ranges::find(config.ingest, of.first, &config::Ingest::name) ==
               config.ingest.end();
    });
}

std::variant<std::unique_ptr<segments::Reading>, segments::Refusal> TopicTables::begin(
    const segments::Request& request) {
    TopicOrder order;
    {
        const std::lock_guard lock{mutex_};
        order.config = config_;
    }
    // One answer for all that is not there: nobody learns which pipelines there are.
    const segments::Refusal nothing{404, "there is nothing here"};
    if (!order.config) return nothing;
    const auto name = segments::pipeline_of(request.path, order.config->segments.sql_secret.text);
    if (!name) return nothing;
    const auto& pipelines = order.config->ingest;
    const auto ingest = std::ranges::find(pipelines, *name, &config::Ingest::name);
    if (ingest == pipelines.end()) return nothing;

    forget_old(order.config->segments.timeout);
    const std::string key = request.path + "?" + request.query + " " + request.scan;
    if (are_forgotten_.contains(std::hash<std::string>{}(key)))
        return segments::Refusal{
            410, "what this statement reads was read and forgotten long ago; run it again"};
    auto found = scans_.find(key);
    if (found == scans_.end()) {
        auto made = look(request, std::move(order), *ingest);
        if (const auto* refused = std::get_if<segments::Refusal>(&made)) {
            log(LogLevel::warn, *name,
                "a statement that reads the topic was refused: " + refused->why);
            return *refused;
        }
        found = scans_.emplace(key, std::get<std::shared_ptr<TopicScan>>(std::move(made))).first;
    }
    const std::shared_ptr<TopicScan>& scan = found->second;
    if (!scan->enter(request.segment, request.segments))
        return segments::Refusal{409, "segment " + std::to_string(request.segment) + " of " +
                                          std::to_string(request.segments) +
                                          " asked twice, or the first one was of another cluster"};
    return std::make_unique<Part>(scan);
}

std::variant<std::shared_ptr<TopicScan>, segments::Refusal> TopicTables::look(
    const segments::Request& request, TopicOrder order, const config::Ingest& ingest) {
    order.rejects_fail = ingest.on_reject == config::OnReject::stop;
    if (const std::string wrong = read_options(request.query, order); !wrong.empty())
        return segments::Refusal{400, wrong};
    if (under_way() >= static_cast<std::size_t>(order.config->segments.sql_statements))
        return segments::Refusal{503, "as many statements read topics as sql_statements permits"};
    try {
        order.ingest = as_topic(ingest);
        order.registry = schemas_.of(order.config->registry);
        return std::make_shared<TopicScan>(std::move(order), request.segments,
                                           counts_of(ingest.name));
    } catch (const WrongConfiguration& wrong) {
        return segments::Refusal{400, wrong.what()};
    } catch (const std::exception& trouble) {  // no thread is to be had
        return segments::Refusal{503, trouble.what()};
    }
}

std::size_t TopicTables::under_way() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(scans_, [](const auto& one) { return !one.second->over(); }));
}

void TopicTables::forget_old(std::chrono::milliseconds age) {
    for (const auto& [statement, scan] : scans_) scan->let_thread_go();
    const auto now = TopicScan::Clock::now();
    std::erase_if(scans_, [&](const auto& one) {
        const auto over = one.second->over();
        if (!over || now - *over <= age) return false;
        forgotten_.emplace_back(now, std::hash<std::string>{}(one.first));
        are_forgotten_.insert(forgotten_.back().second);
        return true;
    });
    while (!forgotten_.empty() && (now - forgotten_.front().first > remembered_for ||
                                   forgotten_.size() > most_remembered)) {
        are_forgotten_.erase(are_forgotten_.find(forgotten_.front().second));
        forgotten_.pop_front();
    }
}

std::shared_ptr<TopicCounts> TopicTables::counts_of(const std::string& pipeline) {
    const std::lock_guard lock{mutex_};
    auto& counts = counts_[pipeline];
    if (counts) return counts;
    counts = std::make_shared<TopicCounts>(topic_counts(metrics_, pipeline));
    return counts;
}

}  // namespace sluice
