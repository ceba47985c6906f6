#include "config/column_source.h"
#include "config/condition/filter.h"
#include "pipeline/mapping/element_reader.h"
#include "pipeline/mapping/row_mapper.h"
#include "pipeline/values/json_text.h"
#include "tests/unit/avro_bytes_setup.h"
#include "tests/unit/config_setup.h"
#include "tests/unit/protobuf_bytes_setup.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace sluice;
using namespace sluice::config::test;

namespace {

using Outcome = RowMapper::Outcome;

config::Source source(const std::string& text) {
    return std::get<config::Source>(config::parse_source(text, config::Format::json));
}

/// Orders, a row for each of their items.
struct Orders {
    config::Ingest ingest;
    Table table;
    Batch batch;

    Orders() {
        ingest.topic = ingest.name = "orders";
        ingest.explode = source("/items");
        for (const char* field : {"order", "/items/sku", "/items/n", "/items"}) {
            const std::string name = std::string(field).substr(std::string(field).rfind('/') + 1);
            table.columns.push_back({.name = name, .type = ColumnType::text, .type_name = "text"});
            ingest.columns.push_back(
                {.column = name, .source = source(field), .default_value = {}});
        }
        table.columns[2].type = ColumnType::int4;
    }
    /// What became of it: rows, or reasons.
    std::string record(const std::string& value) {
        RowMapper mapper(ingest, table);
        batch.clear();
        const auto index = batch.records.append({.key = {}, .value = value, .headers = {}});
        const Outcome outcome = mapper.map(index, batch);
        const TargetRows& rows = batch.targets.front();
        if (outcome == Outcome::rejected) {
            CHECK(rows.size() == 0);
            CHECK(rows.binary.bytes.empty());
            return describe(batch.rejects.front().reasons);
        }
        if (outcome == Outcome::filtered) {
            CHECK(rows.size() == 0);
            return "filtered";
        }
        std::string last;
        for (const auto& text : mapper.values_as_text()) last += " " + text.value_or("NULL");
        return std::to_string(rows.size()) + ", the last:" + last;
    }
};

}  // namespace

TEST_CASE("explode: an array that is none has no elements, and is told so") {
    ElementReader reader({"items"}, {});
    const auto said = [&](std::string_view array) {
        const auto error = reader.begin(array);
        CHECK((!error || reader.at_end()));
        return error ? json::describe(*error) : "";
    };
    CHECK(said("[]") == "");
    CHECK(said("[1, {\"a\":[]}]") == "");
    CHECK_FALSE(reader.at_end());
    CHECK(said("[1,2") == "\",\" or \"]\" is expected at byte 5");
    CHECK(said("[1,]") == "a value is expected at byte 4");
    CHECK(said("[1,{\"a\"}]") == "\":\" is expected at byte 8");
    CHECK(said("[\"\xff\"]") == "invalid UTF-8 at byte 3");
    CHECK(said("[") == "a value is missing at byte 2");
}

TEST_CASE("explode: each element is a row, with fields of its own and of the record") {
    Orders orders;
    CHECK(orders.record(R"({"order":"a","items":[{"sku":"x","n":1},{"sku":"y","n":2}]})") ==
          R"(2, the last: a y 2 {"sku":"y","n":2})");
    CHECK(orders.record(R"({"items":[ {"n":1} ],"order":"b"})") ==
          R"(1, the last: b NULL 1 {"n":1})");
}

TEST_CASE("explode: no element is no row, and a record without its array has none") {
    Orders orders;
    CHECK(orders.record(R"({"order":"a","items":[]})") == "filtered");
    CHECK(orders.record(R"({"order":"a","items":null})") == "filtered");
    CHECK(orders.record(R"({"order":"a"})") == "filtered");
    CHECK(orders.record(R"({"order":"a","items":{"sku":"x"}})") ==
          R"(/items is "{"sku":"x"}", not an array)");
    orders.ingest.columns[1].as = config::Conversion::mask;
    CHECK(orders.record(R"({"order":"a","items":{"sku":"x"}})") ==
          R"(/items is "…", not an array)");
    orders.ingest.columns[1].as = config::Conversion::none;
    orders.ingest.on_missing = config::OnMissing::reject;
    CHECK(orders.record(R"({"order":"a"})") == "/items is missing");
}

TEST_CASE("explode: one wrong element makes a reject of the whole record") {
    Orders orders;
    CHECK(orders.record(R"({"order":"a","items":[{"n":1},{"n":"many"},{"n":"few"}]})") ==
          R"(column "n": element 1: "many" is not an integer; column "n": element 2: "few" is not )"
          "an integer");
    CHECK(orders.record(R"({"order":"a","items":[{"n":1},7]})") ==
          "/items/1 is a number, not an object");
}

