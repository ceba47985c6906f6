#include "pipeline/ingest/ingest_observer.h"

#include "pipeline/ingest/change_fold.h"
#include "pipeline/ingest/freshness.h"
#include "pipeline/log.h"
#include "pipeline/values/cut_text.h"
#include "pipeline/whole_seconds.h"

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

/// What the status shows; more are in the database.
constexpr std::size_t remembered_dead_letters = 20;
constexpr std::size_t shown_reason_bytes = 300;

using metrics::seconds;

std::int64_t now_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

double age_of(std::int64_t timestamp_ms) {
    return std::max(0.0, static_cast<double>(now_ms() - timestamp_ms) / 1000);
}

}  // namespace

IngestObserver::IngestObserver(metrics::Registry& registry, const std::string& pipeline,
                               std::chrono::milliseconds patience)
    : registry_(registry), pipeline_(pipeline), metrics_(registry, pipeline), patience_(patience) {}

LaneObserver& IngestObserver::lane(int number) {
    const std::lock_guard lock{mutex_};
    while (lanes_.size() <= static_cast<std::size_t>(number)) {
        lanes_.emplace_back(registry_, pipeline_, static_cast<int>(lanes_.size()), *this);
    }
    return lanes_[static_cast<std::size_t>(number)];
}

int IngestObserver::on_began(std::size_t lanes) {
    const std::lock_guard lock{mutex_};
    forget_partitions();  // of one that is late to end
    shown_lanes_ = lanes;
    for (LaneObserver& lane : lanes_) lane.on_began();
    return serving_ = ++last_number_;
}

void IngestObserver::on_assigned(int number, std::size_t partitions) {
    metrics_.assignments.add();
    const std::lock_guard lock{mutex_};
    if (serving_ != number) return;
    set_assigned(totals_.assigned + partitions);
}

void IngestObserver::on_revoked(int number, std::span<const PartitionId> partitions) {
    metrics_.revocations.add();
    const std::lock_guard lock{mutex_};
    if (serving_ != number) return;
    set_assigned(totals_.assigned - std::min(totals_.assigned, partitions.size()));
    for (const PartitionId partition : partitions) partitions_.erase(partition);
}

void IngestObserver::on_waiting(int number, std::span<const ResumePoint> points) {
    const auto now = Clock::now();
    const std::lock_guard lock{mutex_};
    if (serving_ != number) return;
    for (const ResumePoint& point : points) {
        ObservedPartition& partition = observed(point.partition);
        partition.on_waits(point.next, now);
        partition.on_committed(point.next, point.last.timestamp_ms, now);  // before it began to
    }
}

void IngestObserver::on_ends(int number, std::span<const Position> ends) {
    const auto now = Clock::now();
    const std::lock_guard lock{mutex_};
    if (serving_ != number) return;
    for (const Position& end : ends)
        if (const auto found = partitions_.find(end.partition); found != partitions_.end())
            found->second.on_asked_end(end.next, now);
}

void IngestObserver::on_ended(int number) {
    const std::lock_guard lock{mutex_};
    if (serving_ != number) return;
    forget_partitions();
    for (LaneObserver& lane : lanes_) lane.on_ended();
    serving_ = 0;
}

/// The caller holds the mutex.
void IngestObserver::set_assigned(std::size_t partitions) {
    metrics_.assigned.set(static_cast<double>(partitions));
    totals_.assigned = partitions;
}

void IngestObserver::forget_partitions() {
    set_assigned(0);
    metrics_.fetched_bytes.set(0);
    metrics_.fetched_records.set(0);
    metrics_.missing_topics.set(0);
    totals_.missing_topics.clear();
    metrics_.held_up_topics.set(0);
    totals_.held_up_topics.clear();
    partitions_.clear();
    brokers_.clear();
}

