#include "pipeline/lane.h"

#include "pipeline/errors.h"
#include "pipeline/ingest_observer.h"
#include "tests/fakes/fake_database.h"
#include "tests/fakes/fake_group.h"
#include "tests/fakes/fake_topic.h"
#include "tests/fakes/mapping.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <atomic>

using namespace sluice;
using namespace sluice::fakes;
using namespace std::chrono_literals;

namespace {

using Strings = std::vector<std::string>;
using Partitions = std::vector<PartitionId>;

std::string joined(const Strings& lines) {
    std::string text;
    for (const std::string& line : lines) text += line + "; ";
    return text;
}

void eventually(const std::function<bool()>& predicate, const std::string& what) {
    fixture::wait_until(predicate, fixture::patient(5s), what);
}

/// Remembers what a lane could not settle.
class Reports : public LaneListener {
public:
    void on_rewind(std::vector<PartitionId> partitions, RewindCause cause) override {
        const std::lock_guard lock{mutex_};
        for (const PartitionId partition : partitions) rewound_.push_back({partition, cause});
    }
    void on_lost_position(PartitionId partition, LostPosition how) override {
        const std::lock_guard lock{mutex_};
        lost_.push_back({partition, how});
    }
    void on_failed(std::exception_ptr error) override {
        const std::lock_guard lock{mutex_};
        error_ = std::move(error);
    }

    std::vector<std::pair<PartitionId, RewindCause>> rewound() const {
        const std::lock_guard lock{mutex_};
        return rewound_;
    }
    std::vector<std::pair<PartitionId, LostPosition>> lost() const {
        const std::lock_guard lock{mutex_};
        return lost_;
    }
    std::exception_ptr error() const {
        const std::lock_guard lock{mutex_};
        return error_;
    }

private:
    mutable std::mutex mutex_;
    std::vector<std::pair<PartitionId, RewindCause>> rewound_;
    std::vector<std::pair<PartitionId, LostPosition>> lost_;
    std::exception_ptr error_;
};

/// A lane on a fake topic, group and database; the test is its control thread.
struct Stage : GroupListener {
    explicit Stage(int partitions = 1, const config::Ingest& ingest = numbers_config())
        : config(ingest), topic(partitions) {}
    ~Stage() override {
        lane.reset();
        CHECK(joined(database.violations()) == "");
        CHECK(joined(group.violations()) == "");
    }

    void on_assigned(std::span<const PartitionId>) override {}
    void on_revoked(std::span<const PartitionId> partitions) override {
        group.unassign(partitions);
    }

    void run() {
        lane = std::make_unique<Lane>(LaneOptions{.name = "numbers/0",
                                                  .topic = config.topic,
                                                  .limits = config.batch,
                                                  .on_reject = config.on_reject,
                                                  .retry = {1ms, 4ms},
                                                  .observer = observer.lane(0)},
                                      group.lane(0), numbers_mapper(config),
                                      sink ? std::move(sink) : std::make_unique<FakeSink>(database),
                                      reports);
        lane->run();
    }
    /// Assigns a partition and starts it where the database says.
    void start(PartitionId partition) {
        FakeProgress progress{database};
        if (database.next(partition) < 0) progress.anchor({{{partition, 0}}});
        group.offer({partition});
        group.poll(*this, 1s);
        go_on(partition, [&](const Position& at) { group.assign({{at}}); });
    }
    void rewind(PartitionId partition) {
        go_on(partition, [&](const Position& at) { group.seek({{at}}); });
    }
    void go_on(PartitionId partition, const std::function<void(const Position&)>& fetch) {
        const ResumePoint point = FakeProgress{database}.read({{partition}}).at(0);
        fetch({partition, point.last.known() ? point.last.offset : point.next});
        lane->start({point});
    }
    void begin(const Partitions& partitions = {0}) {
        run();
        for (const PartitionId partition : partitions) start(partition);
    }
    bool stop(const Partitions& partitions = {0}) {
        lane->stop(partitions);
        return lane->wait_until_stopped(partitions,
                                        std::chrono::steady_clock::now() + fixture::patient(5s));
    }
    void await_progress(Offset next, PartitionId partition = 0) {
        eventually([&] { return database.next(partition) == next; },
                   "progress at " + std::to_string(next));
    }
    void await_read(const Partitions& partitions) {
        eventually([&] { return group.lane(0).idle(partitions); }, "all to be read");
    }
    Strings values() const {
        Strings all;
        for (const auto& row : database.rows()) all.push_back(row.value.value_or("NULL"));
        return all;
    }
    std::string failure() const {
        eventually([&] { return reports.error() != nullptr; }, "the lane's failure");
        try {
            std::rethrow_exception(reports.error());
        } catch (const std::exception& error) {
            return error.what();
        }
    }

