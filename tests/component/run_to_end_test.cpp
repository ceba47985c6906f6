#include "tests/fixture/daemon.h"
#include "tests/fixture/http_fake.h"
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
    CHECK_MESSAGE(!says(first, "until caught up: "), first.err);  // there were no tables of ours
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

TEST_CASE("run to its end: a pipeline that rejects too much is held, and the run fails") {
    const Setup setup("run_to_end_held",
                      "[ingest.numbers]\ntopic = \"run_to_end_held\"\ntable = \"numbers\"\nbatch = "
                      "{ rows = 10 }\nmax_rejects = 20\n");
    shared_postgres().exec("create table numbers (n int)", setup.name);
    shared_broker().admin().create_topic("run_to_end_held", 1);
    KafkaProducer producer(shared_broker().client());
    for (int i = 0; i < 1000; ++i) producer.produce("run_to_end_held", 0, "{\"n\":\"none\"}");
    producer.flush();

    const RunResult held = setup.run({"--timeout", "60s"});
    CHECK(held.exit_code == 1);
    CHECK_MESSAGE(says(held,
                       "not caught up: ingest.numbers is held: 30 of 30 records were rejected, "
                       "and max_rejects = 20;"),
                  held.err);
    CHECK(setup.value("select count(*) from sluice.dead_letter") ==
          setup.value("select next_offset from sluice.progress"));
}