void IngestObserver::on_statistics(int number, const GroupStatistics& statistics) {
    const auto now = Clock::now();
    const std::lock_guard lock{mutex_};
    if (serving_ == 0 || serving_ != number) return;  // a client that is being closed
    metrics_.throttled.follow(seconds(statistics.throttled));
    metrics_.fetched_bytes.set(static_cast<double>(statistics.fetched_bytes));
    metrics_.fetched_records.set(static_cast<double>(statistics.fetched_records));
    metrics_.missing_topics.set(static_cast<double>(statistics.missing.size()));
    totals_.missing_topics = statistics.missing;
    std::erase_if(brokers_, [&](const auto& known) {
        return std::ranges::find(statistics.brokers, known.first, &GroupStatistics::Broker::id) ==
               statistics.brokers.end();
    });
    for (const GroupStatistics::Broker& told : statistics.brokers) {
        BrokerMetrics& known =
            brokers_.try_emplace(told.id, registry_, pipeline_, told.id).first->second;
        known.up.set(told.up ? 1 : 0);
        known.round_trip.set(seconds(told.round_trip));
        known.throttle.set(seconds(told.throttle));
        known.errors.follow(static_cast<double>(told.errors));
    }
    for (const GroupStatistics::Partition& told : statistics.partitions) {
        const auto found = partitions_.find(told.partition);
        if (found != partitions_.end()) found->second.on_end(told.end, told.open_until, now);
    }
}

void IngestObserver::on_open_dead_letters(const OpenDeadLetters& open) {
    const std::lock_guard lock{mutex_};
    if (!totals_.open_dead_letters) {
        const metrics::Labels labels{{"pipeline", pipeline_}};
        open_ = registry_.gauge("sluice_ingest_dead_letters_open",
                                "Dead letters in the database that were neither loaded since nor "
                                "discarded",
                                labels);
        oldest_open_ = registry_.gauge("sluice_ingest_dead_letters_oldest_age_seconds",
                                       "For how long the oldest open dead letter has been one; 0 "
                                       "when there is none",
                                       labels);
    }
    totals_.open_dead_letters = open;
    open_.set(static_cast<double>(open.count));
    if (open.count == 0) reject_share_ = {};  // somebody has dealt with them
}

void IngestObserver::on_after_commit(const AfterCommitRun& run) {
    const std::lock_guard lock{mutex_};
    after_commit_ = run;
    if (!totals_.after_commit) {
        totals_.after_commit = IngestStatus::AfterCommit{};
        const auto runs = [this](const char* result) {
            return registry_.counter("sluice_ingest_after_commit_total",
                                     "How often after_commit ran, by what became of it",
                                     {{"pipeline", pipeline_}, {"result", result}});
        };
        after_commit_done_ = runs("done");
        after_commit_failed_ = runs("failed");
    }
    IngestStatus::AfterCommit& told = *totals_.after_commit;
    ++(run.error.empty() ? told.done : told.failed);
    (run.error.empty() ? after_commit_done_ : after_commit_failed_).add();
    told.error = run.error;
    told.at = std::chrono::system_clock::now();
}

void IngestObserver::take_up(const ResumePoint& point, int lane) {
    const std::lock_guard lock{mutex_};
    observed(point.partition).on_took_up(point, lane, Clock::now());
}

/// The caller holds the mutex.
ObservedPartition& IngestObserver::observed(PartitionId partition) {
    return partitions_.try_emplace(partition, registry_, pipeline_, partitions()[partition])
        .first->second;
}

void IngestObserver::recognise(PartitionId partition) {
    const std::lock_guard lock{mutex_};
    if (const auto found = partitions_.find(partition); found != partitions_.end())
        found->second.on_recognised();
}

/// Across batches and lanes such keys cannot be seen.
void IngestObserver::count_keys(const Batch& batch) {
    const std::size_t keys = keys_without_order(batch);
    metrics_.keys_without_order.add(static_cast<double>(keys));
    if (keys == 0 || warned_of_keys_.exchange(true)) return;
    log(LogLevel::warn, pipeline_,
        "a key has changes in several partitions, between which nothing says which is newer, so "
        "that a rewind or a rebalance may end otherwise; let order = \"column\" say it, or let the "
        "producer keep each key in one partition (sluice_ingest_keys_without_order_total counts "
        "such keys)");
}

