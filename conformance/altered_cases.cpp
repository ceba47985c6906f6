#include "conformance/check_list.h"
#include "conformance/feed.h"
#include "conformance/site.h"
#include "pipeline/errors.h"
#include "sinks/load/locked_tables.h"

/// Targets that are altered while a pipeline loads them.
namespace sluice::conformance {
namespace {

/// What became of a batch for a table that was altered under it.
std::string outcome(Feed& feed) {
    try {
        return describe(feed.offer());
    } catch (const TroubleOfTheWorld&) {
        return "refused until the pipeline is built anew";
    }
}

std::string another_type(Site& site) {
    const std::string table = site.make_table("id bigint, amount bigint, city text");
    Feed feed(site, {.table = table});
    const std::string record = "{\"id\":1,\"amount\":7,\"city\":\"a\"}";
    feed.add(record);
    feed.commit();
    site.exec("ALTER TABLE " + table + " ALTER COLUMN amount TYPE double precision");
    feed.add(record);
    expect_equal("the next batch is", outcome(feed), "refused until the pipeline is built anew");
    Feed anew(site, {.table = table, .name = feed.name()});
    anew.seek(1);
    anew.add(record);
    anew.commit();
    expect_equal("rows", feed.rows("id, amount"), "1|7 1|7");
    return "";
}

std::string column_added(Site& site) {
    const std::string table = site.make_table("id bigint, city text");
    Feed feed(site, {.table = table});
    feed.add_rows(0, 1);
    feed.commit();
    site.exec("ALTER TABLE " + table + " ADD COLUMN more int DEFAULT 5");
    feed.add_rows(1, 1);
    feed.commit();
    expect_equal("rows", feed.rows("id, more"), "0|5 1|5");
    return "";
}

std::string column_renamed(Site& site) {
    const std::string table = site.make_table("id bigint, city text");
    Feed feed(site, {.table = table, .keys = "columns = { id = \"id\", city = \"city\" }\n"});
    feed.add_rows(0, 1);
    feed.commit();
    site.exec("ALTER TABLE " + table + " RENAME COLUMN city TO town");
    feed.add_rows(1, 1);
    expect(outcome(feed) != "committed", "a batch is committed without one of its columns");
    site.exec("ALTER TABLE " + table + " RENAME COLUMN town TO city");
    feed.commit();
    expect_equal("rows", feed.rows("id, city"), "0|city 1|city");
    expect_equal("loaded, superseded, filtered, rejected", feed.sums(), "2|0|0|0");
    return "";
}

std::string locked_meanwhile(Site& site) {
    const std::string table = site.make_table("id bigint, city text");
    Feed feed(site, {.table = table, .dsn = site.dsn_with_setting("lock_timeout=500ms")});
    feed.add_rows(0, 10);
    {
        Session other(site.dsn(), "case");
        const Transaction transaction(other);
        other.exec("ALTER TABLE " + table + " ADD COLUMN more int");
        const CommitResult result = feed.offer();
        expect(std::holds_alternative<Retry>(result),
               "a batch for a table that is locked is " + describe(result));
    }
    feed.commit();
    expect_equal("loaded, superseded, filtered, rejected", feed.sums(), "10|0|0|0");
    return "";
}

/// Of the tables of one pipeline, those that would hold up the others.
std::string locked_ones_are_found(Site& site) {
    const std::string free = site.make_table("id bigint");
    const std::string locked = site.make_table("id bigint");
    Session session(site.dsn(), "case");
    LockedTables tables(session);
    expect(tables.among({free, locked}).empty(), "a table is taken for locked that is not");
    Session other(site.dsn(), "case");
    const Transaction transaction(other);
    other.exec("ALTER TABLE " + locked + " ADD COLUMN more int");
    const auto found = tables.among({free, locked});
    expect(found.size() == 1 && found.front().place == 1, "the one that is locked is not found");
    return "";
}

}  // namespace

std::vector<Case> altered_cases() {
    constexpr const char* group = "Targets that are altered under way";
    return {
        {group, "a column of another type is noticed before its bytes are misread", another_type},
        {group, "a new column gets its default", column_added},
        {group, "a column that is gone is waited for", column_renamed},
        {group, "a table that is locked is waited for", locked_meanwhile},
        {group, "of several tables those that are locked are found without waiting",
         locked_ones_are_found}};
}

}  // namespace sluice::conformance
