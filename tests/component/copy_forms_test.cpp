#include "pipeline/mapping/row_mapper.h"
#include "tests/component/copy_values.h"
#include "tests/fixture/postgres.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

using namespace sluice;
using fixture::PgConnection;
using fixture::SqlError;

namespace {

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
    Bench(PgConnection& session, const test::Type& type) : session_(session) {
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
            if (!batch.targets[0].text.rows.empty()) {
                session_.copy_in("COPY forms " + columns_ + " FROM STDIN",
                                 batch.targets[0].text.bytes);
                return;
            }
            std::string file("PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0", 19);
            file += batch.targets[0].binary.bytes;
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
        for (const test::Type& type : test::types_to_copy()) {
            CAPTURE(std::string(type.sql));
            Bench bench(session, type);
            for (const auto* texts : {&type.common, &type.others}) {
                for (const std::string& text : *texts) {
                    compare(bench, text, CopyForm::binary);
                    compare(bench, text, CopyForm::text);
                }
            }
            for (const std::string& text : type.common) {
                CAPTURE(text);
                Batch batch;
                REQUIRE(bench.map(text, CopyForm::binary, batch) == RowMapper::Outcome::row);
                CHECK(batch.targets[0].binary.rows.size() == 1);
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
