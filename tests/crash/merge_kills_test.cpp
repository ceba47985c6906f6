#include "tests/crash/kills.h"
#include "tests/crash/stage.h"
#include "tests/fixture/kafka_producer.h"
#include "tests/fixture/mpp_locks.h"

#include <doctest/doctest.h>

#include <map>
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
            " amount int check (amount >= 0), place text unique, more text default 'more')");
        configure("[ingest.rows]\ntopic = \"" + topic_ + "\"\ngroup = \"" + topic_ +
                  "\"\ntable = \"rows\"\nmode = \"merge\"\nenvelope = \"debezium\"\n"
                  "batch = { rows = 200, delay = \"50ms\" }\n[ingest.rows.columns]\n"
                  "id = \"@key\"\ntext = \"/text\"\namount = \"/amount\"\nplace = \"/place\"\n");
        fixture::PgConnection connection = world().postgres->connect(database_);
        for (const char* table : {"rows", "sluice.anchor", "sluice.ledger"})
            fixture::install_mpp_locks(connection, table);
    }

    /// Each is legal behind those before it, or refused whatever stands before it.
    void produce(int records) {
        for (const int end = produced_ + records; produced_ < end;) {
            // Some keys are hot; each keeps to its partition, and so do places.
            const int id = static_cast<int>(random_() % (random_() % 2 == 0 ? 5 : 2000));
            const auto row = rows_.find(id);
            const bool is_there = row != rows_.end();
            if (is_there && random_() % 3 == 0)
                remove(id);
            else if (is_there && random_() % 3 == 0)
                take_place(id, free_place(id));
            else if (is_there && random_() % 3 == 0)
                exchange_places(id);
            else if (random_() % 60 == 0)
                say(id, "-1", is_there ? row->second.place : "");
            else
                say(id, "1", free_place(id));
        }
        producer_.flush();
    }

    /// Waits until all is loaded, then compares; empty: the table is what the topic says.
    std::string verdict() {
        wait_for_progress(produced_);
        std::string problems;
        std::map<int, Row> found;
        for (const auto& row : world().postgres->query(
                 "select id, text, coalesce(place, ''), more from rows", database_)) {
            found[std::stoi(row[0].value())] = {row[1].value(), row[2].value()};
            if (row[3] != "more") problems += "row " + row[0].value() + " lost its default\n";
        }
        for (const auto& [id, row] : rows_)
            if (found[id] != row)
                problems += std::to_string(id) + " is " + found[id].text + " at \"" +
                            found[id].place + "\", not " + row.text + " at " + row.place + "\n";
        for (const auto& [id, row] : found)
            if (!rows_.contains(id)) problems += std::to_string(id) + " is still there\n";
        if (value("select sum(loaded + superseded + rejected) from sluice.ledger") !=
            std::to_string(produced_))
            problems += "the ledger's sum is wrong\n";
        if (value("select sum(rejected) from sluice.ledger") !=
            value("select count(*) from sluice.dead_letter"))
            problems += "dead letters are missing\n";
        for (const auto& letter : world().postgres->query(
                 "select convert_from(value, 'UTF8'), reasons::text from sluice.dead_letter where"
                 " position('\"amount\":-1' in convert_from(value, 'UTF8')) = 0",
                 database_))
            problems +=
                "a valid change is a dead letter: " + *letter[0] + " for " + *letter[1] + "\n";
        return problems;
    }

private:
    struct Row {
        std::string text;
        std::string place;  ///< "": none
        bool operator==(const Row&) const = default;
    };

    void send(int id, const std::string& value) {
        producer_.produce({.topic = topic_,
                           .partition = id % partitions,
                           .key = std::to_string(id),
                           .value = value});
        ++produced_;
    }
    static std::string quoted(const std::string& place) {
        return place.empty() ? "null" : "\"" + place + "\"";
    }
    void say(int id, const std::string& amount, const std::string& place) {
        const std::string text = std::to_string(produced_);
        if (amount != "-1") rows_[id] = {text, place};
        send(id, R"({"op":"u","after":{"text":")" + text + R"(","amount":)" + amount +
                     R"(,"place":)" + quoted(place) + "}}");
    }
    /// Of the text it says nothing, nor of the amount.
    void take_place(int id, const std::string& place) {
        rows_[id].place = place;
        send(id, R"({"op":"u","after":{"text":"__debezium_unavailable_value","amount":)"
                 R"("__debezium_unavailable_value","place":)" +
                     quoted(place) + "}}");
    }
    void remove(int id) {
        rows_.erase(id);
        send(id, R"({"op":"d","before":{}})");
    }
    std::string free_place(int id) {
        const std::string place =
            std::to_string(id % partitions) + "." + std::to_string(random_() % 40);
        for (const auto& [other, row] : rows_)
            if (row.place == place && other != id) return "";
        return place;
    }
    /// With another row of the partition.
    void exchange_places(int id) {
        const std::string place = rows_[id].place;
        for (auto& [other, row] : rows_) {
            if (other == id || other % partitions != id % partitions || row.place.empty()) continue;
            const std::string others = row.place;
            take_place(id, "");
            take_place(other, place);
            take_place(id, others);
            return;
        }
    }

    fixture::KafkaProducer producer_{world().broker->client()};
    std::mt19937 random_;
    int produced_ = 0;
    std::map<int, Row> rows_;
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
