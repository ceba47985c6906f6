#include "tests/fixture/daemon.h"
#include "tests/fixture/kafka_broker.h"
#include "tests/fixture/kafka_producer.h"
#include "tests/fixture/kafka_reader.h"
#include "tests/fixture/mpp_locks.h"
#include "tests/fixture/postgres.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <map>
#include <regex>
#include <string>
#include <vector>

using namespace sluice::fixture;
using namespace std::chrono_literals;

namespace {

constexpr const char* database = "receipts";

std::int64_t number_in(const std::string& receipt, const std::string& name) {
    std::smatch found;
    REQUIRE(std::regex_search(receipt, found, std::regex("\"" + name + "\": ?([0-9]+)")));
    return std::stoll(found[1]);
}

/// An ingest pipeline whose receipts an outbox pipeline of the same daemon sends.
struct World {
    World() {
        shared_postgres().create_database(database);
        shared_postgres().exec(
            "create table lines (line text);"
            "create table outbox (id bigserial primary key, topic text, key text, payload jsonb)",
            database);
        shared_broker().admin().create_topic("receipts-in", 3);
        shared_broker().admin().create_topic("receipts-out", 2);
        write_file(config(), "[kafka]\nbrokers = \"" + shared_broker().bootstrap() +
                                 "\"\n[cloudberry]\ndsn = \"" + shared_postgres().dsn(database) +
                                 "\"\n[ingest.lines]\ntopic = \"receipts-in\"\n"
                                 "table = \"lines\"\nformat = \"text\"\n"
                                 "batch = { rows = 50, delay = \"20ms\" }\n"
                                 "receipts = { table = \"outbox\", topic = \"receipts-out\" }\n"
                                 "[ingest.lines.columns]\nline = \"@value\"\n"
                                 "[outbox.receipts]\ntable = \"outbox\"\n"
                                 "marks_topic = \"receipts-marks\"\n");
        REQUIRE(run_sluice({"schema", "--apply", "-c", config().string()}).exit_code == 0);
        // What gets along under these locks does so under PostgreSQL's.
        PgConnection connection = shared_postgres().connect(database);
        for (const char* table : {"lines", "outbox", "sluice.anchor", "sluice.ledger",
                                  "sluice.outbox_batch", "sluice.refused_event"}) {
            install_mpp_locks(connection, table);
        }
    }
    [[nodiscard]] std::filesystem::path config() const { return dir.path() / "sluice.toml"; }
    void produce(int count) {
        for (int i = 0; i < count; ++i) producer.produce("receipts-in", i % 3, "line");
        producer.flush();
        produced += count;
    }
    [[nodiscard]] std::int64_t loaded() const {
        return std::stoll(shared_postgres().value("select count(*) from lines", database));
    }

    TempDir dir{"receipts"};
    KafkaProducer producer{shared_broker().client()};
    int produced = 0;
};

}  // namespace

TEST_CASE("receipts, kill -9: each offset is told of once, in order") {
    World world;
    world.produce(300);
    Daemon daemon(world.config());
    for (int round = 0; round < 4; ++round) {
        const std::int64_t before = world.loaded();
        world.produce(600);
        wait_until([&] { return world.loaded() > before; }, patient(60s), "some rows");
        daemon.kill();
        daemon.start();
    }
    try {
        wait_until(
            [&] {
                return world.loaded() == world.produced &&
                       shared_postgres().value("select count(*) from outbox", database) == "0";
            },
            patient(60s), "all rows and receipts");
    } catch (const WaitedTooLong& late) {
        FAIL(std::string(late.what()) << "\n" << daemon.log());
    }
    CHECK(daemon.stop() == 0);

    std::map<std::string, std::int64_t> told;  // by key: up to where
    std::int64_t rows = 0;
    for (const ReadRecord& record : read_topic(shared_broker().client(), "receipts-out")) {
        const std::string& receipt = record.value.value();
        std::int64_t& until = told[record.key.value()];
        CHECK_MESSAGE(number_in(receipt, "from_offset") == until, receipt);
        until = number_in(receipt, "to_offset");
        rows += number_in(receipt, "rows");
    }
    CHECK(rows == world.produced);
    CHECK(told == std::map<std::string, std::int64_t>{{"lines/0", world.produced / 3},
                                                      {"lines/1", world.produced / 3},
                                                      {"lines/2", world.produced / 3}});
}

TEST_CASE("outbox retry: a refused event is sent once its topic is there, another discarded") {
    World world;
    const auto value = [](const std::string& sql) {
        return shared_postgres().value(sql, database);
    };
    const auto outbox = [&](const std::string& action, const std::string& where) {
        const RunResult done = run_sluice({"outbox", action, "receipts", "--where", where, "--yes",
                                           "-c", world.config().string()});
        CHECK_MESSAGE(done.exit_code == 0, done.err);
    };
    // An application that is in no hurry: nothing of this needs the table for itself.
    PgConnection holder = shared_postgres().connect(database);
    holder.exec("begin; insert into outbox (topic, payload) values ('receipts-out', '{}')");
    shared_postgres().exec(
        "insert into outbox (topic, payload) values ('receipts-late', '{}'), ('receipts-no', '{}')",
        database);
    Daemon daemon(world.config());
    wait_until([&] { return value("select count(*) from sluice.refused_event") == "2"; },
               patient(60s), "the refusals");
    shared_broker().admin().create_topic("receipts-late", 1);
    outbox("discard", "topic = 'receipts-no'");
    outbox("retry", "topic = 'receipts-late'");
    try {
        wait_until([&] { return !read_topic(shared_broker().client(), "receipts-late").empty(); },
                   patient(60s), "the event");
    } catch (const WaitedTooLong& late) {
        FAIL(std::string(late.what()) << "\n" << daemon.log());
    }
    daemon.kill();
    daemon.start();
    holder.exec("commit");
    wait_until([&] { return value("select count(*) from sluice.refused_event") == "0"; },
               patient(60s), "the purge");
    CHECK(read_topic(shared_broker().client(), "receipts-late").size() == 1);
}