TEST_CASE("run to its end: after_commit has run behind the last commit, and may fail") {
    const auto pipeline = [](const std::string& sql) {
        return "[daemon]\ndrain_deadline = \"2s\"\n[ingest.numbers]\ntopic = "
               "\"run_to_end_after\"\ntable = \"numbers\"\nafter_commit = { sql = \"" +
               sql + "\", every = \"1h\" }\n";
    };
    const Setup setup("run_to_end_after", pipeline("insert into ran select count(*) from numbers"));
    shared_postgres().exec("create table numbers (n int); create table ran (n int)", setup.name);
    shared_broker().admin().create_topic("run_to_end_after", 2);
    KafkaProducer producer(shared_broker().client());
    int produced = 0;
    const auto produce = [&] {
        for (const int until = produced + 500; produced < until; ++produced)
            producer.produce("run_to_end_after", produced % 2, "{\"n\":1}");
        producer.flush();
    };
    produce();
    const RunResult well = setup.run({"--timeout", "60s"});
    CHECK_MESSAGE(well.exit_code == 0, well.err);
    CHECK(setup.value("select max(n) from ran") == "500");
    // Nothing was committed: nothing to do.
    CHECK(setup.run({"--timeout", "60s"}).exit_code == 0);
    CHECK(setup.value("select count(*) < 3 from ran") == "t");

    const auto run_with = [&](const std::string& sql) {
        std::string text = read_file(setup.file);
        text.replace(text.find("[daemon]"), std::string::npos, pipeline(sql));
        write_file(setup.file, text);
        produce();
        const RunResult run = setup.run({"--timeout", "60s"});
        CHECK_MESSAGE(run.exit_code == 0, run.err);
        return run;
    };
    const RunResult failed = run_with("insert into ran values (-1); select 1/0");
    CHECK_MESSAGE(says(failed, "after_commit: division by zero"), failed.err);
    CHECK(setup.value("select count(*) from ran where n < 0") == "0");
    const RunResult slow = run_with("select pg_sleep(600)");
    CHECK_MESSAGE(says(slow, "after_commit: cut short, since the pipeline ends"), slow.err);
    CHECK(setup.value("select count(*) from numbers") == "1500");
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
    CHECK_MESSAGE(
        says(late, "not caught up: the time is up: ingest.numbers: run_to_end_late[0] is at"),
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
    // A file of librdkafka's that is not there is said, by whatever thread meets it.
    write_file(setup.file, "[kafka]\nbrokers = \"" + shared_broker().bootstrap() +
                               "\"\n[kafka.properties]\nsecurity.protocol = \"ssl\"\n"
                               "ssl.ca.location = \"/nowhere/ca.pem\"\n[cloudberry]\ndsn = \"" +
                               shared_postgres().dsn(setup.name) +
                               "\"\n[admin]\nlisten = "
                               "\"\"\n[ingest.numbers]\ntopic = \"run_to_end_no_topic\"\ntable = "
                               "\"numbers\"\n");
    const RunResult run = setup.run({});
    CHECK(run.exit_code == 1);
    CHECK_MESSAGE(says(run, "not caught up: ingest.numbers failed: "), run.err);
}

TEST_CASE("run to its end: a topic whose table is not there ends it, once the others are loaded") {
    const Setup setup("run_to_end_absent",
                      "[ingest.numbers]\ntopic = [\"run_to_end_here\", \"run_to_end_missing\"]\n"
                      "table = \"{topic}\"\n");
    shared_postgres().exec("create table run_to_end_here (n int)", setup.name);
    KafkaProducer producer(shared_broker().client());
    for (const char* topic : {"run_to_end_here", "run_to_end_missing"}) {
        shared_broker().admin().create_topic(topic, 1);
        producer.produce(topic, 0, "{\"n\":1}");
    }
    producer.flush();
    const RunResult run = setup.run({});
    CHECK(run.exit_code == 1);
    CHECK_MESSAGE(says(run, "not caught up: ingest.numbers: topic \"run_to_end_missing\": "),
                  run.err);
    CHECK(setup.value("select count(*) from run_to_end_here") == "1");
}

TEST_CASE("run to its end: topics that are not there are said, and not waited for") {
    const Setup none("run_to_end_none",
                     "[ingest.numbers]\ntopic = { regex = 'run_to_end_nothing_.*' }\n"
                     "table = \"numbers\"\n");
    shared_postgres().exec("create table numbers (n int)", none.name);
    const RunResult empty = none.run({"--timeout", "60s", "--fail-on-reject"});
    CHECK_MESSAGE(empty.exit_code == 0, empty.err);
    CHECK_MESSAGE(says(empty,
                       "until caught up: no topic's whole name fits \"run_to_end_nothing_.*\": "
                       "there is nothing to load"),
                  empty.err);

    const Setup some("run_to_end_some",
                     "[ingest.numbers]\ntopic = [\"run_to_end_one\", \"run_to_end_other\"]\n"
                     "table = \"numbers\"\n");
    shared_postgres().exec("create table numbers (n int)", some.name);
    shared_broker().admin().create_topic("run_to_end_one", 1);
    KafkaProducer producer(shared_broker().client());
    producer.produce("run_to_end_one", 0, "{\"n\":1}");
    producer.flush();
    const RunResult loaded = some.run({"--timeout", "60s"});
    CHECK_MESSAGE(loaded.exit_code == 0, loaded.err);
    CHECK_MESSAGE(says(loaded, "until caught up: there is no topic \"run_to_end_other\""),
                  loaded.err);
    CHECK(some.value("select count(*) from numbers") == "1");
}

TEST_CASE("run to its end: a topic made anew with as many records is not taken for the old one") {
    const Setup setup("run_to_end_anew",
                      "[ingest.numbers]\ntopic = \"run_to_end_anew\"\ntable = \"numbers\"\n");
    shared_postgres().exec("create table numbers (n int)", setup.name);
    const auto fill = [](int from) {
        shared_broker().admin().create_topic("run_to_end_anew", 1);
        KafkaProducer producer(shared_broker().client());
        for (int i = 0; i < 3; ++i)
            producer.produce("run_to_end_anew", 0, "{\"n\":" + std::to_string(from + i) + "}");
        producer.flush();
    };
    fill(0);
    CHECK(setup.run({}).exit_code == 0);
    shared_broker().admin().delete_topic("run_to_end_anew");
    fill(10);
    const RunResult run = setup.run({});
    CHECK(run.exit_code == 1);
    CHECK_MESSAGE(says(run, "created anew"), run.err);
    CHECK(setup.value("select max(n) from numbers") == "2");
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

TEST_CASE("run to its end: a schema that nobody knows is told of once, however often it is tried") {
    HttpFake registry;
    registry.answer("/schemas/ids/99999",
                    {404, R"({"error_code":40403,"message":"Schema not found"})"});
    const Setup setup("unknown_schema",
                      "[registry]\nurl = '" + registry.url() +
                          "'\n[ingest.numbers]\ntopic = \"unknown_schema\"\ntable = \"numbers\"\n"
                          "format = \"avro\"\nschema = \"registry\"\n");
    shared_postgres().exec("create table numbers (n int)", setup.name);
    shared_broker().admin().create_topic("unknown_schema", 1);
    KafkaProducer producer(shared_broker().client());
    producer.produce("unknown_schema", 0, std::string("\0\0\1\x86\x9f\2", 6));
    producer.produce("unknown_schema", 0, "no schema at all");
    producer.flush();

    const RunResult tried = setup.run({"--timeout", "60s"});
    CHECK(tried.exit_code == 1);
    CHECK_MESSAGE(says(tried, "the registry does not know schema 99999"), tried.err);
    const std::size_t once = tried.err.find("runs again: ");
    CHECK_MESSAGE(once != std::string::npos, tried.err);
    CHECK_MESSAGE(tried.err.find("runs again: ", once + 1) == std::string::npos, tried.err);

    const RunResult peeked = run_sluice({"peek", "numbers", "-c", setup.file.string()});
    CHECK_MESSAGE(peeked.exit_code == 0, peeked.err);
    CHECK_MESSAGE(says(peeked, "the pipeline stops here: the registry does not know schema 99999"),
                  peeked.out);
    CHECK_MESSAGE(
        says(peeked, "unknown_schema[0]@1: the value is not in the registry's wire format"),
        peeked.out);
}