TEST_CASE("explode: a record whose rows would be many times its bytes is a reject") {
    Orders orders;
    orders.ingest.batch.bytes = 64 << 10;
    const auto of = [](std::size_t items, std::size_t shared) {
        std::string value = R"({"order":")" + std::string(shared, 'x') + R"(","items":[{"n":0})";
        for (std::size_t item = 1; item < items; ++item) value += R"(,{"n":1})";
        return value + "]}";
    };
    CHECK(orders.record(of(20, 2000)).starts_with("20, the last: "));
    CHECK(orders.record(of(100, 2000)) ==
          "the rows of its first 33 elements are more than 64KiB (batch.bytes) and 16 times the "
          "record; raise batch.bytes, or map less of the record into each row");
    // What takes so much by itself is no reject for that.
    orders.ingest.batch.bytes = 1024;
    CHECK(orders.record(of(4, 2000)).starts_with("4, the last: "));
    CHECK(orders.record(of(100, 2000)).starts_with("the rows of its first "));
    // As a reload has it.
    RowMapper mapper(orders.ingest, orders.table);
    mapper.set_most_bytes(std::size_t{1} << 20);
    orders.batch.clear();
    const std::string value = of(100, 2000);
    CHECK(mapper.map(orders.batch.records.append({.key = {}, .value = value, .headers = {}}),
                     orders.batch) == Outcome::row);
    CHECK(orders.batch.targets.front().size() == 100);
}

TEST_CASE("explode: a filter judges elements") {
    Orders orders;
    orders.ingest.filter =
        std::get<config::Filter>(config::parse_filter("/items/n > 1 and order = 'a'", {}));
    CHECK(orders.record(R"({"order":"a","items":[{"n":1},{"n":2},{"n":3}]})")
              .starts_with("2, the last: a NULL 3"));
    CHECK(orders.record(R"({"order":"b","items":[{"n":2}]})") == "filtered");
    CHECK(orders.record(R"({"order":"a","items":[{"n":2},{"n":"x"}]})") ==
          "/items/1: filter: /items/n is \"x\", not a number");
}

TEST_CASE("explode: elements of Avro and Protobuf are rows as those of JSON are") {
    Orders orders;
    orders.ingest.schema.from = config::Schema::From::file;
    SUBCASE("avro") {
        using namespace avro;
        orders.ingest.format = config::Format::avro;
        orders.ingest.schema.files = {{"order.avsc", R"({"type":"record","name":"order","fields":[
              {"name":"order","type":"string"},
              {"name":"items","type":{"type":"array","items":{"type":"record","name":"item",
                "fields":[{"name":"sku","type":"string"},{"name":"n","type":"int"}]}}}]})"}};
        CHECK(orders.record(sized("a") + number(2) + sized("x") + number(1) + sized("y") +
                            number(2) + number(0)) == R"(2, the last: a y 2 {"sku":"y","n":2})");
        CHECK(orders.record(sized("a") + number(0)) == "filtered");
    }
    SUBCASE("protobuf") {
        using namespace protobuf_bytes;
        orders.ingest.format = config::Format::protobuf;
        orders.ingest.schema.files = {
            {"order.proto",
             "syntax = \"proto3\"; message Order { string order = 1; repeated Item items = 2; } "
             "message Item { string sku = 1; int32 n = 2; }"}};
        orders.ingest.schema.message = "Order";
        CHECK(orders.record(sized(1, "a") + sized(2, sized(1, "x") + number(2, 1)) +
                            sized(2, sized(1, "y") + number(2, 2))) ==
              R"(2, the last: a y 2 {"sku":"y","n":2})");
        CHECK(orders.record(sized(1, "a")) == "filtered");
    }
}

TEST_CASE("explode: where an array's elements cannot be told, it is refused") {
    const std::string columns = "[ingest.orders.columns]\na = '/items/a'\n";
    CHECK(problems_of(pipeline + "explode = '/items'\n" + columns).empty());
    CHECK(
        contains(problem_of(pipeline + "explode = '@key'\n" + columns), "8:11: \"explode\" must"));
    CHECK(contains(problem_of(pipeline + "explode = '/items'\n"),
                   "\"explode\" needs [ingest.orders.columns]"));
    CHECK(contains(problem_of(pipeline + "mode = 'merge'\nexplode = '/items'\n" + columns),
                   "\"explode\" is for mode = \"append\""));
    CHECK(contains(problem_of(pipeline + "format = 'csv'\nexplode = '/items'\n"),
                   "\"explode\" needs a format whose fields have names"));
}
