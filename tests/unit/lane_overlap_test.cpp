#include "tests/unit/lane_setup.h"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>

using namespace sluice;
using namespace sluice::fakes;
using namespace sluice::lane_test;
using namespace std::chrono_literals;

namespace {

config::Ingest batches_of_four() {
    config::Ingest config = slow_batches();
    config.batch.rows = 4;
    return config;
}

/// Partition 0's first batch, from 0 to 4, is being committed.
void block_first_batch(Stage& stage, const Partitions& partitions) {
    stage.database.script({Fault::blocked});
    stage.topic.append_numbers(0, 0, 4);
    stage.begin(partitions);
    eventually([&] { return stage.database.blocked(); }, "the commit to block");
}

}  // namespace

TEST_CASE("lane: what comes while a batch is committed is the next one, which waits for it") {
    Stage stage(1, batches_of_four());
    block_first_batch(stage, {0});
    stage.topic.append_numbers(0, 4, 3);
    stage.await_read({0});
    CHECK(stage.database.offers() == Strings{"0:0-4"});
    stage.topic.append_numbers(0, 7, 1);
    stage.database.release();
    stage.await_progress(8);
    CHECK(stage.database.offers() == Strings{"0:0-4", "0:4-8"});
    CHECK(stage.values() == Strings{"0", "1", "2", "3", "4", "5", "6", "7"});
}

TEST_CASE("lane: a batch is prepared while the one before it is committed, and that is its own") {
    struct Prepared : PreparedBatch {
        explicit Prepared(const Batch& batch) : range(batch.slices().front().range) {}
        OffsetRange range;
    };
    struct PreparingSink : Sink {
        PreparingSink(FakeDatabase& database, std::atomic<int>& count)
            : sink(database), prepared(count) {}
        std::unique_ptr<PreparedBatch> prepare(const Batch& batch) override {
            ++prepared;
            return std::make_unique<Prepared>(batch);
        }
        void use(std::unique_ptr<PreparedBatch> its) override { used = std::move(its); }
        CommitResult commit(Batch& batch) override {
            const auto* const its = static_cast<const Prepared*>(used.get());
            const OffsetRange range = batch.slices().front().range;
            CHECK((its == nullptr) == (range.from == 0));
            CHECK((its == nullptr || its->range == range));
            return sink.commit(batch);
        }
        FakeSink sink;
        std::atomic<int>& prepared;
        std::unique_ptr<PreparedBatch> used;
    };
    std::atomic<int> prepared = 0;
    Stage stage(1, batches_of_four());
    stage.sink = std::make_unique<PreparingSink>(stage.database, prepared);
    block_first_batch(stage, {0});
    CHECK(prepared == 0);
    stage.topic.append_numbers(0, 4, 4);
    eventually([&] { return prepared == 1; }, "the next batch to be prepared");
    CHECK(stage.database.offers() == Strings{"0:0-4"});
    stage.database.release();
    stage.await_progress(8);
    CHECK(stage.values() == Strings{"0", "1", "2", "3", "4", "5", "6", "7"});
}

TEST_CASE("lane: with memory for one batch, nothing is taken while it is committed") {
    Stage stage(1, batches_of_four());
    stage.reads_on = false;
    block_first_batch(stage, {0});
    stage.topic.append_numbers(0, 4, 4);
    CHECK_THROWS_AS(
        fixture::wait_until([&] { return stage.group.lane(0).idle({0}); }, 20ms, "a poll"),
        fixture::WaitedTooLong);
    stage.database.release();
    stage.await_progress(8);
}

TEST_CASE("lane: a fenced batch takes along what was made of the records behind it") {
    Stage stage(2, batches_of_four());
    block_first_batch(stage, {0, 1});
    stage.topic.append_numbers(0, 4, 1);
    stage.topic.append_numbers(1, 10, 2);
    stage.await_read({0, 1});
    stage.database.set_progress(0, 2);
    stage.database.release();
    eventually([&] { return stage.reports.rewound().size() == 2; }, "the rewind of both");
    CHECK(stage.reports.rewound()[0].second == RewindCause::fenced);
    CHECK_FALSE(stage.lane->serves(0));
    CHECK_FALSE(stage.lane->serves(1));
    CHECK(stage.database.rows().empty());

    stage.rewind(0);
    stage.rewind(1);
    stage.await_read({0, 1});
    CHECK(stage.stop({0, 1}));
    CHECK(stage.values() == Strings{"2", "3", "4", "10", "11"});
}

