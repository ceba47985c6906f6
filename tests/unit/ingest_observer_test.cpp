#include "pipeline/ingest/ingest_observer.h"
#include "tests/fakes/partitions.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <string>

using namespace sluice;
using namespace std::chrono_literals;

namespace {

struct Stage {
    explicit Stage(std::chrono::milliseconds patience = 1h)
        : observer(registry, "orders", patience) {
        fakes::add_partitions(observer.partitions(), std::string("orders"));
        number = observer.on_began(1);
        observer.on_assigned(number, 1);
        observer.lane(0).on_took_up({.partition = 3, .next = 100, .last = {}, .incarnation = 0});
    }
    void ends_at(std::optional<Offset> end, std::optional<Offset> open_until = {}) {
        GroupStatistics statistics;
        statistics.partitions.push_back({3, end, open_until});
        observer.on_statistics(number, statistics);
    }
    void commit(Offset to, int rows = 1) {
        Batch batch;
        Slice& slice = batch.slice(3, 100);
        slice.range.to = to;
        slice.gaps = to - 100 - rows;
        for (int i = 0; i < rows; ++i) {
            const auto index = batch.records.append({.from = fakes::orders(3),
                                                     .offset = 100 + i,
                                                     .timestamp_ms = 1'700'000'000'000,
                                                     .key = {},
                                                     .value = "x",
                                                     .headers = {}});
            batch.targets[0].binary.rows.push_back({.record = index, .end = 0});
        }
        observer.lane(0).on_offering();
        observer.lane(0).on_committed(batch, {.writing = 20ms, .commit = 2ms});
    }
    void reject(int count) {
        Batch batch;
        batch.slice(3, 100).range.to = 100 + count;
        for (int i = 0; i < count; ++i) {
            const auto index = batch.records.append({.from = fakes::orders(3),
                                                     .offset = 100 + i,
                                                     .timestamp_ms = -1,
                                                     .key = {},
                                                     .value = "x",
                                                     .headers = {}});
            batch.rejects.push_back({.record = index, .reasons = {{"id", "\"x\" is no number"}}});
        }
        observer.lane(0).on_committed(batch, {.writing = 20ms, .commit = 2ms});
    }
    void filter(int count) {
        Batch batch;
        Slice& slice = batch.slice(3, 100);
        slice.range.to = 100 + count;
        slice.filtered = count;
        observer.lane(0).on_committed(batch, {.writing = 20ms, .commit = 2ms});
    }
    bool shows(const std::string& line) {
        observer.look();
        const std::string text = "\n" + registry.text();
        const bool there = text.find("\n" + line + "\n") != std::string::npos;
        if (!there) MESSAGE(text);
        return there;
    }

    metrics::Registry registry;
    IngestObserver observer;
    int number = 0;
};

}  // namespace

TEST_CASE("observer: lag is what lies between progress and the end, and ends at nothing") {
    Stage stage;
    CHECK(stage.shows(
        "sluice_ingest_progress_offset{partition=\"3\",pipeline=\"orders\",topic=\"orders\"} 100"));
    CHECK(stage.observer.idle());  // nothing is known to be there
    stage.ends_at(150);
    CHECK(stage.shows(
        "sluice_ingest_lag_records{partition=\"3\",pipeline=\"orders\",topic=\"orders\"} 50"));
    CHECK_FALSE(stage.observer.idle());
    CHECK(stage.observer.status().lag() == 50);
    stage.commit(160, 7);  // the end that is known is older than the batch
    CHECK(stage.shows(
        "sluice_ingest_lag_records{partition=\"3\",pipeline=\"orders\",topic=\"orders\"} 0"));
    CHECK(stage.shows(
        "sluice_ingest_lag_seconds{partition=\"3\",pipeline=\"orders\",topic=\"orders\"} 0"));
    CHECK(stage.shows(
        "sluice_ingest_end_offset{partition=\"3\",pipeline=\"orders\",topic=\"orders\"} 160"));
    CHECK(stage.shows("sluice_ingest_rows_total{pipeline=\"orders\"} 7"));
    CHECK(stage.shows("sluice_ingest_gaps_total{pipeline=\"orders\"} 53"));
    CHECK(stage.shows("sluice_ingest_freshness_seconds_bucket{pipeline=\"orders\",le=\"+Inf\"} 7"));
    CHECK(stage.observer.idle());
    CHECK(stage.observer.status().last_commit.has_value());
}