    config::Ingest config;
    metrics::Registry registry;
    IngestObserver observer{registry, "numbers", 1h};
    FakeTopic topic;
    FakeGroup group{topic, 1};
    FakeDatabase database;
    Reports reports;
    std::unique_ptr<Sink> sink;  ///< instead of a FakeSink
    std::unique_ptr<Lane> lane;
};

config::Ingest slow_batches() {
    config::Ingest config = numbers_config();
    config.batch = {.rows = 1000, .bytes = 64u << 20, .delay = 1h};
    return config;
}

}  // namespace

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
    config.batch.delay = 1s;
    std::atomic<bool> go_on = false;
    std::atomic<int> commits = 0;
    Stage stage(1, config);
    stage.sink = std::make_unique<SlowSink>(stage.database, go_on, commits);
    stage.run();
    stage.start(0);
    stage.topic.append(0, "1");
    eventually([&] { return commits == 1; }, "the first commit");
    stage.topic.append(0, "2");
    std::this_thread::sleep_for(1s);  // the commit takes as long as the delay
    const auto committed = std::chrono::steady_clock::now();
    go_on = true;
    eventually([&] { return commits == 2; }, "the second commit");
    CHECK(std::chrono::steady_clock::now() - committed < fixture::patient(900ms));
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
    CHECK(stage.failure().find("numbers[0]@3: column \"n\": ") == 0);
    CHECK(stage.database.next(0) == 3);
    CHECK(stage.database.next(1) == 2);
    CHECK(stage.database.dead_letters().empty());
    CHECK(stage.stop());  // a lane that has ended holds nothing
}

TEST_CASE("lane: a retrying sink is offered the same batch again, nothing is consumed twice") {
    Stage stage;
    stage.database.script({Fault::retry, Fault::retry, Fault::retry});
    stage.topic.append_numbers(0, 0, 3);
    stage.begin();
    stage.await_progress(3);
    CHECK(stage.database.offers() == Strings(4, "0:0-3"));
    CHECK(stage.values() == Strings{"0", "1", "2"});
    eventually([&] { return stage.lane->trouble().empty(); }, "the end of the trouble");
}

TEST_CASE("lane: a sink in trouble is visible as such") {
    Stage stage;
    stage.database.choose_faults([] { return Fault::retry; });
    stage.topic.append_numbers(0, 0, 3);
    stage.begin();
    eventually([&] { return stage.lane->trouble() == "the database is away"; }, "the trouble");
    stage.database.choose_faults(nullptr);
    stage.await_progress(3);
    eventually([&] { return stage.lane->trouble().empty(); }, "the end of the trouble");
}

TEST_CASE(
    "lane: a partition's trouble with Kafka is visible until something arrives, or it leaves") {
    Stage stage(2);
    stage.begin({0, 1});
    stage.await_read({0, 1});
    stage.group.report_trouble(0, "no leader");
    eventually([&] { return stage.lane->trouble() == "numbers[0]: no leader"; }, "the trouble");
    SUBCASE("a record of another partition") {
        stage.topic.append_numbers(1, 0, 1);
    }
    SUBCASE("the partition leaves") {
        CHECK(stage.stop({0}));
    }
    eventually([&] { return stage.lane->trouble().empty(); }, "the end of the trouble");
}

