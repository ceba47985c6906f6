#include "config/pipeline.h"
#include "config/settings.h"
#include "pipeline/mapping/record_router.h"
#include "tests/fakes/partitions.h"
#include "tests/unit/config_setup.h"

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

using namespace sluice;
using namespace sluice::config::test;
using Outcome = RowMapper::Outcome;
using Texts = std::vector<std::string>;

namespace {

const std::string events = head + "[ingest.events]\ntopic = 'orders'\n";
const std::string clicks =
    "[[ingest.events.into]]\ntable = 'public.clicks'\nfilter = \"kind = 'click'\"\n"
    "[ingest.events.into.columns]\nid = 'id'\n";
const std::string paid =
    "[[ingest.events.into]]\ntable = 'public.paid'\nfilter = 'amount > 0'\n"
    "[ingest.events.into.columns]\namount = 'amount'\nid = 'id'\n";
const std::string items =
    "[[ingest.events.into]]\ntable = 'public.items'\nexplode = '/items'\n"
    "[ingest.events.into.columns]\nid = '/items'\n";

Table table_of(const config::Ingest& target) {
    Table table;
    table.schema = "public";
    table.name = target.table.substr(target.table.find('.') + 1);
    for (const config::ColumnMapping& mapping : target.columns)
        table.columns.push_back({mapping.column, ColumnType::int8, "bigint"});
    table.session_is_utc = true;
    return table;
}

/// Records on their way to the targets of a pipeline.
struct Routing {
    explicit Routing(const std::string& toml) {
        const config::Ingest ingest = accepted(toml).ingest.at(0);
        std::vector<Targets::Target> all;
        for (const config::Ingest& target : ingest.into)
            all.push_back({target, table_of(target), all.size()});
        targets->set("orders", std::move(all));
    }
    Outcome map(const std::string& value) {
        Record record;
        record.from = fakes::orders(3);
        record.offset = next++;
        record.value = value;
        return router.map(batch.records.append(record), batch);
    }
    /// The records that have rows there, one for each.
    [[nodiscard]] std::vector<RecordLog::Index> records_in(std::size_t target) const {
        std::vector<RecordLog::Index> records;
        if (target >= batch.targets.size()) return records;
        for (const EncodedRows::Row& row : batch.targets[target].binary.rows)
            records.push_back(row.record);
        return records;
    }
    [[nodiscard]] std::string reasons() const { return describe(batch.rejects.back().reasons); }

    std::shared_ptr<Targets> targets = std::make_shared<Targets>();
    RecordRouter router{targets, nullptr};
    Batch batch;
    Offset next = 0;
};

using Indices = std::vector<RecordLog::Index>;

}  // namespace

TEST_CASE("into: each target is a pipeline of its own, with what all of them share") {
    const config::Ingest ingest =
        accepted(events +
                 "on_missing = 'reject'\non_extra = 'reject'\nlanes = 3\non_unrouted = 'reject'\n" +
                 clicks +
                 "[[ingest.events.into]]\ntable = 'paid'\non_extra = 'ignore'\n"
                 "mode = 'merge'\nkey = ['id']\ncolumns.id = '/a/id'\n")
            .ingest.at(0);
    CHECK(ingest.routes());
    CHECK(ingest.table.empty());
    CHECK(config::tables_of(ingest) == "public.clicks, paid");
    REQUIRE(ingest.into.size() == 2);
    const config::Ingest& first = ingest.into[0];
    const config::Ingest& second = ingest.into[1];
    CHECK((first.name == "events" && first.topic == ingest.topic && first.lanes == 3));
    CHECK((first.into.empty() && first.on_unrouted == config::OnUnrouted::reject));
    CHECK((first.filter && !second.filter && first.on_extra == config::OnExtra::reject));
    CHECK((second.on_extra == config::OnExtra::ignore && second.mode == config::Mode::merge));
    CHECK(second.on_missing == config::OnMissing::reject);
}

