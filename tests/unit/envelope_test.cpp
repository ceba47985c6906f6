#include "pipeline/mapping/row_mapper.h"
#include "tests/unit/avro_bytes_setup.h"
#include "tests/unit/config_setup.h"

#include <doctest/doctest.h>

using namespace sluice;
using Kind = config::Source::Kind;
using Outcome = RowMapper::Outcome;

namespace {

/// A table of change events: its columns get the fields of their names, and @op, @before/id,
/// @source/lsn.
struct Events {
    Events() {
        ingest.envelope = config::Envelope::debezium;
        table.schema = "public";
        table.name = "t";
        table.session_is_utc = true;
        add("id", ColumnType::int8, "bigint");
        add("price", ColumnType::numeric, "numeric");
        add("day", ColumnType::date, "date");
        add("at", ColumnType::timestamp, "timestamp");
        add("raw", ColumnType::bytea, "bytea");
        add("doc", ColumnType::jsonb, "jsonb");
        add("note", ColumnType::text, "text");
        add("op", ColumnType::text, "text").source = of_envelope({"op"});
        add("old", ColumnType::int8, "bigint").source = of_envelope({"before", "id"});
        add("lsn", ColumnType::int8, "bigint").source = of_envelope({"source", "lsn"});
    }
    config::ColumnMapping& add(const std::string& name, ColumnType type,
                               const std::string& type_name) {
        table.columns.push_back({name, type, type_name});
        config::ColumnMapping& mapping = ingest.columns.emplace_back();
        mapping.column = mapping.source.text = name;
        mapping.source.path = {name};
        return mapping;
    }
    static config::Source of_envelope(std::vector<std::string> path) {
        config::Source source;
        source.kind = Kind::envelope;
        source.path = std::move(path);
        return source;
    }
    /// "id|price|…" of the row, "filtered", or the reasons.
    std::string row(const std::string& value) {
        if (!mapper) mapper.emplace(ingest, table);
        batch.clear();
        Record record;
        record.value = value;
        record.key = key;
        switch (mapper->map(batch.records.append(record), batch)) {
            case Outcome::filtered:
                return "filtered";
            case Outcome::rejected:
                return describe(batch.rejects.front().reasons);
            case Outcome::row:
                break;
        }
        std::string text;
        for (const auto& column : mapper->values_as_text()) text += column.value_or("") + "|";
        return text;
    }

    config::Ingest ingest;
    Table table;
    std::optional<std::string> key;  // of the records
    std::optional<RowMapper> mapper;
    Batch batch;
};

const std::string after =
    R"({"id":7,"price":"BNI=","day":20484,"at":1769860800123456,"raw":"AP8=","doc":"{\"a\": 1}","note":"x"})";

std::string with_schema(const std::string& payload) {
    return R"({"schema":{"type":"struct","fields":[{"type":"struct","field":"before"},)"
           R"({"type":"struct","field":"after","fields":[{"type":"int64","field":"id"},)"
           R"({"type":"bytes","name":"org.apache.kafka.connect.data.Decimal",)"
           R"("parameters":{"scale":"2"},"field":"price"},)"
           R"({"type":"int32","name":"io.debezium.time.Date","field":"day"},)"
           R"({"type":"int64","name":"io.debezium.time.MicroTimestamp","field":"at"},)"
           R"({"type":"bytes","field":"raw"},)"
           R"({"type":"string","name":"io.debezium.data.Json","field":"doc"}]}]},"payload":)" +
           payload + "}";
}

}  // namespace

TEST_CASE("envelope: JSON with its schema has the types that the schema says") {
    Events events;
    CHECK(events.row(with_schema(R"({"before":null,"after":)" + after +
                                 R"(,"source":{"lsn":9},"op":"c","ts_ms":1})")) ==
          "7|12.34|2026-01-31|2026-01-31 12:00:00.123456|\\x00ff|{\"a\": 1}|x|c||9|");
    CHECK(events.row(with_schema("null")) == "filtered");
    CHECK(events.row(R"({"schema":null,"payload":null})") == "filtered");
}

