#include "tests/crash/kills.h"
#include "tests/crash/stage.h"
#include "tests/fixture/kafka_producer.h"
#include "tests/fixture/mpp_locks.h"

#include <doctest/doctest.h>

#include <random>
#include <string>

/// One topic into several tables, by batches that have rows of all, while daemons are killed.
namespace sluice::crash {
namespace {

class Into : public Stage {
public:
    explicit Into(unsigned seed = 1) : Stage(2), random_(seed) {
        const std::string columns = "(part int, offs bigint, id int check (id <> 7))";
        exec("create table twos " + columns + "; create table threes " + columns +
             "; create table latest (id int primary key, offs bigint)");
        const std::string origin =
            "[ingest.split.into.columns]\npart = '@partition'\noffs = '@offset'\nid = 'id'\n";
        configure("[ingest.split]\ntopic = '" + topic_ + "'\ngroup = '" + topic_ +
                  "'\nbatch = { rows = 200, delay = '50ms' }\nlanes = 2\n"
                  "[[ingest.split.into]]\ntable = 'twos'\nfilter = 'two = true'\n" +
                  origin + "[[ingest.split.into]]\ntable = 'threes'\nfilter = 'three = true'\n" +
                  origin +
                  "[[ingest.split.into]]\ntable = 'latest'\nmode = 'merge'\n"
                  "[ingest.split.into.columns]\nid = 'key'\noffs = '@offset'\n");
        fixture::PgConnection connection = world().postgres->connect(database_);
        for (const char* table : {"sluice.anchor", "sluice.ledger"})
            fixture::install_mpp_locks(connection, table);
    }

    /// Of each six one is of both tables, and of each hundred one is refused by one of them.
    void produce(int records) {
        for (int i = 0; i < records; ++i) {
            const int n = ++produced_;
            const bool refused = random_() % 100 == 0;
            const int key = static_cast<int>(random_() % 50);
            producer_.produce(topic_, key % 2,
                              "{\"id\":" + std::to_string(refused ? 7 : n + 1000) +
                                  ",\"key\":" + std::to_string(key) +
                                  ",\"two\":" + (n % 2 == 0 ? "true" : "false") +
                                  ",\"three\":" + (n % 3 == 0 ? "true" : "false") + "}");
            dead_ += refused && (n % 2 == 0 || n % 3 == 0);
            twos_ += !refused && n % 2 == 0;
            threes_ += !refused && n % 3 == 0;
            both_ += !refused && n % 6 == 0;
        }
        producer_.flush();
    }

    /// Waits until all is loaded, then compares; empty: all of a record's tables have it, once.
    std::string verdict() {
        wait_for_progress(produced_);
        const fixture::RunResult verified =
            fixture::run_sluice({"verify", "-c", config_.string()}, {{"SLUICE_INSTANCE", "judge"}});
        std::string problems;
        if (verified.exit_code != 0) problems += verified.out + verified.err;
        const auto expect = [&](int count, const std::string& of) {
            const std::string found = value("select count(*) from " + of);
            if (found != std::to_string(count))
                problems += of + ": " + found + ", not " + std::to_string(count) + "\n";
        };
        expect(twos_, "twos");
        expect(threes_, "threes");
        expect(both_, "twos join threes using (part, offs)");
        expect(dead_, "sluice.dead_letter");
        expect(0, "(select from twos group by id having count(*) > 1) doubled");
        expect(0,
               "(select from sluice.dead_letter d join threes on (part, offs) ="
               " (d.kafka_partition, d.kafka_offset)) torn");
        return problems;
    }

private:
    fixture::KafkaProducer producer_{world().broker->client()};
    std::mt19937 random_;
    int produced_ = 0;
    int dead_ = 0;
    int twos_ = 0;
    int threes_ = 0;
    int both_ = 0;
};

TEST_CASE("several targets, kill -9: all of them have a record, or none has") {
    Into stage;
    for (const char* point : points_of_several_tables) {
        stage.produce(1500);
        kill_at(stage, point);
    }
    stage.produce(500);
    stage.start();
    CHECK(stage.verdict() == "");
}

TEST_CASE("several targets, kill -9: at random moments, while a table is away") {
    for_rounds([](std::mt19937& random) {
        Into stage(static_cast<unsigned>(random()));
        stage.produce(2000);
        stage.start("b");
        for (int i = 0; i < 4; ++i) {
            const std::string table = random() % 2 == 0 ? "twos" : "latest";
            stage.exec("alter table " + table + " rename to away");
            stage.produce(1500);
            kill_at_random_moments(stage, random, 1);
            stage.exec("alter table away rename to " + table);
        }
        stage.start();
        REQUIRE(stage.verdict() == "");
    });
}

}  // namespace
}  // namespace sluice::crash
