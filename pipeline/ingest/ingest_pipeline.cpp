#include "pipeline/ingest/ingest_pipeline.h"

#include "config/pipeline.h"
#include "pipeline/errors.h"
#include "pipeline/fail_point.h"
#include "pipeline/log.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace sluice {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds poll_interval = 100ms;
/// Fences that follow each other faster than this are one quarrel.
constexpr std::chrono::seconds fence_memory = 60s;
constexpr std::chrono::seconds time_between_looks = 1s;
constexpr std::chrono::seconds time_between_questions = 5s;
constexpr std::chrono::seconds proof_of_going_on = 5s;
constexpr const char* trying_again = "; trying again";

/// The record before progress comes once more, for the lane to recognise.
Position fetch_position(const ResumePoint& point) {
    const bool verify = point.last.known() && point.last.offset < point.next;
    return {point.partition, verify ? point.last.offset : point.next};
}

}  // namespace

IngestPipeline::IngestPipeline(const config::Ingest& config, IngestParts parts,
                               const Patience& patience)
    : config_(config),
      group_(parts.group),
      observer_(parts.observer),
      number_(observer_.on_began(parts.lanes.size())),
      progress_(std::move(parts.progress)),
      resume_points_(config_, group_, *progress_, observer_.partitions()),
      lost_positions_(config_, group_, *progress_, observer_.partitions()),
      find_targets_(std::move(parts.find_targets)),
      handover_(patience.handover),
      assign_patience_(patience.assign),
      held_topics_(config.name, patience.held_up),
      retry_(patience.resume),
      fenced_(patience.fenced),
      resuming_(config.name),
      kafka_(config.name),
      standstill_(config.name,
                  {.waits_for_database = [this] { return observer_.writes_for_too_long(); },
                   .in_the_way = std::move(parts.in_the_way),
                   .why = [this](const std::string& who) { return observer_.stuck(who); }}),
      wait_(std::move(parts.wait)) {
    for (LaneParts& lane : parts.lanes) {
        LaneOptions options{.name = config.name + "/" + std::to_string(lanes_.size()),
                            .partitions = observer_.partitions(),
                            .limits = config.batch,
                            .reads_on = config::reads_on(config),
                            .on_reject = config.on_reject,
                            .max_rejects = config.max_rejects,
                            .reject_count = observer_.reject_count(),
                            .retry = patience.commit,
                            .observer = observer_.lane(static_cast<int>(lanes_.size()))};
        lanes_.push_back(std::make_unique<Lane>(std::move(options), std::move(lane),
                                                static_cast<LaneListener&>(*this)));
    }
}

IngestPipeline::~IngestPipeline() {
    lanes_.clear();
    observer_.on_ended(number_);
}

void IngestPipeline::run() {
    for (const auto& lane : lanes_) lane->run();
    while (!stopping_) {
        group_.poll(*this, poll_interval);
        kafka_.set(group_.trouble());
        apply_lane_events();
        resume_waiting();
        look_for_standstill();
    }
    std::vector<PartitionId> all;
    for (const auto& [partition, state] : assigned_) all.push_back(partition);
    const Clock::time_point deadline = [&] {
        const std::lock_guard lock{mutex_};
        return deadline_;
    }();
    let_go(all, deadline);
    apply_lane_events();  // a lane may have failed at its last batch
}

void IngestPipeline::request_stop(Clock::time_point deadline) {
    {
        const std::lock_guard lock{mutex_};
        deadline_ = deadline;
    }
    stopping_ = true;
    group_.wake();
}

void IngestPipeline::adapt(const config::Ingest& config) {
    for (const auto& lane : lanes_) lane->set_limits(config.batch, config::reads_on(config));
}

std::string IngestPipeline::trouble() const {
    for (const OngoingTrouble* own : {&resuming_, &kafka_}) {
        if (std::string trouble = own->text(); !trouble.empty()) return trouble;
    }
    for (const auto& lane : lanes_) {
        if (std::string trouble = lane->trouble(); !trouble.empty()) return trouble;
    }
    return standstill_.text();
}