TEST_CASE("envelope: JSON with its schema has decimals of any scale, and durations") {
    Events events;
    const auto row = [&](const std::string& price, const std::string& note,
                         const std::string& unit) {
        return events.row(
            R"({"schema":{"type":"struct","fields":[{"type":"struct","field":"after","fields":[)"
            R"({"type":"struct","name":"io.debezium.data.VariableScaleDecimal","field":"price"},)"
            R"({"type":"int64","name":"io.debezium.time.)" +
            unit + R"(Duration","field":"note"}]}]},"payload":{"after":{"id":1,"price":)" + price +
            R"(,"note":)" + note + R"(},"op":"c"}})");
    };
    CHECK(row(R"({"scale":2,"value":"BNI="})", "3600000001", "Micro") ==
          "1|12.34|||||01:00:00.000001|c|||");
    CHECK(row(R"({"value":"BNI=","scale":-1})", "-1001", "Nano") ==
          "1|12340|||||-00:00:00.000002|c|||");
    CHECK(row("null", "null", "Micro") == "1|||||||c|||");
    CHECK(row(R"({"scale":20,"value":"/w=="})", "1", "Micro") ==
          "1|-0.00000000000000000001|||||00:00:00.000001|c|||");
    CHECK(row(R"({"scale":2,"value":"B*"})", "1", "Micro").find("price") != std::string::npos);
}

TEST_CASE("envelope: JSON without a schema is converted as its columns say") {
    Events events;
    const auto as = [&](std::size_t column, config::Conversion how) {
        events.ingest.columns[column].as = how;
    };
    as(1, config::Conversion::decimal);
    events.ingest.columns[1].scale = 2;
    as(2, config::Conversion::epoch_days);
    as(3, config::Conversion::epoch_us);
    as(4, config::Conversion::base64);
    as(5, config::Conversion::json);
    const std::string row =
        "7|12.34|2026-01-31|2026-01-31 12:00:00.123456+00|\\x00ff|{\"a\": 1}|x|";
    CHECK(events.row(R"({"before":null,"after":)" + after + R"(,"op":"r"})") == row + "r|||");
    CHECK(events.row(R"({"before":{"id":6},"after":)" + after + R"(,"op":"u"})") == row + "u|6||");
    CHECK(events.row(with_schema(R"({"after":)" + after + R"(,"op":"r"})")) == row + "r|||");
}

TEST_CASE(
    "envelope: a decimal of any scale is one without a schema, where its column says decimal") {
    Events events;
    events.ingest.columns[1].as = config::Conversion::decimal;
    const auto row = [&events](const std::string& price) {
        return events.row(R"({"after":{"id":1,"price":)" + price + R"(},"op":"c"})");
    };
    CHECK(row(R"({"scale":3,"value":"BNI="})") == "1|1.234||||||c|||");
    CHECK(row(R"("BNI=")") == "1|1234||||||c|||");
    CHECK(row(R"({"scale":3})") == R"(column "price": "{"scale":3}" is no decimal with its scale, )"
                                   R"({"scale": …, "value": …})");
}