TEST_CASE("into: what is of one table is not said of all, and the other way round") {
    CHECK(contains(problem_of(events + "table = 't'\n" + clicks),
                   "sluice.toml:7:1: \"table\" is of one target, and there are "
                   "[[ingest.events.into]]; move it there"));
    CHECK(contains(problem_of(events + "where = 'true'\n" + clicks), "\"where\" is of one target"));
    CHECK(contains(problem_of(events + clicks +
                              "[[ingest.events.into]]\nlanes = 1\n"
                              "table = 't'\n"),
                   "unknown key \"lanes\""));
    CHECK(contains(problem_of(events + "[[ingest.events.into]]\nfilter = 'a = 1'\n"),
                   "[[ingest.events.into]] has no \"table\""));
    CHECK(contains(problem_of(events + "into = 1\n"), "\"into\" must be a list of tables"));
    CHECK(
        contains(problem_of(pipeline + "on_unrouted = 'reject'\n"), "add [[ingest.orders.into]]"));
    CHECK(contains(problem_of(events + clicks +
                              "[[ingest.events.into]]\ntable = 'public.clicks'\nmode = 'merge'\n"
                              "key = ['id']\ncolumns.id = 'id'\n"),
                   "two targets are table public.clicks"));
    CHECK(
        contains(problem_of(events + clicks +
                            "[[ingest.events.into]]\ntable = 'Public.\"clicks\"'\nmode = 'merge'\n"
                            "key = ['id']\ncolumns.id = 'id'\n"),
                 "two targets are table Public.\"clicks\""));
    CHECK(contains(problem_of(events + "[[ingest.events.into]]\ntable = 't'\nmode = 'merge'\n"
                                       "key = ['a']\ncolumns.b = 'b'\n"),
                   "no line of [ingest.events.into.columns] fills column \"a\""));
}

TEST_CASE("into: records name their tables, among those that are permitted") {
    const std::string named = events + "table = 'public.{@headers/type}'\n";
    const std::string rest = "filter = 'n > 1'\ncolumns.id = 'id'\n";
    const config::Ingest ingest =
        accepted(named + "tables = ['public.a', 'public.\"B\"']\n" + rest).ingest.at(0);
    REQUIRE(ingest.into.size() == 2);
    CHECK(ingest.on_unrouted == config::OnUnrouted::reject);
    CHECK(ingest.into[0].table == "public.a");
    CHECK(ingest.into[0].filter->text == R"(("@headers/type" = 'a') and (n > 1))");
    CHECK(ingest.into[1].filter->text == R"(("@headers/type" = '"B"') and (n > 1))");
    CHECK(ingest.into[1].columns.size() == 1);

    CHECK(contains(problem_of(named + "tables = ['private.a']\n"),
                   "no record could name table private.a: it is not \"public.{@headers/type}\""));
    CHECK(contains(problem_of(named + "tables = ['public.a', 'public.a']\n"), "is there twice"));
    CHECK(contains(problem_of(named + "tables = ['public.a b']\n"), "is not a table's name"));
    CHECK(contains(problem_of(events + "table = 'public.{topic}'\ntables = ['public.a']\n"),
                   "\"{topic}\" is no place that a record fills"));
    CHECK(contains(problem_of(events + "envelope = 'debezium'\ntable = 'public.{/kind}'\n"
                                       "tables = ['public.a']\n"),
                   "names a field of the row, which a deletion often does not bring"));
    CHECK(contains(problem_of(events + "table = 'public.a'\ntables = ['public.a']\n"),
                   "has no place"));
}

TEST_CASE("record router: what a record says chooses among its tables, and nothing else") {
    Routing routing(events +
                    "table = 'public.{/kind}'\ntables = ['public.a', 'public.b']\n"
                    "columns.id = 'id'\n");
    CHECK(routing.map(R"({"id": 1, "kind": "a"})") == Outcome::row);
    CHECK(routing.map(R"({"id": 2, "kind": "A"})") == Outcome::rejected);
    CHECK(routing.map(R"({"id": 3, "kind": "a; drop table a"})") == Outcome::rejected);
    CHECK(routing.map(R"({"id": 4})") == Outcome::rejected);
    CHECK(routing.records_in(0) == Indices{0});
    CHECK(routing.batch.rejects.back().cause == RejectCause::unrouted);
    CHECK(contains(routing.reasons(), "none of the tables that \"tables\" permits"));
}

TEST_CASE("record router: what the filter keeps out of the table that it names is no stray") {
    Routing routing(events +
                    "table = 'public.{/kind}'\ntables = ['public.a', 'public.b']\n"
                    "filter = \"id > 1 or region = 'eu'\"\ncolumns.id = 'id'\n");
    CHECK(routing.map(R"({"id": 1, "kind": "b", "region": "us"})") == Outcome::filtered);
    CHECK(routing.map(R"({"id": 2, "kind": "b", "region": "us"})") == Outcome::row);
    CHECK(routing.map(R"({"id": 1, "kind": "c", "region": "us"})") == Outcome::rejected);
    CHECK(routing.map(R"({"id": 1, "region": "us"})") == Outcome::rejected);
    CHECK(routing.map(R"({"id": 2, "kind": "c"})") == Outcome::rejected);
    CHECK(routing.batch.rejects.size() == 3);
    CHECK(routing.records_in(1) == Indices{1});
}