TEST_CASE("lane: a batch that is given up takes along the next, and neither is lost") {
    Stage stage(2, batches_of_four());
    stage.database.choose_faults([] { return Fault::retry; });
    stage.topic.append_numbers(0, 0, 4);
    stage.begin({0, 1});
    eventually([&] { return !stage.lane->trouble().empty(); }, "the trouble");
    stage.topic.append_numbers(1, 10, 2);
    stage.await_read({1});
    CHECK(stage.stop({1}));
    CHECK(stage.database.rows().empty());
    eventually([&] { return stage.reports.rewound().size() == 2; }, "the rewind of both");
    CHECK(stage.reports.rewound()[0].second == RewindCause::given_up);

    stage.database.choose_faults([] { return Fault::none; });
    stage.rewind(0);
    stage.await_progress(4);
    stage.rewind(1);
    stage.await_read({1});
    CHECK(stage.stop({0, 1}));
    CHECK(stage.values() == Strings{"0", "1", "2", "3", "10", "11"});
}

TEST_CASE("lane: what a target takes no rows of is given back, with what was made behind it") {
    config::Ingest config = numbers_by_topic(3);
    config.batch = {.rows = 4, .bytes = 64u << 20, .delay = 1h};
    Stage stage(3, config);
    stage.database.script({Fault::blocked});
    stage.topic.append_numbers(0, 0, 3);
    stage.begin({0, 1, 2});
    stage.await_read({0, 1, 2});
    stage.topic.append_numbers(1, 10, 1);
    eventually([&] { return stage.database.blocked(); }, "the commit to block");
    stage.topic.append_numbers(0, 3, 1);
    stage.topic.append_numbers(2, 20, 1);
    stage.await_read({0, 1, 2});
    stage.database.hold_up({0});
    stage.database.release();
    eventually([&] { return stage.reports.held_up().size() == 1; }, "the word of it");
    CHECK(stage.reports.held_up()[0].first == 0);
    CHECK(stage.reports.held_up()[0].second == "it is locked");
    CHECK_FALSE(stage.lane->serves(0));
    CHECK(stage.lane->trouble().empty());
    CHECK(stage.database.next(0) == 0);
    CHECK(stage.database.next(1) == 1);

    // Into the batch that had records of it behind those.
    stage.database.hold_up({});
    stage.rewind(0);
    stage.await_read({0, 1, 2});
    CHECK(stage.stop({0, 1, 2}));
    CHECK(stage.values() == Strings{"0", "1", "2", "3", "10", "20"});
}

TEST_CASE("lane: of a batch whose targets all take no rows, nothing is left") {
    config::Ingest config = numbers_by_topic(2);
    config.batch = {.rows = 4, .bytes = 64u << 20, .delay = 1h};
    Stage stage(2, config);
    stage.database.hold_up({0, 1});
    stage.topic.append_numbers(0, 0, 2);
    stage.topic.append_numbers(1, 10, 2);
    stage.begin({0, 1});
    eventually([&] { return stage.reports.held_up().size() == 2; }, "the word of both");
    CHECK(stage.database.rows().empty());
    eventually([&] { return !stage.observer.lane(0).holds_records(); }, "nothing to be held");
    stage.database.hold_up({});
    for (const PartitionId partition : {0, 1}) stage.rewind(partition);
    stage.await_read({0, 1});
    CHECK(stage.stop({0, 1}));
    CHECK(stage.database.next(0) == 2);
    CHECK(stage.database.next(1) == 2);
}

TEST_CASE("lane: stop waits for the batch that is committed, and commits the next one") {
    Stage stage(1, batches_of_four());
    block_first_batch(stage, {0});
    stage.topic.append_numbers(0, 4, 2);
    stage.await_read({0});
    stage.lane->stop({{0}});
    CHECK_FALSE(stage.lane->wait_until_stopped({{0}}, std::chrono::steady_clock::now() + 5ms));
    stage.database.release();
    CHECK(stage.stop());
    CHECK(stage.database.next(0) == 6);
}

TEST_CASE("lane: ends when what became of the batch that is committed is known") {
    Stage stage(1, batches_of_four());
    block_first_batch(stage, {0});
    stage.topic.append_numbers(0, 4, 2);
    stage.await_read({0});
    std::thread end([&] { stage.lane.reset(); });
    stage.database.release();
    end.join();
    CHECK(stage.database.next(0) >= 4);
}

TEST_CASE("lane: what the sink throws ends the lane, also while nothing comes") {
    struct Broken : Sink {
        CommitResult commit(Batch& /*batch*/) override { throw std::runtime_error("broken"); }
    };
    Stage stage(1, batches_of_four());
    stage.sink = std::make_unique<Broken>();
    stage.topic.append_numbers(0, 0, 4);
    stage.begin({0});
    CHECK(stage.failure() == "broken");
    CHECK(stage.database.offers().empty());
}
