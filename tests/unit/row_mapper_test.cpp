#include "pipeline/mapping/row_mapper.h"

#include "config/condition/filter.h"
#include "pipeline/errors.h"
#include "tests/fakes/partitions.h"
#include "tests/unit/avro_bytes_setup.h"
#include "tests/unit/protobuf_bytes_setup.h"

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

using namespace sluice;
using config::Conversion;
using Kind = config::Source::Kind;
using Outcome = RowMapper::Outcome;

namespace {

/// A table, a mapping, and what becomes of records: rows are seen in the text form, which an extra
/// column of a type without a binary form brings about.
struct Mapping {
    Mapping() {
        table.schema = "public";
        table.name = "t";
        table.session_is_utc = true;
    }

    config::Ingest ingest;
    Table table;
    Batch batch;
    std::optional<std::string> key;
    std::vector<Header> headers;

    Column& column(const std::string& name, ColumnType type, const std::string& type_name) {
        return table.columns.emplace_back(Column{name, type, type_name});
    }
    config::ColumnMapping& map(const std::string& name, Kind kind, const std::string& text) {
        auto& mapped = ingest.columns.emplace_back();
        mapped.column = name;
        mapped.source.kind = kind;
        mapped.source.text = text;
        if (kind == Kind::field || kind == Kind::key_field) mapped.source.path = {text};
        if (kind == Kind::header) mapped.source.name = text;
        return mapped;
    }
    Outcome record(const std::optional<std::string>& value) {
        RowMapper mapper(ingest, table);
        return record(mapper, value);
    }
    Outcome record(RowMapper& mapper, const std::optional<std::string>& value) {
        Record made;
        made.from = fakes::orders(3);
        made.offset = 17;
        made.timestamp_ms = 1705314600120;
        if (key) made.key = *key;
        if (value) made.value = *value;
        made.headers = headers;
        return mapper.map(batch.records.append(made), batch);
    }
    [[nodiscard]] const TargetRows& rows() const { return batch.targets.front(); }
    /// The one row in text form, or the reasons, one a line.
    std::string row(const std::optional<std::string>& value) {
        const auto copy = same_without_records();
        Mapping& as_text = *copy;
        as_text.column("zzz", ColumnType::other, "interval");
        if (!as_text.ingest.columns.empty()) as_text.map("zzz", Kind::header, "zzz");
        const Outcome outcome = as_text.record(value);
        if (outcome == Outcome::filtered) return "filtered";
        if (outcome == Outcome::rejected) return reasons(as_text.batch);
        std::string text = as_text.rows().text.bytes;
        REQUIRE(text.ends_with("\t\\N\n"));
        text.resize(text.size() - 4);
        return text;
    }
    static std::string reasons(const Batch& from) {
        std::string text;
        for (const Reason& reason : from.rejects.back().reasons) {
            if (!text.empty()) text += '\n';
            if (!reason.column.empty()) text += reason.column + ": ";
            text += reason.text;
        }
        return text;
    }
    [[nodiscard]] std::unique_ptr<Mapping> same_without_records() const {
        auto copy = std::make_unique<Mapping>();
        copy->ingest = ingest;
        copy->table = table;
        copy->key = key;
        copy->headers = headers;
        return copy;
    }
};

Mapping orders() {
    Mapping mapping;
    mapping.ingest.topic = mapping.ingest.name = "orders";
    mapping.column("id", ColumnType::int4, "integer");
    mapping.column("note", ColumnType::text, "text");
    mapping.column("day", ColumnType::date, "date");
    return mapping;
}

}  // namespace

TEST_CASE("row mapper: a row in COPY's binary form, byte for byte") {
    Mapping mapping = orders();
    mapping.column("none", ColumnType::int8, "bigint");
    RowMapper mapper(mapping.ingest, mapping.table);
    CHECK(mapper.form() == CopyForm::binary);
    CHECK(mapper.columns() == std::vector<std::string>{"id", "note", "day", "none"});
    REQUIRE(mapping.record(mapper, R"({"id":258,"note":"ab","day":"2000-01-02"})") == Outcome::row);
    CHECK(mapping.rows().binary.bytes == std::string("\0\4"
                                                     "\0\0\0\4\0\0\1\2"
                                                     "\0\0\0\2ab"
                                                     "\0\0\0\4\0\0\0\1"
                                                     "\xff\xff\xff\xff",
                                                     2 + 8 + 6 + 8 + 4));
    REQUIRE(mapping.rows().binary.rows.size() == 1);
    CHECK(mapping.rows().binary.rows[0].end == mapping.rows().binary.bytes.size());
    CHECK(mapping.rows().text.rows.empty());
}

