#include "tests/bench/benchmarks.h"
#include "tests/bench/changes.h"
#include "tests/bench/contestants.h"

#include <array>

/// A table that follows a topic, beside the same statements by hand; and what SQL and filters cost
/// beside appending.
namespace sluice::bench {
namespace {

constexpr std::int64_t batch_rows = 50000;
constexpr int partitions = 4;

const std::string sluice_batches = "batch = { rows = 50000, bytes = \"64MiB\", delay = \"2s\" }\n";
const std::string upsert =
    "insert into merged select * from changes order by id on conflict (id) do update set "
    "customer = excluded.customer, birthday = excluded.birthday, ordered_at = "
    "excluded.ordered_at, amount = excluded.amount, city = excluded.city, note = excluded.note";

const std::string four_expressions =
    "insert into appended select id, upper(customer), birthday, date_trunc('day', ordered_at), "
    "amount * 1.2, coalesce(city, 'none'), note from changes";

const std::string merging = "mode = \"merge\"\nkey = [\"id\"]\nlanes = 1\n" + sluice_batches;

std::vector<std::string> batches_of_lines(std::int64_t records) {
    std::vector<std::string> batches;
    for (std::int64_t i = 0; i < records; ++i) {
        if (i % batch_rows == 0) batches.emplace_back();
        append_change_line(i, batches.back());
    }
    return batches;
}

/// What the daemon does with batches, by one session that has the rows at hand: COPY into `into`,
/// then `statement`, in a transaction for each.
double by_hand_seconds(Stage& stage, const std::string& into, const std::string& statement) {
    const std::vector<std::string> batches = batches_of_lines(record_count());
    fixture::PgConnection session = stage.postgres().connect();
    session.exec("create temporary table changes (" + std::string(changed_columns) +
                 ") on commit delete rows");
    const Stopwatch watch;
    for (const std::string& batch : batches) {
        session.exec("begin");
        session.copy_in("copy " + into + " from stdin", batch);
        if (!statement.empty()) session.exec(statement);
        session.exec("commit");
    }
    return watch.seconds();
}

std::vector<std::string> row(const std::string& name, const std::vector<double>& rates,
                             const std::vector<double>& beside) {
    return {name, spread(rates), fixed(median(rates) / median(beside), 2)};
}

/// Rows a second of one kind of pipeline, from the daemon's start to its last commit.
double daemon_rate(Stage& stage, const std::string& topic, const std::string& table,
                   const std::string& more) {
    const DaemonRun run = run_daemons(
        stage, {{.name = stage.new_name("merge"), .topic = topic, .table = table, .more = more}},
        record_count());
    return static_cast<double>(record_count()) / run.seconds;
}

void race_merges(Stage& stage, Report& report) {
    const auto records = static_cast<double>(record_count());
    const std::string changes = stage.new_name("changes");
    const std::string hot = stage.new_name("hot");
    stage.fill_topic(changes, partitions, record_count(), append_change);
    stage.fill_topic(hot, partitions, record_count(), append_hot_change);
    fill_base(stage);
    std::vector<double> by_hand;
    std::vector<double> merged;
    std::vector<double> of_hot_keys;
    for (int round = 0; round < round_count(); ++round) {
        fresh_target(stage, "merged");
        by_hand.push_back(records / by_hand_seconds(stage, "changes", upsert));
        fresh_target(stage, "merged");
        merged.push_back(daemon_rate(stage, changes, "merged", merging));
        fresh_target(stage, "merged");
        of_hot_keys.push_back(daemon_rate(stage, hot, "merged", merging));
    }
    report.heading(whole(records) + " changes, half of them updates, of a table of " +
                   whole(static_cast<double>(table_rows())) + " rows and 7 columns, batches of " +
                   whole(static_cast<double>(batch_rows)));
    report.table({{"", "changes/s: median (least - greatest)", "to the statement by hand"},
                  row("COPY and INSERT … ON CONFLICT by hand", by_hand, by_hand),
                  row("sluice, mode = \"merge\"", merged, by_hand),
                  row("sluice, " + whole(static_cast<double>(hot_keys)) + " hot keys", of_hot_keys,
                      by_hand)});
    stage.postgres().exec("drop table base, merged");
    stage.broker().admin().delete_topic(hot);
    stage.broker().admin().delete_topic(changes);
}

void race_appends(Stage& stage, Report& report) {
    const std::string topic = stage.new_name("rows");
    stage.fill_topic(topic, partitions, record_count(), append_change);
    const std::string expressions =
        sluice_batches +
        "columns = { id = \"id\", birthday = \"birthday\", note = \"note\", "
        "customer = { sql = \"upper(customer)\" }, amount = { sql = \"amount * 1.2\" }, "
        "ordered_at = { sql = \"date_trunc('day', ordered_at)\" }, "
        "city = { sql = \"coalesce(city, 'none')\" } }\n"
        "fields = { customer = \"customer\", amount = \"amount\", ordered_at = \"ordered_at\", "
        "city = \"city\" }\n";
    struct Way {
        std::string name;
        std::string more;
        std::vector<double> rates = {};
    };
    std::array<Way, 4> ways{
        {{"appending all", sluice_batches},
         {"four columns by SQL", expressions},
         {"where keeps a tenth", "where = \"id % 10 = 1\"\n" + sluice_batches},
         {"filter keeps a tenth", "filter = \"city like '%5'\"\n" + sluice_batches}}};
    const auto records = static_cast<double>(record_count());
    std::vector<double> copied;
    std::vector<double> computed;
    for (int round = 0; round < round_count(); ++round) {
        for (Way& way : ways) {
            stage.fresh_table("appended", changed_columns);
            way.rates.push_back(daemon_rate(stage, topic, "appended", way.more));
        }
        stage.fresh_table("appended", changed_columns);
        copied.push_back(records / by_hand_seconds(stage, "appended", ""));
        stage.fresh_table("appended", changed_columns);
        computed.push_back(records / by_hand_seconds(stage, "changes", four_expressions));
    }
    std::vector<std::vector<std::string>> rows{
        {"", "records/s: median (least - greatest)", "to appending all"}};
    for (const Way& way : ways) rows.push_back(row(way.name, way.rates, ways[0].rates));
    rows.push_back(row("COPY by hand, one session", copied, copied));
    rows.push_back(row("COPY, then the four columns by INSERT, by hand", computed, copied));
    report.heading("Appends of the same records, without a key");
    report.table(rows);
    stage.postgres().exec("drop table appended");
    stage.broker().admin().delete_topic(topic);
}

}  // namespace

void run_merge(Stage& stage, Report& report) {
    race_merges(stage, report);
    race_appends(stage, report);
}

}  // namespace sluice::bench