TEST_CASE("observer: what is asked of a partition that waits outdoes what is repeated of it") {
    Stage stage;
    stage.ends_at(150);
    stage.observer.on_ends(stage.number, {{{.partition = 3, .next = 170}}});
    stage.ends_at(150);
    CHECK(stage.observer.status().lag() == 70);
    stage.ends_at(180);
    CHECK(stage.observer.status().lag() == 80);
    stage.observer.on_waiting(stage.number,
                              {{{.partition = 4, .next = 5, .last = {}, .incarnation = 0}}});
    stage.observer.on_ends(stage.number, {{{.partition = 4, .next = 8}}});
    CHECK(stage.shows(
        "sluice_ingest_lag_records{partition=\"4\",pipeline=\"orders\",topic=\"orders\"} 3"));
    CHECK(stage.observer.status().partitions[1].lane == IngestStatus::Partition::no_lane);
    stage.observer.on_ended(stage.number);
    stage.observer.on_waiting(stage.number,
                              {{{.partition = 4, .next = 5, .last = {}, .incarnation = 0}}});
    CHECK(stage.observer.status().partitions.empty());
}

TEST_CASE("observer: records that came after a time without lag are not old") {
    Stage stage;
    stage.ends_at(100);
    stage.ends_at(101);  // the record may be of last year: it has been waiting since just now
    CHECK(stage.observer.status().lag_seconds() < 10);
    stage.commit(101);
    stage.ends_at(200);
    CHECK(stage.observer.status().lag_seconds() < 10);
}

TEST_CASE("observer: a partition with records and no progress is stuck, after a while") {
    Stage patient_one;
    patient_one.ends_at(150);
    CHECK(patient_one.observer.stuck().empty());

    Stage stage(0ms);
    CHECK(stage.observer.stuck().empty());
    stage.ends_at(150);
    CHECK(stage.observer.stuck().starts_with(
        "orders[3] has 50 offsets to read and makes no progress for 0 s"));
    stage.commit(150);
    CHECK(stage.observer.stuck().empty());
    stage.ends_at(150, 155);  // a producer's transaction is open
    CHECK(stage.observer.stuck().find("waits for a producer's transaction") != std::string::npos);
    stage.ends_at(155, 155);
    stage.commit(155);
    CHECK(stage.observer.stuck().empty());
    stage.observer.lane(0).on_offering();
    CHECK(stage.observer.stuck().find("on its way to the database") != std::string::npos);
}

TEST_CASE("observer: what is handed over, or has ended, is not shown any more") {
    Stage stage;
    stage.ends_at(150);
    CHECK(stage.observer.status().partitions.size() == 1);
    stage.observer.on_revoked(stage.number, std::vector<PartitionId>{3, 4});  // which nobody read
    CHECK(stage.observer.status().partitions.empty());
    CHECK(stage.registry.text().find("partition=\"3\"") == std::string::npos);
    CHECK(stage.shows("sluice_ingest_partitions{pipeline=\"orders\"} 0"));
    stage.commit(150);  // by a lane that let go late
    stage.observer.on_ended(stage.number);
    stage.ends_at(170);  // by a client that is being closed
    CHECK(stage.observer.status().partitions.empty());
    CHECK(stage.shows("sluice_ingest_rows_total{pipeline=\"orders\"} 1"));
}