void IngestPipeline::look_for_standstill() {
    const auto now = Clock::now();
    if (now < next_look_) return;
    next_look_ = now + time_between_looks;
    forget_what_goes_on();
    ask_where_held_end();
    standstill_.look();
}

void IngestPipeline::on_assigned(std::span<const PartitionId> partitions) {
    SLUICE_FAIL_POINT("on_assigned");
    log(LogLevel::info, config_.name,
        "assigned " + std::to_string(partitions.size()) + " partitions");
    observer_.on_assigned(number_, partitions.size());
    if (partitions.empty()) return group_.assign({});
    for (const PartitionId partition : partitions) assigned_[partition] = {};
    group_waits_since_ = Clock::now();
    next_resume_ = {};
}

void IngestPipeline::on_revoked(std::span<const PartitionId> partitions) {
    SLUICE_FAIL_POINT("on_revoked");
    log(LogLevel::info, config_.name,
        "handing over " + std::to_string(partitions.size()) + " partitions");
    std::vector<PartitionId> ours;        // not what the group gave us and nobody reads any more
    std::vector<PartitionId> taken_over;  // those that assign() was called for
    for (const PartitionId partition : partitions) {
        const auto found = assigned_.find(partition);
        if (found == assigned_.end()) continue;
        ours.push_back(partition);
        if (found->second.state != Assigned::State::to_assign) taken_over.push_back(partition);
    }
    let_go(ours, Clock::now() + handover_);
    observer_.on_revoked(number_, ours);
    group_.unassign(taken_over);
}

/// What was read of it so far is committed, and the last record of that is compared when there is
/// something of that name again. Else a topic that is made anew, and soon as long as the old one,
/// would be read on from there.
void IngestPipeline::on_lost_sight(const std::string& topic) {
    std::map<Lane*, std::vector<PartitionId>> by_lane;
    for (auto& [partition, assigned] : assigned_) {
        if (assigned.state != Assigned::State::running || topic_of(partition) != topic) continue;
        assigned.state = Assigned::State::to_let_go;
        by_lane[assigned.lane].push_back(partition);
    }
    for (const auto& [lane, of_lane] : by_lane) lane->stop(of_lane);
    if (!by_lane.empty())
        log(LogLevel::info, config_.name,
            "topic \"" + topic +
                "\" is not seen; once it is, its last record is compared with "
                "the one that was read");
}

void IngestPipeline::let_go(std::span<const PartitionId> partitions, Clock::time_point deadline) {
    std::map<Lane*, std::vector<PartitionId>> by_lane;
    for (const PartitionId partition : partitions) {
        const auto found = assigned_.find(partition);
        if (found == assigned_.end()) continue;
        if (found->second.lane != nullptr) by_lane[found->second.lane].push_back(partition);
        assigned_.erase(found);
    }
    const auto to_assign = [](const auto& entry) {
        return entry.second.state == Assigned::State::to_assign;
    };
    if (std::ranges::none_of(assigned_, to_assign)) group_waits_since_.reset();
    for (const auto& [lane, of_lane] : by_lane) lane->stop(of_lane);
    for (const auto& [lane, of_lane] : by_lane) {
        if (!lane->wait_until_stopped(of_lane, deadline)) {
            for (const PartitionId partition : of_lane) lingering_[partition] = lane;
            log(LogLevel::warn, config_.name,
                "a lane is still at a batch, or waits for a schema registry; what it has commits "
                "or is fenced later");
        }
    }
}

void IngestPipeline::post(LaneEvent event) {
    {
        const std::lock_guard lock{mutex_};
        events_.push_back(std::move(event));
    }
    group_.wake();
}

