#pragma once

#include "config/config.h"
#include "pipeline/backoff.h"
#include "pipeline/ingest/held_topics.h"
#include "pipeline/ingest/ingest_observer.h"
#include "pipeline/ingest/lane.h"
#include "pipeline/ingest/lane_load.h"
#include "pipeline/ingest/lost_positions.h"
#include "pipeline/ingest/ports.h"
#include "pipeline/ingest/resume_points.h"
#include "pipeline/ongoing_trouble.h"
#include "pipeline/outside_wait.h"
#include "pipeline/standstill_watch.h"

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace sluice {

/// What a pipeline is made of; group and observer outlive it.
struct IngestParts {
    ConsumerGroup& group;
    std::unique_ptr<ProgressStore> progress;
    std::vector<LaneParts> lanes;
    IngestObserver& observer;
    /// Who holds a lock that a session of the pipeline waits for (standstill_watch.h).
    std::function<std::string()> in_the_way = [] { return std::string(); };
    /// Told what the control thread waits for, save in its polls of the group.
    std::shared_ptr<OutsideWait> wait = std::make_shared<OutsideWait>();
    /// Where each topic has a target of its own: looks for those of these topics, before a record
    /// of them is read, and again after one took no rows. By topic whose target takes none, why, in
    /// words. Called on the control thread; throws TroubleOfTheWorld when nobody can tell now.
    std::function<std::map<std::string, std::string>(const std::vector<std::string>& topics)>
        find_targets{};
};

/// How long a pipeline waits for what.
struct Patience {
    BackoffLimits commit{std::chrono::milliseconds(100), std::chrono::seconds(10)};
    BackoffLimits resume{std::chrono::milliseconds(200), std::chrono::seconds(10)};
    BackoffLimits fenced{std::chrono::milliseconds(100), std::chrono::seconds(30)};
    BackoffLimits held_up{std::chrono::seconds(1), std::chrono::seconds(30)};
    /// How long a rebalance waits for the batch in flight. Longer than any healthy commit, shorter
    /// than the patience of a group (rebalance.timeout = max.poll.interval.ms, 5 minutes).
    std::chrono::milliseconds handover = std::chrono::seconds(30);
    /// How long a group waits for a member that cannot read progress before that one leaves.
    std::chrono::milliseconds assign = std::chrono::seconds(10);
};

/// One [ingest.NAME] at work: keeps its lanes serving what the consumer group assigns. Whatever
/// moves a partition (assignment, fence, lost position) goes the same way: its lane lets go of it,
/// progress is read, fetching is set there, a lane takes it up.
///
/// run() occupies the calling thread, the pipeline's control thread, on which everything here
/// happens; it ends by request_stop(), or with the exception that ended a lane or the membership.
class IngestPipeline : private GroupListener, private LaneListener {
public:
    IngestPipeline(const config::Ingest& config, IngestParts parts, const Patience& patience = {});
    ~IngestPipeline() override;

    void run();
    /// From any thread. Batches in flight commit until the deadline; what is left then is dropped.
    void request_stop(std::chrono::steady_clock::time_point deadline);
    /// Takes over the limits of batches while it runs. From any thread.
    void adapt(const config::Ingest& config);
    /// By which the observer knows this one.
    [[nodiscard]] int number() const { return number_; }
    /// Why no progress is made now, in words; empty when all is well. From any thread.
    [[nodiscard]] std::string trouble() const;

private:
    using Clock = std::chrono::steady_clock;

    struct Assigned {
        enum class State {
            to_assign,  ///< the group waits for assign(); progress is not read yet
            to_let_go,  ///< its lane has been told to let go of it, to_seek then
            to_seek,    ///< fetching goes on elsewhere as soon as progress is read
            running,
        };
        State state = State::to_assign;
        Lane* lane = nullptr;
        int failed_seeks = 0;   ///< since it ran last
        bool verify = true;     ///< compare the record before progress with the one that was read
        bool observed = false;  ///< the observer knows its progress
    };
    struct Rewind {
        std::vector<PartitionId> partitions;
        RewindCause cause;
    };
    struct Lost {
        PartitionId partition;
        LostPosition how;
    };
    struct Held {
        std::vector<PartitionId> partitions;
        std::string why;
    };
    using LaneEvent = std::variant<Rewind, Lost, Held, std::exception_ptr>;

    void on_assigned(std::span<const PartitionId> partitions) override;
    void on_revoked(std::span<const PartitionId> partitions) override;
    void on_lost_sight(const std::string& topic) override;
    // On lanes' threads: they only leave an event.
    void on_rewind(std::vector<PartitionId> partitions, RewindCause cause) override;
    void on_held_up(std::vector<PartitionId> partitions, std::string why) override;
    void on_lost_position(PartitionId partition, LostPosition how) override;
    void on_failed(std::exception_ptr error) override;

    void post(LaneEvent event);
    void apply_lane_events();
    void apply(const Rewind& rewind);
    void apply(const Lost& lost);
    void apply(const Held& held);
    void resume_waiting();
    [[nodiscard]] std::vector<PartitionId> those_that_wait();
    void resume(const std::vector<PartitionId>& partitions);
    /// The partition, when this event is about its present start; nullptr when it came too late.
    [[nodiscard]] Assigned* let_go_by_lane(PartitionId partition);
    void seek_and_start(std::vector<ResumePoint> points);
    void start(const std::vector<ResumePoint>& points);
    [[nodiscard]] LaneLoad load_of_lanes() const;
    [[nodiscard]] std::size_t place_of(const Lane& lane) const;
    [[nodiscard]] Lane& lane_for(PartitionId partition, LaneLoad& load);
    void let_go(std::span<const PartitionId> partitions, Clock::time_point deadline);
    void look_for_standstill();
    /// Those of them whose topics have targets that take rows, as far as is known.
    [[nodiscard]] std::vector<PartitionId> with_targets(const std::vector<PartitionId>& partitions);
    void find_targets(const std::vector<PartitionId>& partitions);
    void fix_starts(const std::vector<PartitionId>& partitions);
    void ask_where_held_end();
    void forget_what_goes_on();
    void tell_held_up() const;
    [[nodiscard]] const std::string& topic_of(PartitionId partition) const {
        return observer_.partitions()[partition].topic;
    }

    const config::Ingest config_;
    ConsumerGroup& group_;
    IngestObserver& observer_;
    const int number_;  ///< to the observer
    const std::unique_ptr<ProgressStore> progress_;
    ResumePoints resume_points_;
    LostPositions lost_positions_;
    const decltype(IngestParts::find_targets) find_targets_;

    const std::chrono::milliseconds handover_;
    const std::chrono::milliseconds assign_patience_;
    std::optional<Clock::time_point> group_waits_since_;  ///< for assign()

    std::map<PartitionId, Assigned> assigned_;
    std::map<PartitionId, Lane*> lingering_;  ///< handed over before the lane had let go
    HeldTopics held_topics_;
    Backoff retry_;
    Backoff fenced_;
    Clock::time_point next_resume_;
    Clock::time_point last_fenced_;

    // Begun and ended by the control thread.
    OngoingTrouble resuming_;  ///< progress cannot be read, or fetching cannot be set there
    OngoingTrouble kafka_;     ///< nothing can arrive
    StandstillWatch standstill_;
    const std::shared_ptr<OutsideWait> wait_;
    Clock::time_point next_look_;
    Clock::time_point next_ends_;  ///< of what is held up

    std::atomic<bool> stopping_ = false;
    mutable std::mutex mutex_;  // guards what follows
    std::vector<LaneEvent> events_;
    Clock::time_point deadline_;

    std::vector<std::unique_ptr<Lane>> lanes_;  // last: their threads use what is above
};

}  // namespace sluice