TEST_CASE("observer: of lanes those are shown that the pipeline has now") {
    Stage stage;
    stage.observer.on_ended(stage.number);
    static_cast<void>(stage.observer.on_began(4));
    for (int number = 0; number < 4; ++number) {
        stage.observer.lane(number).on_polled({.records = 5, .bytes = 50}, LaneObserver::no_time);
    }
    CHECK(stage.observer.status().lanes.size() == 4);
    static_cast<void>(stage.observer.on_began(2));
    CHECK(stage.observer.status().lanes.size() == 2);
    CHECK(stage.observer.status().records == 20);
}

TEST_CASE("observer: a broker that the client names no more is not shown") {
    Stage stage;
    GroupStatistics statistics;
    statistics.brokers = {{.id = "1", .up = true}, {.id = "2", .up = true}};
    stage.observer.on_statistics(stage.number, statistics);
    CHECK(stage.shows("sluice_kafka_broker_up{broker=\"2\",pipeline=\"orders\"} 1"));
    statistics.brokers.pop_back();
    stage.observer.on_statistics(stage.number, statistics);
    CHECK(stage.registry.text().find("broker=\"2\"") == std::string::npos);
    CHECK(stage.shows("sluice_kafka_broker_up{broker=\"1\",pipeline=\"orders\"} 1"));
}

TEST_CASE("observer: a lane that failed while it wrote does not write for ever") {
    Stage stage(0ms);
    stage.observer.lane(0).on_offering();
    CHECK(stage.observer.writes_for_too_long());
    stage.observer.on_ended(stage.number);
    static_cast<void>(stage.observer.on_began(1));
    CHECK(stage.observer.status().lanes.at(0).activity == LaneActivity::reading);
    CHECK_FALSE(stage.observer.writes_for_too_long());
    CHECK(stage.observer.stuck().empty());
}

TEST_CASE("observer: a pipeline that ends late does not speak for the one that took its place") {
    Stage stage;
    const int next = stage.observer.on_began(1);
    CHECK(stage.observer.status().partitions.empty());
    CHECK(stage.shows("sluice_ingest_partitions{pipeline=\"orders\"} 0"));
    stage.observer.on_assigned(next, 1);
    stage.observer.lane(0).on_took_up({.partition = 3, .next = 100, .last = {}, .incarnation = 0});
    stage.observer.on_revoked(stage.number, std::vector<PartitionId>{3});
    stage.observer.on_ended(stage.number);
    CHECK(stage.observer.status().partitions.size() == 1);
    CHECK(stage.shows("sluice_ingest_partitions{pipeline=\"orders\"} 1"));
    stage.ends_at(150);  // by the client of the one that is late
    CHECK(stage.observer.status().lag() == 0);
    stage.number = next;
    stage.ends_at(150);
    CHECK(stage.observer.status().lag() == 50);
    stage.observer.on_ended(next);
    CHECK(stage.observer.status().partitions.empty());
}

TEST_CASE("observer: rejects are counted by cause, the latest are remembered") {
    Stage stage;
    Batch batch;
    batch.slice(3, 100).range.to = 130;
    for (int i = 0; i < 30; ++i) {
        const auto index = batch.records.append({.from = fakes::orders(3),
                                                 .offset = 100 + i,
                                                 .timestamp_ms = -1,
                                                 .key = {},
                                                 .value = "x",
                                                 .headers = {}});
        batch.reject(index, {{"a", std::string(1000, 'y')}},
                     i == 0 ? RejectCause::missing : RejectCause::undecodable);
    }
    stage.observer.lane(0).on_offering();
    stage.observer.lane(0).on_committed(batch, {});
    CHECK(stage.shows("sluice_ingest_rejects_total{pipeline=\"orders\",reason=\"missing\"} 1"));
    CHECK(
        stage.shows("sluice_ingest_rejects_total{pipeline=\"orders\",reason=\"undecodable\"} 29"));
    CHECK(stage.shows("sluice_ingest_rejects_total{pipeline=\"orders\",reason=\"refused\"} 0"));
    const auto letters = stage.observer.status().dead_letters;
    REQUIRE(letters.size() == 20);
    CHECK(letters.front().offset == 129);
    CHECK(letters.back().offset == 110);
    CHECK(letters.front().reasons.size() < 400);
}