TEST_CASE("envelope: JSON with its schema has its types within lists, maps and structures") {
    Events events;
    events.add("list", ColumnType::array, "text[]");
    events.add("nested", ColumnType::jsonb, "jsonb");
    events.add("inner", ColumnType::numeric, "numeric").source.path = {"nested", "price"};
    events.add("second", ColumnType::date, "date").source.path = {"list", "1"};
    events.add("was", ColumnType::jsonb, "jsonb").source = Events::of_envelope({"before"});
    const auto row = [&events](const std::string& items, const std::string& list,
                               const std::string& nested) {
        const std::string fields =
            R"("fields":[{"type":"array","field":"list","items":)" + items +
            R"(},{"type":"struct","field":"nested","fields":[{"type":"int32","field":"n"},)"
            R"({"type":"bytes","name":"org.apache.kafka.connect.data.Decimal",)"
            R"("parameters":{"scale":"2"},"field":"price"},{"type":"bytes","field":"wkb"},)"
            R"({"type":"map","field":"days","keys":{"type":"string"},)"
            R"("values":{"type":"int32","name":"io.debezium.time.Date"}}]}]})";
        const std::string values = R"({"list":)" + list + R"( , "nested" : )" + nested + "}";
        const std::string text = events.row(
            R"({"schema":{"type":"struct","fields":[{"type":"struct","field":"before",)" + fields +
            R"(,{"type":"struct","field":"after",)" + fields +
            R"(]},"payload":{"op":"c","before":)" + values + R"(,"after":)" + values + "}}");
        const std::string none = "|||||||c|||";
        CHECK(text.starts_with(none));
        return text.substr(std::min(none.size(), text.size()));
    };
    const auto named = [](const std::string& type, const std::string& name) {
        return R"({"type":")" + type + R"(","name":")" + name + R"("})";
    };
    CHECK(row(named("int32", "io.debezium.time.Date"), "[20484, null,-1]",
              R"({"n": 1,"price":"BNI=","wkb":"AP8=","days":{"a":0,"b":null}})") ==
          R"({"2026-01-31",NULL,"1969-12-31"}|)"
          R"({"n":1,"price":12.34,"wkb":"\\x00ff","days":{"a":"1970-01-01","b":null}}|12.34||)"
          R"({"list":["2026-01-31",null,"1969-12-31"],"nested":)"
          R"({"n":1,"price":12.34,"wkb":"\\x00ff","days":{"a":"1970-01-01","b":null}}}|)");
    const auto list = [&](const std::string& items, const std::string& values) {
        const std::string text = row(items, values, "null");
        return text.substr(0, text.find('|'));
    };
    CHECK(list(named("int64", "io.debezium.time.MicroTime"), "[123000]") == R"({"00:00:00.123"})");
    CHECK(list(R"({"type":"bytes"})", R"(["AP+A"])") == R"({"\\x00ff80"})");
    CHECK(list(named("int64", "io.debezium.time.MicroTimestamp"),
               "[1769860800123456,9223372036825200000]") ==
          R"({"2026-01-31 12:00:00.123456","infinity"})");
    CHECK(list(R"({"type":"array","items":)" + named("int32", "io.debezium.time.Date") + "}",
               "[[0],[1]]") == R"({{"1970-01-01"},{"1970-01-02"}})");
    CHECK(list(named("struct", "io.debezium.data.VariableScaleDecimal"),
               R"([{"scale":1,"value":"BNI="}])") == "{123.4}");
    CHECK(list(named("string", "io.debezium.data.Json"), R"(["{\"a\":1}"])") == R"({"{\"a\":1}"})");
    CHECK(list(R"({"type":"string"})", R"(["0"])") == R"({"0"})");
    CHECK(list(named("int32", "io.debezium.time.Date"), "[]") == "{}");
}

TEST_CASE("envelope: elements that become rows have the types of the event's schema") {
    for (const bool converted : {false, true}) {
        Events events;
        config::Source list;
        list.text = "days";
        list.path = {"days"};
        events.ingest.explode = list;
        events.ingest.columns[2].source.path = {"days", "on"};
        if (converted) events.ingest.columns[2].as = config::Conversion::epoch_days;
        CHECK(events.row(
                  R"({"schema":{"type":"struct","fields":[{"type":"struct","field":"after",)"
                  R"("fields":[{"type":"array","field":"days","items":{"type":"struct","fields":)"
                  R"([{"type":"int32","name":"io.debezium.time.Date","field":"on"}]}}]}]},)"
                  R"("payload":{"op":"c","after":{"id":1,"days":[{"on":20484}]}}})") ==
              "1||2026-01-31|||||c|||");
    }
}

TEST_CASE("envelope: moments without an end are PostgreSQL's infinities") {
    Events events;
    const auto at = [&events](const std::string& number) {
        return events.row(with_schema(R"({"after":{"at":)" + number + R"(},"op":"c"})"));
    };
    CHECK(at("9223372036825200000") == "|||infinity||||c|||");
    CHECK(at("-9223372036832400000") == "|||-infinity||||c|||");
    events.mapper.reset();
    events.ingest.columns[3].as = config::Conversion::epoch_ms;
    CHECK(at("9223372036825200") == "|||infinity||||c|||");
    CHECK(at("9223372036825201") == "|||294247-01-10 04:00:25.201+00||||c|||");
}

TEST_CASE("envelope: a date beyond all dates is refused as one") {
    Events events;
    CHECK(events.row(with_schema(R"({"after":{"day":-622191235},"op":"c"})")) ==
          "column \"day\": \"1701533-04-04 BC\" is out of range for a date");
    CHECK(events.row(with_schema(R"({"after":{"day":-2147472691},"op":"c"})")) ==
          "||-infinity|||||c|||");
}

TEST_CASE("envelope: keys as JSON are those within their schema") {
    Events events;
    auto& number = events.add("k", ColumnType::int8, "bigint").source;
    number.kind = Kind::key_field;
    number.path = {"id"};
    auto& day = events.add("d", ColumnType::date, "date").source;
    day.kind = Kind::key_field;
    day.path = {"day"};
    events.key = R"({"schema":{"type":"struct","fields":[{"type":"int32","field":"id"},)"
                 R"({"type":"int32","name":"io.debezium.time.Date","field":"day"}]},)"
                 R"("payload":{"id":1,"day":20484}})";
    CHECK(events.row(R"({"after":{},"op":"c"})") == "|||||||c|||1|2026-01-31|");
    events.key = R"({"id":2,"schema":"s","payload":{"id":1}})";
    CHECK(events.row(R"({"after":{},"op":"c"})") == "|||||||c|||2||");
}

TEST_CASE("envelope: a delete that tells nothing of its row is none of a history") {
    Events events;
    const std::string removal = R"({"before":null,"after":null,"op":"d"})";
    CHECK(events.row(removal).starts_with("none of the mapped fields is in the record; it has: "));
    auto& key = events.add("k", ColumnType::int8, "bigint").source;
    key.kind = Kind::key_field;
    key.path = {"id"};
    events.mapper.reset();
    events.key = R"({"id":1})";
    CHECK(events.row(removal) == "|||||||d|||1|");
}

TEST_CASE("envelope: a delete has its row from before, a message none, a truncation is refused") {
    Events events;
    CHECK(events.row(R"({"before":{"id":7,"note":null},"after":null,"op":"d"})") ==
          "7|||||||d|7||");
    CHECK(events.row(R"({"op":"m","message":{"prefix":"p","content":"eA=="}})") == "filtered");
    CHECK(events.row(R"({"before":null,"after":null,"op":"t"})") ==
          "the value is a truncation of the source's table, which has no row; see on_truncate");
}

TEST_CASE("envelope: the flat form is known by its fields") {
    Events events;
    CHECK(events.row(R"({"id":7,"note":"x","__deleted":"false","__op":"u","__source_lsn":9})") ==
          "7||||||x|u||9|");
    CHECK(events.row(R"({"id":7,"note":null,"__deleted":"true"})") == "7|||||||d|||");
    CHECK(events.row(R"({"id":7,"note":"x","__deleted":"false"})") == "7||||||x||||");
}

TEST_CASE("envelope: a flat row may have columns of any names") {
    Events events;
    events.add("action", ColumnType::text, "text").source.path = {"op"};
    events.add("body", ColumnType::text, "text").source.path = {"payload"};
    const auto row = [&](const std::string& op, const std::string& payload) {
        const std::string fields = R"({"id":7,"before":{"id":6},"op":)" + op +
                                   R"(,"schema":"s","payload":)" + payload +
                                   R"(,"__deleted":"false","__op":"u"})";
        const std::string plain = events.row(fields);
        CHECK(events.row(with_schema(fields)) == plain);
        return plain;
    };
    CHECK(row("null", "null") == "7|||||||u|||||");
    CHECK(row(R"("m")", R"("b")") == "7|||||||u|||m|b|");
    CHECK(row(R"("c")", R"({"op":"d"})") == R"(7|||||||u|||c|{"op":"d"}|)");
    CHECK(row(R"("d")", "1") == "7|||||||u|||d|1|");
    CHECK(row(R"("other")", "null") == "7|||||||u|||other||");
    CHECK(events.row(R"({"id":7,"op":"m","__deleted":"true"})") == "7|||||||d|||m||");
    CHECK(events.row(R"({"id":7,"payload":null})").starts_with("the value is not an event"));
    CHECK(events.row(R"({"id":7,"payload":"x"})").starts_with("the value is not an event"));
}

TEST_CASE("envelope: a flat row in Avro may have a column called op") {
    Events events;
    events.add("action", ColumnType::text, "text").source.path = {"op"};
    events.ingest.format = config::Format::avro;
    events.ingest.schema.from = config::Schema::From::file;
    events.ingest.schema.files = {{"e.avsc", R"({"type":"record","name":"Row","fields":[
        {"name":"id","type":"long"},{"name":"op","type":["null","string"]},
        {"name":"__deleted","type":["null","string"]}]})"}};
    using namespace sluice::avro;
    CHECK(events.row(number(7) + number(1) + sized("d") + number(1) + sized("false")) ==
          "7||||||||||d|");
}

