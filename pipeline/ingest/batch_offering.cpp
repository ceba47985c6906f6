#include "pipeline/ingest/batch_offering.h"

#include "pipeline/log.h"

#include <utility>

namespace sluice {

BatchOffering::BatchOffering(std::string name, const BackoffLimits& retry,
                             std::unique_ptr<Sink> sink, LaneObserver& observer,
                             std::function<void()> on_over)
    : name_(std::move(name)),
      retry_(retry),
      sink_(std::move(sink)),
      observer_(observer),
      on_over_(std::move(on_over)),
      trouble_(name_) {
    sink_->tell_steps_to([this] { observer_.on_step(); });
}

std::unique_ptr<PreparedBatch> BatchOffering::prepare(const Batch& batch) {
    if (!under_way_ || batch.empty()) return nullptr;
    return sink_->prepare(batch);
}

void BatchOffering::begin(Batch& batch, std::unique_ptr<PreparedBatch> prepared) {
    batch_.clear();
    std::swap(batch_, batch);
    prepared_ = std::move(prepared);
    under_way_ = true;
    {
        const std::lock_guard lock{mutex_};
        offered_ = true;
    }
    changed_.notify_all();
    if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
}

bool BatchOffering::is_over() const {
    const std::lock_guard lock{mutex_};
    return outcome_ || failure_;
}

BatchOffering::Outcome BatchOffering::settle() {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [this] { return outcome_ || failure_; });
    under_way_ = false;
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    return *std::exchange(outcome_, std::nullopt);
}

void BatchOffering::stop() {
    {
        const std::lock_guard lock{mutex_};
        stopping_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
}

void BatchOffering::set_hurried(bool hurried) {
    {
        const std::lock_guard lock{mutex_};
        hurried_ = hurried;
    }
    changed_.notify_all();
}

void BatchOffering::run() {
    for (;;) {
        {
            std::unique_lock lock{mutex_};
            changed_.wait(lock, [this] { return offered_ || stopping_; });
            if (stopping_) return;
            offered_ = false;
        }
        std::optional<Outcome> outcome;
        std::exception_ptr failure;
        try {
            outcome = offer();
        } catch (...) {
            failure = std::current_exception();
        }
        {
            // Moved out of this thread: it must not be the one that frees what another reads.
            const std::lock_guard lock{mutex_};
            outcome_ = std::move(outcome);
            failure_ = std::move(failure);
        }
        changed_.notify_all();
        on_over_();
    }
}

BatchOffering::Outcome BatchOffering::offer() {
    Backoff backoff{retry_};
    std::vector<Held> held;
    sink_->use(std::move(prepared_));
    for (;;) {
        observer_.on_offering();
        const CommitResult result = sink_->commit(batch_);
        if (const auto* committed = std::get_if<Committed>(&result)) {
            observer_.on_committed(batch_, *committed);
            trouble_.end();
            return {End::committed, std::move(held), committed->stop};
        }
        if (const auto* targets = std::get_if<HeldUp>(&result)) {
            give_back(*targets, held);
            observer_.on_retry();
            if (!batch_.empty()) continue;
            observer_.on_given_up();
            trouble_.end();
            return {End::committed, std::move(held)};
        }
        // Whoever reads progress now meets what is still the matter again, and says so.
        if (const auto* fenced = std::get_if<Fenced>(&result)) {
            log(LogLevel::warn, name_,
                "fenced: another writer moved the progress of " +
                    std::to_string(fenced->partitions.size()) + " of " +
                    std::to_string(batch_.slices().size()) + " partitions");
            observer_.on_fenced();
            trouble_.end();
            return {End::fenced, std::move(held)};
        }
        observer_.on_retry();
        trouble_.begin(std::get<Retry>(result).reason, "; trying again");
        if (wait(backoff)) continue;
        observer_.on_given_up();
        trouble_.end();
        return {End::given_up, std::move(held)};
    }
}

/// All that the partitions have in the batch, since their progress can not move over what waits.
void BatchOffering::give_back(const HeldUp& targets, std::vector<Held>& held) {
    for (const HeldUp::Target& target : targets.targets) {
        Held one{batch_.partitions_of(target.id), target.reason};
        batch_.drop(one.partitions);
        if (!one.partitions.empty()) held.push_back(std::move(one));
    }
}

bool BatchOffering::wait(Backoff& backoff) {
    std::unique_lock lock{mutex_};
    return !changed_.wait_for(lock, backoff.next(), [this] { return hurried_ || stopping_; });
}

}  // namespace sluice
