#include "tests/fixture/daemon.h"
#include "tests/fixture/kafka_broker.h"
#include "tests/fixture/kafka_producer.h"
#include "tests/fixture/postgres.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace sluice::fixture;

TEST_CASE("wait: ends when the offset is committed, or the time is up") {
    const Postgres& postgres = shared_postgres();
    postgres.create_database("wait");
    postgres.exec("create table lines (line text)", "wait");
    shared_broker().admin().create_topic("wait", 2);
    KafkaProducer producer(shared_broker().client());
    for (int i = 0; i < 10; ++i) producer.produce("wait", 1, std::to_string(i));
    producer.flush();
    const TempDir dir("wait");
    const auto file = dir.path() / "sluice.toml";
    write_file(file, "[kafka]\nbrokers = \"" + shared_broker().bootstrap() +
                         "\"\n[cloudberry]\ndsn = \"" + postgres.dsn("wait") +
                         "\"\n[ingest.lines]\ntopic = \"wait\"\ntable = \"lines\"\nformat = "
                         "\"text\"\n");
    const auto wait = [&](std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), {"wait", "-c", file.string()});
        return run_sluice(arguments);
    };
    const auto offset = [&](int partition, int number, const std::string& timeout) {
        return wait({"lines", "--partition", std::to_string(partition), "--offset",
                     std::to_string(number), "--timeout", timeout});
    };

    // Nobody has ever loaded: the tables are not there.
    const RunResult nobody = offset(1, 0, "100ms");
    CHECK(nobody.exit_code == 1);
    CHECK(nobody.out == "wait[1]: no progress yet; is sluice run at work on [ingest.lines]?\n");
    CHECK(nobody.err.find("anchor") != std::string::npos);

    Daemon daemon(file);
    const RunResult reached = offset(1, 9, "60s");
    CHECK_MESSAGE(reached.exit_code == 0, daemon.log());
    CHECK(reached.out == "wait[1]: everything below offset 10 is committed\n");
    CHECK(postgres.value("select count(*) from lines", "wait") == "10");
    CHECK(wait({"lines", "--end", "--timeout", "60s"}).out ==
          "wait[0]: everything below offset 0 is committed\n"
          "wait[1]: everything below offset 10 is committed\n");

    const RunResult late = offset(1, 10, "300ms");
    CHECK(late.exit_code == 1);
    CHECK(late.out == "wait[1]: everything below offset 10 is committed, not yet all below 11\n");
    CHECK(daemon.stop() == 0);

    const RunResult unknown = offset(2, 0, "1s");
    CHECK(unknown.exit_code == 2);
    CHECK(unknown.err == "sluice: topic \"wait\" has no partition 2; it has 0 to 1\n");
    CHECK(wait({"line", "--end"}).err ==
          "sluice: there is no [ingest.line]; did you mean \"lines\"?\n");
    CHECK(wait({"lines", "--partition", "1"}).exit_code == 2);
    CHECK(
        wait({"lines", "--end", "--output", "json"}).out ==
        R"({"pipeline":"lines","reached":true,"partitions":[)"
        R"({"topic":"wait","partition":0,"waited_for":0,"topic_ends":0,"next_offset":0,"reached":true},)"
        R"({"topic":"wait","partition":1,"waited_for":10,"topic_ends":10,"next_offset":10,"reached":true}]})"
        "\n");

    // Progress is that of another topic of this name, and says nothing of the record in this one.
    shared_broker().admin().delete_topic("wait");
    shared_broker().admin().create_topic("wait", 2);
    KafkaProducer again(shared_broker().client());
    again.produce("wait", 1, "0");
    again.flush();
    const RunResult anew = offset(1, 0, "300ms");
    CHECK(anew.exit_code == 1);
    CHECK_MESSAGE(
        anew.out.starts_with("wait[1]: progress is at 10, and the topic ends at 1: it was created"),
        anew.out);
}
