#include "tests/bench/stage.h"

#include "tests/fixture/kafka_producer.h"

#include <cstdlib>
#include <fstream>
#include <stdexcept>

namespace sluice::bench {
namespace {

std::int64_t from_environment(const char* name, std::int64_t otherwise) {
    const char* text = std::getenv(name);
    if (text == nullptr) return otherwise;
    const std::int64_t value = std::atoll(text);
    if (value <= 0) throw std::runtime_error(std::string(name) + ": not a number above 0");
    return value;
}

}  // namespace

Stage::Stage()
    : broker_({.properties = {{"log.segment.bytes", "1073741824"}}, .fast = true}),
      postgres_({.settings = {{"shared_buffers", "'1GB'"},
                              {"max_wal_size", "'16GB'"},
                              {"wal_buffers", "'64MB'"},
                              {"max_connections", "500"},
                              {"autovacuum", "off"}},
                 .durable = true}) {
    // The first group of a broker waits until it has made its topic of offsets: not what anybody
    // who comes first should pay for.
    broker_.admin().create_topic("first", 1);
    static_cast<void>(broker_.admin().committed_offsets("first", "first"));
}

void Stage::fill_topic(const std::string& topic, int partitions, std::int64_t records,
                       const Shape::Append& record) {
    fill_topics({topic}, partitions, records, record);
}

void Stage::fill_topics(const std::vector<std::string>& topics, int partitions,
                        std::int64_t records, const Shape::Append& record) {
    for (const std::string& topic : topics) broker_.admin().create_topic(topic, partitions);
    fixture::KafkaProperties properties = broker_.client();
    properties["linger.ms"] = "50";
    fixture::KafkaProducer producer(properties);
    std::string value;
    const auto count = static_cast<std::int64_t>(topics.size());
    for (std::int64_t i = 0; i < records; ++i) {
        value.clear();
        record(i, value);
        producer.produce(topics[static_cast<std::size_t>(i % count)],
                         static_cast<int>(i / count % partitions), value);
    }
    producer.flush();
}

std::filesystem::path Stage::csv_file(const Shape& shape, std::int64_t records) {
    const std::filesystem::path file = directory() / (shape.name + ".csv");
    std::ofstream out(file);
    std::string text;
    for (std::int64_t i = 0; i < records; ++i) {
        text.clear();
        shape.csv_line(i, text);
        out << text;
    }
    if (!out.flush()) throw std::runtime_error(file.string() + ": cannot be written");
    return file;
}

void Stage::fresh_table(const std::string& table, const std::string& columns) {
    fixture::PgConnection session = postgres_.connect();
    session.exec("drop table if exists " + table);
    session.exec("create table " + table + " (" + columns + ")");
    session.exec("checkpoint");
}

std::filesystem::path Stage::configuration(const std::vector<Ingest>& pipelines) {
    const std::filesystem::path file = directory() / (new_name("daemon") + ".toml");
    std::string text = "[kafka]\nbrokers = \"" + broker_.bootstrap() + "\"\n";
    text += "[cloudberry]\ndsn = \"" + postgres_.dsn() + "\"\n";
    for (const Ingest& ingest : pipelines) {
        const bool is_toml = ingest.topic.starts_with('{');
        text += "[ingest." + ingest.name +
                "]\ntopic = " + (is_toml ? ingest.topic : '"' + ingest.topic + '"') +
                "\ntable = \"" + ingest.table + "\"\nformat = \"" + ingest.format + "\"\n" +
                ingest.more;
    }
    fixture::write_file(file, text);
    return file;
}

std::string Stage::new_name(const std::string& stem) {
    return stem + "_" + std::to_string(++names_);
}

std::int64_t table_rows() {
    static const std::int64_t rows = from_environment("SLUICE_BENCH_TABLE", 1000000);
    return rows;
}

std::int64_t record_count() {
    return from_environment("SLUICE_BENCH_RECORDS", 1000000);
}

bool is_wanted(const std::string& name) {
    const char* only = std::getenv("SLUICE_BENCH_ONLY");
    return only == nullptr || name.find(only) != std::string::npos;
}

int round_count() {
    return static_cast<int>(from_environment("SLUICE_BENCH_ROUNDS", 5));
}

}  // namespace sluice::bench