void IngestObserver::commit(const Batch& batch, const Committed& how,
                            const std::optional<BatchLife::Seen>& life) {
    std::int64_t superseded = 0;
    std::int64_t unmatched = 0;
    std::int64_t filtered = 0;
    std::int64_t gaps = 0;
    for (const Slice& slice : batch.slices()) {
        superseded += slice.superseded;
        unmatched += slice.unmatched;
        filtered += slice.filtered;
        gaps += slice.gaps;
    }
    const auto rows = static_cast<double>(batch.effective_rows());
    metrics_.rows.add(rows);
    metrics_.superseded.add(static_cast<double>(superseded));
    metrics_.unmatched.add(static_cast<double>(unmatched));
    metrics_.filtered.add(static_cast<double>(filtered));
    metrics_.gaps.add(static_cast<double>(gaps));
    metrics_.batch_rows.observe(rows);
    metrics_.batch_bytes.observe(static_cast<double>(batch.bytes()));
    if (!how.settled) {
        metrics_.copy_seconds.observe(seconds(how.writing));
        metrics_.commit_seconds.observe(seconds(how.commit));
    }
    const double oldest = observe_freshness(metrics_.freshness, batch);
    count_keys(batch);

    const auto now = Clock::now();
    const std::lock_guard lock{mutex_};
    if (life && now - life->began > patience_) {
        std::erase_if(long_ones_, [&](const LongOne& one) { return now - one.ended > patience_; });
        long_ones_.push_back({life->began, now});
    }
    if (batch.records.size() > 0) totals_.freshness_seconds = oldest;
    for (const Slice& slice : batch.slices()) {
        const auto found = partitions_.find(slice.partition);
        if (found == partitions_.end()) continue;  // handed over meanwhile
        found->second.on_committed(slice.range.to, slice.last.timestamp_ms, now);
    }
    reject_share_.add(static_cast<double>(batch.rejects.size()), rows);
    filter_share_.add(static_cast<double>(filtered),
                      rows + static_cast<double>(superseded + unmatched) +
                          static_cast<double>(batch.rejects.size()));
    row_rate_.add(rows, now);
    byte_rate_.add(static_cast<double>(batch.records.bytes()), now);
    totals_.rows += static_cast<std::int64_t>(batch.effective_rows());
    totals_.rejects += static_cast<std::int64_t>(batch.rejects.size());
    totals_.last_commit = std::chrono::system_clock::now();
    metrics_.last_commit.set(static_cast<double>(now_ms()) / 1000);
    note_rejects(batch);
    count_tables(how.rows);
}

/// The caller holds the mutex.
void IngestObserver::count_tables(const std::map<std::string, std::int64_t>& rows) {
    for (const auto& [table, count] : rows) {
        auto found = rows_by_table_.find(table);
        if (found == rows_by_table_.end())
            found = rows_by_table_
                        .emplace(table, registry_.counter(
                                            "sluice_ingest_table_rows_total",
                                            "Rows committed to each of several target tables",
                                            {{"pipeline", pipeline_}, {"table", table}}))
                        .first;
        found->second.add(static_cast<double>(count));
        totals_.rows_by_table[table] += count;
    }
}

/// The caller holds the mutex.
void IngestObserver::note_rejects(const Batch& batch) {
    std::array<int, reject_causes> counts{};
    for (const Reject& reject : batch.rejects) ++counts[static_cast<std::size_t>(reject.cause)];
    for (std::size_t cause = 0; cause < reject_causes; ++cause)
        metrics_.rejects[cause].add(counts[cause]);
    const auto now = std::chrono::system_clock::now();
    const std::size_t shown = std::min(batch.rejects.size(), remembered_dead_letters);
    for (std::size_t i = batch.rejects.size() - shown; i < batch.rejects.size(); ++i) {
        const Record record = batch.records.at(batch.rejects[i].record);
        dead_letters_.push_front(
            {.topic = record.from->topic,
             .partition = record.from->number,
             .offset = record.offset,
             .reasons = cut(describe(batch.rejects[i].reasons), shown_reason_bytes),
             .at = now});
    }
    dead_letters_.resize(std::min(dead_letters_.size(), remembered_dead_letters));
}

