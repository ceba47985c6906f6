#include "conformance/check_list.h"
#include "conformance/feed.h"
#include "conformance/site.h"
#include "conformance/storage.h"
#include "sinks/books/removed_row_upkeep.h"

#include <chrono>
#include <map>
#include <random>
#include <thread>

/// Tables that hold the last change of each key, and columns that SQL computes.
namespace sluice::conformance {
namespace {

constexpr const char* changed_columns =
    "id bigint, city text, amount int CONSTRAINT not_negative CHECK (amount >= 0)";
constexpr const char* merge_by_key =
    "mode = \"merge\"\nkey = [\"id\"]\ndelete_when = \"@tombstone\"\n"
    "columns = { id = \"@key\", city = \"city\", amount = \"amount\" }\n";

/// What a table holds after all changes, kept beside it.
class Model {
public:
    explicit Model(Feed& feed) : feed_(feed) {}

    /// By chance, always the same: an upsert, one that is refused, or a removal.
    void change() {
        const int id = static_cast<int>(random_() % 40);
        const std::string key = std::to_string(id);
        const auto kind = random_() % 10;
        if (kind == 0) {
            feed_.add(std::nullopt, key);
            rows_.erase(id);
            return;
        }
        const int amount = kind == 1 ? -1 : static_cast<int>(random_() % 1000);
        const std::string city = "city " + std::to_string(random_() % 100);
        feed_.add("{\"city\":\"" + city + "\",\"amount\":" + std::to_string(amount) + "}", key);
        if (amount >= 0) rows_[id] = std::to_string(id) + "|" + city + "|" + std::to_string(amount);
    }
    [[nodiscard]] std::string text() const {
        std::string text;
        for (const auto& [id, row] : rows_) text += (text.empty() ? "" : " ") + row;
        return text;
    }

private:
    Feed& feed_;
    std::mt19937 random_{7};
    std::map<int, std::string> rows_;
};

std::string merge_into(Site& site, const Storage& storage, const std::string& key) {
    need(site, storage);
    Feed feed(site, {.table = site.make_table(changed_columns + key, storage.with),
                     .keys = merge_by_key});
    Model model(feed);
    for (int batch = 0; batch < 10; ++batch) {
        for (int i = 0; i < 100; ++i) model.change();
        feed.commit();
        expect_equal("rows", feed.rows("id, city, amount"), model.text());
    }
    return "";
}

std::string keys_change_places(Site& site) {
    if (site.is_mpp())
        throw Skipped("a unique key holds the distribution key, so its values stay with their row");
    // Not announced: around a trigger of deletes, values do not change places.
    const std::string table = "public." + site.fresh_name("rows");
    site.exec("CREATE TABLE " + table + " (" + changed_columns +
              ", PRIMARY KEY (id), UNIQUE (city))");
    Feed feed(site, {.table = table, .keys = merge_by_key});
    const auto change = [&](const char* key, const char* city) {
        feed.add("{\"city\":\"" + std::string(city) + "\",\"amount\":1}", key);
    };
    change("1", "a");
    change("2", "b");
    feed.commit();
    change("1", "b");
    change("2", "a");
    feed.commit();
    expect_equal("rows", feed.rows("id, city"), "1|b 2|a");
    return "";
}

std::string newer_wins(Site& site) {
    Feed feed(site, {.table = site.make_table("id bigint PRIMARY KEY, city text, at int"),
                     .keys = "mode = \"merge\"\nkey = [\"id\"]\norder = \"at\"\n"
                             "delete_when = \"gone = true\"\n"
                             "columns = { id = \"id\", city = \"city\", at = \"at\" }\n"});
    const auto change = [&](const char* id, const char* city, int at, PartitionNumber partition) {
        feed.add("{\"id\":" + std::string(id) + ",\"city\":\"" + city +
                     "\",\"at\":" + std::to_string(at) + "}",
                 "", partition);
    };
    const auto remove = [&](const char* id, int at) {
        feed.add("{\"id\":" + std::string(id) + ",\"gone\":true,\"at\":" + std::to_string(at) +
                 "}");
    };
    change("1", "newest", 9, 0);
    change("2", "older", 3, 0);
    feed.commit();
    change("1", "older", 8, 1);
    remove("2", 5);
    feed.commit();
    change("2", "older than its removal", 4, 1);
    change("3", "new", 1, 1);
    feed.commit();
    expect_equal("rows", feed.rows("id, city"), "1|newest 3|new");
    Session session(site.dsn(), "case");
    expect(forget_removed_rows(session, "sluice", std::chrono::seconds(0)).removals > 0,
           "removals are not forgotten");
    return "";
}

std::string update_only(Site& site) {
    Feed feed(site, {.table = site.make_table("id bigint PRIMARY KEY, city text"),
                     .keys = "mode = \"update\"\nkey = [\"id\"]\n"});
    site.exec("INSERT INTO " + feed.table() + " VALUES (1, 'a'), (2, 'b')");
    feed.add("{\"id\":2,\"city\":\"c\"}");
    feed.add("{\"id\":3,\"city\":\"d\"}");
    feed.commit();
    expect_equal("rows", feed.rows("id, city"), "1|a 2|c");
    return "";
}

/// On an MPP database a change has the table for itself until it has committed.
std::string lanes_take_turns(Site& site) {
    const std::string table = site.make_table(std::string(changed_columns) + ", PRIMARY KEY (id)");
    const auto load = [&](Feed& feed, int first) {
        for (int batch = 0; batch < 10; ++batch) {
            for (int i = 0; i < 50; ++i)
                feed.add("{\"city\":\"a\",\"amount\":" + std::to_string(batch) + "}",
                         std::to_string(first + i));
            feed.commit();
        }
    };
    Feed one(site, {.table = table, .keys = merge_by_key});
    Feed other(site, {.table = table, .keys = merge_by_key});
    std::exception_ptr failed;
    std::jthread beside([&] {
        try {
            load(other, 1000);
        } catch (...) {
            failed = std::current_exception();
        }
    });
    load(one, 0);
    beside.join();
    if (failed) std::rethrow_exception(failed);
    expect_equal("rows, and their least amount",
                 site.list("SELECT count(*), min(amount) FROM " + table), "100|9");
    return "";
}

constexpr const char* computed = R"toml(
where = "price is not null"
[ingest.@name@.fields]
price = { from = "/item/price", type = "numeric(10,2)" }
qty = { from = "qty", type = "int" }
city = "city"
[ingest.@name@.columns]
id = "id"
city = { sql = "upper(city)" }
total = { sql = "price * 60 / qty" }
)toml";

/// The configuration's sections carry the pipeline's name.
std::string for_pipeline(std::string keys, const std::string& name) {
    const std::string place = "@name@";
    for (std::size_t at = 0; (at = keys.find(place, at)) != std::string::npos;)
        keys.replace(at, place.size(), name);
    return keys;
}

std::string computed_columns(Site& site) {
    const std::string name = site.fresh_name("pipeline");
    Feed feed(site, {.table = site.make_table("id bigint, city text, total numeric"),
                     .keys = for_pipeline(computed, name),
                     .name = name});
    for (int id = 0; id < 300; ++id)
        feed.add("{\"id\":" + std::to_string(id) + ",\"city\":\"wien\",\"item\":{\"price\":" +
                 (id == 7 ? "null" : "1") + "},\"qty\":" + (id % 97 == 50 ? "0" : "2") + "}");
    feed.commit();
    expect_equal("loaded, superseded, filtered, rejected", feed.sums(), "296|0|1|3");
    expect_equal("rows", site.list("SELECT DISTINCT city, round(total) FROM " + feed.table()),
                 "WIEN|30");
    expect_equal("reasons",
                 site.list("SELECT DISTINCT reasons->0->>'reason' FROM sluice.dead_letter WHERE"
                           " pipeline = '" +
                           feed.name() + "'"),
                 "division by zero");
    return "";
}

std::string exploded(Site& site) {
    Feed feed(site, {.table = site.make_table("id bigint, city text"),
                     .keys = "explode = \"/items\"\nwhere = \"id > 10\"\n"
                             "columns = { id = \"/items/id\", city = { sql = \"'x' || id\" } }\n"});
    feed.add(R"({"items":[{"id":5},{"id":11},{"id":12}]})");
    feed.add(R"({"items":[{"id":1}]})");
    feed.commit();
    expect_equal("rows", feed.rows("id, city"), "11|x11 12|x12");
    expect_equal("loaded, superseded, filtered, rejected", feed.sums(), "1|0|1|0");
    return "";
}

std::string computed_changes(Site& site) {
    Feed feed(site,
              {.table = site.make_table("id bigint PRIMARY KEY, n int, twice int"),
               .keys = "mode = \"merge\"\ndelete_when = \"@tombstone\"\nwhere = \"n < 100\"\n"
                       "columns = { id = \"@key\", n = \"n\", twice = { sql = \"n * 2\" } }\n"});
    for (const char* n : {"1", "2", "300"}) feed.add("{\"n\":" + std::string(n) + "}", "1");
    feed.add(R"({"n":4})", "2");
    feed.commit();
    feed.add(std::nullopt, "2");
    feed.add(R"({"n":5})", "3");
    feed.commit();
    expect_equal("rows", feed.rows("id, n, twice"), "1|2|4 3|5|10");
    return "";
}

}  // namespace

std::vector<Case> change_cases() {
    constexpr const char* group = "Tables that follow their topic";
    std::vector<Case> cases{{group, "heap, with a primary key", [](Site& site) {
                                 return merge_into(site, ways_to_store().front(),
                                                   ", PRIMARY KEY (id)");
                             }}};
    for (const Storage& storage : ways_to_store())
        cases.push_back({group, storage.name + ", without a key",
                         [&storage](Site& site) { return merge_into(site, storage, ""); }});
    cases.insert(cases.end(),
                 {{group, "values of a unique key change places", keys_change_places},
                  {group, "the newer change wins, and so does a removal", newer_wins},
                  {group, "rows that are there are updated, and no others", update_only},
                  {group, "two lanes of one table", lanes_take_turns}});
    constexpr const char* by_sql = "Columns by SQL";
    cases.insert(cases.end(), {{by_sql, "an expression, a condition, and rows that they fail for",
                                computed_columns},
                               {by_sql, "of an array's elements", exploded},
                               {by_sql, "of changes by key", computed_changes}});
    return cases;
}

}  // namespace sluice::conformance
