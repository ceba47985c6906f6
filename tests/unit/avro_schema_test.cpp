#include "schemas/avro_schema.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace sluice::schemas;
using Kind = AvroType::Kind;
using Meaning = AvroType::Meaning;
using Unit = AvroType::Unit;

namespace {

std::string complaint_about(const std::string& json) {
    try {
        static_cast<void>(parse_avro(json));
    } catch (const BadSchema& bad) {
        return bad.what();
    }
    return "nothing";
}

/// The type of the first field of a record with this one field.
AvroType field(const std::string& field_json) {
    const AvroSchema schema =
        parse_avro(R"({"type":"record","name":"r","fields":[)" + field_json + "]}");
    AvroType type = schema.of(schema.of(schema.root).contents.at(0));
    while (type.kind == Kind::choice) type = schema.of(type.contents.back());
    return type;
}

Meaning meaning(const std::string& type_json) {
    return field(R"({"name":"f","type":)" + type_json + "}").meaning;
}

}  // namespace

TEST_CASE("avro schema: a name alone is one, with and without quotes") {
    CHECK(parse_avro("\"long\"").types.at(0).kind == Kind::int64);
    CHECK(parse_avro("long").types.at(0).kind == Kind::int64);
    CHECK(parse_avro(R"({"type":"long"})").types.at(0).kind == Kind::int64);
    CHECK(parse_avro(R"({"type":{"type":"long"}})").types.at(0).kind == Kind::int64);
}

TEST_CASE("avro schema: every type arrives with what belongs to it") {
    const AvroSchema schema = parse_avro(R"({"type":"record","name":"r","namespace":"a.b","fields":[
        {"name":"e","type":{"type":"enum","name":"e","symbols":["X","Y"]}},
        {"name":"x","type":{"type":"fixed","name":"x","size":3}},
        {"name":"l","type":{"type":"array","items":"string"}},
        {"name":"m","type":{"type":"map","values":["null","double"]}}]})");
    const AvroType& record = schema.of(schema.root);
    CHECK(record.kind == Kind::record);
    CHECK(record.name == "a.b.r");
    CHECK(record.names == std::vector<std::string>{"e", "x", "l", "m"});
    CHECK(schema.of(record.contents[0]).names == std::vector<std::string>{"X", "Y"});
    CHECK(schema.of(record.contents[1]).size == 3);
    CHECK(schema.of(schema.of(record.contents[2]).contents[0]).kind == Kind::string);
    const AvroType& choice = schema.of(schema.of(record.contents[3]).contents[0]);
    CHECK(choice.contents.size() == 2);
    CHECK(schema.of(choice.contents[1]).kind == Kind::float64);
}

TEST_CASE("avro schema: names are found in the enclosing record's namespace") {
    const AvroSchema schema = parse_avro(R"({"type":"record","name":"a.r","fields":[
        {"name":"f","type":{"type":"fixed","name":"x","size":1}},
        {"name":"g","type":{"type":"record","name":"q","namespace":"b","fields":[
            {"name":"h","type":{"type":"fixed","name":"x","size":2}},
            {"name":"i","type":"x"},
            {"name":"j","type":"a.x"}]}},
        {"name":"k","type":"x"}]})");
    const AvroType& outer = schema.of(schema.root);
    const AvroType& inner = schema.of(outer.contents[1]);
    CHECK(schema.of(inner.contents[1]).name == "b.x");
    CHECK(schema.of(inner.contents[2]).name == "a.x");
    CHECK(schema.of(outer.contents[2]).name == "a.x");
}

TEST_CASE("avro schema: a record may contain itself, and use what other schemas define") {
    const AvroSchema list = parse_avro(
        R"({"type":"record","name":"n","fields":[{"name":"next","type":["null","n"]}]})");
    CHECK(list.of(list.of(list.root).contents[0]).contents[1] == list.root);

    const std::vector<NamedSchema> references{
        {"colour", R"({"type":"enum","name":"shop.colour","symbols":["RED"]})"},
        {"item",
         R"({"type":"record","name":"shop.item","fields":[{"name":"c","type":"colour"}]})"}};
    const AvroSchema order = parse_avro(
        R"({"type":"record","name":"o","fields":[{"name":"i","type":"shop.item"}]})", references);
    CHECK(order.of(order.of(order.root).contents[0]).name == "shop.item");
}

