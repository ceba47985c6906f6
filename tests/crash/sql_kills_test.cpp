#include "tests/crash/kills.h"
#include "tests/crash/stage.h"
#include "tests/fixture/kafka_producer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <string>

/// Tables that SQL, an order or an array have a part in, while daemons are killed.
namespace sluice::crash {
namespace {

constexpr int partitions = 2;

class Pipeline : public Stage {
public:
    Pipeline(const std::string& table, const std::string& keys) : Stage(partitions) {
        exec("create table rows (" + table + ")");
        configure("[ingest.rows]\ntopic = \"" + topic_ + "\"\ngroup = \"" + topic_ +
                  "\"\ntable = \"rows\"\nbatch = { rows = 200, delay = \"50ms\" }\n" + keys);
    }

    void produce(const std::string& value) {
        producer_.produce({.topic = topic_,
                           .partition = produced_ % partitions,
                           .key = std::nullopt,
                           .value = value});
        ++produced_;
    }
    void flush() { producer_.flush(); }
    int produced() const { return produced_; }

    /// Waits until all is loaded; "": each record is in the ledger's sum, each reject a dead
    /// letter.
    std::string verdict() {
        wait_for_progress(produced_);
        if (value("select sum(loaded + superseded + filtered + rejected) from sluice.ledger") !=
            std::to_string(produced_))
            return "the ledger's sum is wrong";
        if (value("select sum(rejected) from sluice.ledger") !=
            value("select count(*) from sluice.dead_letter"))
            return "dead letters are missing";
        return "";
    }

private:
    fixture::KafkaProducer producer_{world().broker->client()};
    int produced_ = 0;
};

/// Rows by an order, computed and left out, and a map that is changed alike.
class OrderedRows : public Pipeline {
public:
    explicit OrderedRows(unsigned seed)
        : Pipeline("id int primary key, version int, text text, share int check (share < 50)",
                   "mode = \"merge\"\norder = \"version\"\ndelete_when = \"gone = true\"\n"
                   "where = \"amount <> 7\"\n[ingest.rows.fields]\n"
                   "amount = { from = \"amount\", type = \"int\" }\n"
                   "word = { from = \"word\", type = \"text\" }\n[ingest.rows.columns]\n"
                   "id = \"id\"\nversion = \"version\"\n"
                   "text = { sql = \"upper(word)\" }\nshare = { sql = \"100 / amount\" }\n"),
          random_(seed) {}

    void produce_some(int records) {
        for (int i = 0; i < records; ++i) {
            // In any partition, and older ones behind newer ones.
            const int id = static_cast<int>(random_() % 150);
            const int late = static_cast<int>(random_() % 300);
            const int version = std::max(0, produced() - late) * 4096 + produced();
            // 0: the expression fails; 1, 2: the table refuses it; 7: left out.
            const int amount = static_cast<int>(random_() % 40);
            const bool gone = random_() % 5 == 0;
            const std::string number = std::to_string(produced());
            produce("{\"id\":" + std::to_string(id) + ",\"version\":" + std::to_string(version) +
                    ",\"amount\":" + std::to_string(amount) + ",\"word\":\"w" + number +
                    "\",\"gone\":" + (gone ? "true" : "false") + "}");
            const bool counts = gone || (amount > 2 && amount != 7);
            if (!counts || version < rows_[id].version) continue;
            rows_[id] = {version, gone ? std::nullopt : std::optional("W" + number)};
        }
        flush();
    }
    [[nodiscard]] std::string expected() const {
        std::string all;
        for (const auto& [id, row] : rows_)
            if (row.text) all += std::to_string(id) + "|" + *row.text + " ";
        return all;
    }
    [[nodiscard]] std::string found() const {
        return value("select string_agg(id || '|' || text || ' ', '' order by id) from rows");
    }

private:
    struct Row {
        int version = -1;
        std::optional<std::string> text;
    };
    std::mt19937 random_;
    std::map<int, Row> rows_;
};

}  // namespace

TEST_CASE("sql, kill -9: changes in an order, computed and left out") {
    OrderedRows rows(1);
    for (const char* point :
         {"sql_staged", "during_isolation", "before_progress", "after_commit"}) {
        rows.produce_some(800);
        kill_at(rows, point);
    }
    rows.start();
    REQUIRE(rows.verdict() == "");
    CHECK(rows.found() == rows.expected());
}

TEST_CASE("sql, kill -9: at random moments, beside another daemon") {
    for_rounds([](std::mt19937& random) {
        OrderedRows rows(static_cast<unsigned>(random()));
        rows.produce_some(1000);
        rows.start("b");
        for (int i = 0; i < 2; ++i) {
            rows.produce_some(800);
            kill_at_random_moments(rows, random, 1);
        }
        rows.start();
        REQUIRE(rows.verdict() == "");
        REQUIRE(rows.found() == rows.expected());
    });
}

TEST_CASE("sql, kill -9: the elements of arrays, each once, of a record all or none") {
    Pipeline pipeline("record int, item int check (item <> 3), twice int",
                      "explode = \"/items\"\nwhere = \"item <> 5\"\n[ingest.rows.columns]\n"
                      "record = \"record\"\nitem = \"/items/n\"\n"
                      "twice = { sql = \"item * 2\" }\n");
    std::mt19937 random(2);
    std::map<int, int> items;  // of records that are loaded
    for (const char* point :
         {"sql_staged", "during_isolation", "before_progress", "after_commit"}) {
        for (int i = 0; i < 600; ++i) {
            const int record = pipeline.produced();
            std::string array;
            bool refused = false;
            for (int n = static_cast<int>(random() % 4); n > 0; --n) {
                const int item = static_cast<int>(random() % 60);
                array += (array.empty() ? "{\"n\":" : ",{\"n\":") + std::to_string(item) + "}";
                refused |= item == 3;
                items[record] += item == 5 ? 0 : 1;
            }
            if (refused) items.erase(record);
            pipeline.produce("{\"record\":" + std::to_string(record) + ",\"items\":[" + array +
                             "]}");
        }
        pipeline.flush();
        kill_at(pipeline, point);
    }
    pipeline.start();
    REQUIRE(pipeline.verdict() == "");
    int all = 0;
    for (const auto& [record, count] : items) all += count;
    CHECK(pipeline.value("select count(*) from rows where twice = 2 * item") ==
          std::to_string(all));
    CHECK(pipeline.value("select count(*) from sluice.open_dead_letter d join rows r on "
                         "convert_from(d.value, 'UTF8')::json ->> 'record' = r.record::text") ==
          "0");
}

}  // namespace sluice::crash
