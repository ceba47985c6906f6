#include "pipeline/decode/envelope_types.h"
#include "pipeline/mapping/row_mapper.h"
#include "tests/unit/avro_bytes_setup.h"

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
    CHECK(events.row(R"({"id":7,"note":null,"__deleted":"true"})") == "7||||||||||");
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
