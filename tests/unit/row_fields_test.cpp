#include "schemas/row_fields.h"
#include "config/column_source.h"
#include "schemas/bad_schema.h"
#include "sinks/catalogue/check_fields.h"
#include "sinks/catalogue/proposed_table.h"

#include <doctest/doctest.h>

namespace sluice {
namespace {

using schemas::RowFields;
using schemas::SchemaType;

RowFields of(SchemaType type, const std::string& text) {
    return schemas::row_fields({.type = type, .text = text, .references = {}});
}

std::string ddl(const RowFields& rows, const std::vector<std::string>& key = {}) {
    return proposed_ddl("t", rows.fields, key);
}

TEST_CASE("schema --from-topic: each type of Avro has a column that holds its values") {
    const RowFields rows = of(SchemaType::avro, R"({"type": "record", "name": "r", "fields": [
        {"name": "id", "type": "long"}, {"name": "n", "type": ["null", "int"]},
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal",
                                   "precision": 12, "scale": 2}},
        {"name": "born", "type": {"type": "int", "connect.name": "io.debezium.time.Date"}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "token", "type": {"type": "string", "logicalType": "uuid"}},
        {"name": "doc", "type": ["null", {"type": "string",
                                          "connect.name": "io.debezium.data.Json"}]},
        {"name": "tags", "type": {"type": "array", "items": "string"}},
        {"name": "lines", "type": {"type": "array", "items": {"type": "record", "name": "l",
                                   "fields": [{"name": "x", "type": "int"}]}}},
        {"name": "some", "type": ["int", "string"]}]})");
    CHECK_FALSE(rows.in_envelope);
    CHECK(ddl(rows, {"id"}) ==
          "CREATE TABLE t (\n    \"id\" bigint,\n    \"n\" integer,\n    \"price\" numeric(12,2),"
          "\n    \"born\" date,\n    \"at\" timestamptz,\n    \"token\" uuid,\n    \"doc\" jsonb,"
          "\n    \"tags\" text[],\n    \"lines\" jsonb,\n    \"some\" text,"
          "\n    PRIMARY KEY (\"id\")\n);\n");
}

TEST_CASE("schema --from-topic: of a change event, the row's fields are meant") {
    const RowFields rows =
        of(SchemaType::avro, R"({"type": "record", "name": "Envelope", "fields": [
        {"name": "before", "type": ["null", {"type": "record", "name": "Value", "fields": [
            {"name": "id", "type": "int"}, {"name": "city", "type": ["null", "string"]}]}]},
        {"name": "after", "type": ["null", "Value"]}, {"name": "op", "type": "string"},
        {"name": "source", "type": {"type": "record", "name": "Source", "fields": []}}]})");
    CHECK(rows.in_envelope);
    CHECK(ddl(rows) == "CREATE TABLE t (\n    \"id\" integer,\n    \"city\" text\n);\n");
}

TEST_CASE("schema --from-topic: Protobuf's own types, and those of JSON Schema") {
    CHECK(ddl(of(SchemaType::protobuf, R"(syntax = "proto3";
        import "google/protobuf/timestamp.proto"; import "google/protobuf/wrappers.proto";
        message M { uint64 big = 1; sint32 small = 2; repeated double list = 3;
            map<string, int32> counts = 4; google.protobuf.Timestamp at = 5;
            google.protobuf.Int64Value maybe = 6; bytes raw = 7; })")) ==
          "CREATE TABLE t (\n    \"big\" numeric(20),\n    \"small\" integer,"
          "\n    \"list\" double precision[],\n    \"counts\" jsonb,\n    \"at\" timestamptz,"
          "\n    \"maybe\" bigint,\n    \"raw\" bytea\n);\n");
    CHECK(ddl(of(SchemaType::json, R"({"type": "object", "properties": {
        "id": {"type": "integer"}, "price": {"type": ["null", "number"]},
        "at": {"type": "string", "format": "date-time"}, "ok": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "where": {"type": "object"}, "any": {}}})")) ==
          "CREATE TABLE t (\n    \"id\" bigint,\n    \"price\" numeric,\n    \"at\" timestamptz,"
          "\n    \"ok\" boolean,\n    \"tags\" text[],\n    \"where\" jsonb,"
          "\n    \"any\" text\n);\n");
    CHECK_THROWS_AS(static_cast<void>(of(SchemaType::json, "no")), schemas::BadSchema);
    CHECK_THROWS_WITH_AS(static_cast<void>(of(SchemaType::other, "<a/>")),
                         "it is of a type that Sluice does not know", schemas::BadSchema);
    CHECK(of(SchemaType::avro, R"("long")").fields.empty());
}

TEST_CASE("schema --from-topic: of Protobuf's messages the one that is part of no other is meant") {
    const auto rows = [](const std::string& text, std::string_view message = {}) {
        return schemas::row_fields({.type = SchemaType::protobuf, .text = text, .references = {}},
                                   message);
    };
    const std::string file = R"(syntax = "proto3"; package shop; message City { string name = 1; }
        message Order { int64 id = 1; City city = 2; repeated Order parts = 3; })";
    const RowFields order = rows(file);
    CHECK(order.messages.empty());
    CHECK(ddl(order) ==
          "CREATE TABLE t (\n    \"id\" bigint,\n    \"city\" jsonb,\n    "
          "\"parts\" jsonb\n);\n");
    const RowFields any = rows(file + "message Return { int64 of = 1; }");
    CHECK(any.fields.empty());
    CHECK(any.messages == std::vector<std::string>{"shop.Order", "shop.Return"});
    CHECK(ddl(rows(file, "City")) == "CREATE TABLE t (\n    \"name\" text\n);\n");
    CHECK(rows("message A { optional B b = 1; } message B { optional A a = 1; }").messages.size() ==
          2);
}

