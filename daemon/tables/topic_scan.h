#pragma once

#include "daemon/tables/topic_reader.h"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace sluice {

/// One statement's look at a pipeline's topics: what a TopicReader makes of them goes to whichever
/// segment asks first. Has a thread, which reads no further ahead than a few blocks, and lets go of
/// them when nobody is there to read them any more.
class TopicScan {
public:
    using Clock = std::chrono::steady_clock;

    /// So many segments will ask.
    TopicScan(TopicOrder order, std::size_t segments, std::shared_ptr<TopicCounts> counts);
    /// Waits for the thread, which ends soon.
    ~TopicScan();
    TopicScan(const TopicScan&) = delete;
    TopicScan& operator=(const TopicScan&) = delete;

    // By the server's thread.

    /// A segment that asks, one of so many; false: it has asked before, and may have thrown away
    /// what it got, or it is of another cluster.
    [[nodiscard]] bool enter(std::size_t segment, std::size_t segments);
    void leave();
    /// As Reading has them; what take() returned is the caller's.
    [[nodiscard]] bool is_ready(const std::function<void()>& ready);
    [[nodiscard]] std::optional<std::string> take();

    /// For the statement.
    [[nodiscard]] std::chrono::milliseconds time_left() const;
    /// When the thread came to its end; nullopt: it has not.
    [[nodiscard]] std::optional<Clock::time_point> over() const;
    /// When over: of the thread, what the system keeps for whoever joins it.
    void let_thread_go();

private:
    void run();
    void read();
    /// Waits for room. Throws TroubleOfTheWorld when time is up, and Abandoned.
    void put(std::string block);
    /// Until all is taken. As put().
    void wait_for_readers();
    void end(std::optional<std::string> failure);
    /// Before each record. As put().
    void go_on();
    /// The caller holds the mutex. As put(), but Abandoned.
    void check_time() const;
    [[nodiscard]] bool is_abandoned() const;
    /// Segments look again, those that wait.
    void wake();
    /// Waits a little, with the mutex held. As put().
    void rest(std::unique_lock<std::mutex>& lock);

    const TopicOrder order_;
    const std::size_t segments_;
    std::shared_ptr<TopicCounts> counts_;  ///< of the thread, once it runs
    const Clock::time_point deadline_;

    mutable std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    std::deque<std::string> blocks_;
    std::vector<std::function<void()>> waiting_;
    std::set<std::size_t> asked_;  // segments
    std::size_t readers_ = 0;
    Clock::time_point left_{};   // the last of them
    Clock::time_point woken_{};  // those that wait
    bool all_read_ = false;
    std::optional<std::string> failure_;
    std::optional<Clock::time_point> over_;
    bool stops_ = false;

    std::thread thread_;
};

}  // namespace sluice
