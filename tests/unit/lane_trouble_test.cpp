#include "tests/unit/avro_bytes_setup.h"
#include "tests/unit/lane_setup.h"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::fakes;
using namespace sluice::lane_test;
using namespace std::chrono_literals;

TEST_CASE("lane: a retrying sink is offered the same batch again, nothing is consumed twice") {
    config::Ingest config = slow_batches();
    config.batch.rows = 3;
    Stage stage(1, config);
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
    config::Ingest config = slow_batches();
    config.batch.rows = 10;  // both partitions' records, however late the second begins
    Stage stage(2, config);
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

TEST_CASE(
    "lane: a lost position of a partition whose batch is fenced is no loss: progress is read") {
    Stage stage(1, slow_batches());
    stage.topic.append_numbers(0, 0, 2);
    stage.begin();
    stage.await_read({0});
    stage.database.set_progress(0, 1);
    stage.topic.append_markers(0, 10);
    stage.topic.delete_before(0, 8);
    stage.group.lose_position(0);
    eventually([&] { return !stage.reports.rewound().empty(); }, "the fence");
    CHECK(stage.stop());
    CHECK(stage.reports.rewound() == std::vector{std::pair{PartitionId{0}, RewindCause::fenced}});
    CHECK(stage.reports.lost().empty());
}

namespace {

config::Ingest numbers_in_avro() {
    config::Ingest config = slow_batches();
    config.format = config::Format::avro;
    config.schema.from = config::Schema::From::registry;
    config.schema.wire = config::Schema::Wire::registry;
    return config;
}

/// Of the schema with this id.
std::string in_avro(char id, int number) {
    return avro::raw("\0\0\0\0") + id + avro::number(number);
}

const schemas::SchemaText numbers_schema{
    {}, R"({"type":"record","name":"r","fields":[{"name":"n","type":"long"}]})", {}};

}  // namespace

TEST_CASE("lane: while a schema cannot be had, what came before is committed and nothing is lost") {
    Stage stage(1, numbers_in_avro());
    stage.schemas->schemas = {{confluent(1), numbers_schema}};
    stage.topic.append(0, in_avro(1, 10));
    stage.begin();
    stage.await_read({0});
    stage.schemas->is_away = true;
    stage.schemas->schemas[confluent(2)] = numbers_schema;
    stage.topic.append(0, in_avro(2, 11));
    stage.topic.append(0, in_avro(1, 12));
    eventually([&] { return stage.lane->trouble() == "numbers[0]@1: the registry is away"; },
               "the trouble");
    stage.await_progress(1);
    SUBCASE("until it can") {
        stage.schemas->is_away = false;
        eventually([&] { return stage.lane->trouble().empty(); }, "the end of the trouble");
        stage.await_read({0});
        CHECK(stage.stop());
        CHECK(stage.values() == Strings{in_avro(1, 10), in_avro(2, 11), in_avro(1, 12)});
    }
    SUBCASE("also when the partition leaves meanwhile") {
        CHECK(stage.stop());
        CHECK(stage.reports.rewound() ==
              std::vector{std::pair{PartitionId{0}, RewindCause::given_up}});
        CHECK(stage.lane->trouble().empty());
        CHECK(stage.values() == Strings{in_avro(1, 10)});
    }
    CHECK(stage.database.dead_letters().empty());
}

TEST_CASE("lane: a record that waits for its schema takes its place in the batch once") {
    config::Ingest config = numbers_in_avro();
    config.batch.rows = 5;
    Stage stage(1, config);
    stage.schemas->is_away = true;
    stage.schemas->schemas[confluent(1)] = numbers_schema;
    stage.topic.append(0, in_avro(1, 0));
    stage.begin();
    const int asked = stage.schemas->asked;
    eventually([&] { return stage.schemas->asked > asked + 10; }, "many tries");
    stage.schemas->is_away = false;
    for (int number = 1; number < 5; ++number) stage.topic.append(0, in_avro(1, number));
    stage.await_progress(5);
    CHECK(stage.database.offers() == Strings{"0:0-5"});
}

TEST_CASE("lane: a schema that the registry does not know stops behind what came before") {
    Stage stage(1, numbers_in_avro());
    stage.schemas->schemas = {{confluent(1), numbers_schema}};
    stage.topic.append(0, in_avro(1, 10));
    stage.topic.append(0, in_avro(9, 11));
    stage.begin();
    CHECK(stage.failure().starts_with("numbers[0]@1: the registry does not know schema 9: is it"));
    CHECK(stage.database.next(0) == 1);
    CHECK(stage.database.dead_letters().empty());
}

TEST_CASE("lane: a schema that the registry does not know makes dead letters where that is told") {
    config::Ingest config = numbers_in_avro();
    config.on_unknown_schema = config::OnUnknownSchema::dead_letter;
    Stage stage(1, config);
    stage.schemas->schemas = {{confluent(1), numbers_schema}};
    stage.topic.append(0, in_avro(9, 11));
    stage.topic.append(0, in_avro(1, 10));
    stage.begin();
    stage.await_read({0});
    CHECK(stage.stop());
    CHECK(stage.values() == Strings{in_avro(1, 10)});
    REQUIRE(stage.database.dead_letters().size() == 1);
    CHECK(stage.database.dead_letters()[0].reasons.at(0).text ==
          "the value is of schema 9, which the registry does not know");
}