TEST_CASE("schema --from-topic: a record that may be null has its fields") {
    CHECK(ddl(of(SchemaType::avro, R"(["null", {"type": "record", "name": "r", "fields": [
        {"name": "id", "type": "long"}]}])")) == "CREATE TABLE t (\n    \"id\" bigint\n);\n");
}

TEST_CASE("schema --from-topic: names that no column can have are told") {
    const std::string longest(63, 'x');
    RowFields rows;
    for (const std::string& name : {std::string("id"), std::string("ctid"), longest, longest + 'y'})
        rows.fields.push_back({.name = name, .type = schemas::RowField::Type::int64});
    CHECK(ddl(rows, {"ctid", "id"}) ==
          "-- no column for \"ctid\": the database has a column of its own of this name; map it to "
          "another one\n-- no column for \"" +
              longest + "y\": its name is longer than 63 bytes; map it to another one\n" +
              "-- no primary key (\"ctid\", \"id\"): no column is \"ctid\"\n" +
              "CREATE TABLE t (\n    \"id\" bigint,\n    \"" + longest + "\" bigint\n);\n");
}

TEST_CASE("check: what a schema and a table do not have in common") {
    const RowFields rows = of(SchemaType::avro, R"({"type": "record", "name": "r", "fields": [
        {"name": "id", "type": "long"}, {"name": "at", "type": "long"},
        {"name": "city", "type": "string"}, {"name": "__op", "type": "string"}]})");
    Table table;
    table.schema = "public";
    table.name = "t";
    const auto add = [&](const char* name, ColumnType type, const char* type_name) {
        Column& column = table.columns.emplace_back();
        column.name = name;
        column.type = type;
        column.type_name = type_name;
    };
    add("id", ColumnType::int8, "bigint");
    add("at", ColumnType::timestamptz, "timestamptz");
    add("town", ColumnType::text, "text");
    const auto told = [&](const config::Ingest& ingest) {
        std::string text;
        for (const Finding& finding : check_fields(ingest, table, rows.fields, "t-value"))
            text += to_string(finding) + "\n";
        return text;
    };
    config::Ingest ingest;
    ingest.name = "p";
    const std::string by_name = told(ingest);
    CHECK(by_name.find("column \"at\" is timestamptz: most values of the field \"at\" will be "
                       "rejects, since t-value has it as a 64-bit number; say what") !=
          std::string::npos);
    CHECK(by_name.find("nothing fills \"town\": t-value has no such fields") != std::string::npos);
    CHECK(by_name.find("no column takes \"city\" of t-value; to keep them: ALTER TABLE "
                       "\"public\".\"t\" ADD \"city\" text") != std::string::npos);
    CHECK(by_name.find("__op") == std::string::npos);

    const auto map = [&](const char* column, const char* field, config::Conversion as) {
        config::ColumnMapping& mapping = ingest.columns.emplace_back();
        mapping.column = column;
        mapping.source.path = {field};
        mapping.as = as;
    };
    map("id", "id", config::Conversion::none);
    map("at", "at", config::Conversion::epoch_ms);
    map("town", "city", config::Conversion::none);
    CHECK(told(ingest).empty());
}

TEST_CASE("check: changes that are told apart by something else than the table's rows") {
    Table table;
    table.schema = "public";
    table.name = "people";
    for (const char* name : {"id", "email", "place"}) {
        Column& column = table.columns.emplace_back();
        column.name = name;
        column.type = ColumnType::text;
        column.type_name = "text";
    }
    table.primary_key = {"id"};
    config::Ingest ingest;
    ingest.name = "p";
    ingest.mode = config::Mode::merge;
    ingest.envelope = config::Envelope::debezium;
    const auto told = [&](std::vector<std::string> fields_of_key) {
        std::vector<schemas::RowField> fields;
        for (std::string& name : fields_of_key) fields.push_back({.name = std::move(name)});
        std::string text;
        for (const Finding& finding : check_key_of_changes(ingest, table, fields, "people-key"))
            text += to_string(finding);
        return text;
    };
    CHECK(told({"id"}) == "");
    CHECK(told({}) == "");
    ingest.key = {"email"};
    CHECK(told({"email"}) == "");
    CHECK(told({"id"}) ==
          "ingest.p: rows are told apart by \"email\", and changes by \"id\" (people-key): an "
          "update that changes \"email\" leaves the row of the old value where it is; "
          "key = [\"id\"]");
    CHECK(told({"id", "zone"}).ends_with("fill columns by those fields, and name them in key ="));

    // By another name, and from the key itself.
    const auto map = [&](const char* column, const char* source) {
        config::ColumnMapping& mapping = ingest.columns.emplace_back();
        mapping.column = column;
        mapping.source =
            std::get<config::Source>(config::parse_source(source, config::Format::json));
    };
    map("id", "@key/number");
    map("email", "email");
    ingest.key = {"id"};
    CHECK(told({"number"}) == "");
    ingest.key = {"email"};
    CHECK(told({"number"}).ends_with("key = [\"id\"]"));
    // What a key is computed from, nobody can tell.
    ingest.key = {"place"};
    CHECK(told({"number"}) == "");
}

}  // namespace
}  // namespace sluice
