#include "tests/crash/kills.h"
#include "tests/crash/stage.h"
#include "tests/fixture/kafka_producer.h"

#include <doctest/doctest.h>

#include <string>

/// A table that follows its records' schema, which stands beside them, while daemons are killed.
namespace sluice::crash {
namespace {

class Following : public Stage {
public:
    Following() : Stage(2) {
        exec("create table orders (id bigint)");
        configure("[ingest.orders]\ntopic = \"" + topic_ + "\"\ngroup = \"" + topic_ +
                  "\"\ntable = \"public.orders\"\nenvelope = \"debezium\"\non_extra = "
                  "\"add_column\"\nlanes = 2\nbatch = { rows = 50, delay = \"50ms\" }\n");
    }

    /// Changes of rows with columns c1 to c`columns`.
    void produce(int records, int columns) {
        for (int i = 0; i < records; ++i) {
            std::string fields = R"({"field":"id","type":"int64"})";
            std::string values = "\"id\":" + std::to_string(++produced_);
            for (int column = 1; column <= columns; ++column) {
                const std::string name = "c" + std::to_string(column);
                fields += R"(,{"field":")" + name + R"(","type":"string"})";
                values += ",\"" + name + "\":\"" + std::to_string(produced_) + "\"";
            }
            with_column_[columns] += 1;
            producer_.produce(
                topic_, i % 2,
                R"({"schema":{"type":"struct","fields":[{"field":"after","type":"struct","fields":[)" +
                    fields +
                    R"(]},{"field":"op","type":"string"}]},"payload":{"op":"c","after":{)" +
                    values + "}}}");
        }
        producer_.flush();
    }

    /// Empty: each record is one row, with all of its fields.
    std::string verdict() {
        wait_for_progress(produced_);
        std::string problems;
        if (value("select count(*) || ' ' || count(distinct id) || ' ' || max(id) from orders") !=
            std::to_string(produced_) + " " + std::to_string(produced_) + " " +
                std::to_string(produced_))
            problems += "rows are lost or doubled\n";
        if (value("select count(*) from sluice.dead_letter") != "0") problems += "dead letters\n";
        int later = 0;
        for (auto at = with_column_.rbegin(); at != with_column_.rend() && at->first > 0; ++at) {
            later += at->second;
            if (value("select count(*) from orders where c" + std::to_string(at->first) +
                      " = id::text") != std::to_string(later))
                problems += "values of c" + std::to_string(at->first) + " are missing\n";
        }
        return problems;
    }

private:
    fixture::KafkaProducer producer_{world().broker->client()};
    std::map<int, int> with_column_;
    int produced_ = 0;
};

}  // namespace

TEST_CASE("schema growth, kill -9: between the DDL and the batch, and around it") {
    Following stage;
    int columns = 0;
    stage.produce(200, columns);
    for (const char* point : {"table_grown", "before_copy:2", "table_grown", "after_copy:3",
                              "before_commit:2", "after_commit:2"}) {
        stage.produce(150, ++columns);
        kill_at(stage, point);
    }
    stage.produce(100, ++columns);
    stage.start();
    CHECK(stage.verdict() == "");
}

}  // namespace sluice::crash
