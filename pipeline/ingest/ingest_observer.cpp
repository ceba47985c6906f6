#include "pipeline/ingest/ingest_observer.h"

#include "pipeline/ingest/change_fold.h"
#include "pipeline/log.h"
#include "pipeline/values/cut_text.h"

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

std::string whole_seconds(std::chrono::nanoseconds time) {
    return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(time).count()) + " s";
}

}  // namespace

IngestObserver::IngestObserver(metrics::Registry& registry, const std::string& pipeline,
                               std::chrono::milliseconds patience)
    : registry_(registry), pipeline_(pipeline), patience_(patience) {
    const metrics::Labels labels{{"pipeline", pipeline}};
    rows_ =
        registry.counter("sluice_ingest_rows_total", "Rows committed to the target table", labels);
    for (std::size_t cause = 0; cause < reject_causes; ++cause) {
        rejects_[cause] = registry.counter(
            "sluice_ingest_rejects_total", "Dead letters committed, by the first of their reasons",
            {{"pipeline", pipeline}, {"reason", name_of(static_cast<RejectCause>(cause))}});
    }
    superseded_ = registry.counter(
        "sluice_ingest_superseded_total",
        "Changes committed without a trace: the batch had a later one of their key, or the table a "
        "newer one",
        labels);
    unmatched_ =
        registry.counter("sluice_ingest_unmatched_total",
                         "Updates committed without a trace: the table had no such row", labels);
    keys_without_order_ = registry.counter(
        "sluice_ingest_keys_without_order_total",
        "Keys of which one batch had changes from several partitions, and no order between them",
        labels);
    filtered_ =
        registry.counter("sluice_ingest_filtered_total",
                         "Records that the configuration leaves out, committed as such", labels);
    gaps_ = registry.counter("sluice_ingest_gaps_total",
                             "Offsets passed that hold no record: compaction, transaction markers, "
                             "aborted transactions",
                             labels);
    batch_rows_ = registry.histogram({"sluice_ingest_batch_rows", "Rows of a committed batch"},
                                     metrics::count_bounds(), labels);
    batch_bytes_ =
        registry.histogram({"sluice_ingest_batch_bytes", "Memory that a committed batch took"},
                           metrics::size_bounds(), labels);
    copy_seconds_ = registry.histogram(
        {"sluice_ingest_copy_seconds",
         "Time spent sending a batch: COPY of rows and dead letters, ledger, progress"},
        metrics::duration_bounds(), labels);
    commit_seconds_ = registry.histogram({"sluice_ingest_commit_seconds", "Time that COMMIT took"},
                                         metrics::duration_bounds(), labels);
    freshness_ = registry.histogram(
        {"sluice_ingest_freshness_seconds", "From a record's timestamp to the commit of its batch"},
        metrics::age_bounds(), labels);
    throttled_ =
        registry.counter("sluice_ingest_fetch_throttled_seconds_total",
                         "Time that fetching waited for memory, summed over brokers", labels);
    fetched_bytes_ =
        registry.gauge("sluice_ingest_fetched_bytes",
                       "Memory held by records that were fetched and not yet made rows", labels);
    fetched_records_ =
        registry.gauge("sluice_ingest_fetched_records",
                       "Records that were fetched and that no lane has taken yet", labels);
    assigned_ = registry.gauge("sluice_ingest_partitions",
                               "Partitions that the group has assigned to this daemon", labels);
    const auto rebalances = [&](const char* event) {
        return registry.counter("sluice_ingest_rebalances_total",
                                "Assignments and revocations by the group coordinator",
                                {{"pipeline", pipeline}, {"event", event}});
    };
    assignments_ = rebalances("assigned");
    revocations_ = rebalances("revoked");
    oldest_uncommitted_ = registry.gauge(
        "sluice_ingest_oldest_uncommitted_age_seconds",
        "Age, by its timestamp, of the oldest record that was read and is not committed; 0 when "
        "there is none",
        labels);
    last_commit_ = registry.gauge("sluice_pipeline_last_commit_timestamp_seconds",
                                  "When the pipeline last committed, in seconds since 1970; 0 "
                                  "before the first",
                                  {{"kind", "ingest"}, {"pipeline", pipeline}});
}

LaneObserver& IngestObserver::lane(int number) {
    const std::lock_guard lock{mutex_};
    while (lanes_.size() <= static_cast<std::size_t>(number)) {
        lanes_.emplace_back(registry_, pipeline_, static_cast<int>(lanes_.size()), *this);
    }
    return lanes_[static_cast<std::size_t>(number)];
}

