#include "tests/unit/lane_setup.h"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::fakes;
using namespace sluice::lane_test;
using namespace std::chrono_literals;

TEST_CASE("lane: a batch ends when it has its rows, and the rest of a backlog does not wait") {
    config::Ingest config = slow_batches();
    config.batch.rows = 4;
    Stage stage(1, config);
    stage.topic.append_numbers(0, 0, 10);
    stage.begin();
    stage.await_progress(10);
    CHECK(stage.database.offers() == Strings{"0:0-4", "0:4-8", "0:8-10"});
    CHECK(stage.stop());
    CHECK(stage.values() == Strings{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"});
}

TEST_CASE("lane: a batch ends when it has its bytes, and one oversized record passes") {
    config::Ingest config = slow_batches();
    config.batch.bytes = 4096;
    Stage stage(1, config);
    const std::string long_number = std::string(900, '0') + "7";
    for (int i = 0; i < 6; ++i) stage.topic.append(0, long_number);
    const std::string huge = std::string(100'000, '0') + "8";
    stage.topic.append(0, huge);
    stage.topic.append(0, "9");
    stage.begin();
    stage.await_progress(8);
    CHECK(stage.database.offers().size() >= 3);
    CHECK(stage.stop());
    CHECK(stage.values().at(6) == huge);
}

TEST_CASE("lane: a batch ends when its delay is over, however few rows it has") {
    Stage stage;
    stage.topic.append_numbers(0, 0, 3);
    stage.begin();
    stage.await_progress(3);
    stage.topic.append_numbers(0, 3, 1);
    stage.await_progress(4);
    CHECK(stage.values() == Strings{"0", "1", "2", "3"});
}

/// Its first commit lasts until the test says so.
class SlowSink : public Sink {
public:
    SlowSink(FakeDatabase& database, std::atomic<bool>& go_on, std::atomic<int>& commits)
        : sink_(database), go_on_(go_on), commits_(commits) {}
    CommitResult commit(Batch& batch) override {
        ++commits_;
        eventually([&] { return go_on_.load(); }, "the test's word");
        return sink_.commit(batch);
    }

private:
    FakeSink sink_;
    std::atomic<bool>& go_on_;
    std::atomic<int>& commits_;
};

TEST_CASE("lane: what waited during a commit has begun its delay") {
    config::Ingest config = numbers_config();
    config.batch.delay = 100ms;
    std::atomic<bool> go_on = false;
    std::atomic<int> commits = 0;
    Stage stage(1, config);
    stage.reads_on = false;
    stage.sink = std::make_unique<SlowSink>(stage.database, go_on, commits);
    stage.run();
    stage.start(0);
    stage.topic.append(0, "1");
    eventually([&] { return commits == 1; }, "the first commit");
    stage.topic.append(0, "2");
    const auto appended = std::chrono::steady_clock::now();
    eventually([&] { return std::chrono::steady_clock::now() - appended > config.batch.delay; },
               "a commit that takes as long as the delay");
    const std::size_t before = stage.group.lane(0).timeouts().size();
    go_on = true;
    eventually([&] { return commits == 2; }, "the second commit");
    // The record is taken, and what else waits is asked for: nothing is waited for.
    const auto timeouts = stage.group.lane(0).timeouts();
    REQUIRE(timeouts.size() >= before + 2);
    CHECK(timeouts[before + 1] == 0ms);
}

TEST_CASE("lane: gaps and the end of a partition move progress without rows") {
    Stage stage;
    stage.topic.append(0, "0");
    stage.topic.append(0, "1", 5);
    stage.topic.append_markers(0, 2);
    stage.begin();
    stage.await_progress(9);
    stage.topic.append_markers(0, 3);
    stage.await_progress(12);
    std::int64_t gaps = 0;
    for (const auto& entry : stage.database.ledger()) gaps += entry.gaps;
    CHECK(gaps == 10);
    CHECK(stage.database.progress(0)->last.offset == 6);
}

TEST_CASE("lane: the end of a partition alone keeps what is known of its last record") {
    config::Ingest config = slow_batches();
    config.batch.rows = 2;
    Stage stage(2, config);
    stage.topic.append_numbers(0, 0, 2);
    stage.begin({0, 1});
    stage.await_progress(2, 0);
    stage.topic.append(1, "0");  // the backlog's last
    stage.await_progress(1, 1);
    stage.topic.append_markers(0, 3);
    stage.await_read({0});
    stage.topic.append_numbers(1, 1, 2);
    stage.await_progress(3, 1);
    CHECK(stage.database.next(0) == 5);
    CHECK(stage.database.progress(0)->last.offset == 1);
}

TEST_CASE("lane: an idle partition costs no transaction") {
    Stage stage;
    stage.topic.append(0, "0");
    stage.begin();
    stage.await_progress(1);
    const auto offers = stage.database.offers().size();
    CHECK(stage.stop());
    CHECK(stage.database.offers().size() == offers);
}

TEST_CASE("lane: a reject does not hold back the records after it") {
    Stage stage;
    stage.topic.append(0, "1");
    stage.topic.append(0, "one and a half");
    stage.topic.append(0, "2");
    stage.begin();
    stage.await_progress(3);
    CHECK(stage.values() == Strings{"1", "2"});
    REQUIRE(stage.database.dead_letters().size() == 1);
    CHECK(stage.database.dead_letters()[0].record.value == "one and a half");
    CHECK(stage.database.dead_letters()[0].record.offset == 1);
    CHECK(stage.database.dead_letters()[0].reasons.at(0).column == "n");
}

TEST_CASE("lane: a row that the database refuses becomes a dead letter") {
    Stage stage;
    stage.database.refuse([](const std::string& value) { return value == "13"; });
    stage.topic.append_numbers(0, 10, 6);
    stage.begin();
    stage.await_progress(16 - 10);
    CHECK(stage.values() == Strings{"10", "11", "12", "14", "15"});
    CHECK(stage.database.dead_letters().size() == 1);
    CHECK(stage.database.ledger().at(0).rejected == 1);
}

TEST_CASE("lane: a sink that committed what precedes a reject ends it with the reason") {
    /// As on_reject = "stop" does, where the database refuses a row.
    struct Stopping : FakeSink {
        using FakeSink::FakeSink;
        CommitResult commit(Batch& batch) override {
            CommitResult result = FakeSink::commit(batch);
            std::get<Committed>(result).stop = "the record behind is refused";
            return result;
        }
    };
    Stage stage;
    stage.sink = std::make_unique<Stopping>(stage.database);
    stage.topic.append(0, "1");
    stage.begin();
    CHECK(stage.failure() == "the record behind is refused");
    CHECK(stage.database.next(0) == 1);
}

TEST_CASE("lane: more rejects than max_rejects end it, once they are dead letters") {
    config::Ingest config = numbers_config();
    config.max_rejects =
        config::MaxRejects{.unit = config::MaxRejects::Unit::records, .most = 1, .text = "1"};
    Stage stage(1, config);
    stage.topic.append(0, "1");
    stage.topic.append(0, "x");
    stage.begin();
    stage.await_progress(2);
    CHECK(stage.reports.error() == nullptr);
    stage.topic.append(0, "y");
    CHECK(stage.failure().starts_with("2 of 3 records were rejected, and max_rejects = 1;"));
    CHECK_THROWS_AS(std::rethrow_exception(stage.reports.error()), TooManyRejects);
    CHECK(stage.database.next(0) == 3);
    CHECK(stage.values() == Strings{"1"});
}

TEST_CASE("lane: on_reject = stop commits what comes before, then fails with the position") {
    config::Ingest config = slow_batches();
    config.on_reject = config::OnReject::stop;
    Stage stage(2, config);
    stage.topic.append_numbers(0, 0, 3);
    stage.topic.append_numbers(1, 10, 2);
    stage.begin({1});
    stage.await_read({1});
    stage.start(0);
    stage.topic.append(0, "bad");
    stage.topic.append(0, "4");
    const std::string failure = stage.failure();
    CHECK(failure.find("numbers[0]@3: column \"n\": ") == 0);
    CHECK(failure.ends_with("or set on_reject = \"dead_letter\""));
    CHECK(stage.database.next(0) == 3);
    CHECK(stage.database.next(1) == 2);
    CHECK(stage.database.dead_letters().empty());
    CHECK(stage.stop());  // a lane that has ended holds nothing
}