TEST_CASE("row mapper: what only the database can judge goes as text, the rest stays binary") {
    Mapping mapping = orders();
    RowMapper mapper(mapping.ingest, mapping.table);
    CHECK(mapping.record(mapper, R"({"id":1,"note":"a\tb","day":"Jan 8 1999"})") == Outcome::row);
    CHECK(mapping.rows().binary.bytes.empty());
    CHECK(mapping.rows().text.bytes == "1\ta\\tb\tJan 8 1999\n");
    CHECK(mapping.record(mapper, R"({"id":2,"day":"1999-01-08"})") == Outcome::row);
    REQUIRE(mapping.rows().binary.rows.size() == 1);
    CHECK(mapping.rows().binary.rows[0].record == 1);
    CHECK(mapping.rows().text.rows[0].record == 0);
}

TEST_CASE("row mapper: a reject collects every reason and leaves nothing in the buffers") {
    Mapping mapping = orders();
    mapping.table.columns[1].not_null = true;
    RowMapper mapper(mapping.ingest, mapping.table);
    REQUIRE(mapping.record(mapper, R"({"id":1,"note":"a","day":"2024-01-15"})") == Outcome::row);
    const Batch& batch = mapping.batch;
    const std::size_t before = batch.targets[0].binary.bytes.size();
    CHECK(mapping.record(mapper, R"({"id":"12,5","day":"2024-02-30"})") == Outcome::rejected);
    CHECK(batch.targets[0].binary.bytes.size() == before);
    CHECK(batch.row_count() == 1);
    REQUIRE(batch.rejects.size() == 1);
    CHECK(batch.rejects[0].record == 1);
    CHECK(Mapping::reasons(batch) ==
          "id: \"12,5\" is not an integer\n"
          "note: null in a column that is not null\n"
          "day: \"2024-02-30\" is out of range for a date");
    CHECK(mapping.record(mapper, R"({"id":"x","note":"a","day":"Jan 8 1999"})") ==
          Outcome::rejected);
    CHECK(batch.targets[0].text.bytes.empty());
    CHECK(mapping.record(mapper, R"({"id":2,"note":"b"})") == Outcome::row);
    CHECK(batch.targets[0].binary.rows[1].record == 3);
}

TEST_CASE("row mapper: a record that cannot be read is a reject as a whole") {
    Mapping mapping = orders();
    CHECK(mapping.row("{\"id\":1") ==
          "the value is not valid JSON: \",\" or \"}\" is expected at byte 8");
    CHECK(mapping.row("[1]") == "the value is an array, not an object");
    CHECK(mapping.row("[1") == "the value is not valid JSON: \",\" or \"]\" is expected at byte 3");
    CHECK(mapping.row("7") == "the value is a number, not an object");
    CHECK(mapping.row("null") == "the value is null, not an object");
    mapping.ingest.format = config::Format::csv;
    CHECK(mapping.row("1,\"a") ==
          "the value is not valid CSV: a quote that does not end at byte 3");
}

TEST_CASE("row mapper: \\u0000 is a reject with a reason") {
    CHECK(orders().row(R"({"note":"a\u0000b"})") ==
          R"(note: "a\u0000b" contains \u0000, which PostgreSQL cannot hold)");
    CHECK(orders().row(R"({"note":"\ud800"})") ==
          R"(note: "\ud800" contains half of a UTF-16 surrogate pair)");
    Mapping json;
    json.column("j", ColumnType::jsonb, "jsonb");
    CHECK(json.row(R"({"j":{"a":"\u0000"}})") ==
          R"(j: "{"a":"\u0000"}" contains \u0000, which PostgreSQL cannot hold)");
    json.table.columns[0].type = ColumnType::json;
    CHECK(json.row(R"({"j":{"a":"\u0000"}})") == R"({"a":"\\u0000"})");
}

TEST_CASE("row mapper: JSON values as text, as JSON and as arrays") {
    Mapping mapping;
    mapping.column("t", ColumnType::text, "text");
    mapping.column("j", ColumnType::json, "json");
    mapping.column("a", ColumnType::array, "text[]");
    CHECK(mapping.row(R"({"t":"x\ny","j":"x\ny","a":["x",null]})") ==
          "x\\ny\t\"x\\\\ny\"\t{\"x\",NULL}");
    CHECK(mapping.row(R"({"t":1.50,"j":1.50,"a":"{1.50}"})") == "1.50\t1.50\t{1.50}");
    CHECK(mapping.row(R"({"t":true,"j":false,"a":null})") == "true\tfalse\t\\N");
    CHECK(mapping.row(R"({"t":{"k": 1},"j":[1, 2],"a":[]})") == "{\"k\": 1}\t[1, 2]\t{}");
}