TEST_CASE("avro schema: a logical type is seen at each place where writers put it") {
    CHECK(meaning(R"({"type":"int","logicalType":"date"})") == Meaning::date);
    CHECK(meaning(R"({"type":{"type":"int","logicalType":"date"}})") == Meaning::date);
    CHECK(meaning(R"({"type":{"type":"int"},"logicalType":"date"})") == Meaning::date);
    CHECK(meaning(R"(["null",{"type":"int","logicalType":"date"}])") == Meaning::date);
    CHECK(field(R"({"name":"f","type":"int","logicalType":"date"})").meaning == Meaning::date);
    CHECK(field(R"({"name":"f","type":["null","int"],"logicalType":"date"})").meaning ==
          Meaning::date);
    CHECK(field(R"({"name":"f","type":["null",{"type":"int"}],"logicalType":"date"})").meaning ==
          Meaning::date);
    CHECK(field(R"({"name":"f","type":"bytes","logicalType":"decimal","precision":9,"scale":2})")
              .scale == 2);
}

TEST_CASE("avro schema: logical types have their meanings and units") {
    const auto type = [](const char* json) {
        return field(std::string(R"({"name":"f","type":)") + json + "}");
    };
    CHECK(type(R"({"type":"int","logicalType":"time-millis"})").meaning == Meaning::time);
    CHECK(type(R"({"type":"long","logicalType":"time-micros"})").unit == Unit::microseconds);
    CHECK(type(R"({"type":"long","logicalType":"timestamp-nanos"})").unit == Unit::nanoseconds);
    CHECK(type(R"({"type":"long","logicalType":"timestamp-millis"})").meaning == Meaning::instant);
    CHECK(type(R"({"type":"long","logicalType":"local-timestamp-micros"})").meaning ==
          Meaning::timestamp);
    CHECK(type(R"({"type":"fixed","name":"u","size":16,"logicalType":"uuid"})").meaning ==
          Meaning::uuid);
    CHECK(type(R"({"type":"fixed","name":"d","size":12,"logicalType":"duration"})").meaning ==
          Meaning::duration);
    const AvroType decimal = type(
        R"({"type":"fixed","name":"d","size":8,"logicalType":"decimal","precision":18,"scale":4})");
    CHECK(decimal.meaning == Meaning::decimal);
    CHECK(decimal.scale == 4);
}

TEST_CASE("avro schema: what stands beside a use of a named type is of that use alone") {
    const AvroSchema schema = parse_avro(R"({"type":"record","name":"r","fields":[
        {"name":"raw","type":{"type":"fixed","name":"x","size":16}},
        {"name":"id","type":"x","logicalType":"uuid"},
        {"name":"again","type":"x"}]})");
    const AvroType& record = schema.of(schema.root);
    CHECK(schema.of(record.contents[0]).meaning == Meaning::plain);
    CHECK(schema.of(record.contents[1]).meaning == Meaning::uuid);
    CHECK(schema.of(record.contents[2]).meaning == Meaning::plain);
}

TEST_CASE("avro schema: Connect's and Debezium's names are read where no logical type stands") {
    const auto named = [](const char* kind, const char* name, const char* more = "") {
        return field(std::string(R"({"name":"f","type":["null",{"type":")") + kind +
                     R"(","connect.version":1,"connect.name":")" + name + "\"" + more + "}]}");
    };
    CHECK(named("int", "io.debezium.time.Date").meaning == Meaning::date);
    CHECK(named("long", "io.debezium.time.MicroTimestamp").meaning == Meaning::timestamp);
    CHECK(named("long", "io.debezium.time.NanoTime").unit == Unit::nanoseconds);
    CHECK(named("long", "io.debezium.time.MicroDuration").meaning == Meaning::interval);
    CHECK(named("long", "org.apache.kafka.connect.data.Timestamp").meaning == Meaning::instant);
    CHECK(named("string", "io.debezium.time.ZonedTimestamp").meaning == Meaning::plain);
    const AvroType decimal = named("bytes", "org.apache.kafka.connect.data.Decimal",
                                   R"(,"connect.parameters":{"scale":"-3"})");
    CHECK(decimal.meaning == Meaning::decimal);
    CHECK(decimal.scale == -3);
    CHECK(field(R"({"name":"f","type":{"type":"record","name":"VariableScaleDecimal",
        "namespace":"io.debezium.data","fields":[{"name":"scale","type":"int"},
        {"name":"value","type":"bytes"}]}})")
              .meaning == Meaning::scaled_decimal);
    CHECK(field(R"({"name":"f","type":{"type":"record","name":"VariableScaleDecimal",
        "namespace":"io.debezium.data","fields":[{"name":"scale","type":["null","int"]},
        {"name":"value","type":"bytes"}]}})")
              .meaning == Meaning::plain);
}

