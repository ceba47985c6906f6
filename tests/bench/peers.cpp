#include "tests/bench/benchmarks.h"
#include "tests/bench/connect.h"
#include "tests/bench/contestants.h"

#include <chrono>
#include <stdexcept>
#include <thread>

namespace sluice::bench {
namespace {

using namespace std::chrono_literals;

constexpr int partitions = 4;
/// Of a worker's life: Java compiles what runs often, while it runs.
constexpr int warm_up_rounds = 2;
/// After a kill, nothing new for so long means that nothing will come any more.
constexpr double silence_seconds = 90;

/// How full a table is, without reading it: every row has the same size, give or take.
class Filling {
public:
    Filling(Stage& stage, std::string table, std::int64_t full_bytes)
        : session_(stage.postgres().connect()), table_(std::move(table)), full_(full_bytes) {}

    [[nodiscard]] double share() {
        return static_cast<double>(
                   std::stoll(session_.value("select pg_relation_size('" + table_ + "')"))) /
               static_cast<double>(full_);
    }
    [[nodiscard]] std::int64_t rows() {
        return std::stoll(session_.value("select count(*) from " + table_));
    }

private:
    fixture::PgConnection session_;
    const std::string table_;
    const std::int64_t full_;
};

/// Seconds until the table has all rows.
double wait_for_rows(Filling& filling, std::int64_t records, ConnectWorker& worker) {
    const Stopwatch watch;
    for (;;) {
        // Counting costs; so only when the end is near.
        if (filling.share() > 0.97 && filling.rows() >= records) return watch.seconds();
        if (!worker.running() || watch.seconds() > 600) {
            throw std::runtime_error("Kafka Connect does not load all rows:\n" + worker.log());
        }
        std::this_thread::sleep_for(20ms);
    }
}

/// What a kill -9 in the middle leaves behind.
struct Aftermath {
    double standstill = 0;  ///< from the kill, with an immediate restart, to the first new row
    std::int64_t missing = 0;
    std::int64_t doubled = 0;
};

template <typename Contestant>
Aftermath kill_midway(Stage& stage, const std::string& table, Filling& filling,
                      Contestant& contestant) {
    const Stopwatch patience;
    while (filling.share() < 0.4) {
        if (patience.seconds() > 600) throw std::runtime_error("nothing loads before the kill");
        std::this_thread::sleep_for(2ms);
    }
    contestant.kill();
    // What the server still has in its hands may commit yet.
    std::this_thread::sleep_for(200ms);
    const std::int64_t before = filling.rows();
    const Stopwatch since_kill;
    contestant.restart();
    Aftermath result;
    std::int64_t rows = before;
    Stopwatch silence;
    while (silence.seconds() < silence_seconds) {
        const std::int64_t now = filling.rows();
        if (now > before && result.standstill == 0) result.standstill = since_kill.seconds() + 0.2;
        if (now != rows) silence = {};
        rows = now;
        // Doubles come first; so the last record's row means that all is there.
        if (contestant.done()) break;
        std::this_thread::sleep_for(20ms);
    }
    const std::int64_t distinct =
        std::stoll(stage.postgres().value("select count(distinct id) from " + table));
    result.missing = record_count() - distinct;
    result.doubled = filling.rows() - distinct;
    return result;
}

/// Kafka Connect as kill_midway() wants it.
struct KilledConnect {
    ConnectWorker& worker;
    Stage& stage;
    std::string topic;
    std::string table;

    void kill() { worker.kill(); }
    void restart() { worker.start_with(topic, table); }
    [[nodiscard]] bool done() {
        return stage.postgres().value("select count(distinct id) from " + table) ==
               std::to_string(record_count());
    }
};

/// Sluice likewise.
struct KilledSluice {
    fixture::Daemon daemon;
    Progress progress;