TEST_CASE("lane: the sink's trouble outlives a record that arrives") {
    Stage stage;
    stage.begin();
    stage.await_read({0});
    stage.group.report_trouble(0, "no leader");
    eventually([&] { return !stage.lane->trouble().empty(); }, "the trouble");
    stage.database.choose_faults([] { return Fault::retry; });
    stage.topic.append_numbers(0, 0, 3);
    eventually([&] { return stage.lane->trouble() == "the database is away"; }, "the sink's");
    stage.database.choose_faults(nullptr);
    stage.await_progress(3);
    eventually([&] { return stage.lane->trouble().empty(); }, "the end of the trouble");
}

TEST_CASE("lane: a lost answer to COMMIT is settled, whatever became of the transaction") {
    for (const Fault lost : {Fault::lost_landed, Fault::lost_vanished, Fault::lost_landing}) {
        CAPTURE(static_cast<int>(lost));
        Stage stage;
        stage.database.script({lost});
        stage.topic.append_numbers(0, 0, 3);
        stage.begin();
        stage.await_progress(3);
        stage.topic.append_numbers(0, 3, 2);
        stage.await_progress(5);
        CHECK(stage.values() == Strings{"0", "1", "2", "3", "4"});
        CHECK(stage.reports.rewound().empty());
    }
}

TEST_CASE("lane: a fenced batch is dropped whole, and its partitions wait for a new start") {
    config::Ingest config = slow_batches();
    config.batch.rows = 6;
    Stage stage(2, config);
    stage.begin({0, 1});
    stage.database.set_progress(0, 2);
    stage.topic.append_numbers(0, 0, 3);
    stage.topic.append_numbers(1, 10, 3);
    eventually([&] { return stage.reports.rewound().size() == 2; }, "the rewind");
    CHECK(stage.reports.rewound()[0].second == RewindCause::fenced);
    CHECK_FALSE(stage.lane->serves(0));
    CHECK(stage.database.rows().empty());

    // More of it was fetched ahead: none of that may count for the new start.
    stage.topic.append_numbers(0, 3, 5);
    stage.rewind(0);
    stage.rewind(1);
    stage.await_read({0, 1});
    CHECK(stage.stop({0, 1}));
    CHECK(stage.values() == Strings{"2", "3", "4", "5", "6", "7", "10", "11", "12"});
}

TEST_CASE("lane: stop commits what is there, lets go, and takes nothing afterwards") {
    Stage stage(2, slow_batches());
    stage.topic.append_numbers(0, 0, 5);
    stage.begin({0, 1});
    stage.await_read({0, 1});
    CHECK(stage.database.next(0) == 0);
    CHECK(stage.stop({0}));
    CHECK(stage.database.next(0) == 5);
    CHECK_FALSE(stage.lane->serves(0));
    CHECK(stage.lane->serves(1));
    stage.topic.append_numbers(0, 5, 5);
    stage.topic.append_numbers(1, 10, 1);
    stage.await_read({1});
    CHECK(stage.stop({1}));
    CHECK(stage.database.next(0) == 5);
    CHECK(stage.database.next(1) == 1);
}

TEST_CASE("lane: stop takes back a start that was not applied yet") {
    Stage stage;
    stage.topic.append_numbers(0, 0, 1);
    stage.database.script({Fault::blocked});
    stage.begin();
    eventually([&] { return stage.database.blocked(); }, "the commit to block");
    stage.lane->stop({{0}});
    stage.lane->start({{0, 0, {}}});
    CHECK(stage.lane->serves(0));
    stage.lane->stop({{0}});
    CHECK_FALSE(stage.lane->wait_until_stopped({{0}}, std::chrono::steady_clock::now() + 5ms));
    stage.database.release();
    CHECK(stage.lane->wait_until_stopped({{0}},
                                         std::chrono::steady_clock::now() + fixture::patient(5s)));
    CHECK_FALSE(stage.lane->serves(0));
    CHECK(stage.database.next(0) == 1);
}

