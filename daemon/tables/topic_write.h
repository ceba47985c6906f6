#pragma once

#include "config/config.h"
#include "metrics/registry.h"
#include "segments/request.h"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace sluice {

/// Of one topic that SQL writes to.
struct WriteCounts {
    metrics::Counter statements;
    metrics::Counter failures;
    metrics::Counter rows;
    metrics::Counter repeats;
};

[[nodiscard]] WriteCounts write_counts(metrics::Registry& registry, const std::string& topic);

/// One statement that writes to a topic: takes its segments' blocks, each once however often it
/// comes, and says of each what became of it when Kafka has all of its messages, or refuses one.
/// What was refused is refused for ever: the statement fails by it, and may have sent a part. Has a
/// thread while there is something to do, with a producer of its own; what a segment has told is
/// kept for as long as this lives.
class TopicWrite {
public:
    using Clock = std::chrono::steady_clock;

    struct Order {
        std::shared_ptr<const config::Config> config;
        std::string topic;
        std::optional<config::Ingest> ingest{};  ///< by whose columns; nullopt: the message's own
        std::vector<std::string> columns;        ///< of the table, in its order
    };
    /// A block that a segment has brought.
    struct Block;

    /// Counts for as long as somebody else keeps the counts.
    TopicWrite(Order order, std::weak_ptr<WriteCounts> counts);
    /// Waits for the thread, which ends soon; gives up what Kafka does not have yet.
    ~TopicWrite();
    TopicWrite(const TopicWrite&) = delete;
    TopicWrite& operator=(const TopicWrite&) = delete;

    // By the server's thread.

    /// What is to become of it is asked of the block: where it came before, of that one.
    [[nodiscard]] std::shared_ptr<Block> put(const segments::Request& request, std::string bytes);
    /// As Writing has them.
    [[nodiscard]] bool is_ready(Block& block, const std::function<void()>& ready);
    [[nodiscard]] std::optional<segments::Refusal> outcome(const Block& block) const;

    /// nullopt: it has not failed so far.
    [[nodiscard]] std::optional<segments::Refusal> failure() const;
    [[nodiscard]] bool has_thread() const;
    /// Of the one that has ended, what the system keeps for whoever joins it.
    void let_thread_go();
    /// When a segment was here last.
    [[nodiscard]] Clock::time_point last_heard() const;

private:
    class Sender;
    struct Segment {
        std::uint64_t latest = 0;  ///< of its blocks
        std::shared_ptr<Block> block{};
        bool is_done = false;
    };

    void count(metrics::Counter WriteCounts::*what, std::size_t by = 1) const;
    void run();
    /// The next one to send; null: there is none yet, for so long, or nobody would bring one.
    [[nodiscard]] std::shared_ptr<Block> next(std::chrono::milliseconds patience);
    [[nodiscard]] bool is_given_up() const;
    void settle(Block& block, std::size_t rows);
    void fail(const segments::Refusal& why);
    /// The thread has nothing more to do, and ends.
    [[nodiscard]] bool rests();

    // Under the lock; who waits is woken under it, too, which only notes that.
    [[nodiscard]] std::shared_ptr<Block> take(const segments::Request& request, Segment& segment,
                                              std::string bytes);
    void start_thread();
    [[nodiscard]] static std::shared_ptr<Block> refused(const segments::Refusal& why);
    void fail_all(const segments::Refusal& why);
    [[nodiscard]] bool is_over() const;

    const Order order_;
    const std::weak_ptr<WriteCounts> counts_;

    mutable std::mutex mutex_;  // guards what follows, and all blocks
    std::condition_variable changed_;
    std::map<std::size_t, Segment> segments_;
    std::deque<std::shared_ptr<Block>> queue_;
    std::optional<segments::Refusal> failure_;
    std::size_t rows_ = 0;  ///< that Kafka has
    Clock::time_point last_heard_ = Clock::now();
    bool has_thread_ = false;
    bool stops_ = false;

    std::thread thread_;
};

}  // namespace sluice
