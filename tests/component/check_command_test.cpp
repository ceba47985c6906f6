#include "tests/fixture/daemon.h"
#include "tests/fixture/kafka_broker.h"
#include "tests/fixture/postgres.h"
#include "tests/fixture/temp_dir.h"

#include <doctest/doctest.h>

#include <chrono>

/// `sluice check`, the command.
namespace sluice::test {
namespace {

using namespace fixture;

int count(const std::string& text, const std::string& part) {
    int times = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++times;
    return times;
}

TEST_CASE("check: many pipelines are asked about at once, told in order, and each hint once") {
    constexpr int pipelines = 20;
    const Postgres& server = shared_postgres();
    server.create_database("checked");
    server.exec("CREATE TABLE t (id bigint)", "checked");
    shared_broker().admin().create_topic("checked", 2);
    std::string text = "[kafka]\nbrokers = \"" + shared_broker().bootstrap() +
                       "\"\n[cloudberry]\ndsn = \"" + server.dsn("checked") + "\"\n";
    for (int i = 0; i < pipelines; ++i) {
        text += "[ingest.p" + std::to_string(i + 10) + "]\ntopic = \"checked\"\ntable = \"" +
                (i == 3 ? "nowhere" : "t") + "\"\n";
    }
    const TempDir dir{"check"};
    const auto config = dir.path() / "sluice.toml";
    write_file(config, text);
    const auto began = std::chrono::steady_clock::now();
    const RunResult check = run_sluice({"check", "-c", config.string()});
    MESSAGE("20 pipelines: "
            << std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count()
            << " s");
    CHECK(check.exit_code == 1);
    INFO(check.out);
    std::size_t at = 0;
    for (int i = 0; i < pipelines; ++i) {
        if (i == 3) continue;
        at = check.out.find("ok       ingest.p" + std::to_string(i + 10) + ": topic checked", at);
        REQUIRE(at != std::string::npos);
    }
    CHECK(count(check.out, "error    " + config.string() +
                               ":16:1: ingest.p13: table nowhere: not found") == 1);
    CHECK(count(check.out, "no columns hold @partition and @offset") == 1);
    CHECK(check.out.find("\"t\" and 14 more: no columns hold") != std::string::npos);
    const RunResult json = run_sluice({"check", "-c", config.string(), "--output", "json"});
    CHECK(count(json.out, "no columns hold @partition and @offset") == pipelines - 1);
}

TEST_CASE("check: what the database says of a column is of a line of the file") {
    const Postgres& server = shared_postgres();
    server.create_database("placed");
    server.exec("CREATE TABLE t (id bigint, amount numeric GENERATED ALWAYS AS (1) STORED)",
                "placed");
    shared_broker().admin().create_topic("placed", 1);
    const TempDir dir{"check"};
    const auto config = dir.path() / "sluice.toml";
    write_file(config, "[kafka]\nbrokers = \"" + shared_broker().bootstrap() +
                           "\"\n[cloudberry]\ndsn = \"" + server.dsn("placed") +
                           "\"\n[ingest.o]\ntopic = \"placed\"\ntable = \"t\"\n"
                           "[ingest.o.columns]\nid = \"id\"\namont = \"amount\"\n");
    const RunResult check = run_sluice({"check", "-c", config.string()});
    CHECK_MESSAGE(
        check.out.find("error    " + config.string() + ":10:1: ingest.o: ") != std::string::npos,
        check.out);
    const RunResult json = run_sluice({"check", "-c", config.string(), "--output", "json"});
    CHECK_MESSAGE(json.out.find("\"place\":\"" + config.string() + ":10:1\"") != std::string::npos,
                  json.out);
}

TEST_CASE("check: before Sluice's own tables are made, what is wrong beside them is told alone") {
    const Postgres& server = shared_postgres();
    server.create_database("before");
    server.create_role("checker");
    server.exec("CREATE TABLE t (id bigint); GRANT INSERT, SELECT ON t TO checker", "before");
    shared_broker().admin().create_topic("before", 1);
    const TempDir dir{"check"};
    const auto config = dir.path() / "sluice.toml";
    const auto configure = [&](const std::string& table) {
        write_file(config, "[kafka]\nbrokers = \"" + shared_broker().bootstrap() +
                               "\"\n[cloudberry]\ndsn = \"" + server.dsn("before", "checker") +
                               "\"\n[ingest.p]\ntopic = \"before\"\ntable = \"" + table + "\"\n");
    };
    configure("t");
    const RunResult whole = run_sluice({"check", "-c", config.string()});
    CHECK_MESSAGE(whole.exit_code == 1, whole.out);
    CHECK(count(whole.out, "sluice's tables are missing") == 1);
    const RunResult before = run_sluice({"check", "--before-schema", "-c", config.string()});
    CHECK_MESSAGE(before.exit_code == 0, before.out);
    configure("nowhere");
    CHECK(run_sluice({"check", "--before-schema", "-c", config.string()}).exit_code == 1);
}

TEST_CASE("check: a registry that is away is waited for once, however many topics there are") {
    const Postgres& server = shared_postgres();
    server.create_database("unschooled");
    server.exec("CREATE TABLE t (id bigint)", "unschooled");
    for (const char* topic : {"unschooled1", "unschooled2", "unschooled3"})
        shared_broker().admin().create_topic(topic, 1);
    const TempDir dir{"check"};
    const auto config = dir.path() / "sluice.toml";
    write_file(config, "[kafka]\nbrokers = \"" + shared_broker().bootstrap() +
                           "\"\n[registry]\nurl = \"http://127.0.0.1:1\"\n[cloudberry]\ndsn = \"" +
                           server.dsn("unschooled") +
                           "\"\n[ingest.o]\ntopic = [\"unschooled1\", \"unschooled2\", "
                           "\"unschooled3\"]\ntable = \"t\"\nformat = \"avro\"\n"
                           "schema = \"registry\"\n");
    const RunResult check = run_sluice({"check", "-c", config.string(), "--output", "json"});
    CHECK_MESSAGE(count(check.out, "cannot be reached") == 1, check.out);
}

TEST_CASE("check: --offline asks nobody, and finds what the file alone gives away") {
    const TempDir dir{"check"};
    const auto config = dir.path() / "sluice.toml";
    const auto check = [&](const std::string& properties, const std::string& dsn) {
        write_file(config, "[kafka]\nbrokers = \"127.0.0.1:1\"\n[kafka.properties]\n" + properties +
                               "[cloudberry]\ndsn = \"" + dsn +
                               "\"\n[ingest.orders]\ntopic = \"o\"\ntable = \"t\"\n");
        return run_sluice({"check", "--offline", "-c", config.string()});
    };
    const RunResult right = check("", "host=127.0.0.1 port=1 dbname=nowhere");
    CHECK(right.exit_code == 0);
    CHECK(right.out == "ok       ingest.orders: topic o → t\n");
    const RunResult wrong = check("\"linger.mss\" = \"5\"\nsession.timeout.ms = \"10s\"\n",
                                  "hst=127.0.0.1 password=secret");
    CHECK(wrong.exit_code == 2);
    const auto says = [&](const std::string& place, const std::string& text) {
        CHECK_MESSAGE(wrong.err.find(config.string() + place + text) != std::string::npos,
                      wrong.err);
    };
    says(":4:1: ",
         "\"linger.mss\": librdkafka has no such property; did you mean \"linger.ms\"?\n");
    says(":5:17: ", "\"session.timeout.ms\": \"10s\" is no plain number");
    says(":7:1: ",
         "\"dsn\": not a connection string that libpq understands; it has no option \"hst\"; did "
         "you mean \"host\"?\n");
    CHECK(wrong.err.find("secret") == std::string::npos);
    const RunResult pieces = check("", "host=127.0.0.1 password=two secret=3");
    CHECK_MESSAGE(pieces.err.find("understands; write \"host=") != std::string::npos, pieces.err);
    CHECK(pieces.err.find("secret") == std::string::npos);
}

TEST_CASE("check: properties that no client runs with stop a start, too, each at its line") {
    const TempDir dir{"check"};
    const auto config = dir.path() / "sluice.toml";
    write_file(config,
               "[kafka]\nbrokers = \"127.0.0.1:1\"\n[kafka.properties]\nacks = 1\nretries = 0\n"
               "max.in.flight.requests.per.connection = 10\n"
               "[cloudberry]\ndsn = \"host=127.0.0.1 port=1 dbname=nowhere\"\n"
               "[outbox.events]\ntable = \"outbox\"\ntopic = \"events\"\n");
    for (const char* command : {"check", "run"}) {
        const RunResult refused = run_sluice({command, "-c", config.string()});
        CHECK(refused.exit_code == 2);
        for (const char* said :
             {":4:1: \"acks\": the transactional producer of [outbox.events] cannot be made",
              ":5:1: \"retries\": ", ":6:28: \"max.in.flight.requests.per.connection\": "})
            CHECK_MESSAGE(count(refused.err, config.string() + said) == 1, refused.err);
    }
}

TEST_CASE("check: a session timeout that the brokers do not take is told before anybody joins") {
    const Postgres& server = shared_postgres();
    server.create_database("session_timeout");
    server.exec("CREATE TABLE t (id bigint)", "session_timeout");
    shared_broker().admin().create_topic("session_timeout", 1);
    const TempDir dir{"check"};
    const auto config = dir.path() / "sluice.toml";
    const auto check = [&](const std::string& timeout) {
        write_file(config, "[kafka]\nbrokers = \"" + shared_broker().bootstrap() +
                               "\"\n[kafka.properties]\nsession.timeout.ms = " + timeout +
                               "\n[cloudberry]\ndsn = \"" + server.dsn("session_timeout") +
                               "\"\n[ingest.t]\ntopic = \"session_timeout\"\ntable = \"t\"\n");
        return run_sluice({"check", "-c", config.string()});
    };
    const RunResult refused = check("500");
    CHECK(refused.exit_code == 1);
    CHECK_MESSAGE(
        refused.out.find(config.string() +
                         ":4:17: [kafka.properties]: \"session.timeout.ms\" is 500, with "
                         "which the brokers let nobody into a group: they take 1000 to ") !=
            std::string::npos,
        refused.out);
    const RunResult taken = check("1500");
    CHECK_MESSAGE(taken.exit_code == 0, taken.out);
    CHECK(taken.out.find("session.timeout.ms") == std::string::npos);
}

TEST_CASE("check: --offline says what is not here, and looks at the rest") {
    const TempDir dir{"check"};
    const auto config = dir.path() / "sluice.toml";
    const auto check = [&](const std::string& rest) {
        write_file(config,
                   "[kafka]\nbrokers = { env = \"SLUICE_TEST_NOT_SET\" }\n[kafka.properties]\n"
                   "\"sasl.password\" = { file = \"nowhere/password\" }\n[cloudberry]\n"
                   "dsn = { file = \"nowhere/dsn\" }\n[ingest.orders]\n"
                   "topic = { env = \"SLUICE_TEST_NOT_SET\" }\ntable = \"t\"\n" +
                       rest);
        return run_sluice({"check", "--offline", "-c", config.string()});
    };
    const RunResult right = check("");
    CAPTURE(right.out);
    CHECK(right.exit_code == 0);
    CHECK(right.err.empty());
    CHECK(right.out.starts_with("ok       ingest.orders: topic ? → t\n"));
    CHECK(count(right.out, "hint     ") == 4);
    CHECK(count(right.out,
                ":2:19: not looked at: environment variable \"SLUICE_TEST_NOT_SET\" is "
                "not set; set it for \"brokers\"\n") == 1);
    CHECK(count(right.out, "not looked at: \"dsn\": file ") == 1);
    const RunResult wrong = check("lanes = 1\nmemory = \"1MiB\"\n");
    CHECK(wrong.exit_code == 2);
    CHECK(count(wrong.err, "sluice.toml:") == 1);
    CHECK(count(wrong.err, "\"memory\" is 1MiB") == 1);
    const RunResult asked = run_sluice({"check", "-c", config.string()});
    CHECK(asked.exit_code == 2);
    CHECK(count(asked.err, "SLUICE_TEST_NOT_SET") == 2);
}

}  // namespace
}  // namespace sluice::test
