#include "tests/bench/benchmarks.h"

#include "tests/bench/contestants.h"

#include <algorithm>
#include <set>
#include <stdexcept>

namespace sluice::bench {
namespace {

double rate(std::int64_t records, double seconds) {
    return static_cast<double>(records) / seconds;
}

void expect_rows(Stage& stage, const std::string& table, std::int64_t rows) {
    const std::string found = stage.postgres().value("select count(*) from " + table);
    if (found != std::to_string(rows)) {
        throw std::runtime_error(table + " has " + found + " rows instead of " +
                                 std::to_string(rows));
    }
}

/// The rounds of one kind of records: what each contestant reached in each.
struct Rounds {
    std::vector<double> csv;
    std::vector<double> binary;
    std::vector<double> consumed;
    std::vector<double> daemon;
    std::vector<double> first_seconds;
    std::vector<double> cpu_per_million;
    std::vector<double> peak_mib;
    std::vector<double> broker_cpu;
    std::vector<double> database_cpu;
    std::vector<double> copy_cpu;  ///< the database's, for `\copy` of the CSV file
};

/// CPU seconds per million rows that a server spends on what happens in between.
class ServerCpu {
public:
    explicit ServerCpu(pid_t server) : server_(server), before_(family_cpu_seconds(server)) {}
    /// After the sessions that did it have ended: only then their server knows their times.
    [[nodiscard]] double per_million() const {
        return (family_cpu_seconds(server_) - before_) * 1e6 / static_cast<double>(record_count());
    }

private:
    pid_t server_;
    double before_;
};

Rounds race(Stage& stage, const Shape& shape, const std::string& topic, int partitions) {
    const std::int64_t records = record_count();
    const std::string table = shape.name;
    const std::filesystem::path csv = stage.csv_file(shape, records);
    std::string more = shape.keys;
    if (!shape.schema.empty()) {
        const std::filesystem::path file = stage.directory() / shape.schema_file;
        fixture::write_file(file, shape.schema);
        more += "schema = { file = \"" + file.string() + "\" }\n";
    }
    std::filesystem::path binary;
    Rounds rounds;
    // One round more: the first warms up all of them, and does not count.
    for (int round = 0; round <= round_count(); ++round) {
        stage.fresh_table(table, shape.columns);
        const ServerCpu copying(stage.postgres().pid());
        const double csv_seconds = copy_seconds(stage, table, csv, CopyFormat::csv);
        expect_rows(stage, table, records);
        const double copy_cpu = copying.per_million();
        if (binary.empty()) binary = binary_file(stage, table);

        stage.fresh_table(table, shape.columns);
        const double binary_seconds = copy_seconds(stage, table, binary, CopyFormat::binary);
        const double consume = consume_seconds(stage, topic, partitions, records);

        stage.fresh_table(table, shape.columns);
        const ServerCpu loading(stage.postgres().pid());
        const ServerCpu serving(stage.broker().pid());
        const DaemonRun run = run_daemons(stage,
                                          {{.name = stage.new_name("speed"),
                                            .topic = topic,
                                            .table = table,
                                            .format = shape.format,
                                            .more = more}},
                                          records);
        expect_rows(stage, table, records);
        const double database_cpu = loading.per_million();
        const double broker_cpu = serving.per_million();
        if (round == 0) continue;
        rounds.csv.push_back(rate(records, csv_seconds));
        rounds.binary.push_back(rate(records, binary_seconds));
        rounds.consumed.push_back(rate(records, consume));
        rounds.daemon.push_back(rate(records, run.seconds));
        rounds.first_seconds.push_back(run.first_seconds);
        rounds.cpu_per_million.push_back(run.usage.cpu_seconds * 1e6 /
                                         static_cast<double>(records));
        rounds.peak_mib.push_back(run.usage.peak_mib);
        rounds.broker_cpu.push_back(broker_cpu);
        rounds.database_cpu.push_back(database_cpu);
        rounds.copy_cpu.push_back(copy_cpu);
    }
    stage.postgres().exec("drop table " + table);
    std::filesystem::remove(csv);
    std::filesystem::remove(binary);
    return rounds;
}

void print(Report& report, const std::string& title, const Rounds& rounds) {
    const double csv = median(rounds.csv);
    const auto row = [&](const std::string& name, const std::vector<double>& rates) {
        return std::vector<std::string>{name, spread(rates), fixed(median(rates) / csv, 2)};
    };
    report.heading(title);
    report.table({{"", "rows/s: median (least - greatest)", "to \\copy csv"},
                  row("psql \\copy, csv", rounds.csv),
                  row("psql \\copy, binary", rounds.binary),
                  row("consuming alone", rounds.consumed),
                  row("sluice, from its start to the last commit", rounds.daemon)});
    report.line("sluice: " + spread(rounds.cpu_per_million, 2) +
                " s of CPU per million rows, peak memory " +
                fixed(*std::ranges::max_element(rounds.peak_mib), 0) + " MiB, first commit after " +
                spread(rounds.first_seconds, 2) + " s");
    report.line("servers' CPU s per million rows: database " + spread(rounds.database_cpu, 2) +
                " (for \\copy csv " + spread(rounds.copy_cpu, 2) + "), broker " +
                spread(rounds.broker_cpu, 2));
}

void measure(Stage& stage, Report& report, const Shape& shape, int partitions) {
    if (!is_wanted(shape.name)) return;
    const std::string topic = stage.new_name(shape.name);
    stage.fill_topic(topic, partitions, record_count(), shape.record);
    print(report,
          whole(static_cast<double>(record_count())) + " records, " + shape.name + ", " +
              std::to_string(partitions) + (partitions == 1 ? " partition" : " partitions"),
          race(stage, shape, topic, partitions));
    stage.broker().admin().delete_topic(topic);
}

/// One way in which records are bad, beside a clean run of the same kind.
struct Trouble {
    std::string name;
    std::string topic;
    std::string more;  ///< columns and constraints of the table
    std::int64_t rejected;
    std::size_t clean = 0;  ///< which of all is the same without the trouble
    std::string refused{};  ///< by a row trigger: a condition over `new`; empty: there is none
};

struct TroubledRun {
    double rate = 0;
    double daemon_cpu = 0;  ///< seconds per million records
    double database_cpu = 0;
};

TroubledRun run_troubled(Stage& stage, const Trouble& trouble) {
    const std::int64_t records = record_count();
    stage.fresh_table("troubled", narrow_json().columns + trouble.more);
    if (!trouble.refused.empty()) {
        stage.postgres().exec(
            "create or replace function refuse() returns trigger language plpgsql as $$ begin if " +
            trouble.refused + " then raise 'refused'; end if; return new; end $$");
        stage.postgres().exec(
            "create trigger refuse before insert on troubled for each row execute function"
            " refuse()");
    }
    const ServerCpu loading(stage.postgres().pid());
    const DaemonRun run = run_daemons(
        stage, {{.name = stage.new_name("trouble"), .topic = trouble.topic, .table = "troubled"}},
        records);
    const double database_cpu = loading.per_million();
    expect_rows(stage, "troubled", records - trouble.rejected);
    return {rate(records, run.seconds), run.usage.cpu_seconds * 1e6 / static_cast<double>(records),
            database_cpu};
}

}  // namespace

void run_quick(Stage& stage, Report& report) {
    measure(stage, report, narrow_json(), 4);
}

void run_speed(Stage& stage, Report& report) {
    measure(stage, report, narrow_json(), 4);
    measure(stage, report, narrow_csv(), 4);
    measure(stage, report, narrow_avro(), 4);
    measure(stage, report, narrow_protobuf(), 4);
    measure(stage, report, debezium_avro(), 4);
    measure(stage, report, wide_json(), 4);
    measure(stage, report, narrow_json(), 1);
}

void run_trouble(Stage& stage, Report& report) {
    const std::int64_t records = record_count();
    const int partitions = 4;
    stage.fill_topic("clean", partitions, records, narrow_json().record);
    stage.fill_topic("percent", partitions, records, append_with_one_percent_bad);
    stage.fill_topic("single", partitions, records, append_with_one_bad);
    stage.fill_topic("doubled", partitions, records, append_with_one_percent_doubled);
    stage.fill_topic("exotic", partitions, records, append_with_exotic_texts);
    stage.fill_topic("unreadable", partitions, records, append_with_one_percent_unreadable);
    stage.postgres().exec(
        "create type colour as enum ('shade 0', 'shade 1', 'shade 2', 'shade 3', 'shade 4',"
        " 'shade 5', 'shade 6', 'shade 7')");
    stage.postgres().exec(
        "create table known as select generate_series(0, 2000000) as id;"
        "alter table known add primary key (id); delete from known where id % 100 = 50");
    stage.postgres().exec(
        "create table all_known as select generate_series(0, 2000000) as id;"
        "alter table all_known add primary key (id)");
    const std::int64_t percent = (records + 49) / 100;
    // Of 400 records in a row, 200 to 203.
    const std::int64_t percent_of_each =
        records / 400 * 4 + std::clamp<std::int64_t>(records % 400 - 200, 0, 4);
    const std::int64_t single = records > 500000 ? 1 : 0;
    const std::vector<Trouble> all{
        {"clean", "clean", "", 0},
        {"1% of a wrong type", "percent", "", percent},
        {"1% violate a CHECK", "clean", ", check (id % 100 <> 50)", percent},
        {"clean, with a unique key", "clean", ", unique (id)", 0, 3},
        {"1% duplicates of a unique key", "doubled", ", unique (id)", percent, 3},
        {"one record of a wrong type", "single", "", single},
        {"one record violates a CHECK", "clean", ", check (id <> 500000)", single},
        {"clean, with an enum", "exotic", ", colour colour", 0, 7},
        {"1% of an unknown label", "unreadable", ", colour colour", percent, 7},
        {"clean, with an inet", "exotic", ", address inet", 0, 9},
        {"1% of a bad inet", "unreadable", ", address inet", percent, 9},
        {"clean, with an interval", "exotic", ", span interval", 0, 11},
        {"1% of a bad interval", "unreadable", ", span interval", percent, 11},
        {"clean, with a trigger", "clean", "", 0, 13, "new.id < 0"},
        {"1% refused by a trigger", "clean", "", percent_of_each, 13, "new.id / 4 % 100 = 50"},
        {"1% refused by a trigger, in one partition", "clean", "", percent, 13,
         "new.id % 100 = 50"},
        {"clean, with a foreign key", "clean", ", foreign key (id) references all_known", 0, 16},
        {"1% break a foreign key", "clean", ", foreign key (id) references known", percent, 16},
    };
    // What is wanted, and what that is compared with.
    std::set<std::size_t> chosen;
    for (std::size_t i = 0; i < all.size(); ++i)
        if (is_wanted(all[i].name)) chosen.insert({i, all[i].clean});
    std::vector<std::vector<double>> rates(all.size());
    std::vector<std::vector<double>> daemon_cpu(all.size());
    std::vector<std::vector<double>> database_cpu(all.size());
    for (int round = 0; round < round_count(); ++round) {
        for (const std::size_t i : chosen) {
            const TroubledRun run = run_troubled(stage, all[i]);
            rates[i].push_back(run.rate);
            daemon_cpu[i].push_back(run.daemon_cpu);
            database_cpu[i].push_back(run.database_cpu);
        }
    }
    report.heading("bad records among " + whole(static_cast<double>(records)) +
                   ", narrow_json, 4 partitions; CPU in seconds per million");
    std::vector<std::vector<std::string>> rows{
        {"", "rows/s: median (least - greatest)", "to clean", "CPU daemon", "CPU database"}};
    for (const std::size_t i : chosen) {
        rows.push_back({all[i].name, spread(rates[i]),
                        fixed(median(rates[i]) / median(rates[all[i].clean]), 2),
                        fixed(median(daemon_cpu[i]), 2), fixed(median(database_cpu[i]), 2)});
    }
    report.table(rows);
    for (const char* topic : {"clean", "percent", "single", "doubled", "exotic", "unreadable"}) {
        stage.broker().admin().delete_topic(topic);
    }
}

}  // namespace sluice::bench
