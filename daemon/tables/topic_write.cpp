#include "daemon/tables/topic_write.h"

#include "daemon/commands/produce/message_columns.h"
#include "kafka/client.h"
#include "kafka/producer.h"
#include "kafka/topic.h"
#include "pipeline/errors.h"
#include "pipeline/log.h"
#include "produce/message_builder.h"
#include "produce/row_reader.h"
#include "sinks/catalogue/catalogue.h"
#include "sinks/session/session.h"

#include <algorithm>
#include <cstring>
#include <system_error>
#include <utility>

namespace sluice {
namespace {

using namespace std::chrono_literals;
using segments::Refusal;

/// Without a block, before the producer goes.
constexpr auto rest_after = 5s;
/// While Kafka has not acknowledged all: how soon a new block is seen.
constexpr auto glance = 5ms;
/// A segment gives a block up after five minutes, and tries it again.
constexpr std::chrono::milliseconds longest_delivery = 2min;
/// What waits within Kafka's client, copies of blocks that the server counts.
constexpr std::size_t queue_bytes = 16u << 20;

produce::MessagePlan plan_of(const TopicWrite::Order& order) {
    if (!order.ingest) return message_plan(order.columns);
    Session session{order.config->cloudberry.dsn.text, "sluice sql"};
    return message_plan_for(*order.ingest, read_target(session, *order.ingest), order.columns);
}

std::unique_ptr<RecordEncoder> encoder_of(const TopicWrite::Order& order) {
    if (!order.ingest) return nullptr;
    return message_encoder_for(*order.ingest, order.topic, *order.config);
}

/// A consumer asks: a producer's question would create the topic where brokers permit that.
int partitions_of(const TopicWrite::Order& order) {
    const auto client =
        kafka::make_client(RD_KAFKA_CONSUMER, kafka::make_conf(order.config->kafka, {}), "sql");
    return static_cast<int>(kafka::partitions_of(*client, order.topic).size());
}

kafka::Producer::Options options_for(const config::Config& config) {
    kafka::Producer::Options options{.name = "sql", .queue_bytes = queue_bytes};
    const auto& said = config.kafka.properties;
    // A segment waits for its block, and sends no other one meanwhile.
    if (!said.contains("linger.ms") && !said.contains("queue.buffering.max.ms"))
        options.settings["linger.ms"] = "1";
    if (!said.contains("message.timeout.ms") && !said.contains("delivery.timeout.ms"))
        options.settings["message.timeout.ms"] =
            std::to_string(std::min(longest_delivery, config.segments.timeout).count());
    return options;
}

}  // namespace

WriteCounts write_counts(metrics::Registry& registry, const std::string& topic) {
    const metrics::Labels labels{{"topic", topic}};
    return {.statements = registry.counter("sluice_sql_write_statements_total",
                                           "SQL statements that have written to the topic", labels),
            .failures = registry.counter("sluice_sql_write_failures_total",
                                         "SQL statements that failed while they wrote to the topic",
                                         labels),
            .rows = registry.counter("sluice_sql_written_rows_total",
                                     "Rows of SQL statements that Kafka has as messages", labels),
            .repeats = registry.counter(
                "sluice_sql_repeated_blocks_total",
                "Blocks of rows that segments sent once more, and that were dropped", labels)};
}

struct TopicWrite::Block {
    std::size_t segment = 0;
    std::uint64_t number = 0;
    std::string bytes{};
    bool settled = false;
    std::optional<Refusal> failure{};
    std::vector<std::function<void()>> waiting{};
};

/// The thread's part.
class TopicWrite::Sender : public kafka::DeliveryListener {
public:
    explicit Sender(TopicWrite& write)
        : write_(write),
          builder_(plan_of(write.order_), partitions_of(write.order_), encoder_of(write.order_)),
          producer_(write.order_.config->kafka, options_for(*write.order_.config), *this) {}

    /// Until nothing comes any more.
    void run() {
        for (;;) {
            if (const auto block = write_.next(pending_.empty() ? rest_after : 0ms)) {
                send(block);
            } else if (pending_.empty() || write_.is_given_up()) {
                return;
            } else {
                producer_.poll(glance);
            }
            if (failure_) throw Failure(*failure_);
        }
    }

    /// What ends the statement.
    struct Failure {
        Refusal why;
    };

