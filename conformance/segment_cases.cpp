#include "conformance/check_list.h"
#include "conformance/feed.h"
#include "conformance/site.h"
#include "conformance/storage.h"

#include <chrono>

/// Rows that the server's segments fetch from here, past its coordinator.
namespace sluice::conformance {
namespace {

constexpr const char* by_segments = "load = \"segments\"\n";

/// However it is spread over segments, which its rows find by themselves.
std::string fetch_into(Site& site, const Storage& storage) {
    need(site, storage);
    static_cast<void>(site.segments());
    std::vector<std::string> tables{make_partitioned(site, storage)};
    for (const Spread& spread : ways_to_spread())
        if (site.is_mpp() || tables.size() == 1)
            tables.push_back(make_table(site, storage, spread));
    for (const std::string& table : tables) load_and_verify(site, table, by_segments);
    return std::to_string(tables.size()) + " tables";
}

std::string fetch_changes(Site& site) {
    Feed feed(site, {.table = site.make_table("id bigint PRIMARY KEY, city text, twice int"),
                     .keys = std::string(by_segments) +
                             "mode = \"merge\"\nkey = [\"id\"]\ndelete_when = \"@tombstone\"\n"
                             "where = \"n < 100\"\nfields = { n = { from = \"n\", type = "
                             "\"int\" } }\ncolumns = { id = \"@key\", city = \"city\", twice = "
                             "{ sql = \"n * 2\" } }\n"});
    for (const char* const n : {"1", "2", "300"})
        feed.add("{\"city\":\"a\\tb\",\"n\":" + std::string(n) + "}", "1");
    feed.add(R"({"city":"b","n":4})", "2");
    feed.commit();
    feed.add(std::nullopt, "2");
    feed.add(R"({"city":"\\N","n":5})", "3");
    feed.commit();
    expect_equal("rows", feed.rows("id, city, twice"), "1|a\tb|4 3|\\N|10");
    return "";
}

/// One batch, of a row of some 60 bytes, each way.
std::string fetch_many(Site& site) {
    static_cast<void>(site.segments());
    constexpr Offset rows = 200'000;
    const auto seconds_by = [&](const std::string& keys) {
        Feed feed(site, {.table = site.make_table(columns_with_positions),
                         .keys = keys + keys_with_positions});
        const auto commit = [&](Offset from, Offset count) {
            feed.add_rows(from, count);
            const auto began = std::chrono::steady_clock::now();
            feed.commit();
            return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
        };
        commit(0, 1);  // which makes what lasts for the session
        const double seconds = commit(1, rows);
        expect_equal("rows", feed.count(), std::to_string(rows + 1));
        expect_equal("what sluice verify finds", feed.problems(), "");
        return seconds;
    };
    const auto thousands = [&](double seconds) {
        return std::to_string(static_cast<int>(static_cast<double>(rows) / seconds / 1000));
    };
    return "thousands of rows a second: " + thousands(seconds_by(by_segments)) + ", by COPY " +
           thousands(seconds_by("load = \"copy\"\n"));
}

}  // namespace

std::vector<Case> segment_cases() {
    constexpr const char* group = "Rows that segments fetch";
    std::vector<Case> cases;
    for (const Storage& storage : ways_to_store())
        cases.push_back({group, "into " + storage.name,
                         [&storage](Site& site) { return fetch_into(site, storage); }});
    cases.push_back({group, "changes by key, with columns by SQL", fetch_changes});
    cases.push_back({group, "very many in one batch", fetch_many});
    return cases;
}

}  // namespace sluice::conformance
