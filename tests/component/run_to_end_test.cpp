#include "tests/fixture/daemon.h"
#include "tests/fixture/kafka_broker.h"
#include "tests/fixture/kafka_producer.h"
#include "tests/fixture/kafka_reader.h"
#include "tests/fixture/postgres.h"

#include <doctest/doctest.h>

#include <string>

using namespace sluice::fixture;

namespace {

/// A database and a configuration for runs that end; `name` is that of both, and of the topic.
struct Setup {
    explicit Setup(const std::string& called, const std::string& pipelines)
        : name(called), dir(called), file(dir.path() / "sluice.toml") {
        shared_postgres().create_database(name);
        write_file(file, "[kafka]\nbrokers = \"" + shared_broker().bootstrap() +
                             "\"\n[cloudberry]\ndsn = \"" + shared_postgres().dsn(name) +
                             "\"\n[admin]\nlisten = \"\"\n" + pipelines);
    }
    [[nodiscard]] RunResult run(std::vector<std::string> options) const {
        options.insert(options.begin(), {"run", "-c", file.string(), "--until-caught-up"});
        return run_sluice(options);
    }
    [[nodiscard]] std::string value(const std::string& sql) const {
        return shared_postgres().value(sql, name);
    }

    const std::string name;
    const TempDir dir;
    const std::filesystem::path file;
};

bool says(const RunResult& run, const std::string& text) {
    return (run.out + run.err).find(text) != std::string::npos;
}

}  // namespace

TEST_CASE("run to its end: what stood in the topic is committed when it ends") {
    const Setup setup("run_to_end",
                      "[ingest.numbers]\ntopic = \"run_to_end\"\ntable = \"numbers\"\nformat = "
                      "\"json\"\n");
    shared_postgres().exec("create table numbers (n int)", setup.name);
    shared_broker().admin().create_topic("run_to_end", 2);
    KafkaProducer producer(shared_broker().client());
    for (int i = 0; i < 1000; ++i)
        producer.produce("run_to_end", i % 2, "{\"n\":" + std::to_string(i) + "}");
    producer.flush();

    const RunResult first = setup.run({"--timeout", "60s"});
    CHECK_MESSAGE(first.exit_code == 0, first.err);
    CHECK_MESSAGE(says(first, "caught up: 1000 rows and events, 0 rejected"), first.err);
    CHECK(setup.value("select count(*) from numbers") == "1000");

    // Nothing new: it ends all the same.
    CHECK(setup.run({"--timeout", "60s", "--fail-on-reject"}).exit_code == 0);

    producer.produce("run_to_end", 0, "{\"n\":\"none\"}");
    producer.flush();
    const RunResult rejecting = setup.run({"--timeout", "60s", "--fail-on-reject"});
    CHECK(rejecting.exit_code == 1);
    CHECK_MESSAGE(says(rejecting, "caught up: 0 rows and events, 1 rejected"), rejecting.err);

    // That dead letter is open; what earlier runs rejected does not count.
    CHECK(setup.run({"--timeout", "60s", "--fail-on-reject"}).exit_code == 0);
}

TEST_CASE("check: a pipeline that was renamed is told that it will load all again") {
    const std::string rest = "]\ntopic = \"renamed\"\ntable = \"lines\"\nformat = \"text\"\n";
    const Setup setup("renamed", "[ingest.visits" + rest);
    shared_postgres().exec("create table lines (line text)", setup.name);
    shared_broker().admin().create_topic("renamed", 1);
    KafkaProducer producer(shared_broker().client());
    for (int i = 0; i < 3; ++i) producer.produce("renamed", 0, "x");
    producer.flush();
    const auto warns = [&] {
        const RunResult check = run_sluice({"check", "-c", setup.file.string()});
        CHECK_MESSAGE(check.exit_code == 0, (check.out + check.err));
        return says(check,
                    "a pipeline \"visits\", which is not configured here, has loaded 3 offsets");
    };
    CHECK_FALSE(warns());
    CHECK(setup.run({"--timeout", "60s"}).exit_code == 0);
    CHECK_FALSE(warns());

    std::string text = read_file(setup.file);
    text.replace(text.find("visits"), 6, "guests");
    write_file(setup.file, text);
    CHECK(warns());
    write_file(setup.file, text + "[ingest.visits" + rest);
    CHECK_FALSE(warns());
}

TEST_CASE("run to its end: a run that cannot catch up says why and fails") {
    const Setup setup("run_to_end_late",
                      "[ingest.numbers]\ntopic = \"run_to_end_late\"\ntable = \"numbers\"\nformat "
                      "= \"json\"\n");
    shared_postgres().exec("create table numbers (n int)", setup.name);
    shared_broker().admin().create_topic("run_to_end_late", 1);
    KafkaProducer producer(shared_broker().client());
    producer.produce("run_to_end_late", 0, "{\"n\":1}");
    producer.flush();

    auto locker = shared_postgres().connect(setup.name);
    locker.exec("begin");
    locker.exec("lock numbers");
    const RunResult late = setup.run({"--timeout", "2s"});
    CHECK(late.exit_code == 1);
    CHECK_MESSAGE(says(late, "not caught up: the time is up: ingest.numbers: partition 0 is at"),
                  late.err);
    locker.exec("rollback");

    const RunResult alone = run_sluice({"run", "-c", setup.file.string(), "--timeout", "2s"});
    CHECK(alone.exit_code == 2);
    CHECK(says(alone, "--timeout goes with --until-caught-up only"));
    CHECK(setup.run({"--timeout", "soon"}).exit_code == 2);
}

TEST_CASE("run to its end: a pipeline that fails again and again ends it") {
    Setup setup("run_to_end_failed",
                "[ingest.numbers]\ntopic = \"run_to_end_no_topic\"\ntable = \"numbers\"\n");
    // What libpq does not understand is said, by whatever thread meets it.
    write_file(setup.file, "[kafka]\nbrokers = \"" + shared_broker().bootstrap() +
                               "\"\n[cloudberry]\ndsn = \"this is no dsn\"\n[admin]\nlisten = "
                               "\"\"\n[ingest.numbers]\ntopic = \"run_to_end_no_topic\"\ntable = "
                               "\"numbers\"\n");
    const RunResult run = setup.run({});
    CHECK(run.exit_code == 1);
    CHECK_MESSAGE(says(run, "not caught up: ingest.numbers failed: "), run.err);
}

TEST_CASE("run to its end: an outbox is sent before it ends") {
    const Setup setup("run_to_end_outbox",
                      "[outbox.events]\ntable = \"outbox\"\ntopic = \"run_to_end_events\"\n");
    shared_broker().admin().create_topic("run_to_end_events", 1);
    const RunResult made = run_sluice({"schema", "-c", setup.file.string(), "events", "--apply"});
    REQUIRE_MESSAGE(made.exit_code == 0, made.err);
    shared_postgres().exec(
        "insert into outbox (key, payload) select n, n from generate_series(1, "
        "500) n",
        setup.name);

    const RunResult run = setup.run({"--timeout", "60s"});
    CHECK_MESSAGE(run.exit_code == 0, run.err);
    CHECK_MESSAGE(says(run, "caught up: 500 rows and events, 0 rejected"), run.err);
}
