#include "tests/fixture/daemon.h"
#include "tests/fixture/kafka_broker.h"
#include "tests/fixture/kafka_producer.h"
#include "tests/fixture/pg_connection.h"
#include "tests/fixture/postgres.h"
#include "tests/fixture/temp_dir.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <chrono>
#include <string>

/// Partitions that are added while daemons run.
namespace sluice::test {
namespace {

using namespace fixture;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

int count(const std::string& text, const std::string& part) {
    int times = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++times;
    return times;
}

TEST_CASE("new partitions: who is given one that it does not know of goes on with its others") {
    const std::string topic = "growing_pair";
    const Postgres& server = shared_postgres();
    server.create_database(topic);
    server.exec("CREATE TABLE t (part int, id bigint)", topic);
    shared_broker().admin().create_topic(topic, 2);
    const TempDir dir{"pair"};
    const auto start = [&](const std::string& name, const std::string& refresh) {
        const auto config = dir.path() / (name + ".toml");
        write_file(config, "[kafka]\nbrokers = \"" + shared_broker().bootstrap() +
                               "\"\n[kafka.properties]\ntopic.metadata.refresh.interval.ms = " +
                               refresh + "\n[admin]\nlisten = \"\"\n[cloudberry]\ndsn = \"" +
                               server.dsn(topic) + "\"\n[ingest.p]\ntopic = \"" + topic +
                               "\"\ntable = \"t\"\nbatch.delay = \"50ms\"\n"
                               "[ingest.p.columns]\npart = \"@partition\"\nid = \"id\"\n");
        return std::make_unique<Daemon>(config);
    };
    const auto rows = [&](int partition) {
        return PgConnection(server.dsn(topic))
            .value("SELECT count(*) FROM t WHERE part = " + std::to_string(partition));
    };
    KafkaProducer producer(shared_broker().client());
    int sent = 0;
    const auto send_to_the_old = [&] {
        ++sent;
        for (int p = 0; p < 2; ++p) producer.produce(topic, p, R"({"id": 1})");
        producer.flush();
    };
    const auto keen = start("keen", "500");  // the first, and so the one that shares out
    wait_until([&] { return count(keen->log(), "assigned 2 partitions") > 0; }, patient(60s),
               "both partitions");
    const auto dull = start("dull", "600000");
    wait_until([&] { return count(dull->log(), "assigned 1 partitions") > 0; }, patient(60s),
               "one partition for each");
    send_to_the_old();
    wait_until([&] { return rows(0) == "1" && rows(1) == "1"; }, patient(30s), "the first rows");
    shared_broker().admin().add_partitions(topic, 4);
    const auto added = Clock::now();
    auto longest = 0ms;
    while (Clock::now() - added < 20s) {
        send_to_the_old();
        const auto began = Clock::now();
        const std::string all = std::to_string(sent);
        wait_until([&] { return rows(0) == all && rows(1) == all; }, patient(60s), "rows");
        longest = std::max(
            longest, std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began));
    }
    MESSAGE("longest wait of the old partitions: " << longest.count() << " ms");
    CHECK(longest < 5s);
}

}  // namespace
}  // namespace sluice::test