void IngestPipeline::on_rewind(std::vector<PartitionId> partitions, RewindCause cause) {
    post(Rewind{std::move(partitions), cause});
}
void IngestPipeline::on_held_up(std::vector<PartitionId> partitions, std::string why) {
    post(Held{std::move(partitions), std::move(why)});
}
void IngestPipeline::on_lost_position(PartitionId partition, LostPosition how) {
    post(Lost{partition, how});
}
void IngestPipeline::on_failed(std::exception_ptr error) {
    post(std::move(error));
}

void IngestPipeline::apply_lane_events() {
    std::vector<LaneEvent> events;
    {
        const std::lock_guard lock{mutex_};
        events.swap(events_);
    }
    for (const LaneEvent& event : events) {
        if (const auto* error = std::get_if<std::exception_ptr>(&event)) {
            std::rethrow_exception(*error);
        } else if (const auto* rewind = std::get_if<Rewind>(&event)) {
            apply(*rewind);
        } else if (const auto* held = std::get_if<Held>(&event)) {
            apply(*held);
        } else {
            apply(std::get<Lost>(event));
        }
    }
}

void IngestPipeline::apply(const Rewind& rewind) {
    bool ours = false;
    for (const PartitionId partition : rewind.partitions) {
        if (Assigned* const assigned = let_go_by_lane(partition)) {
            assigned->state = Assigned::State::to_seek;
            ours = true;
        }
    }
    if (!ours || rewind.cause == RewindCause::given_up) return;
    const auto now = Clock::now();
    if (now - last_fenced_ > fence_memory) {
        fenced_.reset();
    } else {
        resuming_.begin(
            "fenced again: another writer moves the same partitions; is a second daemon "
            "running with another consumer group?",
            trying_again);
    }
    last_fenced_ = now;
    next_resume_ = now + fenced_.next();
}

void IngestPipeline::apply(const Lost& lost) {
    Assigned* const assigned = let_go_by_lane(lost.partition);
    if (assigned == nullptr) return;
    // Kafka or the database may be away just now: asked again until they answer, like any resume.
    assigned->state = Assigned::State::to_seek;
    const OutsideWait::Step step(*wait_, "finds out where a partition goes on",
                                 OutsideWait::Party::both);
    try {
        assigned->verify = lost_positions_.choose(lost.partition, lost.how);
    } catch (const TroubleOfTheWorld& trouble) {
        resuming_.begin(trouble.what(), trying_again);
        next_resume_ = Clock::now() + retry_.next();
    }
}

/// What is fetched of it meanwhile would use up the memory that the others need.
void IngestPipeline::apply(const Held& held) {
    std::vector<PartitionId> aside;
    for (const PartitionId partition : held.partitions) {
        Assigned* const assigned = let_go_by_lane(partition);
        if (assigned == nullptr) continue;
        assigned->state = Assigned::State::to_assign;
        aside.push_back(partition);
        next_ends_ = {};
        held_topics_.hold_up(topic_of(partition), held.why);
    }
    tell_held_up();
    if (!aside.empty()) group_.set_aside(aside);
}

std::vector<PartitionId> IngestPipeline::with_targets(const std::vector<PartitionId>& partitions) {
    if (!find_targets_) return partitions;
    find_targets(partitions);
    std::vector<PartitionId> found;
    for (const PartitionId partition : partitions)
        if (held_topics_.has_target(topic_of(partition))) found.push_back(partition);
    return found;
}

