#include "tests/crash/kills.h"
#include "tests/crash/stage.h"
#include "tests/fixture/kafka_producer.h"
#include "tests/fixture/mpp_locks.h"

#include <doctest/doctest.h>

#include <array>
#include <random>
#include <string>

/// A table for each topic, filled by batches that have rows of all, while daemons are killed.
namespace sluice::crash {
namespace {

constexpr std::array tables = {"a", "b-B", "c"};

class Tables : public Stage {
public:
    explicit Tables(unsigned seed = 1) : Stage(1), random_(seed) {
        exec("create schema lake");
        for (const char* table : tables) {
            world().broker->admin().create_topic(topic_of(table), 2);
            exec(std::string("create table lake.\"") + table +
                 "\" (part int, offs bigint, id int check (id >= 0))");
        }
        configure("[ingest.lake]\ntopic = { regex = '" + topic_ + "[.](.+)' }\ngroup = \"" +
                  topic_ +
                  "\"\ntable = \"lake.{1}\"\nbatch = { rows = 200, delay = \"50ms\" }\n"
                  "lanes = 2\n[ingest.lake.columns]\npart = \"@partition\"\n"
                  "offs = \"@offset\"\nid = \"id\"\n");
        fixture::PgConnection connection = world().postgres->connect(database_);
        for (const char* table : {"sluice.anchor", "sluice.ledger"})
            fixture::install_mpp_locks(connection, table);
    }

    [[nodiscard]] std::string topic_of(const std::string& table) const {
        return topic_ + "." + table;
    }

    /// To all topics; some the database refuses.
    void produce(int records) {
        for (int i = 0; i < records; ++i) {
            const bool refused = random_() % 100 == 0;
            const std::string value =
                "{\"id\":" + std::string(refused ? "-" : "") + std::to_string(++produced_) + "}";
            producer_.produce(topic_of(tables[random_() % tables.size()]),
                              static_cast<int>(random_() % 2), value);
        }
        producer_.flush();
    }

    /// Waits until all is loaded, then compares; empty: each record is one row or one dead letter.
    std::string verdict() {
        wait_for_progress(produced_);
        const fixture::RunResult verified =
            fixture::run_sluice({"verify", "-c", config_.string()}, {{"SLUICE_INSTANCE", "judge"}});
        std::string problems;
        if (verified.exit_code != 0) problems += verified.out + verified.err;
        std::string all;
        for (const char* table : tables)
            all += (all.empty() ? "" : " union all ") + std::string("select '") + table +
                   "' as name, part, offs, id from lake.\"" + table + "\"";
        if (value("select count(*) + (select count(*) from sluice.dead_letter) from (" + all +
                  ") r") != std::to_string(produced_))
            problems += "rows and dead letters do not add up\n";
        if (value("select count(distinct id) = count(*) and count(distinct (name, part, offs)) ="
                  " count(*) from (" +
                  all + ") r") != "t")
            problems += "records are there twice\n";
        return problems;
    }

private:
    fixture::KafkaProducer producer_{world().broker->client()};
    std::mt19937 random_;
    int produced_ = 0;
};

TEST_CASE("tables by topic, kill -9: all have a batch's rows, or none has") {
    Tables stage;
    for (const char* point : points_of_several_tables) {
        stage.produce(1500);
        kill_at(stage, point);
    }
    stage.produce(500);
    stage.start();
    CHECK(stage.verdict() == "");
}

TEST_CASE("tables by topic, kill -9: at random moments, while tables come and go") {
    for_rounds([](std::mt19937& random) {
        Tables stage(static_cast<unsigned>(random()));
        stage.produce(2000);
        stage.start("b");
        for (int i = 0; i < 4; ++i) {
            const std::string table = std::string("lake.\"") + tables[random() % tables.size()];
            stage.exec("alter table " + table + "\" rename to away");
            stage.produce(1500);
            kill_at_random_moments(stage, random, 1);
            stage.exec("alter table lake.away rename to " + table.substr(5) + "\"");
        }
        stage.start();
        REQUIRE(stage.verdict() == "");
    });
}

}  // namespace
}  // namespace sluice::crash
