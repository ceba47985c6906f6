#include "tests/bench/contestants.h"
#include "tests/bench/peers.h"

#include <chrono>
#include <stdexcept>
#include <thread>

namespace sluice::bench {
namespace {

using namespace std::chrono_literals;

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
    const Connector& connector;

    void kill() { worker.kill(); }
    void restart() { worker.start_with(connector); }
    [[nodiscard]] bool done() {
        return stage.postgres().value("select count(distinct id) from " + connector.table) ==
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

Aftermath kill_connect(Stage& stage, const std::string& topic, std::int64_t full_bytes) {
    ConnectWorker worker(stage);
    const Connector connector = narrow_connector(topic, "killed_connect");
    stage.fresh_table(connector.table, narrow_json().columns);
    Filling filling(stage, connector.table, full_bytes);
    worker.add_connector(connector);
    KilledConnect contestant{worker, stage, connector};
    return kill_midway(stage, connector.table, filling, contestant);
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

std::vector<std::string> row(const std::string& name, const Aftermath& aftermath) {
    return {name, fixed(aftermath.standstill, 1), whole(static_cast<double>(aftermath.missing)),
            whole(static_cast<double>(aftermath.doubled))};
}

}  // namespace

void kill_peers(Stage& stage, Report& report, std::int64_t full_bytes) {
    const std::string topic = stage.new_name("killed");
    stage.fill_topic(topic, peer_partitions, record_count(), narrow_json().record);
    const Aftermath sluice = kill_sluice(stage, topic, full_bytes);
    const Aftermath connect = kill_connect(stage, topic, full_bytes);
    stage.broker().admin().delete_topic(topic);
    report.heading("kill -9 midway through " + whole(static_cast<double>(record_count())) +
                   " records of narrow_json, and a restart");
    report.table({{"", "standstill s", "rows missing", "rows doubled"},
                  row("sluice", sluice),
                  row("kafka connect", connect)});
}

}  // namespace sluice::bench