/// Of all topics at once: hundreds that are asked for one by one take seconds.
void IngestPipeline::find_targets(const std::vector<PartitionId>& partitions) {
    const auto now = Clock::now();
    std::map<std::string, PartitionId> wanted;  // of each topic one of them
    for (const PartitionId partition : partitions) {
        const std::string& topic = topic_of(partition);
        if (!held_topics_.has_target(topic) && !held_topics_.waits(topic, now))
            wanted.try_emplace(topic, partition);
    }
    if (wanted.empty()) return;
    std::vector<std::string> topics;
    for (const auto& [topic, partition] : wanted) topics.push_back(topic);
    const std::map<std::string, std::string> missing = find_targets_(topics);
    for (const auto& [topic, partition] : wanted)
        if (!missing.contains(topic)) held_topics_.found_target(topic, now);
    std::vector<PartitionId> not_begun;
    for (const PartitionId partition : partitions)
        if (missing.contains(topic_of(partition)) && !assigned_.at(partition).observed)
            not_begun.push_back(partition);
    if (!not_begun.empty()) fix_starts(not_begun);
    for (const auto& [topic, why] : missing) held_topics_.hold_up_again(topic, why);
    if (!missing.empty()) tell_held_up();
}

/// What comes while its target is missing is not before the start. A topic that Kafka does not tell
/// about starts when its target is there.
void IngestPipeline::fix_starts(const std::vector<PartitionId>& partitions) {
    std::string trouble;
    const std::vector<ResumePoint> points = resume_points_.read(partitions, trouble);
    for (const ResumePoint& point : points) assigned_.at(point.partition).observed = true;
    observer_.on_waiting(number_, points);
    next_ends_ = {};
}

/// Little or nothing is fetched of them, which would tell how far behind they are.
void IngestPipeline::ask_where_held_end() {
    const auto now = Clock::now();
    if (held_topics_.empty() || now < next_ends_) return;
    std::vector<PartitionId> held;
    for (const auto& [partition, assigned] : assigned_)
        if (held_topics_.contains(topic_of(partition))) held.push_back(partition);
    if (!held.empty()) observer_.on_ends(number_, group_.ends(held));
    next_ends_ = Clock::now() + time_between_questions;
}

/// A target that takes rows again shows that within a batch's time; whose partitions others have
/// is theirs to tell.
void IngestPipeline::forget_what_goes_on() {
    if (held_topics_.empty()) return;
    std::set<std::string> ours;
    for (const auto& [partition, assigned] : assigned_) ours.insert(topic_of(partition));
    if (held_topics_.forget(ours, Clock::now() - (config_.batch.delay + proof_of_going_on)))
        tell_held_up();
}

void IngestPipeline::tell_held_up() const {
    observer_.on_held_up(held_topics_.told());
}

/// A lane that let go too late for a rebalance may report of a partition that was handed over, and
/// even came back, meanwhile.
IngestPipeline::Assigned* IngestPipeline::let_go_by_lane(PartitionId partition) {
    const auto found = assigned_.find(partition);
    if (found == assigned_.end() || found->second.state != Assigned::State::running) return nullptr;
    return found->second.lane->serves(partition) ? nullptr : &found->second;
}

void IngestPipeline::resume_waiting() {
    if (Clock::now() < next_resume_) return;
    const std::vector<PartitionId> waiting = those_that_wait();
    if (waiting.empty()) return;
    const OutsideWait::Step step(*wait_, "finds out where its partitions go on",
                                 OutsideWait::Party::both);
    try {
        resume(with_targets(waiting));
        retry_.reset();
        resuming_.end();
    } catch (const TroubleOfTheWorld& trouble) {
        // The group waits for us with all that moves; who cannot serve must not be a member.
        if (group_waits_since_ && Clock::now() - *group_waits_since_ > assign_patience_) throw;
        resuming_.begin(trouble.what(), trying_again);
        next_resume_ = Clock::now() + retry_.next();
    }
}

/// For progress, and for fetching to be set there.
std::vector<PartitionId> IngestPipeline::those_that_wait() {
    using State = Assigned::State;
    std::vector<PartitionId> waiting;
    for (auto& [partition, assigned] : assigned_) {
        if (assigned.state == State::to_let_go &&
            assigned.lane->wait_until_stopped({{partition}}, Clock::now()))
            assigned.state = State::to_seek;
        const bool waits =
            assigned.state == State::to_assign ||
            (assigned.state == State::to_seek && group_.is_seen(topic_of(partition)));
        if (waits) waiting.push_back(partition);
    }
    return waiting;
}