TEST_CASE("envelope: that a flat row is deleted may be said by a boolean, too") {
    Events events;
    CHECK(events.row(R"({"id":7,"__deleted":true})") == "7|||||||d|||");
    CHECK(events.row(R"({"id":7,"__deleted":false})") == "7||||||||||");

    Events typed;
    typed.ingest.format = config::Format::avro;
    typed.ingest.schema.from = config::Schema::From::file;
    typed.ingest.schema.files = {{"e.avsc", R"({"type":"record","name":"Row","fields":[
        {"name":"id","type":"long"},{"name":"__deleted","type":["null","boolean"]}]})"}};
    using namespace sluice::avro;
    CHECK(typed.row(number(7) + number(1) + raw("\1")) == "7|||||||d|||");
    CHECK(typed.row(number(7) + number(1) + raw("\0")) == "7||||||||||");
}

TEST_CASE("envelope: an event's types are those of its own schema") {
    Events events;
    const std::string day = R"({"after":{"id":1,"day":20484},"op":"c"})";
    const std::string other =
        R"({"schema":{"type":"struct","fields":[{"type":"struct","field":"after","fields":[)"
        R"({"type":"int64","name":"io.debezium.time.Timestamp","field":"at"}]}]},"payload":)";
    const std::string refused = events.row(day);
    CHECK(refused.starts_with("column \"day\": "));
    for (int i = 0; i < 2; ++i) {
        CHECK(events.row(with_schema(day)) == "1||2026-01-31|||||c|||");
        CHECK(events.row(day) == refused);
        CHECK(events.row(other + R"({"after":{"id":1,"at":1000},"op":"c"}})") ==
              "1|||1970-01-01 00:00:01||||c|||");
        CHECK(events.row(other + day + "}") == refused);
    }
}