    void on_acknowledged(std::uint64_t number) override {
        const auto found = pending_.find(number >> row_bits);
        if (found != pending_.end()) settle_one(found);
    }
    void on_failed(std::uint64_t number, rd_kafka_resp_err_t code) override {
        const auto found = pending_.find(number >> row_bits);
        if (found == pending_.end() || failure_) return;
        const bool is_too_large = code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
        failure_ = Failure{
            {is_too_large ? 413u : 503u,
             place(*found->second.block, number & ((std::uint64_t{1} << row_bits) - 1)) +
                 ": Kafka does not take the message: " + producer_.describe(code) +
                 (is_too_large ? "; see message.max.bytes of [kafka.properties] and of the topic"
                               : "")}};
    }

private:
    /// Of a message's number, behind its block's.
    static constexpr unsigned row_bits = 28;
    struct Pending {
        std::shared_ptr<Block> block;
        std::size_t rows = 0;
        std::size_t waiting = 1;  ///< the last one is that it was read to its end
    };

    [[nodiscard]] std::string place(const Block& block, std::uint64_t row) const {
        return "topic " + write_.order_.topic + ", row " + std::to_string(row) + " of block " +
               std::to_string(block.number) + " of segment " + std::to_string(block.segment);
    }

    void send(const std::shared_ptr<Block>& block) {
        const std::uint64_t id = ++blocks_;
        const auto pending = pending_.emplace(id, Pending{.block = block}).first;
        const std::string bytes = std::exchange(block->bytes, {});  // which are not kept with it
        std::string_view rest = bytes;
        if (!rest.empty() && !rest.ends_with('\n'))
            throw Failure{{400, "block " + std::to_string(block->number) + " of segment " +
                                    std::to_string(block->segment) + " ends within a row"}};
        RowReader rows(
            [&rest](char* to, std::size_t size) {
                const std::size_t some = std::min(size, rest.size());
                std::memcpy(to, rest.data(), some);
                rest.remove_prefix(some);
                return some;
            },
            RowReader::Form::csv, {}, RowReader::Mark::kept);
        while (const auto row = rows.next()) {
            Message message;
            const std::uint64_t number = ++pending->second.rows;
            if (builder_.build(row->text, message) == produce::MessageBuilder::Outcome::problem)
                throw Failure{{400, place(*block, number) + ": " + builder_.problem().text}};
            ++pending->second.waiting;
            producer_.send(write_.order_.topic, message, id << row_bits | number);
            if (failure_) return;
        }
        settle_one(pending);
    }

    void settle_one(std::map<std::uint64_t, Pending>::iterator pending) {
        if (--pending->second.waiting > 0) return;
        write_.settle(*pending->second.block, pending->second.rows);
        pending_.erase(pending);
    }

