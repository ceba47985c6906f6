#include "pipeline/outbox/outbox_purger.h"

#include <algorithm>

namespace sluice {
namespace {

using Clock = std::chrono::steady_clock;

// Between two steps others get three times what a step took.
constexpr int share = 3;

}  // namespace

OutboxPurger::OutboxPurger(std::unique_ptr<OutboxPurge> purge, OutboxObserver& observer,
                           const Pace& pace)
    : purge_(std::move(purge)),
      observer_(observer),
      pace_(pace),
      backoff_(pace.backoff),
      thread_([this] { loop(); }) {}

OutboxPurger::~OutboxPurger() {
    {
        const std::lock_guard lock{mutex_};
        ending_ = true;
    }
    changed_.notify_all();
    thread_.join();
    observer_.on_purge_ended();
}

void OutboxPurger::on_sent(BatchNumber batch) {
    const std::lock_guard lock{mutex_};
    sent_ = std::max(sent_, batch);
    changed_.notify_all();
}

void OutboxPurger::loop() {
    std::unique_lock lock{mutex_};
    BatchNumber done = 0;
    while (!ending_) {
        changed_.wait(lock, [&] { return ending_ || sent_ > done; });
        if (ending_) break;
        const BatchNumber sent = sent_;
        lock.unlock();
        const auto rest = step(sent);
        if (purged_ >= sent) done = sent;
        lock.lock();
        changed_.wait_for(lock, rest, [&] { return ending_; });
    }
}

std::chrono::milliseconds OutboxPurger::step(BatchNumber sent) {
    observer_.on_purge_began();
    try {
        if (!knows_) {
            purged_ = std::max<BatchNumber>(purged_, std::min(purge_->purged(), sent));
            knows_ = true;
        }
        const auto began = Clock::now();
        const PurgeStep step = purge_->step(sent);
        purged_ = std::max<BatchNumber>(purged_, step.purged);
        observer_.on_purged(step, Clock::now() - began);
        if (step.gave_way) return backoff_.next();
        backoff_.reset();
        const auto took = std::chrono::ceil<std::chrono::milliseconds>(Clock::now() - began);
        return step.more ? took * share
                         : std::max<std::chrono::milliseconds>(pace_.collect, took * share);
    } catch (const std::exception& error) {
        observer_.on_purge_failed(error.what());
        return backoff_.next();
    }
}

}  // namespace sluice
