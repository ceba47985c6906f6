#include "pipeline/row_mapper.h"
#include "tests/fixture/postgres.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

using namespace sluice;
using fixture::PgConnection;
using fixture::SqlError;

namespace {

struct Type {
    const char* sql;
    ColumnType type;
    std::vector<std::string> common;  ///< must be encoded in binary
    std::vector<std::string> others;  ///< any form, or refused
};

const std::vector<std::string> integers = {"+5",
                                           " 7 ",
                                           "\t8\n",
                                           "-",
                                           "+",
                                           "",
                                           " ",
                                           "1.0",
                                           "1e3",
                                           "0x1F",
                                           "1_000",
                                           "--1",
                                           "+-1",
                                           "1 2",
                                           "12a",
                                           "32767",
                                           "32768",
                                           "-32768",
                                           "-32769",
                                           "2147483647",
                                           "2147483648",
                                           "-2147483648",
                                           "-2147483649",
                                           "9223372036854775807",
                                           "9223372036854775808",
                                           "-9223372036854775808",
                                           "-9223372036854775809",
                                           "99999999999999999999999",
                                           "\v3\f",
                                           "00012",
                                           "-0",
                                           "NaN",
                                           "true"};

const std::vector<std::string> floats = {"1e400",
                                         "-1e400",
                                         "1e-400",
                                         "1e39",
                                         "1e-46",
                                         "5e-324",
                                         "1e-40",
                                         "2.2250738585072014e-308",
                                         "1.17549435e-38",
                                         "1.17549430e-38",
                                         "NaN",
                                         "nan",
                                         "-nan",
                                         "Infinity",
                                         "-Infinity",
                                         "inf",
                                         "+inf",
                                         "-inf",
                                         "infinit",
                                         "0x1p3",
                                         " 1.5 ",
                                         "1.5x",
                                         "",
                                         ".",
                                         "-.5",
                                         "5.",
                                         "+.5",
                                         "1e",
                                         "1e+",
                                         "e5",
                                         "1,5",
                                         "1_0",
                                         "3.4028235e38",
                                         "3.4028236e38",
                                         "0e999",
                                         "-0",
                                         "1 ",
                                         "0.0000000",
                                         "--1",
                                         "16777217",
                                         "0.1000000014901161",
                                         "NaN(1)",
                                         "nan()"};

const std::vector<std::string> numerics = {"NaN",        "nan",
                                           "-nan",       "Infinity",
                                           "-inf",       "+5",
                                           " 5 ",        "5.",
                                           ".5",         "-.5",
                                           ".",          "",
                                           "-",          "1e",
                                           "1e5",        "1.5e3",
                                           "1.5e-3",     "1e+2",
                                           "1e-20",      "12e1000",
                                           "1e1001",     "0e5",
                                           "0e-5",       "-0",
                                           "0.000",      "-0.00",
                                           "00012.3400", "1,5",
                                           "1.2.3",      "12a",
                                           "1e5x",       "1 2",
                                           "0x10",       "1_000",
                                           "99999.994",  "99999.995",
                                           "-99999.995", "100000",
                                           "12345.678",  "123456789012345678901234567890.123456789",
                                           "10000",      "100000000",
                                           "0.0001",     "0.00001",
                                           "0.00010000", "1000000000000.0000000000001",
                                           "--5",        "+-5",
                                           "9999.9999",  "99999999",
                                           "0.1e-1",     "123e-2",
                                           "1E3",        "1e 3",
                                           "1e-+3"};

const std::vector<std::string> times_of_day = {"24:00:00",
                                               "24:00:01",
                                               "25:00:00",
                                               "12:60:00",
                                               "12:00:60",
                                               "12:00:61",
                                               "00:00:60.5",
                                               "1:2:3",
                                               "12",
                                               "1230",
                                               "123045",
                                               "12:30 PM",
                                               "12:30:45 pm",
                                               "12:30:45.",
                                               "12:30:45.1234565",
                                               "12:30:45.1234575",
                                               "12:30:45.9999999",
                                               "23:59:59.9999999",
                                               "12:30:45+02",
                                               "12:30:45Z",
                                               "allballs",
                                               "notatime",
                                               "",
                                               " ",
                                               "12:30:",
                                               "T12:30",
                                               "12:3a",
                                               "99:99",
                                               "12:30:4",
                                               "2024-01-15 12:30",
                                               "12:30:45,5",
                                               "12.30",
                                               "12:30.5",
                                               "00:00:00.0000004",
                                               "12:30:99",
                                               "1a:00"};

const std::vector<std::string> zones = {"2024-01-15 10:30:00+01",
                                        "2024-01-15 10:30:00 +01",
                                        "2024-01-15T10:30:00-0330",
                                        "2024-07-15T10:30:00+05:45",
                                        "2024-01-15 10:30:00+15",
                                        "2024-01-15 10:30:00+16",
                                        "2024-01-15 10:30:00+01:60",
                                        "2024-01-15 10:30:00+01:02:03",
                                        "2024-01-15 10:30:00 UTC",
                                        "2024-07-15 10:30:00 Europe/Berlin",
                                        "2024-01-15 10:30:00 PST",
                                        "2024-01-15T10:30:00z",
                                        "2024-01-15t10:30:00Z",
                                        "2024-01-15 10:30:00+1",
                                        "2024-01-15 10:30:00+1:30",
                                        "2024-01-15 10:30:00+",
                                        "2024-01-15 10:30:00Z ",
                                        "2024-01-15 10:30Z",
                                        "2024-01-15 10:30+02",
                                        "2024-01-15 10:30:00--02",
                                        "2024-01-15 10:30:00+100",
                                        "2024-01-15 10:30:00+12345",
                                        "0001-01-01 00:00:00+15",
                                        "9999-12-31 23:59:59.9999999-15",
                                        "2024-01-15Z",
                                        "2024-01-15+02",
                                        "2024-07-15 10:30:00",
                                        "2024-10-27 02:30:00",
                                        "2024-03-31 02:30:00",
                                        "2024-01-15 Z"};

const std::vector<std::string> moments = {"2024-02-30",
                                          "2023-02-29",
                                          "2024-13-01",
                                          "2024-00-10",
                                          "2024-01-00",
                                          "2024-01-32",
                                          "0000-01-01",
                                          "0001-01-01",
                                          "9999-12-31",
                                          "10000-01-01",
                                          "2024-1-5",
                                          "20240115",
                                          "15/01/2024",
                                          "01/15/2024",
                                          "Jan 8 1999",
                                          "1999-Jan-08",
                                          "J2451187",
                                          "infinity",
                                          "-infinity",
                                          "epoch",
                                          "notadate",
                                          "",
                                          " ",
                                          "2024-01-15T",
                                          "2024-01-15 ",
                                          " 2024-01-15",
                                          "2024-01-15 24:00:00",
                                          "2024-01-15 24:00:01",
                                          "2024-01-15 25:00:00",
                                          "2024-01-15 10:60:00",
                                          "2024-01-15 10:30:60",
                                          "2024-01-15 10:30:61",
                                          "2024-01-15  10:30",
                                          "2024-01-15 10",
                                          "2024-01-15T10",
                                          "2024-01-15 1030",
                                          "2024-01-15 10:30:45.1234565",
                                          "2024-01-15 10:30:45.1234575",
                                          "2024-01-15 10:30:45.0000005",
                                          "2024-01-15 10:30:45.9999999",
                                          "2024-12-31 23:59:59.9999999",
                                          "2024-01-15 10:30:45.",
                                          "2024-01-15 10:30:45.5 PM",
                                          "2024-01-15 BC",
                                          "2024-01-15 10:30:00 BC",
                                          "2024/01/15",
                                          "2024.01.15",
                                          "2024-01-15\t10:30",
                                          "2024-01-15\n10:30",
                                          "\n2024-01-15\n",
                                          "2024-01-1510:30",
                                          "2024-015",
                                          "1700-02-29",
                                          "1600-02-29",
                                          "1900-02-29",
                                          "2000-02-29",
                                          "0004-02-29",
                                          "1582-10-10 12:00:00",
                                          "2024-02-30 99:00:00",
                                          "2024-02-30 infinity",
                                          "no date at all, sorry",
                                          "2024-01-15 10:30:00x",
                                          "-2024-01-15",
                                          "2024-01-15 ad",
                                          "2024-01-15_10:30",
                                          "202a-01-15",
                                          "2024-01-15 10:30:45.123456789012345678901234567890",
                                          "Monday",
                                          "January",
                                          "today is fine",
                                          "1999-01-08 04:05:06 -8:00",
                                          "2024-01-15 T10:30",
                                          "2024-01-15T 10:30",
                                          "2024-W03-1",
                                          "1969-12-31 23:59:59.999999",
                                          "1999-12-31 23:59:59.5",
                                          "allballs",
                                          "2024-01-15 allballs"};

std::vector<std::string> operator+(std::vector<std::string> a, const std::vector<std::string>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

const std::vector<std::string> jsons = {"null",
                                        "true",
                                        " 1 ",
                                        "\"a\"",
                                        "\"\"",
                                        "[]",
                                        "{}",
                                        "",
                                        " ",
                                        "{",
                                        "[1,]",
                                        "{\"a\":}",
                                        "{a:1}",
                                        "01",
                                        "1.",
                                        ".5",
                                        "-",
                                        "+1",
                                        "1e5",
                                        "1E+5",
                                        "1e",
                                        "nul",
                                        "nulll",
                                        "tru",
                                        "\"a",
                                        "\"\\x\"",
                                        "\"\\u00\"",
                                        "\"\\u00e9\"",
                                        "\"\\ud83d\\ude00\"",
                                        "\"\\ud83d\"",
                                        "\"\\ude00\\ud83d\"",
                                        "\"\\u0000\"",
                                        "\"\\\\u0000\"",
                                        "\"\ttab\"",
                                        "\"new\nline\"",
                                        "[1 2]",
                                        "[1,2]]",
                                        "{\"a\":1,}",
                                        "{\"a\":1 \"b\":2}",
                                        "{\"a\":1,\"a\":2}",
                                        "{\"\\u0000\":1}",
                                        "{\"b\":1,\"a\":{\"c\":[1,2.50]}}",
                                        "123456789012345678901234567890.1234567890",
                                        "1e400",
                                        "NaN",
                                        "'a'",
                                        "[\"x\",null]",
                                        "\vnull",
                                        "{\"a\" : \"b\\n\\\"c\\\\\" }",
                                        "{1:2}",
                                        "// c\n1",
                                        "\xc3\xa9",
                                        "\"\xc3\xa9\"",
                                        "[[[[[[1]]]]]]",
                                        "\"\\",
                                        "\"\\\"",
                                        "\"a\"b",
                                        "a\"b\"",
                                        "1\"a\"",
                                        "{} {}",
                                        "-0",
                                        "-01",
                                        "00",
                                        "1.5.2",
                                        "\"\x7f\""};

const std::vector<Type>& types() {
    static const std::vector<Type> all = {
        {"smallint", ColumnType::int2, {"0", "5", "-32768", "32767", " 12", "+1"}, integers},
        {"integer", ColumnType::int4, {"0", "12", "-2147483648", "2147483647", "007"}, integers},
        {"bigint",
         ColumnType::int8,
         {"1", "-9223372036854775808", "9223372036854775807"},
         integers},
        {"real",
         ColumnType::float4,
         {"1.5", "-0.1", "3e10", "1e-5", "0", "NaN", "Infinity"},
         floats},
        {"double precision",
         ColumnType::float8,
         {"1.5", "0.1", "1e300", "-inf", "nan", ".5"},
         floats},
        {"numeric",
         ColumnType::numeric,
         {"1", "-12.50", "0", "0.0000", "1e5", "1.5e-7", "NaN", "123456789012345678901234567890"},
         numerics},
        {"numeric(7,2)", ColumnType::numeric, {"1", "-12.5", "99999.99", "0.005"}, numerics},
        {"numeric(5)", ColumnType::numeric, {"99999", "0.4"}, numerics},
        {"numeric(3,3)", ColumnType::numeric, {"0.999", "-0.5"}, numerics},
        {"boolean",
         ColumnType::boolean,
         {"true", "false", "t", "f", "1", "0", "YES", "no", "on", "off"},
         {"o", "of", "tr", "TrUe", " true ", "y", "n", "2", "", " ", "truee", "11", "-1",
          "enabled"}},
        {"text",
         ColumnType::text,
         {"", "a", "tab\tnew\nline\\N", "\\.", "\\N", "Grüße 🦆", "\v\f\b\r"},
         {" ", "\\x41", "\x01"}},
        {"varchar(3)",
         ColumnType::varchar,
         {"", "abc", "äöü", "\\N"},
         {"abcd", "abc ", "ab   ", "abc  x", "äöüß", "äöü ", "    ", "🦆🦆🦆🦆", "abc\t"}},
        {"varchar", ColumnType::varchar, {"", "any length at all"}, {}},
        {"char(3)",
         ColumnType::bpchar,
         {"", "ab", "abc", "äö"},
         {"abcd", "abc  ", "ab    ", "   x"}},
        {"char", ColumnType::bpchar, {"a", ""}, {"ab", "a "}},
        {"name",
         ColumnType::text,
         {"", "x"},
         {std::string(63, 'n'), std::string(64, 'n'), std::string(70, 'n')}},
        {"json", ColumnType::json, {"{\"a\": [1, 2]}", "1", "\"s\"", "null"}, jsons},
        {"jsonb", ColumnType::jsonb, {"{\"a\": [1, 2]}", "1", "\"s\"", "null"}, jsons},
        {"bytea",
         ColumnType::bytea,
         {"\\x00ff", "\\x", "", "abc", "a\\\\b", "\\001\\377"},
         {"\\x0", "\\x0g", "\\x00 ff", "\\x0 0", "\\X00", "\\", "\\8", "\\400", "\\37", "\\1234",
          "ä", "\\x 00\t11 ", "\\xAbCd", "\\\\\\", "a\\", "\\x\n", "\\xg g"}},
        {"uuid",
         ColumnType::uuid,
         {"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "A0EEBC999C0B4EF8BB6D6BB9BD380A11"},
         {"{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}", "a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11",
          "{a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11}", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1", "", "x",
          "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a112", " a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
          "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}",
          "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11-", "a-0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1",
          "g0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc99--9c0b-4ef8-bb6d-6bb9bd380a11"}},
        {"date",
         ColumnType::date,
         {"2024-01-15", "1999-12-31", "0001-01-01", "9999-12-31", "2024-02-29",
          "2024-01-15T23:30:00Z", "2024-01-15 23:30:00-08"},
         moments + zones + times_of_day},
        {"time",
         ColumnType::time,
         {"10:30", "10:30:00", "10:30:00.5", "23:59:59.999999"},
         times_of_day + moments},
        {"time(2)", ColumnType::time, {"10:30:00.555"}, times_of_day},
        {"timestamp",
         ColumnType::timestamp,
         {"2024-01-15", "2024-01-15 10:30", "2024-01-15T10:30:00.123456", "0001-01-01 00:00:00",
          "9999-12-31 23:59:59", "2024-01-15T10:30:00Z", "2024-01-15 10:30:00+02"},
         moments + zones + times_of_day},
        {"timestamp(3)", ColumnType::timestamp, {"2024-01-15 10:30:00.1235"}, moments},
        {"timestamptz",
         ColumnType::timestamptz,
         {"2024-01-15T10:30:00Z", "2024-01-15 10:30:00+02", "2024-01-15 10:30:00.5 -0800",
          "2024-01-15T10:30:00+05:45"},
         moments + zones + times_of_day},
        {"timestamptz(0)", ColumnType::timestamptz, {"2024-01-15T10:30:00.5Z"}, zones},
        {"inet",
         ColumnType::inet,
         {"1.2.3.4", "10.0.0.0/8", "255.255.255.255/32", "0.0.0.0/0"},
         {"1.2.3", "1.2.3.4/33", "1.2.3.256", "01.2.3.4", "1.2.3.4/08", "::1", "fe80::1/64", "",
          "x", " 1.2.3.4", "1.2.3.4 ", "1.2.3.4.5", "10/8", "1.2.3.4/", "1..2.3", "a.b.c.d",
          "1.2.3.4/-1"}},
        {"mood",
         ColumnType::enumeration,
         {"sad", "happy"},
         {"", "Sad", "angry", " sad", std::string(70, 'x')}},
        {"interval", ColumnType::other, {}, {"1 day", "P1D", "1:30", "", "x"}},
        {"integer[]",
         ColumnType::array,
         {},
         {"{1,2}", "{}", "{{1,2},{3,4}}", "1", "{a}", "{NULL}"}},
        {"text[]", ColumnType::array, {}, {"{\"a b\",c\\\\d}", "{", "{\"\\\"\"}"}},
        {"point", ColumnType::other, {}, {"(1,2)", "x"}},
        {"cidr", ColumnType::other, {}, {"10.0.0.0/8", "10.1.0.0/8"}},
    };
    return all;
}

/// What a column of the given type shows, or the SQLSTATE with which it refuses.
struct Result {
    std::optional<std::string> shown;
    std::string sqlstate;
    bool operator==(const Result& other) const { return shown == other.shown; }
};

std::ostream& operator<<(std::ostream& to, const Result& result) {
    return to << (result.shown ? *result.shown : "refused with " + result.sqlstate);
}

std::string quoted(const std::string& text) {
    std::string literal = "'";
    for (const char c : text) literal += c == '\'' ? "''" : std::string(1, c);
    return literal + "'";
}

/// One session with one table of one column, as the mapper and the database see it.
class Bench {
public:
    Bench(PgConnection& session, const Type& type) : session_(session) {
        session_.exec("DROP TABLE IF EXISTS forms; CREATE TEMP TABLE forms (v " +
                      std::string(type.sql) + ", unused interval)");
        Column column{"v", type.type,
                      session_.value("SELECT format_type(atttypid, atttypmod) FROM pg_attribute "
                                     "WHERE attrelid = 'forms'::regclass AND attname = 'v'")};
        column.typmod = std::stoi(
            session_.value("SELECT atttypmod FROM pg_attribute WHERE attrelid = 'forms'::regclass "
                           "AND attname = 'v'"));
        table_.name = "forms";
        table_.columns = {column};
        table_.session_is_utc = session_.value("SHOW TimeZone") == "UTC";
    }

    /// By the database alone.
    Result inserted(const std::string& text) {
        return after([&] { session_.exec("INSERT INTO forms (v) VALUES (" + quoted(text) + ")"); });
    }

    /// Maps the text as a field of CSV into an empty batch.
    RowMapper::Outcome map(const std::string& text, CopyForm form, Batch& batch) {
        std::string csv = "\"";
        for (const char c : text) csv += c == '"' ? "\"\"" : std::string(1, c);
        return map(csv + '"', config::Format::csv, form, batch);
    }

    RowMapper::Outcome map(const std::string& value, config::Format format, CopyForm form,
                           Batch& batch) {
        Table table = table_;
        if (form == CopyForm::text) {
            table.columns.push_back({"unused", ColumnType::other, "interval"});
        }
        config::Ingest ingest;
        ingest.format = format;
        RowMapper mapper(ingest, table);
        columns_ = mapper.columns().size() == 2 ? "(v, unused)" : "(v)";
        Record record;
        record.value = value;
        return mapper.map(batch.records.append(record), batch);
    }

    /// What a mapped row becomes.
    Result copied(const Batch& batch) {
        return after([&] {
            if (!batch.text.rows.empty()) {
                session_.copy_in("COPY forms " + columns_ + " FROM STDIN", batch.text.bytes);
                return;
            }
            std::string file("PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0", 19);
            file += batch.binary.bytes;
            file += "\xff\xff";
            session_.copy_in("COPY forms " + columns_ + " FROM STDIN (FORMAT binary)", file);
        });
    }

private:
    template <class Write>
    Result after(const Write& write) {
        try {
            session_.exec("TRUNCATE forms");
            write();
            return {session_.value("SELECT row(v)::text FROM forms"), ""};
        } catch (const SqlError& error) {
            REQUIRE(!error.sqlstate().empty());
            return {std::nullopt, error.sqlstate()};
        }
    }

    PgConnection& session_;
    Table table_;
    std::string columns_;
};

void compare(Bench& bench, const std::string& text, CopyForm form) {
    CAPTURE(text);
    CAPTURE(form == CopyForm::text);
    const Result expected = bench.inserted(text);
    Batch batch;
    if (bench.map(text, form, batch) == RowMapper::Outcome::rejected) {
        CAPTURE(batch.rejects.at(0).reasons.at(0).text);
        CHECK(expected == Result{});
    } else {
        CHECK(bench.copied(batch) == expected);
    }
}

}  // namespace

TEST_CASE("copy forms: the same values arrive in binary, in text and by the database itself") {
    PgConnection session = fixture::shared_postgres().connect();
    session.exec("DROP TYPE IF EXISTS mood; CREATE TYPE mood AS ENUM ('sad', 'happy')");
    session.exec("SET client_encoding = 'UTF8'; SET client_min_messages = error");
    for (const char* zone : {"UTC", "Europe/Berlin"}) {
        session.exec(std::string("SET TimeZone = '") + zone + "'");
        for (const Type& type : types()) {
            CAPTURE(std::string(type.sql));
            Bench bench(session, type);
            for (const std::string& text : type.common + type.others) {
                compare(bench, text, CopyForm::binary);
                compare(bench, text, CopyForm::text);
            }
            for (const std::string& text : type.common) {
                CAPTURE(text);
                Batch batch;
                REQUIRE(bench.map(text, CopyForm::binary, batch) == RowMapper::Outcome::row);
                CHECK(batch.binary.rows.size() == 1);
            }
        }
    }
    session.exec("DROP TABLE forms; DROP TYPE mood");
}

TEST_CASE("copy forms: what is within JSON lands as a user would expect") {
    struct Landing {
        const char* type;
        ColumnType kind;
        const char* json;
        const char* shown;  ///< by row(v)::text
    };
    const Landing landings[] = {
        {"json", ColumnType::json, R"("a\tb")", R"(("""a\\tb"""))"},
        {"jsonb", ColumnType::jsonb, R"("x")", R"(("""x"""))"},
        {"jsonb", ColumnType::jsonb, R"( {"b": 1, "a": [1.50, null]} )",
         R"(("{""a"": [1.50, null], ""b"": 1}"))"},
        {"jsonb", ColumnType::jsonb, "true", "(true)"},
        {"jsonb", ColumnType::jsonb, "null", "()"},
        {"text", ColumnType::text, R"({"a":  [1]})", R"(("{""a"":  [1]}"))"},
        {"text", ColumnType::text, "12.50", "(12.50)"},
        {"text", ColumnType::text, "true", "(true)"},
        {"text", ColumnType::text, R"("\ud83e\udd86")", "(🦆)"},
        {"boolean", ColumnType::boolean, "1", "(t)"},
        {"numeric", ColumnType::numeric, "123456789012345678901234567890",
         "(123456789012345678901234567890)"},
        {"integer[]", ColumnType::array, "[1, null, 3]", R"(("{1,NULL,3}"))"},
        {"integer[]", ColumnType::array, "[[1,2],[3,4]]", R"(("{{1,2},{3,4}}"))"},
        {"integer[]", ColumnType::array, "[]", "({})"},
        {"integer[]", ColumnType::array, R"("{7}")", "({7})"},
        {"text[]", ColumnType::array, R"(["a\"b", "c\\d", "NULL", "", "\u00e4", {"k":[1,"]"]}])",
         R"(("{""a\\""b"",""c\\\\d"",""NULL"","""",ä,""{\\""k\\"":[1,\\""]\\""]}""}"))"},
        {"jsonb[]", ColumnType::array, R"(["a", 1, {"b": null}, null])",
         R"(("{""\\""a\\"""",1,""{\\""b\\"": null}"",NULL}"))"},
        {"boolean[]", ColumnType::array, "[true, false]", R"(("{t,f}"))"},
    };
    PgConnection session = fixture::shared_postgres().connect();
    for (const Landing& landing : landings) {
        CAPTURE(std::string(landing.type));
        CAPTURE(std::string(landing.json));
        Bench bench(session, {landing.type, landing.kind, {}, {}});
        for (const CopyForm form : {CopyForm::binary, CopyForm::text}) {
            Batch batch;
            const std::string record = "{\"v\":" + std::string(landing.json) + "}";
            REQUIRE(bench.map(record, config::Format::json, form, batch) ==
                    RowMapper::Outcome::row);
            CHECK(bench.copied(batch).shown == landing.shown);
        }
    }
}
