#include "pipeline/ingest/ingest_pipeline.h"

#include "pipeline/errors.h"
#include "pipeline/fail_point.h"
#include "pipeline/log.h"

#include <algorithm>
#include <set>
#include <utility>

namespace sluice {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds poll_interval = 100ms;
/// Fences that follow each other faster than this are one quarrel.
constexpr std::chrono::seconds fence_memory = 60s;
constexpr std::chrono::seconds time_between_looks = 1s;
constexpr std::chrono::seconds time_between_questions = 5s;
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
      number_(observer_.on_began()),
      progress_(std::move(parts.progress)),
      ask_in_the_way_(std::move(parts.in_the_way)),
      handover_(patience.handover),
      assign_patience_(patience.assign),
      retry_(patience.resume),
      fenced_(patience.fenced),
      resuming_(config.name),
      kafka_(config.name),
      standstill_(config.name) {
    for (LaneParts& lane : parts.lanes) {
        LaneOptions options{.name = config.name + "/" + std::to_string(lanes_.size()),
                            .partitions = observer_.partitions(),
                            .limits = config.batch,
                            .on_reject = config.on_reject,
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
    for (const auto& lane : lanes_) lane->set_limits(config.batch);
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
    if (!observer_.writes_for_too_long()) {
        in_the_way_.clear();
    } else if (now >= next_question_) {
        in_the_way_ = ask_in_the_way_();
        next_question_ = now + time_between_questions;
    }
    standstill_.set(observer_.stuck(in_the_way_));
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
    std::vector<PartitionId> taken_over;  // those that assign() was called for
    for (const PartitionId partition : partitions) {
        const auto found = assigned_.find(partition);
        if (found != assigned_.end() && found->second.state != Assigned::State::to_assign) {
            taken_over.push_back(partition);
        }
    }
    let_go(partitions, Clock::now() + handover_);
    observer_.on_revoked(number_, partitions);
    group_.unassign(taken_over);
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
                "a batch is still in flight; it commits or is fenced later");
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
    try {
        assigned->verify = choose_position(lost.partition, lost.how);
    } catch (const TroubleOfTheWorld& trouble) {
        resuming_.begin(trouble.what(), trying_again);
        next_resume_ = Clock::now() + retry_.next();
    }
}

/// A lane that let go too late for a rebalance may report of a partition that was handed over, and
/// even came back, meanwhile.
IngestPipeline::Assigned* IngestPipeline::let_go_by_lane(PartitionId partition) {
    const auto found = assigned_.find(partition);
    if (found == assigned_.end() || found->second.state != Assigned::State::running) return nullptr;
    return found->second.lane->serves(partition) ? nullptr : &found->second;
}

bool IngestPipeline::choose_position(PartitionId partition, LostPosition how) {
    const std::vector<ResumePoint> points = progress_->read({{partition}});
    if (points.empty()) return true;
    const Offset next = points.front().next;
    const OffsetRange available = group_.available(partition);
    const bool inside = next >= available.from && next <= available.to;
    // It is the record before that is gone; or the topic is another one, which has grown since.
    if (inside && how == LostPosition::outside) return available.from <= points.front().last.offset;

    const TopicPartition& named = observer_.partitions()[partition];
    const std::string where = name_of(named, next) + ": ";
    const std::string holds =
        "it now holds " + std::to_string(available.from) + " to " + std::to_string(available.to);
    const auto set_progress = [&](const std::string& offset) {
        return "sluice progress set " + config_.name + " --partition " +
               std::to_string(named.number) + " --offset " + offset;
    };
    const bool expired = next < available.from && how == LostPosition::outside;
    if (!expired) {
        const Offset unread = first_unread(points.front(), available);
        if (unread != available.from)
            throw LostProgress(
                where +
                "kafka has lost records that were read (a leader was elected that lagged "
                "behind, or this is the copy of a cluster): " +
                holds + ", and its first record that is newer than what was read is at " +
                std::to_string(unread) +
                "; to go on there: " + set_progress(std::to_string(unread)) +
                "; should the topic have been created anew, with records of old times: " +
                set_progress("earliest"));
    }
    const std::string what = expired ? "kafka has deleted the records up to offset " +
                                           std::to_string(available.from) + " before they were read"
                                     : "the topic was deleted and created anew (" + holds + ")";
    if (config_.on_offset_lost == config::OnOffsetLost::stop) {
        throw LostProgress(
            where + what +
            "; set on_offset_lost = \"earliest\" to go on at the first record that is there, or "
            "choose another: " +
            set_progress("N"));
    }
    const Move move = expired ? progress_->skip_lost(partition, {next, available.from})
                              : progress_->begin_anew(partition, next, available.from);
    if (move == Move::made)
        log(LogLevel::warn, about_partition(config_.name, named.number),
            where + what + "; going on at " + std::to_string(available.from));
    return true;
}

/// Where a topic that was created anew begins, all its records are newer than what was read from
/// the old one. A log that was cut off still holds records that are not.
Offset IngestPipeline::first_unread(const ResumePoint& point, OffsetRange available) {
    if (!point.last.known() || available.size() == 0) return available.from;
    if (point.last.timestamp_ms < 0) return available.to;
    const config::Start after{.kind = config::Start::Kind::time,
                              .time_ms = point.last.timestamp_ms + 1};
    return group_.resolve(after, {{point.partition}}).front().next;
}

void IngestPipeline::resume_waiting() {
    if (Clock::now() < next_resume_) return;
    std::vector<PartitionId> waiting;
    for (const auto& [partition, state] : assigned_) {
        if (state.state != Assigned::State::running) waiting.push_back(partition);
    }
    if (waiting.empty()) return;
    try {
        resume(waiting);
        retry_.reset();
        resuming_.end();
    } catch (const TroubleOfTheWorld& trouble) {
        // The group waits for us with all that moves; who cannot serve must not be a member.
        if (group_waits_since_ && Clock::now() - *group_waits_since_ > assign_patience_) throw;
        resuming_.begin(trouble.what(), trying_again);
        next_resume_ = Clock::now() + retry_.next();
    }
}

void IngestPipeline::resume(const std::vector<PartitionId>& partitions) {
    std::vector<ResumePoint> points = read_progress(partitions);
    SLUICE_FAIL_POINT("after_progress_read");
    Load load;
    for (const auto& [partition, assigned] : assigned_) ++load[assigned.lane];
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
    if (!to_assign.empty()) {
        group_.assign(to_assign);
        group_waits_since_.reset();
        start(assigned_now);
    }
    seek_and_start(std::move(to_seek));
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
        assigned.verify = true;
        assigned.failed_seeks = 0;
        by_lane[assigned.lane].push_back(point);
    }
    for (auto& [lane, of_lane] : by_lane) lane->start(std::move(of_lane));
}

std::vector<ResumePoint> IngestPipeline::read_progress(const std::vector<PartitionId>& of) {
    std::vector<ResumePoint> points = progress_->read(of);
    std::set<PartitionId> missing(of.begin(), of.end());
    for (const ResumePoint& point : points) missing.erase(point.partition);
    if (missing.empty()) return points;
    anchor({missing.begin(), missing.end()});
    return progress_->read(of);
}

/// `start =` is about the first start of reading a topic, and holds for all partitions that it has
/// then, whichever daemon serves them. A partition that appears later is read from its beginning:
/// all that it holds was written after that start.
void IngestPipeline::anchor(const std::vector<PartitionId>& missing) {
    const auto topic_of = [this](PartitionId partition) -> const std::string& {
        return observer_.partitions()[partition].topic;
    };
    std::map<std::string, std::vector<PartitionId>> by_topic;
    for (const PartitionId partition : missing) by_topic[topic_of(partition)].push_back(partition);
    for (const auto& [topic, of_topic] : by_topic) {
        if (progress_->any(topic)) {
            progress_->anchor(group_.resolve({}, of_topic));
            continue;
        }
        std::vector<PartitionId> all = group_.partitions();
        std::erase_if(all, [&, &of = topic](PartitionId each) { return topic_of(each) != of; });
        progress_->anchor(group_.resolve(config_.start, all));
    }
    SLUICE_FAIL_POINT("after_anchor");
}

/// The least loaded; but as long as one has not let go of the partition it must be that one, which
/// does so before it takes it up again.
Lane& IngestPipeline::lane_for(PartitionId partition, Load& load) {
    if (const auto found = lingering_.find(partition); found != lingering_.end()) {
        Lane& lane = *found->second;
        if (!lane.wait_until_stopped({{partition}}, Clock::now())) {
            ++load[&lane];
            return lane;
        }
        lingering_.erase(found);
    }
    Lane& least = **std::ranges::min_element(
        lanes_, {}, [&](const std::unique_ptr<Lane>& lane) { return load[lane.get()]; });
    ++load[&least];
    return least;
}

}  // namespace sluice