TEST_CASE("avro schema: a logical type that is unknown or does not fit is ignored") {
    CHECK(meaning(R"({"type":"int","logicalType":"phase-of-the-moon"})") == Meaning::plain);
    CHECK(meaning(R"({"type":"int","logicalType":7})") == Meaning::plain);
    CHECK(meaning(R"({"type":"string","logicalType":"date"})") == Meaning::plain);
    CHECK(meaning(R"({"type":"int","logicalType":"timestamp-millis"})") == Meaning::plain);
    CHECK(meaning(R"({"type":"bytes","logicalType":"decimal"})") == Meaning::plain);
    CHECK(meaning(R"({"type":"bytes","logicalType":"decimal","precision":2,"scale":3})") ==
          Meaning::plain);
    CHECK(meaning(R"({"type":"fixed","name":"d","size":11,"logicalType":"duration"})") ==
          Meaning::plain);
}

TEST_CASE("avro schema: a default that fits nothing does not matter") {
    CHECK(field(R"({"name":"f","type":["string","null"],"default":null})").kind == Kind::null);
    CHECK(field(R"({"name":"f","type":"int","default":"many"})").kind == Kind::int32);
}

TEST_CASE("avro schema: types that take no bytes are known") {
    const AvroSchema schema = parse_avro(R"({"type":"record","name":"r","fields":[
        {"name":"a","type":{"type":"record","name":"e","fields":[
            {"name":"x","type":"null"},{"name":"y","type":{"type":"fixed","name":"z","size":0}}]}},
        {"name":"b","type":{"type":"record","name":"n","fields":[{"name":"i","type":"int"}]}},
        {"name":"c","type":{"type":"record","name":"o","fields":[{"name":"o","type":"o"}]}}]})");
    const AvroType& record = schema.of(schema.root);
    CHECK_FALSE(record.is_empty);
    CHECK(schema.of(record.contents[0]).is_empty);
    CHECK_FALSE(schema.of(record.contents[1]).is_empty);
    CHECK(schema.of(record.contents[2]).is_empty);
}

TEST_CASE("avro schema: what is wrong is said in words, with the field's path") {
    CHECK(complaint_about("{") != "nothing");
    CHECK(complaint_about("7") == "not an Avro schema: a type is a name, an object or an array");
    CHECK(complaint_about("\"strong\"") ==
          "not an Avro schema: no type is called \"strong\" up to here");
    CHECK(complaint_about(R"({"type":"record","name":"r","fields":[{"name":"a","type":
        {"type":"record","name":"s","fields":[{"name":"b","type":"nothing"}]}}]})") ==
          "not an Avro schema: \"a.b\": no type is called \"nothing\" up to here");
    CHECK(complaint_about(R"({"type":"record","name":"r","fields":[
        {"name":"a","type":"int"},{"name":"a","type":"int"}]})") ==
          "not an Avro schema: \"a\": a second field of this name");
    CHECK(complaint_about(R"(["null",["int"]])") ==
          "not an Avro schema: a union directly within a union");
    CHECK(complaint_about("[]") == "not an Avro schema: a union of nothing");
    CHECK(complaint_about(R"({"type":"array"})") ==
          "not an Avro schema: an array without \"items\"");
    CHECK(complaint_about(R"({"type":"record","name":"r"})") ==
          "not an Avro schema: r has no \"fields\"");
    CHECK(complaint_about(R"({"type":"fixed","name":"x","size":-1})") ==
          "not an Avro schema: x has no \"size\"");
}

TEST_CASE("avro schema: nesting has an end") {
    std::string deep;
    for (int i = 0; i < 400; ++i) deep += R"({"type":"array","items":)";
    deep += "\"int\"" + std::string(400, '}');
    CHECK(complaint_about(deep) == "not an Avro schema: nested deeper than 200 types");
}