TEST_CASE(
    "record router: the source's table that was emptied empties the one that is filled by it") {
    const auto target = [](const std::string& table) {
        return "[[ingest.events.into]]\ntable = 'public." + table + "'\nmode = 'merge'\n" +
               "key = ['id']\non_truncate = 'apply'\nfilter = \"@source/table = '" + table +
               "' and id > 0\"\n[ingest.events.into.columns]\nid = 'id'\n";
    };
    Routing routing(events + "envelope = 'debezium'\n" + target("a") + target("b"));
    CHECK(routing.map(R"({"op": "t", "source": {"table": "b"}, "before": null, "after": null})") ==
          Outcome::row);
    CHECK(routing.batch.targets[0].truncations.empty());
    CHECK(routing.batch.targets[1].truncations == Indices{0});
    CHECK(routing.map(R"({"op": "t", "source": {"table": "c"}})") == Outcome::filtered);
    CHECK(routing.batch.targets[1].truncations == Indices{0});
}

TEST_CASE("into: a change of one target is a change of the pipeline, which names it") {
    const auto of = [](const std::string& toml) {
        return settings_of(config::pipelines_of(accepted(toml)).at("ingest.events"));
    };
    Texts changes;
    for (const auto& change : config::changes_between(of(events + clicks), of(events + paid)))
        changes.push_back(to_string(change));
    CHECK(changes == Texts{"into.1.columns.amount: none → /amount",
                           "into.1.filter: kind = 'click' → amount > 0",
                           "into.1.table: public.clicks → public.paid"});
    CHECK(config::needs_restart(
        config::changes_between(of(events + clicks), of(events + clicks + paid))));
}

TEST_CASE("record router: a record goes to all that want it") {
    Routing routing(events + clicks + paid);
    CHECK(routing.map(R"({"id": 1, "kind": "click"})") == Outcome::row);
    CHECK(routing.map(R"({"id": 2, "kind": "click", "amount": 5})") == Outcome::row);
    CHECK(routing.map(R"({"id": 3, "kind": "view", "amount": 5})") == Outcome::row);
    CHECK(routing.map(R"({"id": 4, "kind": "view"})") == Outcome::filtered);
    CHECK(routing.records_in(0) == Indices{0, 1});
    CHECK(routing.records_in(1) == Indices{1, 2});
}

TEST_CASE("record router: what one of its targets cannot take is a reject that names it") {
    Routing routing(events + clicks + paid + items);
    CHECK(routing.map(R"({"id": "x", "kind": "click", "amount": 1, "items": [1, "y", "z"]})") ==
          Outcome::rejected);
    CHECK(routing.batch.row_count() == 0);
    CHECK(routing.batch.rejects.size() == 1);
    const std::string reasons = routing.reasons();
    CHECK(contains(reasons, "column \"id\": into public.clicks: \"x\" is not "));
    CHECK(contains(reasons, "column \"id\": into public.paid: "));
    CHECK(contains(reasons, "column \"id\": into public.items: element 1: "));

    // What was there before stays.
    CHECK(routing.map(R"({"id": 1, "kind": "click", "items": [1, 2]})") == Outcome::row);
    CHECK(routing.map(R"({"id": 1, "kind": "click", "items": [3, "x"]})") == Outcome::rejected);
    CHECK(routing.records_in(0) == Indices{1});
    CHECK(routing.records_in(2) == Indices{1, 1});
}

TEST_CASE("record router: what a filter keeps out by headers need not be readable") {
    Routing routing(events +
                    "[[ingest.events.into]]\ntable = 'public.a'\nfilter = \"@headers/of = 'a'\"\n"
                    "columns.id = 'id'\n"
                    "[[ingest.events.into]]\ntable = 'public.b'\nfilter = \"@headers/of = 'b'\"\n"
                    "columns.id = '@headers/of'\n");
    const std::vector<Header> of_b{{"of", "b"}};
    Record record;
    record.from = fakes::orders(3);
    record.value = "no JSON";
    record.headers = of_b;
    CHECK(routing.router.map(routing.batch.records.append(record), routing.batch) ==
          Outcome::rejected);
    CHECK(routing.batch.rejects[0].reasons.size() == 1);
    CHECK(contains(routing.reasons(), "into public.b: the value is "));
}

