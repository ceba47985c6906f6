#pragma once

#include "pipeline/backoff.h"
#include "pipeline/batch.h"
#include "pipeline/ingest/lane_observer.h"
#include "pipeline/ingest/ports.h"
#include "pipeline/ongoing_trouble.h"

#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace sluice {

/// Offers a batch to a sink, again and again, until the sink has it or it cannot be had: on a
/// thread of its own, so that the lane makes the next batch meanwhile. One batch at a time: the
/// next one's progress begins where this one's ends.
///
/// Used by the lane's thread, save what says that it is for any.
class BatchOffering {
public:
    enum class End {
        committed,
        fenced,   ///< another writer moved the progress of one of its partitions
        given_up  ///< the database is in trouble, and somebody waits for the lane
    };
    /// Partitions whose target takes no rows now: nothing of them is in the batch any more, nor
    /// was committed.
    struct Held {
        std::vector<PartitionId> partitions;  ///< ascending
        std::string why;
    };
    struct Outcome {
        End end = End::committed;
        std::vector<Held> held{};
        std::string stop{};  ///< the reject before which the batch was cut, if any
    };

    /// `on_over` is called on the offering's thread when settle() no longer waits.
    BatchOffering(std::string name, const BackoffLimits& retry, std::unique_ptr<Sink> sink,
                  LaneObserver& observer, std::function<void()> on_over);
    /// Waits for a commit that is under way.
    ~BatchOffering() { stop(); }
    BatchOffering(const BatchOffering&) = delete;
    BatchOffering& operator=(const BatchOffering&) = delete;

    /// For a batch that is complete, and may lose records until it begins: while the one before it
    /// is under way, the sink has time for what it can do without the database.
    [[nodiscard]] std::unique_ptr<PreparedBatch> prepare(const Batch& batch);
    /// Takes what the batch holds and leaves it empty. Not before the one before is settled.
    /// `prepared`: of this batch, or null.
    void begin(Batch& batch, std::unique_ptr<PreparedBatch> prepared);
    /// From begin() until settle().
    [[nodiscard]] bool is_under_way() const { return under_way_; }
    /// Whether settle() would not wait.
    [[nodiscard]] bool is_over() const;
    /// Waits for what became of the batch, and throws what the sink threw.
    Outcome settle();
    /// The batch as the sink left it, from settle() until the next begin().
    [[nodiscard]] const Batch& batch() const { return batch_; }
    /// Offers nothing more, and waits for a commit that is under way.
    void stop();

    /// Whether somebody waits for the lane: trouble of the world then ends the offering. For any
    /// thread.
    void set_hurried(bool hurried);
    /// Why the batch is not in the database yet; empty when nothing is wrong. For any thread.
    [[nodiscard]] std::string trouble() const { return trouble_.text(); }

private:
    void run();
    [[nodiscard]] Outcome offer();
    void give_back(const HeldUp& targets, std::vector<Held>& held);
    [[nodiscard]] bool wait(Backoff& backoff);

    const std::string name_;
    const BackoffLimits retry_;
    const std::unique_ptr<Sink> sink_;
    LaneObserver& observer_;
    const std::function<void()> on_over_;
    OngoingTrouble trouble_;

    Batch batch_;  // the thread's while it is offered, as the next
    std::unique_ptr<PreparedBatch> prepared_;
    bool under_way_ = false;

    mutable std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    bool offered_ = false;
    std::optional<Outcome> outcome_;
    std::exception_ptr failure_;
    bool hurried_ = false;
    bool stopping_ = false;

    std::thread thread_;
};

}  // namespace sluice
