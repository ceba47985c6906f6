#include "tests/bench/benchmarks.h"
#include "tests/bench/measure.h"
#include "tests/fixture/daemon.h"
#include "tests/fixture/kafka_handle.h"
#include "tests/fixture/kafka_producer.h"
#include "tests/fixture/pg_connection.h"
#include "tests/fixture/wait.h"

#include <atomic>
#include <map>
#include <thread>

namespace sluice::bench {
namespace {

using namespace std::chrono_literals;

constexpr int partitions = 4;
constexpr int row_bytes = 200;
constexpr int events_per_second = 2000;
constexpr auto latency_time = 20s;

/// An outbox table, a topic, and a daemon's configuration for them.
struct OutboxStage {
    OutboxStage(Stage& the_stage, const std::string& more)
        : stage(the_stage), name(stage.new_name("outbox")), topic(stage.new_name("events")) {
        stage.broker().admin().create_topic(topic, partitions);
        stage.fresh_table(name,
                          "id bigserial primary key, key text, payload text, created_at timestamptz"
                          " not null default clock_timestamp()");
        config = stage.directory() / (name + ".toml");
        fixture::write_file(config, "[kafka]\nbrokers = \"" + stage.broker().bootstrap() +
                                        "\"\n[cloudberry]\ndsn = \"" + stage.postgres().dsn() +
                                        "\"\n[outbox." + name + "]\ntable = \"" + name +
                                        "\"\ntopic = \"" + topic + "\"\n" + more);
    }
    void fill(std::int64_t rows) const {
        stage.postgres().exec("insert into " + name +
                              " (key, payload) select 'k' || i % 1000, repeat('x', " +
                              std::to_string(row_bytes) + ") from generate_series(1, " +
                              std::to_string(rows) + ") i");
        stage.postgres().exec("vacuum analyze " + name);
        stage.postgres().exec("checkpoint");
    }
    Stage& stage;
    const std::string name;
    const std::string topic;
    std::filesystem::path config;
};

/// Reads a topic as committed, on a thread of its own, until destroyed; when it got each value.
class Reader {
public:
    Reader(Stage& stage, const std::string& topic)
        : consumer_(fixture::make_kafka(RD_KAFKA_CONSUMER,
                                        {{"bootstrap.servers", stage.broker().bootstrap()},
                                         {"group.id", "bench"},
                                         {"enable.auto.commit", "false"},
                                         {"isolation.level", "read_committed"},
                                         {"fetch.wait.max.ms", "100"}})) {
        rd_kafka_poll_set_consumer(consumer_.get());
        const fixture::TopicPartitions list{rd_kafka_topic_partition_list_new(partitions)};
        for (int p = 0; p < partitions; ++p) {
            rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), p)->offset =
                RD_KAFKA_OFFSET_BEGINNING;
        }
        rd_kafka_assign(consumer_.get(), list.get());
        thread_ = std::jthread([this](const std::stop_token& stop) { loop(stop); });
    }
    [[nodiscard]] std::int64_t count() const { return count_; }
    /// When each value came, in seconds since 1970. Ends the reading.
    [[nodiscard]] std::map<std::string, double> take() {
        thread_.request_stop();
        thread_.join();
        return std::move(seen_);
    }

private:
    void loop(const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            const fixture::MessageHandle message{rd_kafka_consumer_poll(consumer_.get(), 50)};
            if (!message || message->err != RD_KAFKA_RESP_ERR_NO_ERROR) continue;
            const double now = Seconds(std::chrono::system_clock::now().time_since_epoch()).count();
            seen_.emplace(std::string(static_cast<const char*>(message->key), message->key_len),
                          now);
            ++count_;
        }
    }

    fixture::KafkaHandle consumer_;
    std::atomic<std::int64_t> count_ = 0;
    std::map<std::string, double> seen_;
    std::jthread thread_;
};

double copy_out_rate(OutboxStage& stage, std::int64_t rows) {
    const Stopwatch watch;
    fixture::run_or_throw({.argv = {"psql", "-X", "-q", "-d", stage.stage.postgres().dsn(), "-o",
                                    "/dev/null", "-c", "copy " + stage.name + " to stdout"}},
                          300s);
    return static_cast<double>(rows) / watch.seconds();
}

double plain_producer_rate(Stage& stage, std::int64_t messages) {
    const std::string topic = stage.new_name("plain");
    stage.broker().admin().create_topic(topic, partitions);
    fixture::KafkaProperties properties = stage.broker().client();
    properties["enable.idempotence"] = "true";
    properties["linger.ms"] = "5";
    fixture::KafkaProducer producer(properties);
    const std::string value(row_bytes, 'x');
    const Stopwatch watch;
    for (std::int64_t i = 0; i < messages; ++i) {
        const std::string key = "k" + std::to_string(i % 1000);
        producer.produce({.topic = topic, .key = key, .value = value});
    }
    producer.flush();
    const double rate = static_cast<double>(messages) / watch.seconds();
    stage.broker().admin().delete_topic(topic);
    return rate;
}

