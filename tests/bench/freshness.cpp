#include "tests/bench/benchmarks.h"
#include "tests/bench/contestants.h"
#include "tests/fixture/kafka_producer.h"
#include "tests/fixture/wait.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <stdexcept>
#include <thread>

namespace sluice::bench {
namespace {

using namespace std::chrono_literals;

constexpr int partitions = 4;
constexpr int records_per_second = 10000;
constexpr int records_per_tick = records_per_second / 100;
constexpr std::chrono::seconds duration = 20s;

/// Sends records at a steady pace, each stamped with its time by Kafka's client, until destroyed.
class Stream {
public:
    Stream(Stage& stage, std::string topic)
        : topic_(std::move(topic)),
          producer_(properties(stage)),
          thread_([this](const std::stop_token& stop) { loop(stop); }) {}

    void stop() {
        thread_.request_stop();
        thread_.join();
        producer_.flush();
    }
    [[nodiscard]] std::int64_t sent() const { return sent_; }

private:
    static fixture::KafkaProperties properties(Stage& stage) {
        fixture::KafkaProperties all = stage.broker().client();
        all["linger.ms"] = "5";
        return all;
    }

    void loop(const std::stop_token& stop) {
        std::string value;
        auto next = std::chrono::steady_clock::now();
        while (!stop.stop_requested()) {
            for (int i = 0; i < records_per_tick; ++i) {
                const std::int64_t number = sent_++;
                value.clear();
                narrow_json().record(number, value);
                producer_.produce(topic_, static_cast<int>(number % partitions), value);
            }
            next += 10ms;
            std::this_thread::sleep_until(next);
        }
    }

    const std::string topic_;
    fixture::KafkaProducer producer_;
    std::atomic<std::int64_t> sent_ = 0;
    std::jthread thread_;  // last: uses what is above
};

/// When which progress was first seen. A row becomes visible with its progress, in one transaction.
struct Sighting {
    std::int64_t next_offset = 0;
    double at_ms = 0;  ///< since 1970
};

double now_ms() {
    return std::chrono::duration<double, std::milli>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

std::vector<std::vector<Sighting>> watch_progress(Progress& progress,
                                                  std::chrono::seconds how_long) {
    std::vector<std::vector<Sighting>> seen(partitions);
    const Stopwatch watch;
    while (watch.seconds() < Seconds(how_long).count()) {
        const std::vector<std::int64_t> next = progress.next_offsets();
        const double at = now_ms();
        for (std::size_t p = 0; p < next.size(); ++p) {
            if (seen[p].empty() || seen[p].back().next_offset != next[p]) {
                seen[p].push_back({next[p], at});
            }
        }
        std::this_thread::sleep_for(2ms);
    }
    return seen;
}

/// How old each row was when it was first there to be seen.
std::vector<double> ages(Stage& stage, const std::string& table,
                         const std::vector<std::vector<Sighting>>& seen) {
    std::vector<double> result;
    std::vector<std::size_t> at(partitions);
    for (const auto& row :
         stage.postgres().query("select kpart, koffset, extract(epoch from sent) * 1000 from " +
                                table + " order by kpart, koffset")) {
        const auto partition = static_cast<std::size_t>(std::stoi(row[0].value()));
        const std::int64_t offset = std::stoll(row[1].value());
        const auto& sightings = seen[partition];
        std::size_t& index = at[partition];
        while (index < sightings.size() && sightings[index].next_offset <= offset) ++index;
        // What came before the first sighting is older than anyone watched.
        if (index == 0 || index == sightings.size()) continue;
        result.push_back(sightings[index].at_ms - std::stod(row[2].value()));
    }
    return result;
}

Ingest stream_ingest(Stage& stage, const std::string& topic, const std::string& delay) {
    std::string more;
    if (!delay.empty()) more = "batch = { delay = \"" + delay + "\" }\n";
    const std::string name = stage.new_name("fresh");
    more += "[ingest." + name +
            ".columns]\nid = \"id\"\ncustomer = \"customer\"\nbirthday = \"birthday\"\n"
            "ordered_at = \"ordered_at\"\nkpart = \"@partition\"\nkoffset = \"@offset\"\n"
            "sent = \"@timestamp\"\n";
    return {.name = name, .topic = topic, .table = "fresh", .more = more};
}

std::string new_stream(Stage& stage) {
    const std::string topic = stage.new_name("stream");
    stage.broker().admin().create_topic(topic, partitions);
    stage.fresh_table("fresh",
                      narrow_json().columns + ", kpart int, koffset bigint, sent timestamptz");
    return topic;
}

std::vector<std::string> measure_ages(Stage& stage, const std::string& delay) {
    const std::string topic = new_stream(stage);
    const Ingest ingest = stream_ingest(stage, topic, delay);
    fixture::Daemon daemon(stage.configuration({ingest}));
    Progress progress(stage, {ingest.name});
    Stream stream(stage, topic);
    // What had gathered before the daemon was ready is no matter of freshness.
    fixture::wait_until(
        [&] {
            const std::int64_t sum = progress.sum();
            return sum > records_per_second && stream.sent() - sum < records_per_second;
        },
        60s, "the daemon to catch up");
    const auto seen = watch_progress(progress, duration);
    const Usage usage = usage_of(daemon.pid());
    stream.stop();
    daemon.stop();
    std::vector<double> all = ages(stage, "fresh", seen);
    stage.broker().admin().delete_topic(topic);
    return {"batch.delay " + (delay.empty() ? "500ms, the default" : delay),
            fixed(quantile(all, 0.5), 0), fixed(quantile(all, 0.99), 0), fixed(quantile(all, 1), 0),
            fixed(usage.cpu_seconds, 1)};
}

/// From the start of the process after a kill -9 until progress is beyond where it was.
double restart_seconds(Stage& stage) {
    const std::string topic = new_stream(stage);
    const Ingest ingest = stream_ingest(stage, topic, "");
    const auto configuration = stage.configuration({ingest});
    fixture::Daemon daemon(configuration);
    Progress progress(stage, {ingest.name});
    Stream stream(stage, topic);
    fixture::wait_until([&] { return progress.sum() > records_per_second; }, 60s, "the first rows");
    daemon.kill();
    // What was on its way to the database may still commit.
    std::this_thread::sleep_for(500ms);
    const std::int64_t before = progress.sum();
    const Stopwatch watch;
    daemon.start();
    fixture::wait_until([&] { return progress.sum() > before; }, 120s, "rows after the restart");
    const double seconds = watch.seconds();
    stream.stop();
    daemon.stop();
    stage.broker().admin().delete_topic(topic);
    return seconds;
}

}  // namespace

void run_freshness(Stage& stage, Report& report) {
    report.heading("freshness at " + whole(records_per_second) +
                   " records/s: from a record's timestamp until its row is visible, in ms");
    std::vector<std::vector<std::string>> rows{{"", "p50", "p99", "max", "CPU s"}};
    for (const char* delay : {"", "100ms"}) rows.push_back(measure_ages(stage, delay));
    report.table(rows);
    std::vector<double> restarts;
    for (int round = 0; round < 3; ++round) restarts.push_back(restart_seconds(stage));
    report.line(
        "after a kill -9, from the restart to the first new row: " + fixed(median(restarts), 2) +
        " s (worst of 3: " + fixed(*std::ranges::max_element(restarts), 2) +
        " s), with a configuration that names nothing");
}

}  // namespace sluice::bench