TEST_CASE("envelope: a decimal that is written as a number is that number") {
    Events events;
    CHECK(events.row(with_schema(R"({"after":{"id":1,"price":1234},"op":"c"})")) ==
          "1|1234||||||c|||");
    CHECK(events.row(with_schema(R"({"after":{"id":1,"price":12.34},"op":"c"})")) ==
          "1|12.34||||||c|||");
    CHECK(events.row(with_schema(R"({"after":{"id":1,"price":true},"op":"c"})"))
              .starts_with("column \"price\": "));
}

TEST_CASE("envelope: what is no change event is told so") {
    Events events;
    CHECK(events.row(R"({"id":7})").starts_with("the value is not an event of Debezium: it has"));
    CHECK(events.row(R"({"op":"x"})") ==
          "the value is not an event of Debezium: its \"op\" is \"x\"");
    CHECK(events.row("{").starts_with("the value is not valid JSON"));
}

TEST_CASE("envelope: a large value that did not change is none that is stored") {
    Events events;
    CHECK(events.row(R"({"after":{"id":7,"note":"__debezium_unavailable_value",)"
                     R"("raw":"X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==",)"
                     R"("doc":["__debezium_unavailable_value"]},"op":"u"})") == "7|||||||u|||");
}

TEST_CASE("envelope: a filter of a large value that did not change refuses, and loses nothing") {
    const auto outcome = [](const std::string& condition, const std::string& value) {
        Events events;
        const config::Ingest filtered = config::test::accepted_pipeline(
            "envelope = 'debezium'\nfilter = \"" + condition + "\"\n");
        events.ingest.filter = filtered.filter;
        return events.row(value);
    };
    const std::string event =
        R"({"after":{"id":7,"note":"__debezium_unavailable_value"},"op":"u"})";
    const std::string refused =
        "filter reads note, of which the change says nothing (REPLICA IDENTITY FULL at the source "
        "has it say all)";
    CHECK(outcome("note = 'x'", event) == refused);
    CHECK(outcome("note is null", event) == refused);
    CHECK(outcome("id = 8 and note = 'x'", event) == "filtered");
    CHECK(outcome("id = 7 or note = 'x'", event).starts_with("7|"));
}