    void kill() { daemon.kill(); }
    void restart() { daemon.start(); }
    [[nodiscard]] bool done() { return progress.sum() >= record_count(); }
};

struct PeerRun {
    double seconds = 0;
    double cpu_seconds = 0;
    double peak_mib = 0;
};

PeerRun run_connect(Stage& stage, ConnectWorker& worker, const std::string& topic,
                    std::int64_t full_bytes) {
    const std::string table = "by_connect";
    stage.fresh_table(table, narrow_json().columns);
    Filling filling(stage, table, full_bytes);
    const Usage before = usage_of(worker.pid());
    const Stopwatch watch;
    worker.add_connector(topic, table);
    wait_for_rows(filling, record_count(), worker);
    PeerRun run{.seconds = watch.seconds()};
    const Usage after = usage_of(worker.pid());
    run.cpu_seconds = after.cpu_seconds - before.cpu_seconds;
    run.peak_mib = after.peak_mib;
    worker.remove_connector(topic);
    return run;
}

Aftermath kill_connect(Stage& stage, const std::string& topic, std::int64_t full_bytes) {
    ConnectWorker worker(stage);
    const std::string table = "killed_connect";
    stage.fresh_table(table, narrow_json().columns);
    Filling filling(stage, table, full_bytes);
    worker.add_connector(topic, table);
    KilledConnect contestant{worker, stage, topic, table};
    return kill_midway(stage, table, filling, contestant);
}

Aftermath kill_sluice(Stage& stage, const std::string& topic, std::int64_t full_bytes) {
    const std::string table = "killed_sluice";
    stage.fresh_table(table, narrow_json().columns);
    Filling filling(stage, table, full_bytes);
    const Ingest ingest{.name = stage.new_name("killed"), .topic = topic, .table = table};
    KilledSluice contestant{fixture::Daemon(stage.configuration({ingest})),
                            Progress(stage, {ingest.name})};
    Aftermath result = kill_midway(stage, table, filling, contestant);
    contestant.daemon.stop();
    return result;
}

std::vector<std::string> row(const std::string& name, const std::vector<PeerRun>& runs,
                             const Aftermath& aftermath) {
    const auto records = static_cast<double>(record_count());
    std::vector<double> rates;
    std::vector<double> cpu;
    std::vector<double> peak;
    for (const PeerRun& run : runs) {
        rates.push_back(records / run.seconds);
        cpu.push_back(run.cpu_seconds * 1e6 / records);
        peak.push_back(run.peak_mib);
    }
    return {name,
            spread(rates),
            fixed(median(cpu), 2),
            fixed(quantile(peak, 1), 0),
            fixed(aftermath.standstill, 1),
            whole(static_cast<double>(aftermath.missing)),
            whole(static_cast<double>(aftermath.doubled))};
}

}  // namespace

void run_peers(Stage& stage, Report& report) {
    const std::int64_t records = record_count();
    const Shape shape = narrow_json();
    // JSON brings dates as text; Connect's arrays of text go into a date column only by a cast.
    stage.postgres().exec(
        "create cast (text as date) with inout as assignment; "
        "create cast (text as timestamp) with inout as assignment");
    stage.fresh_table("reference", shape.columns);
    static_cast<void>(
        copy_seconds(stage, "reference", stage.csv_file(shape, records), CopyFormat::csv));
    const std::int64_t full_bytes =
        std::stoll(stage.postgres().value("select pg_relation_size('reference')"));

    std::vector<PeerRun> connect;
    std::vector<PeerRun> sluice;
    {
        ConnectWorker worker(stage);
        for (int round = -warm_up_rounds; round < round_count(); ++round) {
            const std::string topic = stage.new_name("peers");
            stage.fill_topic(topic, partitions, records, shape.record);
            const PeerRun run = run_connect(stage, worker, topic, full_bytes);
            stage.fresh_table("by_sluice", shape.columns);
            const DaemonRun ours = run_daemons(
                stage, {{.name = stage.new_name("beside"), .topic = topic, .table = "by_sluice"}},
                records);
            stage.broker().admin().delete_topic(topic);
            if (round < 0) continue;
            connect.push_back(run);
            sluice.push_back({ours.seconds, ours.usage.cpu_seconds, ours.usage.peak_mib});
        }
    }
    const std::string topic = stage.new_name("killed");
    stage.fill_topic(topic, partitions, records, shape.record);
    const Aftermath after_sluice = kill_sluice(stage, topic, full_bytes);
    const Aftermath after_connect = kill_connect(stage, topic, full_bytes);

    report.heading(whole(static_cast<double>(records)) +
                   " records, narrow_json, 4 partitions; then a kill -9 midway and a restart");
    report.table({{"", "rows/s: median (least - greatest)", "CPU s/M rows", "peak MiB",
                   "standstill s", "rows missing", "rows doubled"},
                  row("sluice, from its start", sluice, after_sluice),
                  row("kafka connect, warm", connect, after_connect)});
}

}  // namespace sluice::bench