/// The caller holds the mutex.
double IngestObserver::oldest_uncommitted_seconds() const {
    std::int64_t oldest = LaneObserver::no_time;
    for (const LaneObserver& lane : lanes_) oldest = std::min(oldest, lane.oldest_ms());
    return oldest == LaneObserver::no_time ? 0 : age_of(oldest);
}

/// As above.
std::string IngestObserver::rejecting() const {
    if (!reject_share_.nearly_all() || dead_letters_.empty()) return {};
    return "nearly all of the latest records became dead letters, the last one for: " +
           dead_letters_.front().reasons + "; see sluice dead-letters list " + pipeline_;
}

/// As above.
std::string IngestObserver::filtering() const {
    if (!filter_share_.all()) return {};
    return "each of the latest records was filtered, none became a row: is that what filter, "
           "where, explode and on_tombstone are to do? See sluice peek " +
           pipeline_;
}

/// As above. What an expression found and is gone is nobody's trouble.
std::string IngestObserver::held_up() const {
    std::map<std::string, std::string> topics;
    for (const auto& [topic, held] : totals_.held_up_topics) topics[topic] = held.why;
    for (const GroupStatistics::MissingTopic& missing : totals_.missing_topics)
        if (missing.named) topics.try_emplace(missing.topic, missing.why);
    if (topics.empty()) return {};
    const auto& [topic, why] = *topics.begin();
    const std::size_t more = topics.size() - 1;
    return "topic \"" + topic + "\": " + why +
           (more > 0 ? "; and " + std::to_string(more) + " more such topics" : "");
}

void IngestObserver::on_held_up(std::map<std::string, IngestStatus::HeldTopic> topics) {
    const std::lock_guard lock{mutex_};
    if (serving_ == 0) return;
    metrics_.held_up_topics.set(static_cast<double>(topics.size()));
    totals_.held_up_topics = std::move(topics);
}

void IngestObserver::look() {
    const auto now = Clock::now();
    const std::lock_guard lock{mutex_};
    for (auto& [id, partition] : partitions_) partition.look(now);
    metrics_.oldest_uncommitted.set(oldest_uncommitted_seconds());
    if (const auto& open = totals_.open_dead_letters) {
        oldest_open_.set(open->oldest ? seconds(std::chrono::system_clock::now() - *open->oldest)
                                      : 0);
    }
}

IngestStatus IngestObserver::status() const {
    const auto now = Clock::now();
    const std::lock_guard lock{mutex_};
    IngestStatus status = totals_;
    status.rows_per_second = row_rate_.per_second(now);
    status.bytes_per_second = byte_rate_.per_second(now);
    status.oldest_uncommitted_seconds = oldest_uncommitted_seconds();
    for (const LaneObserver& lane : lanes_) {
        status.records += lane.records();
        status.bytes += lane.bytes();
        if (status.lanes.size() < shown_lanes_) status.lanes.push_back(lane.status());
    }
    for (const auto& [id, partition] : partitions_) {
        status.partitions.push_back(partition.status(now));
    }
    status.rejecting = rejecting();
    status.filtering = filtering();
    status.held_up = held_up();
    status.dead_letters = {dead_letters_.begin(), dead_letters_.end()};
    return status;
}

bool IngestObserver::idle() const {
    const std::lock_guard lock{mutex_};
    if (std::ranges::any_of(lanes_, [](const LaneObserver& lane) { return lane.holds_records(); }))
        return false;
    return std::ranges::none_of(partitions_, [](const auto& entry) {
        return entry.second.stands_still_since().has_value();
    });
}