TEST_CASE("envelope: what is unchanged is as the pipeline says") {
    Events events;
    events.ingest.unavailable = "#none#";
    CHECK(events.row(R"({"after":{"id":7,"note":"#none#","raw":"I25vbmUj"},"op":"u"})") ==
          "7|||||||u|||");
    CHECK(events.row(R"({"after":{"id":7,"note":"__debezium_unavailable_value"},"op":"u"})") ==
          "7||||||__debezium_unavailable_value|u|||");
}

TEST_CASE("envelope: events in Avro bring their types along") {
    Events events;
    events.ingest.format = config::Format::avro;
    events.ingest.schema.from = config::Schema::From::file;
    events.ingest.schema.files = {{"e.avsc", R"({"type":"record","name":"Envelope","fields":[
        {"name":"before","type":["null",{"type":"record","name":"Value","fields":[
          {"name":"id","type":"long"},
          {"name":"price","type":["null",{"type":"bytes","scale":2,"precision":10,
            "connect.name":"org.apache.kafka.connect.data.Decimal","logicalType":"decimal"}]},
          {"name":"day","type":["null",{"type":"int","connect.name":"io.debezium.time.Date"}]},
          {"name":"note","type":["null","string"]}]}]},
        {"name":"after","type":["null","Value"]},
        {"name":"op","type":"string"}]})"}};
    using namespace sluice::avro;
    const std::string row = number(1) + number(7) + number(1) + sized(raw("\x04\xd2")) + number(1) +
                            number(20484) + number(1);
    CHECK(events.row(number(0) + row + sized("x") + sized("c")) == "7|12.34|2026-01-31||||x|c|||");
    CHECK(events.row(number(0) + row + sized("__debezium_unavailable_value") + sized("u")) ==
          "7|12.34|2026-01-31|||||u|||");
    CHECK(events.row(row + sized("x") + number(0) + sized("d")) == "7|12.34|2026-01-31||||x|d|7||");
}

TEST_CASE("envelope: where rows have a key, a delete removes one and what is unchanged is kept") {
    Events events;
    events.ingest.mode = config::Mode::merge;
    events.table.primary_key = {"id"};
    const auto row = [&](const std::string& value) {
        CHECK(events.row(value).find('|') != std::string::npos);
        return events.batch.targets.front().binary.rows.at(0);
    };
    CHECK(row(R"({"after":{"id":7,"note":"x"},"op":"c"})").change == Change::upsert);
    CHECK(row(R"({"before":{"id":7,"note":null},"after":null,"op":"d"})").change == Change::remove);
    const auto kept =
        row(R"({"after":{"id":7,"note":"__debezium_unavailable_value"},"op":"u"})").kept;
    constexpr std::size_t note = 6;
    CHECK(events.batch.targets.front().kept.at(kept).at(note));
}
