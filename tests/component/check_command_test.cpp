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
    const RunResult wrong = check("\"linger.mss\" = \"5\"\n", "hst=127.0.0.1 password=secret");
    CHECK(wrong.exit_code == 1);
    const std::string place = "error    " + config.string();
    CHECK_MESSAGE(wrong.out.find(place + ":4:1: [kafka]: ") != std::string::npos, wrong.out);
    CHECK(wrong.out.find("\"linger.mss\": librdkafka has no such property; did you mean "
                         "\"linger.ms\"?") != std::string::npos);
    CHECK(wrong.out.find(place + ":5:2: [cloudberry] dsn: not a connection string") !=
          std::string::npos);
    CHECK(wrong.out.find("secret") == std::string::npos);
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
