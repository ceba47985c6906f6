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
    CHECK(count(check.out, "error    ingest.p13: table nowhere: not found") == 1);
    CHECK(count(check.out, "no columns hold @partition and @offset") == 1);
    CHECK(check.out.find("\"t\" and 14 more: no columns hold") != std::string::npos);
    const RunResult json = run_sluice({"check", "-c", config.string(), "--output", "json"});
    CHECK(count(json.out, "no columns hold @partition and @offset") == pipelines - 1);
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
    CHECK_MESSAGE(wrong.out.find("error    [kafka]: ") != std::string::npos, wrong.out);
    CHECK(wrong.out.find("linger.mss") != std::string::npos);
    CHECK(wrong.out.find("error    [cloudberry] dsn: not a connection string") !=
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
