#include "tests/fixture/daemon.h"
#include "tests/fixture/kafka_broker.h"
#include "tests/fixture/kafka_producer.h"
#include "tests/fixture/temp_dir.h"

#include <doctest/doctest.h>

#include <pty.h>
#include <unistd.h>

using namespace sluice::fixture;
using namespace std::chrono_literals;

namespace {

/// `sluice ARGUMENTS`, and what else the shell is told to do with it.
RunResult in_shell(const std::string& arguments, const std::string& before = "") {
    return run({.argv = {"bash", "-c", before + sluice_program() + " " + arguments}}, 60s);
}

/// A pipe at 3 that nobody reads from any more.
constexpr const char* closed_pipe = "exec 3> >(true); wait $!; ";

}  // namespace

TEST_CASE("commands: what is wrong with a request is said before Kafka or the database is asked") {
    const TempDir dir{"misuse"};
    const auto config = dir.path() / "sluice.toml";
    write_file(config,
               "[kafka]\nbrokers = \"127.0.0.1:1\"\n[cloudberry]\n"
               "dsn = \"host=127.0.0.1 port=1 dbname=nowhere\"\n"
               "[ingest.orders]\ntopic = \"o\"\ntable = \"t\"\n"
               "[outbox.events]\ntable = \"b\"\ntopic = \"e\"\n");
    const auto says = [&](std::vector<std::string> words, const std::string& what) {
        words.insert(words.end(), {"-c", config.string()});
        const RunResult result = run_sluice(words);
        CHECK(result.exit_code == 2);
        CHECK_MESSAGE(result.err.find(what) != std::string::npos, result.err);
        CHECK_MESSAGE(result.err.find("kafka") == std::string::npos, result.err);
    };
    says({"produce", "orders", "not_there.csv"}, "not_there.csv: cannot be read: No such file");
    says({"wait", "orders"}, "needs --partition P and --offset N, or --end");
    says({"wait", "orders", "--partition", "x", "--offset", "1"}, "--partition takes a number");
    says({"wait", "events", "--end"}, "[outbox.events] is an outbox; this is for ingest pipelines");
    says({"peek", "events"}, "[outbox.events] is an outbox");
    says({"verify", "ordres"}, "there is no pipeline \"ordres\"; did you mean \"orders\"?");
    says({"verfy"}, "unknown command \"verfy\"; did you mean \"verify\"?");
    says({"progress", "show", "events"}, "[outbox.events] is an outbox");
    says({"outbox", "list", "orders"},
         "[ingest.orders] is no outbox; what it could not load: sluice dead-letters list orders");
    says({"dead-letters", "list", "events"},
         "[outbox.events] is an outbox; what Kafka could not take: sluice outbox list events");
    says({"peek", "orders", "--where", "ofset = 3"},
         "--where, character 1: there is no field \"ofset\"; did you mean \"offset\"?");
}

TEST_CASE(
    "commands: what is wrong with a part of the file is in nobody's way who does not need it") {
    const TempDir dir{"parts"};
    const auto config = dir.path() / "sluice.toml";
    write_file(config,
               "[kafka]\nbrokers = { env = \"SLUICE_NOT_SET\" }\n[cloudberry]\n"
               "dsn = \"host=127.0.0.1 port=1 dbname=nowhere\"\n[admin]\nlisten = 1\n"
               "[ingest.orders]\ntopic = \"o\"\ntable = \"t\"\n[ingest.broken]\n");
    const auto runs = [&](std::vector<std::string> words) {
        words.insert(words.end(), {"-c", config.string()});
        return run_sluice(words);
    };
    for (const RunResult& asks : {runs({"dead-letters", "list", "ingest.orders"}),
                                  runs({"dead-letters", "retry", "orders"}), runs({"schema"})}) {
        CHECK(asks.exit_code == 1);
        CHECK_MESSAGE(asks.err.find("127.0.0.1") != std::string::npos, asks.err);
        CHECK_MESSAGE(asks.err.find(".toml") == std::string::npos, asks.err);
    }
    CHECK(runs({"dead-letters", "retry"}).exit_code == 2);
    const RunResult verify = runs({"verify", "orders"});
    CHECK(verify.exit_code == 2);
    CHECK_MESSAGE(verify.err.find("SLUICE_NOT_SET") != std::string::npos, verify.err);
    CHECK_MESSAGE(verify.err.find("[ingest.broken]") == std::string::npos, verify.err);
    const RunResult check = runs({"check"});
    CHECK_MESSAGE(check.err.find("[ingest.broken]") != std::string::npos, check.err);
    CHECK_MESSAGE(check.err.find("\"listen\"") != std::string::npos, check.err);
}

TEST_CASE("commands: output that cannot be written is an error") {
    const std::string text = "sluice: standard output cannot be written: ";
    const RunResult full = in_shell("help > /dev/full");
    CHECK(full.exit_code == 1);
    CHECK(full.err == text + "No space left on device\n");
    const RunResult closed = in_shell("version >&-");
    CHECK(closed.exit_code == 1);
    CHECK(closed.err == text + "Bad file descriptor\n");
    const RunResult left = in_shell("help >&3", closed_pipe);
    CHECK(left.exit_code == 1);
    CHECK(left.err == text + "Broken pipe\n");
    CHECK(in_shell("help > /dev/null").exit_code == 0);
    // What flushes in between has failed before the end.
    KafkaBroker& broker = shared_broker();
    broker.admin().create_topic("full", 1);
    KafkaProducer producer{broker.client()};
    producer.produce("full", 0, "value");
    producer.flush();
    const TempDir dir{"full"};
    const auto config = dir.path() / "sluice.toml";
    write_file(config, "[kafka]\nbrokers = \"" + broker.bootstrap() +
                           "\"\n[cloudberry]\ndsn = \"host=127.0.0.1 port=1 dbname=nowhere\"\n");
    const RunResult peek = in_shell("peek --topic full -c " + config.string() + " > /dev/full");
    CHECK(peek.exit_code == 1);
    CHECK(peek.err == text + "No space left on device\n");
}

TEST_CASE("commands: who leaves the pager at a terminal has seen enough") {
    int master = -1;
    int slave = -1;
    REQUIRE(::openpty(&master, &slave, nullptr, nullptr, nullptr) == 0);
    const RunResult left = in_shell("help >&3 2> " + std::string(::ttyname(slave)), closed_pipe);
    CHECK(left.exit_code == 0);
    ::close(slave);
    ::close(master);
}

TEST_CASE("commands: librdkafka's log goes to standard error") {
    const TempDir dir{"log"};
    const auto config = dir.path() / "sluice.toml";
    write_file(config,
               "[kafka]\nbrokers = \"127.0.0.1:1\"\n[cloudberry]\n"
               "dsn = \"host=127.0.0.1 port=1 dbname=nowhere\"\n");
    const RunResult result = run_sluice({"peek", "--topic", "t", "-c", config.string()});
    CHECK(result.exit_code == 1);
    CHECK(result.out.empty());
    CHECK_MESSAGE(result.err.find("kafka FAIL: ") != std::string::npos, result.err);
}
