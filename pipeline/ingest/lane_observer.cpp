#include "pipeline/ingest/lane_observer.h"

#include "pipeline/ingest/ingest_observer.h"

#include <utility>

namespace sluice {
namespace {

using metrics::seconds;

metrics::Counter stage(metrics::Registry& registry, const std::string& pipeline, const char* name) {
    return registry.counter("sluice_ingest_lane_seconds_total",
                            "What the lanes spend their time on; they read on while they write",
                            {{"pipeline", pipeline}, {"stage", name}});
}

metrics::Counter outcome(metrics::Registry& registry, const std::string& pipeline,
                         const char* name) {
    return registry.counter("sluice_ingest_commits_total",
                            "What became of batches that were offered to the database",
                            {{"pipeline", pipeline}, {"outcome", name}});
}

}  // namespace

LaneObserver::LaneObserver(metrics::Registry& registry, const std::string& pipeline, int number,
                           IngestObserver& of_pipeline)
    : of_pipeline_(of_pipeline),
      number_(number),
      records_(registry.counter(
          "sluice_ingest_records_total",
          "Records taken from Kafka, also those that are read again after a restart",
          {{"pipeline", pipeline}})),
      bytes_(registry.counter("sluice_ingest_bytes_total",
                              "Bytes of keys and values of those records",
                              {{"pipeline", pipeline}})),
      waiting_(stage(registry, pipeline, "waiting")),
      decoding_(stage(registry, pipeline, "decoding")),
      copying_(stage(registry, pipeline, "copying")),
      committing_(stage(registry, pipeline, "committing")),
      backing_off_(stage(registry, pipeline, "backing_off")),
      committed_(outcome(registry, pipeline, "committed")),
      settled_(outcome(registry, pipeline, "settled")),
      fenced_(outcome(registry, pipeline, "fenced")),
      retried_(outcome(registry, pipeline, "retried")),
      decode_seconds_(registry.histogram(
          {"sluice_ingest_decode_seconds", "Time spent making rows of a batch's records"},
          metrics::duration_bounds(), {{"pipeline", pipeline}})) {}

void LaneObserver::enter(LaneActivity activity) {
    since_ = Clock::now();  // first: who looks in between must not see a new one since long ago
    activity_ = activity;
    if (activity == LaneActivity::reading) life_.end();
}

std::chrono::nanoseconds LaneObserver::spent() const {
    return Clock::now() - since_.load();
}

void LaneObserver::on_began() {
    oldest_ms_ = no_time;
    enter(LaneActivity::reading);
}

void LaneObserver::on_took_up(const ResumePoint& point) {
    of_pipeline_.take_up(point, number_);
}

void LaneObserver::on_recognised(PartitionId partition) {
    of_pipeline_.recognise(partition);
}

void LaneObserver::on_polled(const Polled& polled, std::int64_t oldest_ms) {
    waiting_.add(seconds(polled.waited));
    oldest_ms_ = oldest_ms;
    if (polled.records == 0) return;
    records_.add(static_cast<double>(polled.records));
    bytes_.add(static_cast<double>(polled.bytes));
    records_seen_ += static_cast<std::int64_t>(polled.records);
    bytes_seen_ += static_cast<std::int64_t>(polled.bytes);
    add_decoding(polled.decoding);
}

void LaneObserver::on_prepared(std::chrono::nanoseconds took) {
    add_decoding(took);
}

void LaneObserver::add_decoding(std::chrono::nanoseconds took) {
    decoding_.add(seconds(took));
    decoding_batch_ += took;
}

void LaneObserver::on_batch_made() {
    decode_seconds_.observe(seconds(std::exchange(decoding_batch_, {})));
}

void LaneObserver::on_offering() {
    if (activity_ == LaneActivity::backing_off) backing_off_.add(seconds(spent()));
    life_.begin_attempt();
    enter(LaneActivity::writing);
}

void LaneObserver::on_committed(const Batch& batch, const Committed& how) {
    committing_.add(seconds(how.commit));
    copying_.add(seconds(spent() - how.commit));
    (how.settled ? settled_ : committed_).add();
    of_pipeline_.commit(batch, how, life_.seen());
    enter(LaneActivity::reading);
}

void LaneObserver::on_fenced() {
    fenced_.add();
    copying_.add(seconds(spent()));
    enter(LaneActivity::reading);
}

void LaneObserver::on_retry() {
    retried_.add();
    copying_.add(seconds(spent()));
    enter(LaneActivity::backing_off);
}

void LaneObserver::on_given_up() {
    backing_off_.add(seconds(spent()));
    enter(LaneActivity::reading);
}

std::optional<std::chrono::steady_clock::time_point> LaneObserver::writes_since() const {
    if (activity_ != LaneActivity::writing) return std::nullopt;
    return since_;
}

IngestStatus::Lane LaneObserver::status() const {
    return {.activity = activity_, .seconds = seconds(spent())};
}

}  // namespace sluice