void IngestPipeline::resume(const std::vector<PartitionId>& partitions) {
    if (partitions.empty()) {  // all are held up, of which the group need not know
        if (std::exchange(group_waits_since_, std::nullopt)) group_.assign({});
        return;
    }
    std::string trouble;
    std::vector<ResumePoint> points = resume_points_.read(partitions, trouble);
    SLUICE_FAIL_POINT("after_progress_read");
    LaneLoad load = load_of_lanes();
    std::vector<Position> to_assign;
    std::vector<ResumePoint> assigned_now;
    std::vector<ResumePoint> to_seek;
    for (ResumePoint& point : points) {
        Assigned& assigned = assigned_.at(point.partition);
        if (!assigned.verify) point.last = {};
        if (assigned.lane == nullptr) assigned.lane = &lane_for(point.partition, load);
        if (assigned.state == Assigned::State::to_assign) {
            to_assign.push_back(fetch_position(point));
            assigned_now.push_back(point);
        } else {
            to_seek.push_back(point);
        }
    }
    // Nothing of what we had is fetched until the group has its answer, be it that there is no
    // more yet: those that Kafka does not tell about wait by themselves.
    if (!to_assign.empty() || group_waits_since_) {
        group_.assign(to_assign);
        group_waits_since_.reset();
        start(assigned_now);
    }
    seek_and_start(std::move(to_seek));
    if (!trouble.empty()) throw TroubleOfTheWorld(trouble);
}

/// Each by itself, and those that failed before come last: one that cannot seek ends this round,
/// but holds back none that can.
void IngestPipeline::seek_and_start(std::vector<ResumePoint> points) {
    std::ranges::stable_sort(points, {}, [this](const ResumePoint& point) {
        return assigned_.at(point.partition).failed_seeks;
    });
    for (const ResumePoint& point : points) {
        try {
            group_.seek({{fetch_position(point)}});
            wait_->note_step();
        } catch (const TroubleOfTheWorld&) {
            ++assigned_.at(point.partition).failed_seeks;
            throw;
        }
        start({point});
    }
}

void IngestPipeline::start(const std::vector<ResumePoint>& points) {
    std::map<Lane*, std::vector<ResumePoint>> by_lane;
    for (const ResumePoint& point : points) {
        Assigned& assigned = assigned_.at(point.partition);
        assigned.state = Assigned::State::running;
        assigned.observed = true;
        assigned.verify = true;
        assigned.failed_seeks = 0;
        by_lane[assigned.lane].push_back(point);
    }
    for (auto& [lane, of_lane] : by_lane) lane->start(std::move(of_lane));
}

LaneLoad IngestPipeline::load_of_lanes() const {
    LaneLoad load(lanes_.size(),
                  find_targets_ ? LaneLoad::Topics::together : LaneLoad::Topics::spread);
    for (const auto& [partition, assigned] : assigned_) {
        if (assigned.lane == nullptr)
            load.note_waiting();
        else
            load.note(topic_of(partition), place_of(*assigned.lane));
    }
    return load;
}

std::size_t IngestPipeline::place_of(const Lane& lane) const {
    return static_cast<std::size_t>(std::ranges::find(lanes_, &lane, &std::unique_ptr<Lane>::get) -
                                    lanes_.begin());
}

/// As its load says; but as long as one has not let go of the partition it must be that one, which
/// does so before it takes it up again.
Lane& IngestPipeline::lane_for(PartitionId partition, LaneLoad& load) {
    if (const auto found = lingering_.find(partition); found != lingering_.end()) {
        Lane& lane = *found->second;
        if (!lane.wait_until_stopped({{partition}}, Clock::now())) {
            load.take(topic_of(partition), place_of(lane));
            return lane;
        }
        lingering_.erase(found);
    }
    return *lanes_[load.choose(topic_of(partition))];
}

}  // namespace sluice