TEST_CASE("lane: stop while the sink is in trouble gives the batch up at once") {
    Stage stage(2);
    stage.database.choose_faults([] { return Fault::retry; });
    stage.topic.append_numbers(0, 0, 5);
    stage.topic.append_numbers(1, 0, 5);
    stage.begin({0, 1});
    eventually([&] { return !stage.lane->trouble().empty(); }, "the trouble");
    CHECK(stage.stop({0}));
    CHECK(stage.database.rows().empty());
    REQUIRE_FALSE(stage.reports.rewound().empty());
    CHECK(stage.reports.rewound()[0].second == RewindCause::given_up);
    CHECK(stage.lane->trouble().empty());
}

TEST_CASE("lane: ends without committing what it holds") {
    Stage stage(1, slow_batches());
    stage.topic.append_numbers(0, 0, 5);
    stage.begin();
    stage.await_read({0});
    stage.lane.reset();
    CHECK(stage.database.offers().empty());
}

TEST_CASE("lane: the known last record is recognised and not loaded again") {
    Stage stage;
    stage.topic.append_numbers(0, 0, 3);
    stage.begin();
    stage.await_progress(3);
    CHECK(stage.stop());
    stage.group.revoke({0});
    stage.group.poll(stage, 1s);
    CHECK(stage.database.progress(0)->last.offset == 2);
    stage.start(0);
    stage.topic.append_numbers(0, 3, 1);
    stage.await_progress(4);
    CHECK(stage.values() == Strings{"0", "1", "2", "3"});
    CHECK(stage.reports.lost().empty());
}

TEST_CASE("lane: a last record that compaction took since is not missed") {
    Stage stage;
    stage.topic.append_numbers(0, 0, 3);
    stage.begin();
    stage.await_progress(3);
    CHECK(stage.stop());
    stage.group.revoke({0});
    stage.group.poll(stage, 1s);
    stage.topic.append_numbers(0, 3, 1);
    stage.topic.compact_away(0, 2);
    stage.start(0);
    stage.await_progress(4);
    CHECK(stage.values() == Strings{"0", "1", "2", "3"});
    CHECK(stage.reports.lost().empty());
}

TEST_CASE("lane: a topic created anew is noticed by its last record, or by its end") {
    for (const int records : {1, 2, 3, 7}) {
        CAPTURE(records);
        Stage stage;
        stage.topic.append_numbers(0, 0, 3);
        stage.begin();
        stage.await_progress(3);
        CHECK(stage.stop());
        stage.group.revoke({0});
        stage.group.poll(stage, 1s);
        stage.topic.recreate();
        stage.topic.append_numbers(0, 0, records);
        stage.start(0);
        eventually([&] { return stage.reports.lost().size() == 1; }, "the loss");
        const bool shorter = records < 3;
        CHECK(stage.reports.lost()[0].second ==
              (shorter ? LostPosition::outside : LostPosition::replaced));
        CHECK_FALSE(stage.lane->serves(0));
        CHECK(stage.values() == Strings{"0", "1", "2"});
    }
}

TEST_CASE("lane: a position outside of the partition is reported, what it holds is committed") {
    Stage stage(1, slow_batches());
    stage.topic.append_numbers(0, 0, 2);
    stage.begin();
    stage.await_read({0});
    // Retention overtakes the reader.
    stage.topic.append_markers(0, 10);
    stage.topic.delete_before(0, 8);
    stage.group.lose_position(0);
    eventually([&] { return stage.reports.lost().size() == 1; }, "the loss");
    CHECK(stage.reports.lost()[0].second == LostPosition::outside);
    CHECK(stage.database.next(0) >= 2);
    CHECK_FALSE(stage.lane->serves(0));
}
