#include "conformance/check_list.h"
#include "conformance/feed.h"
#include "conformance/site.h"
#include "conformance/storage.h"
#include "sinks/catalogue/check.h"

/// Targets, however the server keeps and spreads their rows.
namespace sluice::conformance {
namespace {

const std::string not_13 =
    columns_with_positions + std::string(", CONSTRAINT not_13 CHECK (id <> 13)");

Case stored_case(const Storage& storage, const Spread& spread, bool needs_mpp) {
    return {"Targets", storage.name + (needs_mpp ? ", " + spread.name : ""), [=](Site& site) {
                need(site, storage);
                if (needs_mpp && !site.is_mpp())
                    throw Skipped("PostgreSQL does not distribute rows");
                load_and_verify(site, make_table(site, storage, spread));
                return std::string();
            }};
}

std::string partitioned(Site& site, const Storage& storage) {
    need(site, storage);
    load_and_verify(site, make_partitioned(site, storage));
    return "";
}

}  // namespace

const std::vector<Storage>& ways_to_store() {
    static const std::vector<Storage> ways{
        {.name = "heap", .with = ""},
        {.name = "append-optimized rows",
         .with = "WITH (appendonly=true, orientation=row)",
         .is_mpp = true,
         .appends = true},
        {.name = "append-optimized columns",
         .with = "WITH (appendonly=true, orientation=column)",
         .is_mpp = true,
         .appends = true},
        {.name = "append-optimized columns, compressed",
         .with = "WITH (appendonly=true, orientation=column, compresstype=zlib)",
         .is_mpp = true,
         .appends = true}};
    return ways;
}

void need(const Site& site, const Storage& storage) {
    if (storage.is_mpp && !site.is_mpp())
        throw Skipped("PostgreSQL has no append-optimized tables");
}

const std::vector<Spread>& ways_to_spread() {
    static const std::vector<Spread> ways{{"hash", " DISTRIBUTED BY (id)"},
                                          {"random", " DISTRIBUTED RANDOMLY"},
                                          {"replicated", " DISTRIBUTED REPLICATED"}};
    return ways;
}

std::string make_table(Site& site, const Storage& storage, const Spread& spread) {
    return site.make_table(not_13, storage.with + (site.is_mpp() ? spread.clause : ""));
}

std::string make_partitioned(Site& site, const Storage& storage) {
    if (site.is_mpp())
        return site.make_table(not_13, storage.with +
                                           " DISTRIBUTED BY (id) PARTITION BY RANGE (id)"
                                           " (START (0) END (20000) EVERY (5000))");
    std::string table = site.make_table(not_13, "PARTITION BY RANGE (id)");
    for (const char* const from : {"0", "5000", "10000", "15000"})
        site.exec("CREATE TABLE " + table + "_" + from + " PARTITION OF " + table +
                  " FOR VALUES FROM (" + from + ") TO (" + from + " + 5000)");
    return table;
}

void load_and_verify(Site& site, const std::string& table, const std::string& keys) {
    Feed feed(site, {.table = table, .keys = keys + keys_with_positions});
    Session session(site.dsn(), "case");
    for (const Finding& finding :
         check_target(session, feed.ingest(), feed.target(), {"id", "city", "part", "offs"}))
        expect(!finding.is_error(), "sluice check: " + to_string(finding));
    for (int batch = 0; batch < 2; ++batch) {
        feed.add_rows(batch * 500, 500);
        feed.add_rows(10000 + batch * 500, 500, 1);
        feed.commit();
    }
    expect_equal("rows", feed.count(), "1999");
    expect_equal("loaded, superseded, filtered, rejected", feed.sums(), "1999|0|0|1");
    expect_equal("the row that was refused",
                 site.list("SELECT kafka_partition, kafka_offset FROM sluice.dead_letter"
                           " WHERE pipeline = '" +
                           feed.name() + "'"),
                 "0|13");
    expect_equal("what sluice verify finds", feed.problems(), "");
}

std::vector<Case> storage_cases() {
    std::vector<Case> cases;
    for (const Storage& storage : ways_to_store()) {
        for (const Spread& spread : ways_to_spread())
            cases.push_back(stored_case(storage, spread, &spread != &ways_to_spread().front()));
        cases.push_back({"Targets", storage.name + ", partitioned",
                         [storage](Site& site) { return partitioned(site, storage); }});
    }
    return cases;
}

}  // namespace sluice::conformance
