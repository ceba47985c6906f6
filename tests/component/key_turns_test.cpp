#include "tests/component/sink_setup.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <string>
#include <thread>

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

/// Two lanes on a table whose keys are waited for until somebody gives up: nobody sees circles.
class TwoLanes {
public:
    TwoLanes() {
        setup.exec("ALTER DATABASE sinks SET deadlock_timeout = '1h'");
        setup.exec("ALTER DATABASE sinks SET lock_timeout = '1h'");
        setup.add_trigger("BEFORE INSERT ON t FOR EACH ROW",
                          "IF NEW.city = 'second' THEN PERFORM pg_advisory_xact_lock_shared(42);"
                          " END IF; RETURN NEW;");
        for (const PartitionId partition : {0, 1}) setup.anchor(partition, 0);
    }

    /// Each puts in its first key before the other one wants that as its second. How often each
    /// had to begin again.
    std::array<int, 2> meet() {
        fixture::PgConnection barrier = fixture::shared_postgres().connect(setup.database);
        barrier.exec("SELECT pg_advisory_lock(42)");
        std::array<int, 2> times{};
        const auto load = [&](PartitionId partition) {
            const std::int64_t keys = 2 * round_;
            Batch batch;
            add_rows(batch, partition, 2 * round_,
                     {{keys + partition, "first"}, {keys + 1 - partition, "second"}});
            for (;;) {
                const CommitResult result =
                    sinks_[static_cast<std::size_t>(partition)].commit(batch);
                if (committed(result)) return;
                CHECK_MESSAGE(retry_reason(result).find("lock timeout") != std::string::npos,
                              retry_reason(result));
                ++times[static_cast<std::size_t>(partition)];
            }
        };
        std::thread one(load, 0);
        std::thread other(load, 1);
        fixture::wait_until(
            [&] {
                return setup.value(
                           "SELECT count(*) FROM pg_stat_activity WHERE datname = 'sinks'"
                           " AND wait_event_type = 'Lock' AND wait_event = 'advisory'") == "2";
            },
            fixture::patient(30s), "both lanes wait");
        barrier.exec("SELECT pg_advisory_unlock(42)");
        one.join();
        other.join();
        ++round_;
        return times;
    }

    SinkSetup setup{"id bigint PRIMARY KEY, city text"};

private:
    std::array<CloudberrySink, 2> sinks_{setup.sink(), setup.sink()};
    std::int64_t round_ = 0;
};

TEST_CASE("key turns: of two loads that wait for each other none waits for ever, or twice") {
    TwoLanes lanes;
    const auto first = lanes.meet();
    CHECK(first[0] + first[1] > 0);
    const auto second = lanes.meet();
    for (const std::size_t lane : {0, 1}) {
        CAPTURE(lane);
        if (first[lane] > 0) CHECK(second[lane] == 0);
    }
    // Both have met the other one, and take turns.
    const auto third = lanes.meet();
    CHECK(third[0] + third[1] == 0);
    CHECK(lanes.setup.value("SELECT count(*) FROM t") == "6");
    CHECK(lanes.setup.rejected() == "6");
    CHECK(lanes.setup.list("SELECT kafka_partition, next_offset FROM sluice.progress ORDER BY 1") ==
          "0|6 1|6");
}

TEST_CASE("key turns: a table without keys is waited for as long as the session says") {
    const SinkSetup setup("id bigint, city text");
    setup.exec("CREATE TABLE seen (timeout text)");
    setup.add_trigger("BEFORE INSERT ON t FOR EACH STATEMENT",
                      "INSERT INTO seen SELECT current_setting('lock_timeout'); RETURN NULL;");
    setup.anchor(0, 0);
    CloudberrySink sink = setup.sink();
    Batch batch;
    add_rows(batch, 0, 0, plain_rows(0, 3));
    REQUIRE(committed(sink.commit(batch)));
    CHECK(setup.value("SELECT timeout FROM seen") == "30s");
}

TEST_CASE("key turns: books are waited for as long as the session says") {
    const SinkSetup setup("id bigint PRIMARY KEY, city text");
    setup.exec("CREATE TABLE seen (relation text, timeout text)");
    for (const char* const table : {"t", "sluice.ledger"})
        setup.add_trigger("BEFORE INSERT ON " + std::string(table) + " FOR EACH STATEMENT",
                          "INSERT INTO seen SELECT tg_relname, current_setting('lock_timeout');"
                          " RETURN NULL;",
                          table == std::string("t") ? "of_rows" : "of_books");
    setup.anchor(0, 0);
    CloudberrySink sink = setup.sink();
    Batch batch;
    add_rows(batch, 0, 0, plain_rows(0, 3));
    REQUIRE(committed(sink.commit(batch)));
    CHECK(setup.list("SELECT relation, CASE WHEN timeout LIKE '%ms' THEN 'short' ELSE timeout END"
                     " FROM seen ORDER BY 1") == "ledger|30s t|short");
}

}  // namespace
}  // namespace sluice::test