std::optional<std::chrono::system_clock::time_point> IngestObserver::last_commit() const {
    const std::lock_guard lock{mutex_};
    return totals_.last_commit;
}

std::optional<AfterCommitRun> IngestObserver::after_commit() const {
    const std::lock_guard lock{mutex_};
    return after_commit_;
}

void IngestObserver::set_patience(std::chrono::milliseconds patience) {
    const std::lock_guard lock{mutex_};
    patience_ = patience;
}

std::chrono::milliseconds IngestObserver::patience() const {
    const std::lock_guard lock{mutex_};
    return patience_;
}

/// The caller holds the mutex, as of the next two. Lanes may take turns with a table: a batch then
/// waits for those that were offered before it.
std::optional<BatchLife::Seen> IngestObserver::life_of(const LaneObserver& lane) const {
    std::optional<BatchLife::Seen> life = lane.life();
    if (!life) return std::nullopt;
    for (const LaneObserver& other : lanes_)
        if (const auto before = other.life(); before && before->began < life->began)
            life->heard = std::max(life->heard, before->heard);
    return life;
}

std::optional<IngestObserver::QuietWrite> IngestObserver::quietest_write() const {
    const auto now = Clock::now();
    QuietWrite quietest{.quiet = patience_};
    for (const LaneObserver& lane : lanes_) {
        const std::optional<Clock::time_point> since = lane.writes_since();
        const auto life = life_of(lane);
        if (!since || !life) continue;
        const auto quiet = now - std::max({*since, life->heard, long_one_ended(life)});
        if (quiet > quietest.quiet) quietest = {.lasted = now - *since, .quiet = quiet};
    }
    if (quietest.quiet == patience_) return std::nullopt;
    return quietest;
}

IngestObserver::Clock::time_point IngestObserver::long_one_ended(
    const std::optional<BatchLife::Seen>& before) const {
    Clock::time_point ended;
    for (const LongOne& one : long_ones_)
        if (!before || one.began < before->began) ended = std::max(ended, one.ended);
    return ended;
}

std::chrono::nanoseconds IngestObserver::neglected(const ObservedPartition& partition,
                                                   Clock::time_point since,
                                                   Clock::time_point now) const {
    const int lane = partition.lane();
    const auto life = lane == IngestStatus::Partition::no_lane
                          ? std::nullopt
                          : life_of(lanes_[static_cast<std::size_t>(lane)]);
    since = std::max(since, long_one_ended(life));
    if (!life) return now - since;
    const auto begun = std::max(since, life->began);
    return now - since - (std::max(begun, life->heard) - begun);
}

bool IngestObserver::writes_for_too_long() const {
    const std::lock_guard lock{mutex_};
    return quietest_write().has_value();
}

std::string IngestObserver::stuck(const std::string& in_the_way) const {
    const auto now = Clock::now();
    const std::lock_guard lock{mutex_};
    if (const auto writing = quietest_write()) {
        return "a batch is on its way to the database for " + whole_seconds(writing->lasted) +
               ", and not heard of for " + whole_seconds(writing->quiet) + "; " +
               (in_the_way.empty() ? "is its table locked, or the database overloaded?"
                                   : "it waits for a lock of " + in_the_way);
    }
    for (const auto& [id, partition] : partitions_) {
        if (totals_.held_up_topics.contains(partitions()[id].topic)) continue;  // said elsewhere
        const std::string name = name_of(partitions()[id]) + " ";
        if (const auto since = partition.stands_still_since();
            since && neglected(partition, *since, now) > patience_) {
            return name + "has " + std::to_string(partition.status(now).lag) +
                   " offsets to read and makes no progress for " + whole_seconds(now - *since);
        }
        if (const auto time = partition.held_by_transaction(now); time && *time > patience_) {
            return name + "waits for a producer's transaction that is open for " +
                   whole_seconds(*time) + "; the records behind it cannot be read before it ends";
        }
    }
    return {};
}

}  // namespace sluice