TEST_CASE("record router: a record that no target wants is filtered, or a reject") {
    Routing routing(events + "on_unrouted = 'reject'\n" + clicks + paid);
    CHECK(routing.map(R"({"id": 1, "kind": "view"})") == Outcome::rejected);
    CHECK(routing.reasons() == "no target's filter lets it through; see on_unrouted");
    CHECK(routing.batch.rejects[0].cause == RejectCause::unrouted);
    CHECK(routing.map(R"({"id": 1, "kind": "click"})") == Outcome::row);
    // What is filtered for another reason went astray nowhere.
    Record tombstone;
    tombstone.from = fakes::orders(3);
    CHECK(routing.router.map(routing.batch.records.append(tombstone), routing.batch) ==
          Outcome::filtered);
}

TEST_CASE("record router: a record without elements is none of a table that does not want it") {
    const std::string purchases =
        "[[ingest.events.into]]\ntable = 'public.items'\nexplode = '/items'\n"
        "on_missing = 'reject'\nfilter = \"kind = 'purchase' and /items/id > 1\"\n"
        "[ingest.events.into.columns]\nid = '/items/id'\n";
    Routing routing(events + "on_unrouted = 'reject'\n" + clicks + purchases);
    CHECK(routing.map(R"({"id": 1, "kind": "view"})") == Outcome::rejected);
    CHECK(routing.reasons() == "no target's filter lets it through; see on_unrouted");
    CHECK(routing.map(R"({"id": 1, "kind": "click"})") == Outcome::row);
    CHECK(routing.map(R"({"kind": "purchase", "items": []})") == Outcome::filtered);
    CHECK(routing.map(R"({"kind": "purchase", "items": [{"id": 2}]})") == Outcome::row);
    CHECK(routing.map(R"({"kind": "purchase"})") == Outcome::rejected);
    CHECK(routing.batch.rejects.back().cause == RejectCause::missing);
}

TEST_CASE("record router: random records are where a model says, or in no table") {
    Routing routing(events + clicks + paid + items);
    std::mt19937 random(20261);
    std::map<std::size_t, Indices> expected;
    std::set<RecordLog::Index> rejected;
    for (RecordLog::Index index = 0; index < 3000; ++index) {
        const bool is_number = random() % 10 > 0;
        const bool is_click = random() % 2 == 0;
        const auto amount = static_cast<int>(random() % 3);
        const auto elements = random() % 4;
        const bool bad_element = elements > 0 && random() % 8 == 0;
        std::string list;
        for (std::size_t i = 0; i < elements; ++i)
            list += (i > 0 ? ", " : "") +
                    std::string(bad_element && i + 1 == elements ? "\"bad\"" : "7");
        routing.map("{\"id\": " + std::string(is_number ? "1" : "\"one\"") + ", \"kind\": \"" +
                    (is_click ? "click" : "view") + "\", \"amount\": " + std::to_string(amount) +
                    ", \"items\": [" + list + "]}");
        if (bad_element || (!is_number && (is_click || amount > 0))) {
            rejected.insert(index);
            continue;
        }
        if (is_click) expected[0].push_back(index);
        if (amount > 0) expected[1].push_back(index);
        for (std::size_t i = 0; i < elements; ++i) expected[2].push_back(index);
    }
    for (std::size_t target = 0; target < 3; ++target)
        CHECK(routing.records_in(target) == expected[target]);
    std::set<RecordLog::Index> told;
    for (const Reject& reject : routing.batch.rejects) told.insert(reject.record);
    CHECK(told == rejected);
    CHECK(routing.batch.rejects.size() == rejected.size());
}

TEST_CASE("batch: what has an effect in one of several tables has one") {
    Batch batch;
    for (const Offset offset : {0, 1, 2, 3}) {
        Record record;
        record.from = fakes::orders(3);
        record.offset = offset;
        batch.records.append(record);
    }
    const auto add = [&](std::size_t target, const Indices& records) {
        for (const RecordLog::Index record : records)
            batch.use(target).text.rows.push_back({.record = record, .end = 0});
    };
    add(0, {0, 1, 2});
    add(1, {1, 2, 3});
    const WithoutEffect none = batch.without_effect_in_all(
        {{.superseded = {0, 1}, .unmatched = {}, .rows = 2},
         {.superseded = {}, .unmatched = {1}, .filtered = {2, 3}, .rows = 3}});
    CHECK(none.superseded == Indices{0, 1});
    CHECK(none.unmatched.empty());
    CHECK(none.filtered == Indices{3});
    CHECK(none.rows == 5);
}