TEST_CASE("row mapper: as = json takes a string's content for JSON") {
    Mapping mapping;
    mapping.column("j", ColumnType::jsonb, "jsonb");
    mapping.column("a", ColumnType::array, "integer[]");
    mapping.map("j", Kind::field, "j").as = Conversion::json;
    mapping.map("a", Kind::field, "a").as = Conversion::json;
    CHECK(mapping.row(R"({"j":"{\"k\":1}","a":" [1,2]"})") == "{\"k\":1}\t{1,2}");
    CHECK(mapping.row(R"({"j":{"k":1},"a":[1,2]})") == "{\"k\":1}\t{1,2}");
    CHECK(mapping.row(R"({"j":"{"})") == "j: \"{\" is not JSON");
    CHECK(mapping.row(R"({"j":"\"\\u0000\""})") ==
          "j: \"\"\\u0000\"\" contains \\u0000, which PostgreSQL cannot hold");
}

TEST_CASE("row mapper: a record that holds none of the mapped fields is a reject") {
    Mapping mapping = orders();
    CHECK(mapping.row(R"({"schema":{"a":1},"pay load":{"id":1}})") ==
          "none of the mapped fields is in the record; it has: \"schema\", \"pay load\"; see "
          "[columns] and on_empty");
    CHECK(mapping.row("{}") == "none of the mapped fields is in the record; it has none");
    CHECK(mapping.row(R"({"ID":1,"Day":2})") ==
          "none of the mapped fields is in the record; it has: \"ID\", \"Day\"; \"ID\" is not "
          "\"id\": write it so in [columns]");
    CHECK(mapping.row(R"({"1":1,"2":1,"3":1,"4":1,"5":1,"6":1,"7":1,"8":1,"9":1})")
              .find("\"8\", …; see") != std::string::npos);
    CHECK(mapping.row(R"({"ID":1,"note":null})") == "\\N\t\\N\t\\N");
    Mapping deeper;
    deeper.column("city", ColumnType::text, "text");
    deeper.map("city", Kind::field, "to").source.path = {"to", "city"};
    CHECK(deeper.row(R"({"to":"Ulm"})") ==
          "none of the mapped fields is in the record; it has: \"to\"; see [columns] and on_empty");
    mapping.ingest.on_empty = config::OnEmpty::load;
    CHECK(mapping.row("{}") == "\\N\t\\N\t\\N");
}

TEST_CASE("row mapper: a record whose value or key is taken is not empty") {
    Mapping mapping = orders();
    mapping.map("id", Kind::key_field, "id");
    mapping.map("note", Kind::field, "note");
    mapping.key = R"({"id":5})";
    CHECK(mapping.row("{}") == "5\t\\N");
    mapping.key = "{}";
    CHECK(mapping.row("{}").starts_with("none of the mapped fields"));
    Mapping archive;
    archive.column("id", ColumnType::int4, "integer");
    archive.column("whole", ColumnType::jsonb, "jsonb");
    archive.map("id", Kind::field, "id");
    archive.map("whole", Kind::value, "@value");
    CHECK(archive.row("{}") == "\\N\t{}");
}

TEST_CASE("row mapper: a number is no date and no time, unless as says so") {
    Mapping mapping;
    mapping.column("day", ColumnType::date, "date");
    mapping.column("clock", ColumnType::time, "time");
    mapping.column("at", ColumnType::timestamptz, "timestamptz");
    const std::string remedy =
        " is a number, not a date or time; say what it counts: as = \"epoch_s\", \"epoch_ms\" or "
        "\"epoch_us\"";
    CHECK(mapping.row(R"({"day":20240115,"clock":12,"at":1788340511})") ==
          "day: \"20240115\"" + remedy +
              "\nclock: \"12\" is a number, not a time of day; send it as text, such as 10:30:00\n"
              "at: \"1788340511\"" +
              remedy);
    mapping.ingest.on_invalid = config::OnInvalid::null;
    CHECK(mapping.row(R"({"day":20240115,"clock":"10:30","at":"2024-01-15Z"})") ==
          "\\N\t10:30\t2024-01-15Z");
}

TEST_CASE("row mapper: CSV rejects name every column that is wrong") {
    Mapping mapping = orders();
    mapping.ingest.format = config::Format::csv;
    mapping.table.columns[1] = {"n", ColumnType::numeric, "numeric"};
    CHECK(mapping.row("x,y,z") ==
          "id: \"x\" is not an integer\nn: \"y\" is not numeric\nday: \"z\" is not a date");
}

TEST_CASE("row mapper: on_missing and defaults") {
    Mapping mapping = orders();
    mapping.ingest.on_empty = config::OnEmpty::load;
    CHECK(mapping.row("{}") == "\\N\t\\N\t\\N");
    mapping.map("id", Kind::field, "id").default_value = "7";
    mapping.map("note", Kind::field, "note").default_value = "none\t";
    mapping.map("day", Kind::field, "day").default_value = "now";
    CHECK(mapping.row(R"({"day":"2024-01-15"})") == "7\tnone\\t\t2024-01-15");
    CHECK(mapping.row(R"({"id":null,"note":"","day":"2024-01-15"})") == "7\t\t2024-01-15");
    CHECK(mapping.row("{}").substr(0, 11) == "7\tnone\\t\t20");
    mapping.ingest.on_missing = config::OnMissing::reject;
    mapping.ingest.columns[0].default_value.reset();
    mapping.map("zzz", Kind::header, "zzz");
    mapping.column("zzz", ColumnType::text, "text");
    CHECK(mapping.record("{\"day\":null}") == Outcome::rejected);
    CHECK(Mapping::reasons(mapping.batch) == "id: id is missing\nzzz: zzz is missing");
}

TEST_CASE("row mapper: on_extra") {
    Mapping mapping = orders();
    mapping.ingest.on_extra = config::OnExtra::reject;
    CHECK(mapping.row(R"({"id":1,"x":2})") == "field \"x\" is not taken by any column");
    mapping.ingest.format = config::Format::csv;
    CHECK(mapping.record("1,a,2024-01-15") == Outcome::row);
    CHECK(mapping.record("1,a,2024-01-15,x") == Outcome::rejected);
    CHECK(Mapping::reasons(mapping.batch) ==
          "the record has 4 fields, no column takes those after 3");
    mapping.ingest.on_extra = config::OnExtra::ignore;
    CHECK(mapping.record("1,a,2024-01-15,x") == Outcome::row);
}

TEST_CASE("row mapper: on_invalid = null, unless the column is not null") {
    Mapping mapping = orders();
    mapping.ingest.on_invalid = config::OnInvalid::null;
    CHECK(mapping.row(R"({"id":"x","note":"a\u0000","day":"no"})") == "\\N\t\\N\t\\N");
    REQUIRE(mapping.record(R"({"id":"x","day":"2000-01-01"})") == Outcome::row);
    CHECK(mapping.rows().binary.bytes ==
          std::string("\0\3\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\4\0\0\0\0", 18));
    mapping.table.columns[0].not_null = true;
    CHECK(mapping.row(R"({"id":"x"})") == "id: null in a column that is not null");
}

TEST_CASE("row mapper: tombstones") {
    Mapping mapping = orders();
    CHECK(mapping.row(std::nullopt) == "filtered");
    mapping.ingest.on_tombstone = config::OnTombstone::reject;
    CHECK(mapping.row(std::nullopt) == "the value is NULL; see on_tombstone");
    Mapping text;
    text.ingest.format = config::Format::text;
    text.column("v", ColumnType::text, "text");
    REQUIRE(text.record(std::nullopt) == Outcome::row);
    CHECK(text.rows().binary.bytes == std::string("\0\1\xff\xff\xff\xff", 6));
}

TEST_CASE("row mapper: metadata") {
    Mapping mapping;
    mapping.ingest.topic = "orders";
    mapping.key = "the key";
    mapping.headers = {
        {"trace", "first"}, {"trace", "last"}, {"raw", "\xff"}, {"nil", std::nullopt}};
    for (const char* name : {"topic", "part", "off", "key", "trace", "lost", "nil"}) {
        mapping.column(name, ColumnType::text, "text");
    }
    mapping.column("at", ColumnType::timestamptz, "timestamptz");
    mapping.column("headers", ColumnType::jsonb, "jsonb");
    mapping.column("whole", ColumnType::json, "json");
    mapping.map("topic", Kind::topic, "@topic");
    mapping.map("part", Kind::partition, "@partition");
    mapping.map("off", Kind::offset, "@offset");
    mapping.map("key", Kind::key, "@key");
    mapping.map("trace", Kind::header, "trace");
    mapping.map("lost", Kind::header, "lost");
    mapping.map("nil", Kind::header, "nil");
    mapping.map("at", Kind::timestamp, "@timestamp");
    mapping.map("headers", Kind::headers, "@headers");
    mapping.map("whole", Kind::value, "@value");
    CHECK(mapping.row("[1, 2]") ==
          "orders\t3\t17\tthe key\tlast\t\\N\t\\N\t2024-01-15 10:30:00.120+00\t"
          R"({"trace": "first", "trace": "last", "raw": "\\\\xff", "nil": null})"
          "\t[1, 2]");
    CHECK(mapping.row("[1, 2").starts_with("the value is not valid JSON"));
    mapping.key.reset();
    CHECK(mapping.row("1").find("17\t\\N\tlast") != std::string::npos);
}

TEST_CASE("row mapper: parts of a JSON key") {
    Mapping mapping;
    mapping.column("id", ColumnType::int4, "integer");
    mapping.map("id", Kind::key_field, "id");
    mapping.key = R"({"id": 5, "other": 1})";
    CHECK(mapping.row("{}") == "5");
    mapping.key = "5";
    CHECK(mapping.row("{}") == "\\N");
    mapping.key = "{";
    CHECK(mapping.row("{}").starts_with("the key is not valid JSON"));
    mapping.key.reset();
    CHECK(mapping.row("{}") == "\\N");
}

TEST_CASE("row mapper: bytes stay bytes in bytea, and must be text elsewhere") {
    Mapping mapping;
    mapping.ingest.format = config::Format::binary;
    mapping.column("v", ColumnType::bytea, "bytea");
    const std::string bytes("\\x\0\xff", 4);
    CHECK(mapping.record(bytes) == Outcome::row);
    CHECK(mapping.rows().binary.bytes == std::string("\0\1\0\0\0\4\\x\0\xff", 10));
    mapping.map("v", Kind::value, "@value");
    CHECK(mapping.row(bytes) == "\\\\x5c7800ff");
    mapping.table.columns[0] = {"v", ColumnType::text, "text"};
    CHECK(mapping.row("\xff") == "v: \"\\xff\" is not UTF-8");
    CHECK(mapping.row(std::string("a\0", 2)) ==
          "v: \"a\\x00\" contains a NUL byte, which text cannot hold");
    mapping.table.columns[0] = {"v", ColumnType::int4, "integer"};
    CHECK(mapping.row("42") == "42");
    mapping.table.columns[0] = {"v", ColumnType::other, "interval"};
    CHECK(mapping.row("\xff") == "v: \"\\xff\" is not UTF-8");
}

TEST_CASE("row mapper: conversions") {
    Mapping mapping;
    mapping.column("at", ColumnType::timestamp, "timestamp");
    mapping.column("b", ColumnType::bytea, "bytea");
    mapping.column("t", ColumnType::text, "text");
    mapping.map("at", Kind::field, "at").as = Conversion::epoch_ms;
    mapping.map("b", Kind::field, "b").as = Conversion::base64;
    mapping.map("t", Kind::field, "t").as = Conversion::hex;
    CHECK(mapping.row(R"({"at":1705314600120,"b":"AP8=","t":"4142"})") ==
          "2024-01-15 10:30:00.12+00\t\\\\x00ff\tAB");
    CHECK(mapping.row(R"({"at":"1705314600120"})") == "2024-01-15 10:30:00.12+00\t\\N\t\\N");
    CHECK(mapping.row(R"({"at":"x","b":"!","t":"ff"})") ==
          "at: \"x\" is not a number of seconds, milliseconds or microseconds since 1970\n"
          "b: \"!\" is not base64\n"
          "t: \"\\xff\" is not UTF-8");
}

TEST_CASE("row mapper: the digits of a number are no base64") {
    Mapping mapping;
    mapping.column("n", ColumnType::numeric, "numeric");
    mapping.column("b", ColumnType::bytea, "bytea");
    config::ColumnMapping& number = mapping.map("n", Kind::field, "n");
    number.as = Conversion::decimal;
    number.scale = 2;
    mapping.map("b", Kind::field, "b").as = Conversion::base64;
    CHECK(mapping.row(R"({"n":"BNI=","b":"1234"})") == "12.34\t\\\\xd76df8");
    CHECK(mapping.row(R"({"n":1234})") == "1234\t\\N");
    CHECK(mapping.row(R"({"n":-12.34})") == "-12.34\t\\N");
    CHECK(mapping.row(R"({"n":true,"b":1234})") ==
          "n: \"true\" is no text, and so no base64\n"
          "b: \"1234\" is no text, and so no base64");
}

TEST_CASE("row mapper: a hash is of the salt and the text, as digits or as bytes") {
    Mapping mapping;
    mapping.column("t", ColumnType::text, "text");
    mapping.column("b", ColumnType::bytea, "bytea");
    for (const char* name : {"t", "b"}) {
        auto& mapped = mapping.map(name, Kind::field, name);
        mapped.as = Conversion::sha256;
        mapped.salt = "grain";
        mapped.default_value = "none";
    }
    // select encode(sha256('grain0664 1234567'), 'hex')
    const std::string hash = "73a225464492b0c8caf2e63f0f0f0c2062403aa7d6be44fa1931a3d96e7e9a7f";
    CHECK(mapping.row(R"({"t":"0664 1234567","b":"0664\u00201234567"})") ==
          hash + "\t\\\\x" + hash);
    // A number is what a column of text would hold, null stays, and a default is no secret.
    CHECK(mapping.row(R"({"t":1.50,"b":null})") ==
          "81b60d4c96d3fbed2f44a9113461dc02133784bb65777e0ddb42b644a335831d\tnone");
}

TEST_CASE("row mapper: a mask leaves the end of a text, and none of a short one") {
    Mapping mapping;
    mapping.column("t", ColumnType::text, "text");
    auto& mapped = mapping.map("t", Kind::field, "t");
    mapped.as = Conversion::mask;
    mapped.scale = 4;
    CHECK(mapping.row(R"({"t":"AT611904300234573201"})") == "****************3201");
    CHECK(mapping.row(R"({"t":"größer"})") == "**ößer");
    CHECK(mapping.row(R"({"t":"1234"})") == "****");
    CHECK(mapping.row(R"({"t":""})") == "");
    CHECK(mapping.row(R"({"t":4711471147114711})") == "************4711");
    mapping.ingest.columns.back().scale = 0;
    CHECK(mapping.row(R"({"t":"secret"})") == "******");
}

TEST_CASE("row mapper: what is hidden stands in no reason") {
    Mapping mapping;
    mapping.column("t", ColumnType::text, "text");
    auto& mapped = mapping.map("t", Kind::key, "@key");
    mapped.as = Conversion::mask;
    mapping.key = "secret\xff";
    CHECK(mapping.row("{}") == "t: \"…\" is not UTF-8");
    mapped.as = Conversion::sha256;
    mapped.salt = "grain";
    // Of any bytes there is a hash.
    CHECK(mapping.row("{}").size() == 64);
}

TEST_CASE("row mapper: the form is text when a column has no binary form") {
    Mapping mapping = orders();
    mapping.column("period", ColumnType::other, "interval");
    RowMapper mapper(mapping.ingest, mapping.table);
    CHECK(mapper.form() == CopyForm::text);
    CHECK(mapping.record(mapper, R"({"id":1,"period":"1 day"})") == Outcome::row);
    CHECK(mapping.record(mapper, R"({"id":"x","period":"1 day"})") == Outcome::rejected);
    CHECK(mapping.rows().binary.rows.empty());
    CHECK(mapping.rows().text.bytes == "1\t\\N\t\\N\t1 day\n");
}

TEST_CASE("row mapper: times without a zone need the session's, when it is not UTC") {
    Mapping mapping;
    mapping.column("at", ColumnType::timestamptz, "timestamptz");
    CHECK(mapping.record(R"({"at":"2024-01-15 10:30"})") == Outcome::row);
    CHECK(mapping.rows().binary.rows.size() == 1);
    mapping.table.session_is_utc = false;
    CHECK(mapping.record(R"({"at":"2024-01-15 10:30"})") == Outcome::row);
    CHECK(mapping.rows().text.rows.size() == 1);
    CHECK(mapping.record(R"({"at":"2024-01-15 10:30Z"})") == Outcome::row);
    CHECK(mapping.rows().binary.rows.size() == 2);
}

TEST_CASE("row mapper: reasons show what was found, cut and printable") {
    const std::string text = orders().row("{\"id\":\"" + std::string(500, 'x') + "\"}");
    CHECK(text == "id: \"" + std::string(64, 'x') + "…\" is not an integer");
}

TEST_CASE("row mapper: a mapping that does not fit is refused") {
    Mapping mapping = orders();
    mapping.map("nothing", Kind::field, "x");
    CHECK_THROWS_AS(RowMapper(mapping.ingest, mapping.table), WrongConfiguration);
}

namespace {

/// Rows with a key, from the records' keys.
Mapping keyed_by(ColumnType type, const std::string& type_name, std::int32_t typmod = -1) {
    Mapping mapping;
    mapping.ingest.topic = mapping.ingest.name = "t";
    mapping.ingest.mode = config::Mode::merge;
    mapping.ingest.delete_when = config::DeleteWhen::tombstone;
    mapping.column("id", type, type_name).typmod = typmod;
    mapping.column("note", ColumnType::text, "text").not_null = true;
    mapping.table.primary_key = {"id"};
    mapping.map("id", Kind::key, "@key");
    mapping.map("note", Kind::field, "note");
    return mapping;
}

/// The key bytes of a row, or why there is none.
std::string key_of(Mapping& mapping, const std::string& key) {
    mapping.key = key;
    RowMapper mapper(mapping.ingest, mapping.table);
    if (mapping.record(mapper, R"({"note":"x"})") == Outcome::rejected)
        return Mapping::reasons(mapping.batch);
    const EncodedRows& rows = mapping.rows().binary;
    return std::string(rows.keys[rows.rows.size() - 1]);
}

}  // namespace

TEST_CASE("row mapper: a tombstone removes the row of its key, of which it needs nothing else") {
    Mapping mapping = keyed_by(ColumnType::int8, "bigint");
    RowMapper mapper(mapping.ingest, mapping.table);
    CHECK(mapper.key() == std::vector<std::string>{"id"});
    mapping.key = "7";
    REQUIRE(mapping.record(mapper, R"({"note":"x"})") == Outcome::row);
    REQUIRE(mapping.record(mapper, std::nullopt) == Outcome::row);
    const EncodedRows& rows = mapping.rows().binary;
    CHECK(rows.rows[0].change == Change::upsert);
    CHECK(rows.rows[1].change == Change::remove);
    CHECK(rows.keys[0] == rows.keys[1]);
    CHECK(mapping.record(mapper, R"({})") == Outcome::rejected);
    mapping.key.reset();
    CHECK(mapping.record(mapper, std::nullopt) == Outcome::rejected);
    CHECK(Mapping::reasons(mapping.batch) == "id: null in a column of the key");
}

TEST_CASE("row mapper: a condition says which records remove their row") {
    Mapping mapping = keyed_by(ColumnType::int8, "bigint");
    mapping.ingest.delete_when = config::DeleteWhen::condition;
    mapping.ingest.deletes = std::get<config::Filter>(config::parse_filter("gone = true", {}));
    mapping.ingest.filter = std::get<config::Filter>(config::parse_filter("n > 1", {}));
    RowMapper mapper(mapping.ingest, mapping.table);
    mapping.key = "7";
    REQUIRE(mapping.record(mapper, R"({"n":2,"gone":true})") == Outcome::row);
    REQUIRE(mapping.record(mapper, R"({"n":2,"note":"x","gone":false})") == Outcome::row);
    REQUIRE(mapping.record(mapper, R"({"n":2,"note":"x"})") == Outcome::row);
    CHECK(mapping.record(mapper, R"({"n":1,"gone":true})") == Outcome::filtered);
    CHECK(mapping.record(mapper, std::nullopt) == Outcome::filtered);
    const EncodedRows& rows = mapping.rows().binary;
    CHECK(rows.rows[0].change == Change::remove);
    CHECK(rows.rows[1].change == Change::upsert);
    CHECK(rows.rows[2].change == Change::upsert);
    CHECK(mapping.record(mapper, R"({"n":2,"note":"x","gone":"soon"})") == Outcome::rejected);
    CHECK(Mapping::reasons(mapping.batch) == "delete_when: gone is \"soon\", not true or false");
}

TEST_CASE("row mapper: a change without its place in the order is none") {
    Mapping mapping = keyed_by(ColumnType::int8, "bigint");
    mapping.column("at", ColumnType::int8, "bigint");
    mapping.ingest.order = "at";
    mapping.map("at", Kind::field, "at");
    CHECK_THROWS_WITH_AS(RowMapper(mapping.ingest, mapping.table),
                         doctest::Contains("column \"at\": it is the order and comes from the "
                                           "record's value, which a tombstone has not"),
                         WrongConfiguration);
    mapping.ingest.delete_when = config::DeleteWhen::never;
    RowMapper mapper(mapping.ingest, mapping.table);
    mapping.key = "7";
    REQUIRE(mapping.record(mapper, R"({"note":"x","at":2})") == Outcome::row);
    REQUIRE(mapping.record(mapper, R"({"note":"x","at":10})") == Outcome::row);
    const EncodedRows& rows = mapping.rows().binary;
    CHECK(rows.orders[0] < rows.orders[1]);
    CHECK(mapping.record(mapper, R"({"note":"x"})") == Outcome::rejected);
    CHECK(Mapping::reasons(mapping.batch) == "at: null in a column of the order");
    mapping.ingest.order = "note";
    CHECK_THROWS_WITH_AS(RowMapper(mapping.ingest, mapping.table),
                         doctest::Contains("order needs a number, a date, a timestamp or a uuid"),
                         WrongConfiguration);
}

TEST_CASE("row mapper: keys are equal where the database takes their values for equal") {
    Mapping numbers = keyed_by(ColumnType::numeric, "numeric");
    CHECK(key_of(numbers, "1.0") == key_of(numbers, "1.00"));
    CHECK(key_of(numbers, "10000") == key_of(numbers, "1e4"));
    CHECK(key_of(numbers, "-0.0") == key_of(numbers, "0"));
    CHECK(key_of(numbers, "1") != key_of(numbers, "-1"));
    CHECK(key_of(numbers, "1") != key_of(numbers, "10000"));
    constexpr std::int32_t of_two_digits = (10 << 16 | 2) + 4;
    Mapping rounded = keyed_by(ColumnType::numeric, "numeric(10,2)", of_two_digits);
    CHECK(key_of(rounded, "1.250") == key_of(rounded, "1.25"));
    CHECK(key_of(rounded, "1.255").starts_with("id: \"1.255\" has more digits than its column"));
    Mapping padded = keyed_by(ColumnType::bpchar, "character(4)", 8);
    CHECK(key_of(padded, "a") == key_of(padded, "a  "));
    Mapping real = keyed_by(ColumnType::float8, "double precision");
    CHECK(key_of(real, "-0") == key_of(real, "0"));
    Mapping day = keyed_by(ColumnType::date, "date");
    CHECK(key_of(day, "Jan 8 1999").find("only the database reads") != std::string::npos);
}

TEST_CASE("row mapper: a key that cannot be one is told with what to do") {
    const auto complaint = [](const Mapping& mapping) -> std::string {
        try {
            const RowMapper mapper(mapping.ingest, mapping.table);
        } catch (const WrongConfiguration& error) {
            return error.what();
        }
        return "";
    };
    const auto says = [&](const Mapping& mapping, const char* part) {
        CAPTURE(complaint(mapping));
        CHECK(complaint(mapping).find(part) != std::string::npos);
    };
    Mapping mapping = keyed_by(ColumnType::int8, "bigint");
    CHECK(complaint(mapping).empty());
    mapping.table.primary_key.clear();
    says(mapping, "the table has no primary key; say which columns");
    mapping.ingest.key = {"note"};
    says(mapping, "comes from the record's value, which a tombstone has not");
    mapping.ingest.key = {"it"};
    says(mapping, "column \"it\": the table has no such column");
    mapping.table.columns.push_back({"it", ColumnType::text, "text"});
    says(mapping, "column \"it\": it is part of the key and gets no value; map it");
    mapping.table.columns.back().generated = true;
    says(mapping, "a merge needs GENERATED BY DEFAULT, or another key");
    mapping.ingest.computed.push_back({.column = "it", .sql = "upper(note)"});
    says(mapping, "column \"it\": it is part of the key and is filled by SQL");
    says(keyed_by(ColumnType::jsonb, "jsonb"), "only the database knows which values are equal");
    Mapping collated = keyed_by(ColumnType::text, "text");
    collated.table.columns[0].deterministic = false;
    says(collated, "only the database knows which values are equal");
}

namespace {

/// A mapping of records in Avro, by a schema from a file.
Mapping in_avro(const std::string& fields) {
    Mapping mapping;
    mapping.ingest.format = config::Format::avro;
    mapping.ingest.schema.from = config::Schema::From::file;
    mapping.ingest.schema.files = {
        {"order.avsc", R"({"type":"record","name":"order","fields":[)" + fields + "]}"}};
    return mapping;
}

}  // namespace

TEST_CASE("mapping: a schema from a file, fields to columns of their names, the whole as JSON") {
    Mapping mapping = in_avro(R"({"name":"id","type":"long"},{"name":"city","type":"string"})");
    mapping.column("id", ColumnType::int8, "bigint");
    mapping.column("city", ColumnType::text, "text");
    CHECK(mapping.row(avro::number(7) + avro::sized("Tartu")) == "7\tTartu");
    mapping.column("whole", ColumnType::jsonb, "jsonb");
    mapping.column("bytes", ColumnType::bytea, "bytea");
    mapping.map("id", Kind::field, "id");
    mapping.map("whole", Kind::value, "@value");
    mapping.map("bytes", Kind::value, "@value");
    CHECK(mapping.row(avro::number(7) + avro::sized("T")) ==
          "7\t{\"id\":7,\"city\":\"T\"}\t\\\\x0e0254");
}

TEST_CASE("mapping: records in a registry's wire format, by a schema from a file") {
    Mapping mapping = in_avro(R"({"name":"id","type":"long"})");
    mapping.ingest.schema.wire = config::Schema::Wire::registry;
    mapping.column("id", ColumnType::int8, "bigint");
    CHECK(mapping.row(avro::raw("\0\0\0\0\5") + avro::number(7)) == "7");
    CHECK(
        mapping.row(avro::number(7)).starts_with("the value is not in the registry's wire format"));
}

TEST_CASE("mapping: a registry that is asked for and not configured is told") {
    Mapping mapping = in_avro("");
    mapping.ingest.schema.from = config::Schema::From::registry;
    mapping.column("id", ColumnType::int8, "bigint");
    CHECK_THROWS_AS(RowMapper(mapping.ingest, mapping.table), WrongConfiguration);
}

TEST_CASE("mapping: JSON of a registry's client is read without what stands before it") {
    Mapping mapping;
    mapping.ingest.schema.wire = config::Schema::Wire::registry;
    mapping.column("id", ColumnType::int8, "bigint");
    mapping.column("whole", ColumnType::jsonb, "jsonb");
    mapping.map("id", Kind::field, "id");
    mapping.map("whole", Kind::value, "@value");
    const std::string json = R"({"id": 7})";
    CHECK(mapping.row(avro::raw("\0\0\0\0\5") + json) == "7\t{\"id\": 7}");
    CHECK(mapping.row(json) == "7\t{\"id\": 7}");
    CHECK(mapping.row(avro::raw("\0\0\0\0\5") + "{]").find("at byte 7") != std::string::npos);
}

TEST_CASE("mapping: keys are read by a schema of their own") {
    Mapping mapping;
    mapping.ingest.format = config::Format::text;
    mapping.ingest.key_format = config::Format::protobuf;
    mapping.ingest.key_schema.from = config::Schema::From::file;
    mapping.ingest.key_schema.files = {
        {"key.proto", "syntax = 'proto3'; message Key { int64 id = 1; }"}};
    mapping.column("id", ColumnType::int8, "bigint");
    mapping.column("key", ColumnType::jsonb, "jsonb");
    mapping.map("id", Kind::key_field, "id");
    mapping.map("key", Kind::key, "@key");
    mapping.key = protobuf_bytes::number(1, 7);
    CHECK(mapping.row("x") == "7\t{\"id\":7}");
    mapping.key = "\xff";
    CHECK(mapping.row("x").starts_with("the key is not valid Protobuf: "));
}