int IngestObserver::on_began() {
    const std::lock_guard lock{mutex_};
    forget_partitions();  // of one that is late to end
    for (LaneObserver& lane : lanes_) lane.on_began();
    return serving_ = ++last_number_;
}

void IngestObserver::on_assigned(int number, std::size_t partitions) {
    assignments_.add();
    const std::lock_guard lock{mutex_};
    if (serving_ == number) assigned_.add(static_cast<double>(partitions));
}

void IngestObserver::on_revoked(int number, std::span<const PartitionId> partitions) {
    revocations_.add();
    const std::lock_guard lock{mutex_};
    if (serving_ != number) return;
    assigned_.add(-static_cast<double>(partitions.size()));
    for (const PartitionId partition : partitions) partitions_.erase(partition);
}

void IngestObserver::on_ended(int number) {
    const std::lock_guard lock{mutex_};
    if (serving_ != number) return;
    forget_partitions();
    serving_ = 0;
}

void IngestObserver::forget_partitions() {
    assigned_.set(0);
    fetched_bytes_.set(0);
    fetched_records_.set(0);
    partitions_.clear();
    brokers_.clear();
}

void IngestObserver::on_statistics(const GroupStatistics& statistics) {
    const auto now = Clock::now();
    const std::lock_guard lock{mutex_};
    if (serving_ == 0) return;  // a client that is being closed
    throttled_.follow(seconds(statistics.throttled));
    fetched_bytes_.set(static_cast<double>(statistics.fetched_bytes));
    fetched_records_.set(static_cast<double>(statistics.fetched_records));
    for (const GroupStatistics::Broker& told : statistics.brokers) {
        Broker& known = broker(told.id);
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

IngestObserver::Broker& IngestObserver::broker(const std::string& id) {
    const auto [found, is_new] = brokers_.try_emplace(id);
    if (!is_new) return found->second;
    const metrics::Labels labels{{"pipeline", pipeline_}, {"broker", id}};
    found->second = {
        .up = registry_.gauge("sluice_kafka_broker_up",
                              "1 while the connection to the broker stands", labels),
        .round_trip =
            registry_.gauge("sluice_kafka_broker_round_trip_seconds",
                            "Mean round trip of requests in the last two seconds", labels),
        .throttle = registry_.gauge("sluice_kafka_broker_throttle_seconds",
                                    "Mean time by which the broker throttled us (quotas) in the "
                                    "last two seconds",
                                    labels),
        .errors = registry_.counter("sluice_kafka_broker_errors_total",
                                    "Requests that failed or timed out, and transmissions that "
                                    "broke",
                                    labels)};
    return found->second;
}

void IngestObserver::take_up(const ResumePoint& point, int lane) {
    const std::lock_guard lock{mutex_};
    partitions_.try_emplace(point.partition, registry_, pipeline_, partitions()[point.partition])
        .first->second.on_took_up(point, lane, Clock::now());
}

/// Across batches and lanes such keys cannot be seen.
void IngestObserver::count_keys(const Batch& batch) {
    const std::size_t keys = keys_without_order(batch);
    keys_without_order_.add(static_cast<double>(keys));
    if (keys == 0 || warned_of_keys_.exchange(true)) return;
    log(LogLevel::warn, pipeline_,
        "a key has changes in several partitions, between which nothing says which is newer, so "
        "that a rewind or a rebalance may end otherwise; let order = \"column\" say it, or let the "
        "producer keep each key in one partition (sluice_ingest_keys_without_order_total counts "
        "such keys)");
}

void IngestObserver::commit(const Batch& batch, const Committed& how) {
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
    rows_.add(rows);
    superseded_.add(static_cast<double>(superseded));
    unmatched_.add(static_cast<double>(unmatched));
    filtered_.add(static_cast<double>(filtered));
    gaps_.add(static_cast<double>(gaps));
    batch_rows_.observe(rows);
    batch_bytes_.observe(static_cast<double>(batch.bytes()));
    if (!how.settled) {
        copy_seconds_.observe(seconds(how.writing));
        commit_seconds_.observe(seconds(how.commit));
    }
    count_freshness(batch);
    count_keys(batch);

    const auto now = Clock::now();
    const std::lock_guard lock{mutex_};
    for (const Slice& slice : batch.slices()) {
        const auto found = partitions_.find(slice.partition);
        if (found == partitions_.end()) continue;  // handed over meanwhile
        found->second.on_committed(slice.range.to, slice.last.timestamp_ms, now);
    }
    reject_share_.add(rows, static_cast<double>(batch.rejects.size()));
    row_rate_.add(rows, now);
    byte_rate_.add(static_cast<double>(batch.records.bytes()), now);
    totals_.rows += static_cast<std::int64_t>(batch.effective_rows());
    totals_.rejects += static_cast<std::int64_t>(batch.rejects.size());
    totals_.last_commit = std::chrono::system_clock::now();
    last_commit_.set(static_cast<double>(now_ms()) / 1000);
    note_rejects(batch);
}

/// Records come nearly in the order of their times, so the bound of the last one mostly fits.
void IngestObserver::count_freshness(const Batch& batch) {
    const std::span<const double> bounds = metrics::age_bounds();
    std::vector<double> counts(bounds.size() + 1, 0);
    const std::int64_t now = now_ms();
    double sum = 0;
    double oldest = 0;
    std::size_t bound = 0;
    for (std::size_t i = 0; i < batch.records.size(); ++i) {
        const std::int64_t timestamp = batch.records.timestamp_ms(static_cast<RecordLog::Index>(i));
        if (timestamp < 0) continue;
        const double age = std::max(0.0, static_cast<double>(now - timestamp) / 1000);
        while (bound < bounds.size() && age > bounds[bound]) ++bound;
        while (bound > 0 && age <= bounds[bound - 1]) --bound;
        ++counts[bound];
        sum += age;
        oldest = std::max(oldest, age);
    }
    freshness_.observe(counts, sum);
    const std::lock_guard lock{mutex_};
    if (batch.records.size() > 0) totals_.freshness_seconds = oldest;
}

/// The caller holds the mutex.
void IngestObserver::note_rejects(const Batch& batch) {
    std::array<int, reject_causes> counts{};
    for (const Reject& reject : batch.rejects) ++counts[static_cast<std::size_t>(reject.cause)];
    for (std::size_t cause = 0; cause < reject_causes; ++cause) rejects_[cause].add(counts[cause]);
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

void IngestObserver::look() {
    const auto now = Clock::now();
    const std::lock_guard lock{mutex_};
    for (auto& [id, partition] : partitions_) partition.look(now);
    oldest_uncommitted_.set(oldest_uncommitted_seconds());
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
        status.lanes.push_back(lane.status());
    }
    for (const auto& [id, partition] : partitions_) {
        status.partitions.push_back(partition.status(now));
    }
    status.rejecting = rejecting();
    status.dead_letters = {dead_letters_.begin(), dead_letters_.end()};
    return status;
}

bool IngestObserver::idle() const {
    const auto now = Clock::now();
    const std::lock_guard lock{mutex_};
    if (std::ranges::any_of(lanes_, [](const LaneObserver& lane) { return lane.holds_records(); }))
        return false;
    return std::ranges::none_of(partitions_, [now](const auto& entry) {
        return entry.second.stands_still(now).has_value();
    });
}

std::optional<std::chrono::system_clock::time_point> IngestObserver::last_commit() const {
    const std::lock_guard lock{mutex_};
    return totals_.last_commit;
}

void IngestObserver::set_patience(std::chrono::milliseconds patience) {
    const std::lock_guard lock{mutex_};
    patience_ = patience;
}

std::chrono::milliseconds IngestObserver::patience() const {
    const std::lock_guard lock{mutex_};
    return patience_;
}

/// The caller holds the mutex.
std::optional<double> IngestObserver::longest_write() const {
    double longest = seconds(patience_);
    for (const LaneObserver& lane : lanes_) {
        const IngestStatus::Lane at = lane.status();
        if (at.activity == LaneActivity::writing) longest = std::max(longest, at.seconds);
    }
    if (longest == seconds(patience_)) return std::nullopt;
    return longest;
}

bool IngestObserver::writes_for_too_long() const {
    const std::lock_guard lock{mutex_};
    return longest_write().has_value();
}

std::string IngestObserver::stuck(const std::string& in_the_way) const {
    const auto now = Clock::now();
    const std::lock_guard lock{mutex_};
    if (const auto writing = longest_write()) {
        return "a batch is on its way to the database for " +
               std::to_string(static_cast<long>(*writing)) + " s; " +
               (in_the_way.empty() ? "is its table locked, or the database overloaded?"
                                   : "it waits for a lock of " + in_the_way);
    }
    for (const auto& [id, partition] : partitions_) {
        const std::string name = name_of(partitions()[id]) + " ";
        if (const auto time = partition.stands_still(now); time && *time > patience_) {
            return name + "has " + std::to_string(partition.status(now).lag) +
                   " offsets to read and makes no progress for " + whole_seconds(*time);
        }
        if (const auto time = partition.held_by_transaction(now); time && *time > patience_) {
            return name + "waits for a producer's transaction that is open for " +
                   whole_seconds(*time) + "; the records behind it cannot be read before it ends";
        }
    }
    return {};
}

}  // namespace sluice