TEST_CASE("observer: a pipeline that has ended holds no record") {
    Stage stage;
    stage.observer.lane(0).on_polled({.records = 5, .bytes = 50}, 1'700'000'000'000);
    stage.observer.on_ended(stage.number + 1);  // another one's
    CHECK(stage.observer.status().oldest_uncommitted_seconds > 1000);
    stage.observer.on_ended(stage.number);
    CHECK(stage.observer.status().oldest_uncommitted_seconds == 0);
    CHECK(stage.shows("sluice_ingest_oldest_uncommitted_age_seconds{pipeline=\"orders\"} 0"));
}

TEST_CASE("observer: what a lane did in vain is counted as such") {
    Stage stage;
    LaneObserver& lane = stage.observer.lane(0);
    lane.on_polled({.records = 5, .bytes = 50, .waited = 100ms, .decoding = 10ms},
                   1'700'000'000'000);
    CHECK(stage.observer.status().oldest_uncommitted_seconds > 1000);
    lane.on_offering();
    lane.on_retry();
    CHECK(lane.status().activity == LaneActivity::backing_off);
    lane.on_offering();
    lane.on_fenced();
    lane.on_polled({}, LaneObserver::no_time);
    CHECK(stage.observer.status().oldest_uncommitted_seconds == 0);
    CHECK(stage.shows("sluice_ingest_commits_total{outcome=\"retried\",pipeline=\"orders\"} 1"));
    CHECK(stage.shows("sluice_ingest_commits_total{outcome=\"fenced\",pipeline=\"orders\"} 1"));
    CHECK(stage.shows("sluice_ingest_records_total{pipeline=\"orders\"} 5"));
    CHECK(stage.shows("sluice_ingest_bytes_total{pipeline=\"orders\"} 50"));
    CHECK(
        stage.shows("sluice_ingest_lane_seconds_total{pipeline=\"orders\",stage=\"waiting\"} 0.1"));
    CHECK(stage.shows(
        "sluice_ingest_lane_seconds_total{pipeline=\"orders\",stage=\"decoding\"} 0.01"));
}

TEST_CASE("observer: a pipeline that rejects nearly everything says so, until that has changed") {
    Stage stage;
    const auto rejecting = [&] { return stage.observer.status().rejecting; };
    stage.commit(200, 100);
    stage.reject(50);
    CHECK(rejecting().empty());  // one of three
    stage.reject(1000);
    CHECK(rejecting().find("\"x\" is no number") != std::string::npos);
    CHECK(rejecting().ends_with("see sluice dead-letters list orders"));
    stage.commit(400, 300);
    CHECK(rejecting().empty());
    stage.reject(5000);
    CHECK_FALSE(rejecting().empty());
    stage.observer.on_open_dead_letters({.count = 3});
    CHECK_FALSE(rejecting().empty());
    stage.observer.on_open_dead_letters({.count = 0});  // loaded after all, or discarded
    CHECK(rejecting().empty());
    stage.reject(9);
    CHECK(rejecting().empty());  // too few to tell
}

TEST_CASE("observer: a pipeline that filters everything says so, until a record becomes a row") {
    Stage stage;
    const auto filtering = [&] { return stage.observer.status().filtering; };
    stage.filter(9);
    CHECK(filtering().empty());  // too few to tell
    stage.filter(1);
    CHECK(filtering().ends_with("See sluice peek orders"));
    stage.commit(11, 10);
    CHECK(filtering().empty());
    stage.filter(5000);
    CHECK_FALSE(filtering().empty());
}

