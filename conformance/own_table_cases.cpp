#include "conformance/check_list.h"
#include "conformance/feed.h"
#include "conformance/site.h"
#include "conformance/tables_v1.h"
#include "sinks/books/tip.h"
#include "sinks/schema/schema.h"
#include "sinks/session/sql_text.h"

#include <algorithm>
#include <chrono>
#include <map>

/// Sluice's own tables.
namespace sluice::conformance {
namespace {

std::string replaced(std::string text, const std::string& from, const std::string& to) {
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
        text.replace(at, from.size(), to);
    return text;
}

/// As version 1 made them, in a schema of their own.
std::string first_tables(const Site& site, const std::string& schema) {
    std::string ddl = replaced(std::string(tables_v1), "sluice.", schema + ".");
    ddl = replaced(ddl, "EXISTS sluice;", "EXISTS " + schema + ";");
    if (!site.is_mpp()) return ddl;
    const std::map<std::string, std::string> keys{
        {"schema_version", "version"},
        {"progress", "pipeline"},
        {"ledger", "pipeline"},
        {"dead_letter", "kafka_partition, kafka_offset"},
        {"dead_letter_history", "kafka_partition, kafka_offset"},
        {"outbox_relay", "relay"},
        {"outbox_table", "name"},
        {"outbox_batch", "relay"},
        {"refused_event", "relay"}};
    for (const auto& [table, key] : keys) {
        const auto begin = ddl.find("EXISTS " + schema + "." + table + " (");
        if (begin == std::string::npos) continue;
        ddl.insert(ddl.find(";\n", begin), "\nDISTRIBUTED BY (" + key + ")");
    }
    return ddl;
}

std::string made_and_made_again(Site& site) {
    const std::string schema = site.fresh_name("made");
    Session session(site.dsn(), "case");
    ensure_schema(session, schema);
    ensure_schema(session, schema);
    expect_equal("version", std::to_string(installed_schema_version(session, schema)),
                 std::to_string(schema_version));
    expect_equal("rows of schema_version",
                 site.value("SELECT count(*) FROM " + schema + ".schema_version"), "1");
    return "";
}

std::string upgraded(Site& site) {
    const std::string schema = site.fresh_name("old");
    site.exec(first_tables(site, schema));
    // Of partition 2 the ledger has three rows twice, as a person left it who moved progress.
    site.exec("INSERT INTO " + schema +
              ".ledger SELECT 'p', 'c', 't', i % 3, 0, i / 3 * 5, i / 3 * 5 + 5, 5, 0, 0, 0, 0,"
              " 'batch', 'w', 'r', now() + i * interval '1 s' FROM generate_series(0, 29) i;"
              "INSERT INTO " +
              schema +
              ".ledger SELECT 'p', 'c', 't', 2, 0, i * 5, i * 5 + 5, 5, 0, 0, 0, 0, 'batch', 'w',"
              " 'r', now() + interval '1 h' FROM generate_series(7, 9) i;"
              "INSERT INTO " +
              schema +
              ".progress (pipeline, cluster_id, topic, kafka_partition, next_offset,"
              " anchor_offset, last_offset, writer)"
              " SELECT 'p', 'c', 't', i, 50, 0, 49, 'w' FROM generate_series(0, 2) i");
    Session session(site.dsn(), "case");
    ensure_schema(session, schema);
    expect_equal("version", std::to_string(installed_schema_version(session, schema)),
                 std::to_string(schema_version));
    expect_equal("progress",
                 site.list("SELECT kafka_partition, next_offset, incarnation FROM " + schema +
                           ".progress ORDER BY 1"),
                 "0|50|0 1|50|0 2|50|0");
    expect_equal("rows of the ledger", site.value("SELECT count(*) FROM " + schema + ".ledger"),
                 "33");
    return "";
}

/// How long one look takes, in the middle of many.
double milliseconds_of_look(Session& session, const PipelineIdentity& identity) {
    using Clock = std::chrono::steady_clock;
    std::vector<double> times;
    for (int i = 0; i < 21; ++i) {
        const Clock::time_point began = Clock::now();
        expect(read_tip(session, identity, 0).has_value(), "there is no progress");
        times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - began).count());
    }
    std::ranges::nth_element(times, times.begin() + 10);
    return times[10];
}

std::string tenths(double value) {
    const auto rounded = static_cast<long>(value * 10 + 0.5);
    return std::to_string(rounded / 10) + "." + std::to_string(rounded % 10);
}

std::string progress_is_looked_up(Site& site) {
    Feed feed(site, {.table = site.make_table("id bigint, city text")});
    Session session(site.dsn(), "case");
    const double before = milliseconds_of_look(session, feed.identity());
    site.exec("INSERT INTO sluice.ledger SELECT " + quote_literal(feed.name()) +
              ", 'conformance', 'records', 0, 0, i, i + 1, 1, 0, 0, 0, 0, 'batch', 'w', 'r',"
              " now(), 0, 0, i, -1, 0 FROM generate_series(0, 99999) i; ANALYZE sluice.ledger");
    const double after = milliseconds_of_look(session, feed.identity());
    std::string plan;
    for (const Row& row :
         session.exec("EXPLAIN " + tip_statement("sluice"), partition_key(feed.identity(), 0)).rows)
        plan += row.front().value_or("") + "\n";
    site.exec("DELETE FROM sluice.ledger WHERE pipeline = " + quote_literal(feed.name()));
    expect(plan.find("Seq Scan on ledger") == plan.npos,
           "progress is not found by an index:\n" + plan);
    return "a look takes " + tenths(before) + " ms, " + tenths(after) +
           " with 100,000 batches in the ledger";
}

/// Where rows of several incarnations are, and of some nothing but the anchor.
std::string view_says_the_same(Site& site) {
    Feed feed(site, {.table = site.make_table("id bigint, city text")});
    for (const Offset from : {0, 10}) {
        feed.add_rows(from, 10);
        feed.add_rows(from, 5, 1);
        feed.commit();
    }
    CloudberryProgress progress = feed.progress();
    expect(progress.begin_anew(0, 20, 3) == Move::made, "no other incarnation begins");
    expect(progress.begin_anew(1, 10, 0) == Move::made, "no other incarnation begins");
    feed.seek(0, 1, 1);
    feed.add_rows(0, 7, 1);
    feed.commit();
    expect_equal("sluice.progress",
                 site.list("SELECT kafka_partition, next_offset, anchor_offset, incarnation,"
                           " last_offset FROM sluice.progress WHERE pipeline = " +
                           quote_literal(feed.name()) + " ORDER BY 1"),
                 "0|3|3|1|-1 1|7|0|1|6 2|0|0|0|-1 3|0|0|0|-1");
    expect_equal("looked up", std::to_string(feed.next(0)) + " " + std::to_string(feed.next(1)),
                 "3 7");
    return "";
}

std::string database_is_utf8(Site& site) {
    Session session(site.dsn(), "case");
    expect_equal("encoding", complaint_of_encoding(session), "");
    return "";
}

}  // namespace

std::vector<Case> own_table_cases() {
    constexpr const char* group = "Sluice's own tables";
    return {
        {group, "the database holds whatever text records bring", database_is_utf8},
        {group, "they are made where there are none, and left alone after that",
         made_and_made_again},
        {group, "those of version 1 become today's, and progress goes on where it was", upgraded},
        {group, "progress is looked up by keys, however long the ledger is", progress_is_looked_up},
        {group, "the view of progress says what is looked up", view_says_the_same}};
}

}  // namespace sluice::conformance
