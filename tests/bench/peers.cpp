#include "tests/bench/peers.h"

#include "pipeline/values/json_text.h"
#include "tests/bench/changes.h"
#include "tests/bench/contestants.h"
#include "tests/fixture/schema_registry.h"

#include <chrono>
#include <functional>
#include <stdexcept>
#include <thread>

namespace sluice::bench {
namespace {

using namespace std::chrono_literals;

/// Of a worker's life: Java compiles what runs often, while it runs.
constexpr int warm_up_rounds = 2;
const std::string by_connect = "by_connect";
const std::string by_sluice = "by_sluice";

/// The same records into two tables, by Kafka Connect and by Sluice.
struct Race {
    std::string title;
    Shape::Append record;
    std::string format;      ///< as in [ingest.NAME]
    std::string more;        ///< further lines of it
    Connector connector;     ///< but for the topic
    std::string complete{};  ///< SQL: whether by_connect has everything
    std::function<void(const std::string& table)> prepare;
};

struct PeerRun {
    double seconds = 0;
    double cpu_seconds = 0;
    double peak_mib = 0;
};

void wait_until_complete(fixture::PgConnection& session, const Race& race, ConnectWorker& worker) {
    const Stopwatch watch;
    while (session.value(race.complete) != "t") {
        if (!worker.running() || watch.seconds() > 600) {
            throw std::runtime_error("Kafka Connect does not load all rows:\n" + worker.log());
        }
        std::this_thread::sleep_for(20ms);
    }
}

PeerRun run_connect(Stage& stage, const Race& race, ConnectWorker& worker,
                    const std::string& topic) {
    race.prepare(by_connect);
    fixture::PgConnection session = stage.postgres().connect();
    Connector connector = race.connector;
    connector.topic = topic;
    const Usage before = usage_of(worker.pid());
    const Stopwatch watch;
    worker.add_connector(connector);
    wait_until_complete(session, race, worker);
    PeerRun run{.seconds = watch.seconds()};
    const Usage after = usage_of(worker.pid());
    run.cpu_seconds = after.cpu_seconds - before.cpu_seconds;
    run.peak_mib = after.peak_mib;
    worker.remove_connector(topic);
    return run;
}

PeerRun run_sluice(Stage& stage, const Race& race, const std::string& topic) {
    race.prepare(by_sluice);
    const DaemonRun run = run_daemons(stage,
                                      {{.name = stage.new_name("beside"),
                                        .topic = topic,
                                        .table = by_sluice,
                                        .format = race.format,
                                        .more = race.more}},
                                      record_count());
    return {run.seconds, run.usage.cpu_seconds, run.usage.peak_mib};
}

void expect_same_rows(Stage& stage) {
    const std::string different = stage.postgres().value(
        "select (select count(*) from by_connect) - (select count(*) from by_sluice) || ' and ' "
        "|| (select count(*) from (table by_connect except table by_sluice) as other)");
    if (different != "0 and 0") {
        throw std::runtime_error("the tables differ in rows: by number and by content " +
                                 different);
    }
}

std::vector<std::string> row(const std::string& name, const std::vector<PeerRun>& runs) {
    const auto records = static_cast<double>(record_count());
    std::vector<double> rates;
    std::vector<double> cpu;
    std::vector<double> peak;
    for (const PeerRun& run : runs) {
        rates.push_back(records / run.seconds);
        cpu.push_back(run.cpu_seconds * 1e6 / records);
        peak.push_back(run.peak_mib);
    }
    return {name, spread(rates), fixed(median(cpu), 2), fixed(quantile(peak, 1), 0)};
}

void run_race(Stage& stage, Report& report, const Race& race) {
    std::vector<PeerRun> connect;
    std::vector<PeerRun> sluice;
    ConnectWorker worker(stage);
    for (int round = -warm_up_rounds; round < round_count(); ++round) {
        const std::string topic = stage.new_name("peers");
        stage.fill_topic(topic, peer_partitions, record_count(), race.record);
        const PeerRun theirs = run_connect(stage, race, worker, topic);
        const PeerRun ours = run_sluice(stage, race, topic);
        stage.broker().admin().delete_topic(topic);
        if (round < 0) continue;
        connect.push_back(theirs);
        sluice.push_back(ours);
    }
    expect_same_rows(stage);
    stage.postgres().exec("drop table by_connect, by_sluice");
    report.heading(whole(static_cast<double>(record_count())) + " " + race.title +
                   ", 4 partitions");
    report.table({{"", "records/s: median (least - greatest)", "CPU s/M records", "peak MiB"},
                  row("sluice, from its start", sluice),
                  row("kafka connect, warm", connect)});
}

/// Of rows that are appended.
Race appending(Stage& stage, std::int64_t full_bytes) {
    Race race;
    // Counting costs; so only when the end is near.
    race.complete = "select case when pg_relation_size('by_connect') > " +
                    std::to_string(full_bytes / 100 * 97) +
                    " then (select count(*) from by_connect) >= " + std::to_string(record_count()) +
                    " else false end";
    race.prepare = [&stage](const std::string& table) {
        stage.fresh_table(table, narrow_json().columns);
    };
    return race;
}

void race_json(Stage& stage, Report& report, std::int64_t full_bytes) {
    Race race = appending(stage, full_bytes);
    race.title = "records of narrow_json";
    race.record = narrow_json().record;
    race.format = "json";
    race.connector = narrow_connector({}, by_connect);
    run_race(stage, report, race);
}

void race_avro(Stage& stage, Report& report, std::int64_t full_bytes) {
    fixture::SchemaRegistry registry;
    const Shape shape = millis_avro();
    std::string request = R"({"schema":)";
    json::append_string(request, shape.schema);
    const int id = registry.add("peers-value", request + "}");
    std::string prefix(1, '\0');
    for (int shift = 24; shift >= 0; shift -= 8) prefix += static_cast<char>(id >> shift);

    Race race = appending(stage, full_bytes);
    race.title = "records of Avro behind a registry's prefix";
    race.record = [&](std::int64_t i, std::string& to) {
        to += prefix;
        shape.record(i, to);
    };
    race.format = shape.format;
    race.more = "schema = \"registry\"\n[registry]\nurl = \"" + registry.url() + "\"\n";
    race.connector = {.topic = {},
                      .table = by_connect,
                      .values = avro_values(registry.own_url()),
                      .rows = inserts()};
    run_race(stage, report, race);
}

void race_merge(Stage& stage, Report& report) {
    Race race;
    race.title = "changes, half of them updates, of a table of " +
                 whole(static_cast<double>(table_rows())) + " rows and 7 columns";
    race.record = append_change;
    race.format = "json";
    race.more = "mode = \"merge\"\nkey = [\"id\"]\n";
    race.connector = {.topic = {},
                      .table = by_connect,
                      .values = json_values({{"id", "int64"},
                                             {"customer", "string"},
                                             {"birthday", "string"},
                                             {"ordered_at", "string"},
                                             {"amount", "double"},
                                             {"city", "string"},
                                             {"note", "string"}}),
                      .rows = upserts()};
    // Each partition's changes come in their order: so its last one is the last.
    std::string last;
    for (std::int64_t i = record_count() - peer_partitions; i < record_count(); ++i) {
        last += (last.empty() ? "" : " or ") + is_changed(i);
    }
    race.complete =
        "select count(*) = " + std::to_string(peer_partitions) + " from by_connect where " + last;
    race.prepare = [&stage](const std::string& table) { fresh_target(stage, table); };
    fill_base(stage);
    run_race(stage, report, race);
    stage.postgres().exec("drop table base");
}

/// The size of a table with all rows of narrow_json().
std::int64_t reference_bytes(Stage& stage) {
    const Shape shape = narrow_json();
    stage.fresh_table("reference", shape.columns);
    static_cast<void>(
        copy_seconds(stage, "reference", stage.csv_file(shape, record_count()), CopyFormat::csv));
    return std::stoll(stage.postgres().value("select pg_relation_size('reference')"));
}

}  // namespace

Connector narrow_connector(const std::string& topic, const std::string& table) {
    return {.topic = topic,
            .table = table,
            .values = json_values({{"id", "int32"},
                                   {"customer", "string"},
                                   {"birthday", "string"},
                                   {"ordered_at", "string"}}),
            .rows = inserts()};
}

void run_peers(Stage& stage, Report& report) {
    // JSON brings dates as text; Connect's arrays of text go into a date column only by a cast.
    stage.postgres().exec(
        "create cast (text as date) with inout as assignment; "
        "create cast (text as timestamp) with inout as assignment");
    const std::int64_t full_bytes = reference_bytes(stage);
    if (is_wanted("json")) race_json(stage, report, full_bytes);
    if (is_wanted("avro")) race_avro(stage, report, full_bytes);
    if (is_wanted("merge")) race_merge(stage, report);
    if (is_wanted("kill")) kill_peers(stage, report, full_bytes);
}

}  // namespace sluice::bench