TEST_CASE("observer: open dead letters are shown once they were counted") {
    Stage stage;
    const std::string open = "sluice_ingest_dead_letters_open{pipeline=\"orders\"} ";
    CHECK(stage.registry.text().find(open) == std::string::npos);
    const auto yesterday = std::chrono::system_clock::now() - 24h;
    stage.observer.on_open_dead_letters({.count = 3, .oldest = yesterday});
    CHECK(stage.shows(open + "3"));
    CHECK(stage.registry.text().find(
              "sluice_ingest_dead_letters_oldest_age_seconds{pipeline=\"orders\"} 8640") !=
          std::string::npos);
    stage.observer.on_open_dead_letters({});
    CHECK(stage.shows(open + "0"));
    CHECK(stage.shows("sluice_ingest_dead_letters_oldest_age_seconds{pipeline=\"orders\"} 0"));
}

TEST_CASE("observer: a batch gives signs of life for as long as it comes further than before") {
    BatchLife life;
    const auto is_heard_of = [&] {
        const auto before = life.seen()->heard;
        fixture::wait_until([&] { return BatchLife::Clock::now() > before; }, 5s, "the clock");
        life.note_step();
        return life.seen()->heard > before;
    };
    CHECK_FALSE(life.seen());
    life.begin_attempt();
    const auto began = life.seen()->began;
    CHECK(is_heard_of());
    CHECK(is_heard_of());
    life.begin_attempt();  // it comes to the same point
    CHECK_FALSE(is_heard_of());
    CHECK_FALSE(is_heard_of());
    life.begin_attempt();
    CHECK_FALSE(is_heard_of());
    CHECK_FALSE(is_heard_of());
    CHECK(is_heard_of());  // and past it
    CHECK(life.seen()->began == began);
    life.end();
    CHECK_FALSE(life.seen());
    life.begin_attempt();
    CHECK(is_heard_of());
}

TEST_CASE("observer: what waits for a batch that is heard of is not stuck, until that is silent") {
    Stage stage(1s);
    LaneObserver& slow = stage.observer.lane(0);  // and partition 3 is this one's
    LaneObserver& waits = stage.observer.lane(1);
    slow.on_offering();
    fixture::wait_until([&] { return slow.life()->heard < BatchLife::Clock::now(); }, 5s,
                        "the clock");
    waits.on_offering();
    stage.ends_at(150);
    const auto age = [&] { return BatchLife::Clock::now() - slow.life()->began; };
    std::string stuck;
    fixture::wait_until(
        [&] {
            slow.on_step();
            stuck += stage.observer.stuck();
            return age() > 2500ms;
        },
        10s, "time");
    CHECK(stuck.empty());
    fixture::wait_until([&] { return !stage.observer.stuck().empty(); }, 10s, "its silence");
    CHECK(stage.observer.stuck().starts_with("a batch is on its way to the database for "));
    CHECK(stage.observer.stuck().find(", and not heard of for 1 s; ") != std::string::npos);
    CHECK(age() > 3500ms);
    stage.commit(120);
    // The other one begins to wait for nothing but the database now.
    CHECK(stage.observer.stuck().empty());
    fixture::wait_until([&] { return !stage.observer.stuck().empty(); }, 10s,
                        "the other's silence");
    waits.on_retry();
    CHECK(stage.observer.stuck().starts_with(
        "orders[3] has 30 offsets to read and makes no progress for "));
}

TEST_CASE("observer: a batch that hangs is stuck, whatever long ones others commit meanwhile") {
    Stage stage(200ms);
    stage.observer.lane(1).on_offering();
    LaneObserver& busy = stage.observer.lane(0);
    const auto hangs_since = BatchLife::Clock::now();
    for (int batch = 0; batch < 3; ++batch) {
        busy.on_offering();
        const auto began = BatchLife::Clock::now();
        CHECK(began > hangs_since);
        fixture::wait_until([&] { return BatchLife::Clock::now() - began > 250ms; }, 5s, "time");
        busy.on_step();
        stage.commit(110 + 10 * batch);
        CHECK(stage.observer.stuck().starts_with("a batch is on its way to the database for "));
    }
}
