#include "conformance/check_list.h"
#include "conformance/feed.h"
#include "conformance/outbox_bench.h"
#include "conformance/site.h"
#include "sinks/catalogue/check.h"
#include "sinks/dead_letters/dead_letter_retry.h"
#include "sinks/schema/schema.h"
#include "sinks/session/sql_text.h"

/// A role with the rights that docs/operations.md names, and no others.
namespace sluice::conformance {
namespace {

constexpr const char* documented = R"(GRANT USAGE ON SCHEMA sluice TO @role@;
GRANT SELECT, INSERT ON sluice.anchor TO @role@;
GRANT SELECT, INSERT, DELETE ON sluice.ledger TO @role@;
GRANT SELECT ON sluice.progress, sluice.open_dead_letter, sluice.schema_version TO @role@;
GRANT SELECT, INSERT, DELETE ON sluice.dead_letter, sluice.dead_letter_history TO @role@;
GRANT SELECT, INSERT, DELETE ON sluice.outbox_batch, sluice.refused_event TO @role@;
GRANT SELECT, INSERT ON sluice.outbox_relay, sluice.outbox_table TO @role@;
GRANT SELECT, INSERT, DELETE ON sluice.removed_row TO @role@;)";

/// The role's connection, with what is documented.
std::string granted(Site& site) {
    std::string dsn = site.dsn_of_role();
    site.exec(filled_in(documented, {{"role", quote_identifier(site.role())}}));
    return dsn;
}

void grant(Site& site, const std::string& rights, const std::string& table) {
    site.exec("GRANT " + rights + " ON " + table + " TO " + quote_identifier(site.role()));
}

std::string loads(Site& site) {
    const std::string dsn = granted(site);
    const std::string table = site.make_table(std::string(columns_with_positions) +
                                              ", CONSTRAINT small CHECK (id < 990)");
    grant(site, "INSERT", table);
    Feed feed(site, {.table = table, .keys = keys_with_positions, .dsn = dsn});
    feed.add_rows(0, 1000);
    feed.commit();
    expect_equal("loaded, superseded, filtered, rejected", feed.sums(), "990|0|0|10");
    site.exec("ALTER TABLE " + table + " DROP CONSTRAINT small");
    Session session(dsn, "retry");
    DeadLetterRetry retry(session, feed.ingest(),
                          {.schema = "sluice", .pipeline = feed.name(), .topic = "", .where = {}});
    retry.run(nullptr, {"case", "r"}, retry.all(), [](const auto&) { return 0; });
    expect_equal("rows", feed.count(), "1000");
    for (const Finding& finding : check_own_tables(session, "sluice"))
        expect(!finding.is_error(), "sluice check: " + to_string(finding));
    return "";
}

std::string merges(Site& site) {
    const std::string dsn = granted(site);
    const std::string table = site.make_table("id bigint PRIMARY KEY, city text, at int");
    grant(site, "SELECT, INSERT, UPDATE, DELETE", table);
    site.exec("GRANT TEMPORARY ON DATABASE " + quote_identifier(site.name()) + " TO " +
              quote_identifier(site.role()));
    Feed feed(site, {.table = table,
                     .keys = "mode = \"merge\"\nkey = [\"id\"]\norder = \"at\"\n"
                             "delete_when = \"gone = true\"\n"
                             "columns = { id = \"id\", city = \"city\", at = \"at\" }\n",
                     .dsn = dsn});
    feed.add(R"({"id":1,"city":"a","at":1})");
    feed.add(R"({"id":2,"city":"b","at":1})");
    feed.commit();
    feed.add(R"({"id":1,"city":"c","at":2})");
    feed.add(R"({"id":2,"gone":true,"at":2})");
    feed.commit();
    expect_equal("rows", feed.rows("id, city"), "1|c");
    return "";
}

std::string sends(Site& site) {
    const std::string dsn = granted(site);
    OutboxBench bench(site);
    grant(site, "SELECT, DELETE", bench.table());
    bench.insert(1, 500);
    bench.send_all(dsn);
    expect_equal("messages, and different ones", bench.counts(), "500|500");
    return "";
}

std::string lacks_a_right(Site& site) {
    const std::string dsn = granted(site);
    const std::string table = site.make_table("id bigint, city text");
    Feed feed(site, {.table = table, .dsn = dsn});
    feed.add_rows(0, 10);
    const CommitResult result = feed.offer();
    expect(std::holds_alternative<Retry>(result),
           "without INSERT on its table a batch is " + describe(result));
    expect(describe(result).find("42501") != std::string::npos,
           "no word of the right: " + describe(result));
    grant(site, "INSERT", table);
    feed.commit();
    expect_equal("loaded, superseded, filtered, rejected", feed.sums(), "10|0|0|0");
    return "";
}

std::string owns_its_schema(Site& site) {
    Session session(site.dsn_of_role(), "case");
    const std::string schema = site.fresh_name("owned");
    site.exec("CREATE SCHEMA " + schema + " AUTHORIZATION " + quote_identifier(site.role()));
    ensure_schema(session, schema);
    constexpr Migration next{schema_version + 1,
                             "ALTER TABLE @s@.ledger ADD COLUMN later int NOT NULL DEFAULT 0;\n"};
    ensure_schema(session, schema, std::array{next});
    expect_equal("version", std::to_string(installed_schema_version(session, schema)),
                 std::to_string(next.to));
    return "";
}

}  // namespace

std::vector<Case> right_cases() {
    constexpr const char* group = "No more rights than are documented";
    return {
        {group, "enough to load, refuse rows and retry dead letters", loads},
        {group, "enough to merge in an order", merges},
        {group, "enough to send an outbox and purge it", sends},
        {group, "without one a batch waits, and no row is a dead letter", lacks_a_right},
        {group, "a role makes and upgrades Sluice's tables in its own schema", owns_its_schema}};
}

}  // namespace sluice::conformance
