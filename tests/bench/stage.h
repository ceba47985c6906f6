#pragma once

#include "tests/bench/shapes.h"
#include "tests/fixture/kafka_broker.h"
#include "tests/fixture/postgres.h"
#include "tests/fixture/temp_dir.h"

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::bench {

/// One [ingest.NAME] of a benchmark. What is not named here has its default.
struct Ingest {
    std::string name;
    std::string topic;  ///< a name, or TOML: { regex = '…' }
    std::string table;
    std::string format = "json";
    std::string more = {};  ///< further lines of the section, and sub-tables behind them
};

/// The broker, the database and the files that all contestants of a run share. The database is
/// tuned once, durable, for all of them alike.
class Stage {
public:
    Stage();

    [[nodiscard]] fixture::KafkaBroker& broker() { return broker_; }
    [[nodiscard]] fixture::Postgres& postgres() { return postgres_; }
    [[nodiscard]] const std::filesystem::path& directory() const { return directory_.path(); }

    /// A topic with records 0 … `records` - 1, spread evenly over its partitions.
    void fill_topic(const std::string& topic, int partitions, std::int64_t records,
                    const Shape::Append& record);
    /// The same, spread over several topics.
    void fill_topics(const std::vector<std::string>& topics, int partitions, std::int64_t records,
                     const Shape::Append& record);
    /// The same rows in a file for COPY.
    [[nodiscard]] std::filesystem::path csv_file(const Shape& shape, std::int64_t records);
    /// An empty table of this name, and a database with nothing left to do from before.
    void fresh_table(const std::string& table, const std::string& columns);
    /// A configuration file of these pipelines.
    [[nodiscard]] std::filesystem::path configuration(const std::vector<Ingest>& pipelines);
    /// A name that no pipeline of this run had, so that it begins at the topic's beginning.
    [[nodiscard]] std::string new_name(const std::string& stem);

private:
    fixture::KafkaBroker broker_;
    fixture::Postgres postgres_;
    fixture::TempDir directory_{"bench"};
    int names_ = 0;
};

/// SLUICE_BENCH_RECORDS, or 1,000,000.
[[nodiscard]] std::int64_t record_count();
/// SLUICE_BENCH_TABLE, or 1,000,000: what a table has that changes are made to.
[[nodiscard]] std::int64_t table_rows();
/// Whether SLUICE_BENCH_ONLY, if it is set, is a part of the name.
[[nodiscard]] bool is_wanted(const std::string& name);
/// SLUICE_BENCH_ROUNDS, or 5: of each contestant, in turn.
[[nodiscard]] int round_count();

}  // namespace sluice::bench
