#include "tests/crash/kills.h"
#include "tests/crash/stage.h"
#include "tests/fixture/kafka_producer.h"
#include "tests/fixture/mpp_locks.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <map>
#include <optional>
#include <random>
#include <string>

/// A table that follows a topic, and a map that does so too, while daemons are killed.
namespace sluice::crash {
namespace {

constexpr int partitions = 3;

class Changes : public Stage {
public:
    explicit Changes(unsigned seed = 1) : Stage(partitions), random_(seed) {
        exec(
            "create table rows (id int primary key, text text not null,"
            " amount int check (amount >= 0), more text default 'more')");
        fixture::write_file(
            config_,
            "[kafka]\nbrokers = \"" + world().broker->bootstrap() +
                "\"\ninstance = { env = \"SLUICE_INSTANCE\" }\n[kafka.properties]\n"
                "\"session.timeout.ms\" = 4000\n\"heartbeat.interval.ms\" = 300\n"
                "[cloudberry]\ndsn = \"" +
                world().postgres->dsn(database_) + "\"\n[ingest.rows]\ntopic = \"" + topic_ +
                "\"\ngroup = \"" + topic_ +
                "\"\ntable = \"rows\"\nmode = \"merge\"\ndelete_when = \"@tombstone\"\n"
                "batch = { rows = 200, delay = \"50ms\" }\n"
                "[ingest.rows.columns]\nid = \"@key\"\ntext = \"/text\"\namount = \"/amount\"\n");
        REQUIRE(fixture::run_sluice({"schema", "--apply", "-c", config_.string()}).exit_code == 0);
        fixture::PgConnection connection = world().postgres->connect(database_);
        for (const char* table : {"rows", "sluice.progress"})
            fixture::install_mpp_locks(connection, table);
    }

    void produce(int records) {
        for (int i = 0; i < records; ++i) {
            // Some keys are hot; each keeps to its partition.
            const int id = static_cast<int>(random_() % (random_() % 2 == 0 ? 5 : 2000));
            const std::string key = std::to_string(id);
            const int number = produced_++;
            std::optional<std::string> value;
            if (random_() % 4 != 0) {
                const bool refused = random_() % 60 == 0;
                value = "{\"text\":\"" + std::to_string(number) +
                        "\",\"amount\":" + (refused ? "-1" : "1") + "}";
                if (!refused) rows_[id] = std::to_string(number);
            } else {
                rows_.erase(id);
            }
            producer_.produce(
                {.topic = topic_, .partition = id % partitions, .key = key, .value = value});
        }
        producer_.flush();
    }

    /// Waits until all is loaded, then compares; empty: the table is what the topic says.
    std::string verdict() {
        fixture::wait_until(
            [&] {
                return value("select coalesce(sum(next_offset), 0) from sluice.progress") ==
                       std::to_string(produced_);
            },
            fixture::patient(60s), "all changes" + logs());
        std::string problems;
        std::map<int, std::string> found;
        for (const auto& row :
             world().postgres->query("select id, text, more from rows", database_)) {
            found[std::stoi(row[0].value())] = row[1].value();
            if (row[2] != "more") problems += "row " + row[0].value() + " lost its default\n";
        }
        for (const auto& [id, text] : rows_)
            if (found[id] != text)
                problems += std::to_string(id) + " is \"" + found[id] + "\", not " + text + "\n";
        for (const auto& [id, text] : found)
            if (!rows_.contains(id)) problems += std::to_string(id) + " is still there\n";
        if (value("select sum(loaded + superseded + rejected) from sluice.ledger") !=
            std::to_string(produced_))
            problems += "the ledger's sum is wrong\n";
        if (value("select sum(rejected) from sluice.ledger") !=
            value("select count(*) from sluice.dead_letter"))
            problems += "dead letters are missing\n";
        return problems;
    }

private:
    fixture::KafkaProducer producer_{world().broker->client()};
    std::mt19937 random_;
    int produced_ = 0;
    std::map<int, std::string> rows_;
};

TEST_CASE("merge, kill -9: at every line that a batch passes") {
    Changes changes;
    for (const char* point : {"before_copy", "merge_staged", "after_copy", "before_progress",
                              "before_commit", "after_commit", "during_isolation"}) {
        changes.produce(1500);
        kill_at(changes, point);
    }
    changes.produce(500);
    changes.start();
    CHECK(changes.verdict() == "");
}

TEST_CASE("merge, kill -9: at random moments, beside another daemon") {
    for_rounds([](std::mt19937& random) {
        Changes changes(static_cast<unsigned>(random()));
        changes.produce(2000);
        changes.start("b");
        for (int i = 0; i < 4; ++i) {
            changes.produce(1500);
            kill_at_random_moments(changes, random, 1);
        }
        changes.start();
        REQUIRE(changes.verdict() == "");
    });
}

}  // namespace
}  // namespace sluice::crash
