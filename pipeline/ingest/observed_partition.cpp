#include "pipeline/ingest/observed_partition.h"

#include <algorithm>

namespace sluice {
namespace {

metrics::Gauge gauge(metrics::Registry& registry, const char* name, const char* help,
                     const std::string& pipeline, const TopicPartition& partition) {
    return registry.gauge(name, help,
                          {{"pipeline", pipeline},
                           {"topic", partition.topic},
                           {"partition", std::to_string(partition.number)}});
}

}  // namespace

metrics::Gauge lag_gauge(metrics::Registry& registry, const std::string& pipeline,
                         const TopicPartition& partition) {
    return gauge(registry, "sluice_ingest_lag_records",
                 "Offsets between progress and the partition's end", pipeline, partition);
}

ObservedPartition::ObservedPartition(metrics::Registry& registry, const std::string& pipeline,
                                     const TopicPartition& partition)
    : partition_(partition),
      progress_gauge_(gauge(registry, "sluice_ingest_progress_offset",
                            "The next offset to read, as committed", pipeline, partition)),
      end_gauge_(gauge(registry, "sluice_ingest_end_offset",
                       "Where the partition ends for a reader of committed records", pipeline,
                       partition)),
      lag_gauge_(lag_gauge(registry, pipeline, partition)),
      lag_seconds_gauge_(gauge(registry, "sluice_ingest_lag_seconds",
                               "How far behind: age of the last committed record, or time since "
                               "there was no lag, whichever is less; 0 without lag",
                               pipeline, partition)) {}

void ObservedPartition::on_took_up(const ResumePoint& point, int lane, Clock::time_point now) {
    lane_ = lane;
    recognised_ = !point.last.known() || point.last.offset >= point.next;
    next_ = point.next;
    last_timestamp_ms_ = point.last.timestamp_ms;
    moved_at_ = now;
    set_gauges(now);
}

void ObservedPartition::on_waits(Offset next, Clock::time_point now) {
    lane_ = IngestStatus::Partition::no_lane;
    next_ = next;
    moved_at_ = now;
    set_gauges(now);
}

void ObservedPartition::on_committed(Offset next, std::int64_t timestamp_ms,
                                     Clock::time_point now) {
    next_ = next;
    last_timestamp_ms_ = timestamp_ms;
    moved_at_ = now;
    set_gauges(now);
}

void ObservedPartition::on_end(std::optional<Offset> end, std::optional<Offset> open_until,
                               Clock::time_point now) {
    // While nothing is fetched they repeat what was the end then.
    if (end && end != told_end_) end_ = told_end_ = end;
    const bool open = end && open_until && *open_until > *end;
    if (!open) {
        open_since_.reset();
    } else if (!open_since_ || open_at_ != *end) {
        open_since_ = now;
        open_at_ = *end;
    }
    set_gauges(now);
}

void ObservedPartition::on_asked_end(Offset end, Clock::time_point now) {
    end_ = end;
    set_gauges(now);
}

void ObservedPartition::set_gauges(Clock::time_point now) {
    if (end_ && lag() == 0) {
        moved_at_ = now;
        caught_up_at_ = now;
    }
    progress_gauge_.set(static_cast<double>(next_));
    if (end_) end_gauge_.set(static_cast<double>(std::max(*end_, next_)));
    lag_gauge_.set(static_cast<double>(lag()));
    look(now);
}

void ObservedPartition::look(Clock::time_point now) {
    lag_seconds_gauge_.set(lag_seconds(now));
}

double ObservedPartition::lag_seconds(Clock::time_point now) const {
    if (lag() == 0) return 0;
    std::optional<double> least;
    if (caught_up_at_) least = std::chrono::duration<double>(now - *caught_up_at_).count();
    if (last_timestamp_ms_ >= 0) {
        const std::chrono::duration<double> since_1970 =
            std::chrono::system_clock::now().time_since_epoch();
        const double age = since_1970.count() - static_cast<double>(last_timestamp_ms_) / 1000;
        least = std::min(least.value_or(age), age);
    }
    // A first start: nothing is known but how long it is at it.
    if (!least) least = std::chrono::duration<double>(now - moved_at_).count();
    return std::max(*least, 0.0);
}

IngestStatus::Partition ObservedPartition::status(Clock::time_point now) const {
    std::optional<Offset> end = end_;
    if (end) end = std::max(*end, next_);
    return {.topic = partition_.topic,
            .partition = partition_.number,
            .lane = lane_,
            .next = next_,
            .end = end,
            .lag = lag(),
            .lag_seconds = lag_seconds(now),
            .recognised = recognised_};
}

std::optional<ObservedPartition::Clock::time_point> ObservedPartition::stands_still_since() const {
    if (lag() == 0) return std::nullopt;
    return moved_at_;
}

std::optional<std::chrono::nanoseconds> ObservedPartition::held_by_transaction(
    Clock::time_point now) const {
    if (!open_since_ || next_ < open_at_) return std::nullopt;
    return now - *open_since_;
}

}  // namespace sluice