    TopicWrite& write_;
    produce::MessageBuilder builder_;
    std::map<std::uint64_t, Pending> pending_;
    std::uint64_t blocks_ = 0;
    std::optional<Failure> failure_;
    kafka::Producer producer_;
};

TopicWrite::TopicWrite(Order order, std::weak_ptr<WriteCounts> counts)
    : order_(std::move(order)), counts_(std::move(counts)) {
    count(&WriteCounts::statements);
}

void TopicWrite::count(metrics::Counter WriteCounts::*what, std::size_t by) const {
    if (const auto counts = counts_.lock()) ((*counts).*what).add(static_cast<double>(by));
}

TopicWrite::~TopicWrite() {
    {
        const std::lock_guard lock{mutex_};
        stops_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
}

std::shared_ptr<TopicWrite::Block> TopicWrite::put(const segments::Request& request,
                                                   std::string bytes) {
    const std::lock_guard lock{mutex_};
    last_heard_ = Clock::now();
    Segment& segment = segments_[request.segment];
    if (failure_) return refused(*failure_);
    // That there are no more has the number of the block before, and no rows.
    if (request.block > segment.latest && !(request.is_last && bytes.empty()))
        return take(request, segment, std::move(bytes));
    if (request.is_last) {
        segment.is_done = true;
        changed_.notify_all();
    } else if (segment.is_done) {
        return refused({409, "block " + std::to_string(request.block) + " of segment " +
                                 std::to_string(request.segment) +
                                 " came when it had said that there are no more"});
    } else {
        count(&WriteCounts::repeats);
    }
    if (segment.block && request.block >= segment.latest) return segment.block;
    return std::make_shared<Block>(Block{.settled = true});
}

std::shared_ptr<TopicWrite::Block> TopicWrite::take(const segments::Request& request,
                                                    Segment& segment, std::string bytes) {
    const bool is_next = request.block == segment.latest + 1 && !segment.is_done &&
                         (!segment.block || segment.block->settled);
    if (!is_next) {
        fail_all({400, "block " + std::to_string(request.block) + " of segment " +
                           std::to_string(request.segment) + " came where " +
                           (segment.is_done ? "none was to come any more"
                                            : "the one behind block " +
                                                  std::to_string(segment.latest) + " was to come") +
                           "; run the INSERT again"});
        return refused(*failure_);
    }
    segment.latest = request.block;
    segment.is_done = request.is_last;
    segment.block = std::make_shared<Block>(
        Block{.segment = request.segment, .number = request.block, .bytes = std::move(bytes)});
    queue_.push_back(segment.block);
    changed_.notify_all();
    if (!has_thread_) start_thread();
    return segment.block;
}

void TopicWrite::start_thread() {
    if (thread_.joinable()) thread_.join();  // it has nothing more to do
    try {
        thread_ = std::thread([this] { run(); });
        has_thread_ = true;
    } catch (const std::system_error& trouble) {
        fail_all({503, std::string("no thread is to be had: ") + trouble.what()});
    }
}

void TopicWrite::let_thread_go() {
    if (!has_thread() && thread_.joinable()) thread_.join();
}

bool TopicWrite::is_ready(Block& block, const std::function<void()>& ready) {
    const std::lock_guard lock{mutex_};
    if (block.settled) return true;
    block.waiting.push_back(ready);
    return false;
}

std::optional<Refusal> TopicWrite::outcome(const Block& block) const {
    const std::lock_guard lock{mutex_};
    return block.failure;
}

std::optional<Refusal> TopicWrite::failure() const {
    const std::lock_guard lock{mutex_};
    return failure_;
}

bool TopicWrite::has_thread() const {
    const std::lock_guard lock{mutex_};
    return has_thread_;
}

TopicWrite::Clock::time_point TopicWrite::last_heard() const {
    const std::lock_guard lock{mutex_};
    return last_heard_;
}

void TopicWrite::run() {
    do {
        try {
            Sender(*this).run();
        } catch (const Sender::Failure& failed) {
            fail(failed.why);
        } catch (const WrongConfiguration& wrong) {
            fail({400, wrong.what()});
        } catch (const std::exception& trouble) {
            fail({503, trouble.what()});
        }
    } while (!rests());
}

/// By now its producer is gone, which may have taken a moment. A segment that had nothing to say so
/// far may still come.
bool TopicWrite::rests() {
    const std::lock_guard lock{mutex_};
    if (!queue_.empty() && !stops_) return false;
    has_thread_ = false;
    if (is_over() && !failure_)
        log(LogLevel::info, "sluice",
            "a statement has written " + std::to_string(rows_) + (rows_ == 1 ? " row" : " rows") +
                " to topic " + order_.topic + " so far");
    return true;
}

std::shared_ptr<TopicWrite::Block> TopicWrite::next(std::chrono::milliseconds patience) {
    std::unique_lock lock{mutex_};
    changed_.wait_for(lock, patience,
                      [this] { return !queue_.empty() || failure_ || stops_ || is_over(); });
    if (queue_.empty() || stops_) return nullptr;
    auto block = std::move(queue_.front());
    queue_.pop_front();
    return block;
}

bool TopicWrite::is_over() const {
    return std::ranges::all_of(segments_, [](const auto& of) { return of.second.is_done; });
}

bool TopicWrite::is_given_up() const {
    const std::lock_guard lock{mutex_};
    return failure_ || stops_;
}

void TopicWrite::settle(Block& block, std::size_t rows) {
    count(&WriteCounts::rows, rows);
    const std::lock_guard lock{mutex_};
    rows_ += rows;
    block.settled = true;
    for (const auto& wake : std::exchange(block.waiting, {})) wake();
}

void TopicWrite::fail(const Refusal& why) {
    const std::lock_guard lock{mutex_};
    if (!failure_) fail_all(why);
}

/// Each block without an outcome is the latest of its segment.
void TopicWrite::fail_all(const Refusal& why) {
    failure_ = why;
    count(&WriteCounts::failures);
    log(LogLevel::warn, "sluice",
        "a statement that writes to topic " + order_.topic + " failed: " + why.why);
    for (const auto& block : queue_) std::exchange(block->bytes, {});
    queue_.clear();
    for (auto& [number, segment] : segments_) {
        if (!segment.block || segment.block->settled) continue;
        segment.block->settled = true;
        segment.block->failure = why;
        for (const auto& wake : std::exchange(segment.block->waiting, {})) wake();
    }
    changed_.notify_all();
}

std::shared_ptr<TopicWrite::Block> TopicWrite::refused(const Refusal& why) {
    return std::make_shared<Block>(Block{.settled = true, .failure = why});
}

}  // namespace sluice
