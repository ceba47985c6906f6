#include "daemon/tables/topic_scan.h"

#include "config/text/units.h"
#include "pipeline/errors.h"
#include "pipeline/log.h"
#include "segments/service.h"

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_blocks = 16;
/// For segments to come that have not yet, or to come back never.
constexpr auto nobody_reads = 10s;
constexpr auto between_looks = 1s;

/// All segments have gone before they had read all of it, as behind a LIMIT: nobody's failure.
class Abandoned : public std::exception {
public:
    [[nodiscard]] const char* what() const noexcept override {
        return "all segments have gone before they had read all of it";
    }
};

}  // namespace

TopicScan::TopicScan(TopicOrder order, std::size_t segments, std::shared_ptr<TopicCounts> counts)
    : order_(std::move(order)),
      segments_(segments),
      counts_(std::move(counts)),
      deadline_(Clock::now() + order_.config->segments.timeout),
      left_(Clock::now()),
      woken_(left_) {
    counts_->statements.add();
    thread_ = std::thread([this] {
        run();
        counts_.reset();  // series are not to outlive their pipeline, and this is kept for longer
    });
}

TopicScan::~TopicScan() {
    {
        const std::lock_guard lock{mutex_};
        stops_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
}

void TopicScan::run() {
    std::string failure;
    try {
        read();
        return end(std::nullopt);
    } catch (const Abandoned& abandoned) {
        return end(abandoned.what());
    } catch (const std::exception& failed) {
        failure = failed.what();
    } catch (...) {
        failure = "of an unknown kind";
    }
    counts_->failures.add();
    log(LogLevel::warn, order_.ingest.name, "a statement that reads the topic failed: " + failure);
    end(failure);
}

void TopicScan::read() {
    {
        TopicReader reader(order_, *counts_);
        reader.read([this] { go_on(); }, [this](std::string block) { put(std::move(block)); });
    }
    wait_for_readers();
}

void TopicScan::check_time() const {
    if (stops_) throw TroubleOfTheWorld("the daemon reads this no more");
    if (Clock::now() > deadline_)
        throw TroubleOfTheWorld(
            "the statement has read for " +
            config::format_duration(order_.config->segments.timeout) +
            ", the longest that timeout of [segments] permits; ask for less by where= in the "
            "table's LOCATION");
}

bool TopicScan::is_abandoned() const {
    const bool all_have_asked = asked_.size() >= segments_;
    return readers_ == 0 && (all_have_asked || Clock::now() - left_ > nobody_reads);
}

/// Segments that wait for a row which hardly comes are looked at now and then.
void TopicScan::go_on() {
    {
        const std::lock_guard lock{mutex_};
        check_time();
        if (is_abandoned()) throw Abandoned();
        const auto now = Clock::now();
        if (now - woken_ < between_looks) return;
        woken_ = now;
    }
    wake();
}

void TopicScan::wake() {
    std::vector<std::function<void()>> waiting;
    {
        const std::lock_guard lock{mutex_};
        waiting.swap(waiting_);
    }
    for (const auto& ready : waiting) ready();
}

void TopicScan::rest(std::unique_lock<std::mutex>& lock) {
    changed_.wait_for(lock, 200ms);
    if (blocks_.empty()) return;  // who has taken the last may be gone by now
    check_time();
    if (is_abandoned()) throw Abandoned();
}

void TopicScan::put(std::string block) {
    {
        std::unique_lock lock{mutex_};
        while (blocks_.size() >= most_blocks) rest(lock);
        blocks_.push_back(std::move(block));
    }
    wake();
}

void TopicScan::wait_for_readers() {
    {
        const std::lock_guard lock{mutex_};
        all_read_ = true;
    }
    wake();
    std::unique_lock lock{mutex_};
    while (!blocks_.empty()) rest(lock);
}

void TopicScan::end(std::optional<std::string> failure) {
    {
        const std::lock_guard lock{mutex_};
        over_ = Clock::now();
        failure_ = std::move(failure);
        blocks_ = {};
    }
    wake();
}

bool TopicScan::enter(std::size_t segment, std::size_t segments) {
    const std::lock_guard lock{mutex_};
    if (segments != segments_ || !asked_.insert(segment).second) return false;
    ++readers_;
    return true;
}

void TopicScan::leave() {
    {
        const std::lock_guard lock{mutex_};
        --readers_;
        left_ = Clock::now();
    }
    changed_.notify_all();
}

bool TopicScan::is_ready(const std::function<void()>& ready) {
    const std::lock_guard lock{mutex_};
    if (!blocks_.empty() || all_read_ || over_) return true;
    waiting_.push_back(ready);
    return false;
}

std::optional<std::string> TopicScan::take() {
    const std::lock_guard lock{mutex_};
    if (failure_) throw segments::ReadingFailed(*failure_);
    if (blocks_.empty()) return std::nullopt;
    std::string block = std::move(blocks_.front());
    blocks_.pop_front();
    changed_.notify_all();
    return block;
}

std::chrono::milliseconds TopicScan::time_left() const {
    return std::max(0ms, std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now()));
}

std::optional<TopicScan::Clock::time_point> TopicScan::over() const {
    const std::lock_guard lock{mutex_};
    return over_;
}

void TopicScan::let_thread_go() {
    if (over() && thread_.joinable()) thread_.join();
}

}  // namespace sluice