/// From the start of the daemon's sending, not of its process, until the mark says that all rows
/// are in Kafka: first and last claim and the end of the table tell.
struct Bulk {
    double seconds = 0;
    double with_start = 0;
    double cpu_seconds = 0;
};

Bulk send_backlog(OutboxStage& stage, std::int64_t rows) {
    Bulk bulk;
    Reader reader(stage.stage, stage.topic);
    const Stopwatch process;
    fixture::Daemon daemon(stage.config);
    fixture::wait_until(
        [&] { return daemon.log().find("sends from here on") != std::string::npos; }, 60s,
        "the start");
    const Stopwatch watch;
    fixture::wait_until([&] { return reader.count() >= rows; }, 600s, "all events");
    bulk.seconds = watch.seconds();
    bulk.with_start = process.seconds();
    bulk.cpu_seconds = usage_of(daemon.pid()).cpu_seconds;
    daemon.stop();
    return bulk;
}

/// At a steady pace; how old each event was when a reader had it.
std::vector<double> latencies(Stage& stage) {
    OutboxStage outbox(stage, "");
    Reader reader(stage, outbox.topic);
    fixture::Daemon daemon(outbox.config);
    fixture::wait_until(
        [&] { return daemon.log().find("sends from here on") != std::string::npos; }, 60s,
        "the start");
    auto session = stage.postgres().connect();
    std::map<std::string, double> committed;
    const Stopwatch watch;
    auto next = std::chrono::steady_clock::now();
    std::int64_t number = 0;
    const std::string payload(row_bytes, 'x');
    while (watch.seconds() < Seconds(latency_time).count()) {
        std::string sql = "insert into " + outbox.name + " (key, payload) values ";
        const std::int64_t first = number;
        for (int i = 0; i < events_per_second / 200; ++i) {
            sql += (i == 0 ? "('" : ", ('") + std::to_string(number++) + "', '" + payload + "')";
        }
        session.exec(sql);
        const double now = Seconds(std::chrono::system_clock::now().time_since_epoch()).count();
        for (std::int64_t i = first; i < number; ++i) committed[std::to_string(i)] = now;
        next += 5ms;
        std::this_thread::sleep_until(next);
    }
    fixture::wait_until([&] { return reader.count() >= number; }, 60s, "the last events");
    std::vector<double> ages;
    for (const auto& [key, at] : reader.take()) ages.push_back((at - committed.at(key)) * 1000);
    daemon.stop();
    return ages;
}

}  // namespace

void run_outbox(Stage& stage, Report& report) {
    const std::int64_t rows = record_count();
    report.heading("outbox: " + whole(static_cast<double>(rows)) + " rows of " +
                   std::to_string(row_bytes) + " bytes, from the table to a read_committed reader");
    OutboxStage full(stage, "");
    full.fill(rows);
    const double copy = copy_out_rate(full, rows);
    const double plain = plain_producer_rate(stage, rows);
    const Bulk large = send_backlog(full, rows);
    OutboxStage tenth(stage, "");
    tenth.fill(rows / 10);
    const Bulk small = send_backlog(tenth, rows / 10);
    OutboxStage narrow(stage, "batch = { rows = 2000 }\n");
    narrow.fill(rows);
    const Bulk many = send_backlog(narrow, rows);
    const auto rate = [](double events, const Bulk& bulk) { return whole(events / bulk.seconds); };
    const auto all = static_cast<double>(rows);
    report.table({{"", "per second", "CPU s"},
                  {"COPY … TO STDOUT of the table", whole(copy), ""},
                  {"a plain idempotent producer", whole(plain), ""},
                  {"sluice, the whole backlog", rate(all, large), fixed(large.cpu_seconds, 1)},
                  {"sluice, a tenth of it", rate(all / 10, small), fixed(small.cpu_seconds, 1)},
                  {"sluice, batches of 2,000 rows", rate(all, many), fixed(many.cpu_seconds, 1)}});
    report.heading("outbox: at " + whole(events_per_second) +
                   " events/s, from the row's commit to a read_committed reader, in ms");
    std::vector<double> ages = latencies(stage);
    report.table({{"p50", "p99", "max"},
                  {fixed(quantile(ages, 0.5), 1), fixed(quantile(ages, 0.99), 1),
                   fixed(quantile(ages, 1), 1)}});
}

}  // namespace sluice::bench
