#include "daemon/imports/gpss_expression.h"

#include <doctest/doctest.h>

namespace sluice {
namespace {

const std::vector<GpssInput> json{
    {.kind = GpssInput::Kind::json, .name = "jdata", .type = "json", .source = "@value"},
    {.kind = GpssInput::Kind::json, .name = "Key", .type = "json", .source = "@key"},
    {.kind = GpssInput::Kind::places, .name = "meta", .type = "json"}};

const std::vector<GpssInput> csv{
    {.name = "id", .type = "int", .source = "1", .is_field = true},
    {.name = "name", .type = "varchar(20)", .source = "2", .is_field = true},
    {.name = "ok", .type = "bool", .source = "3", .is_field = true}};

std::string source(std::string_view sql, const std::vector<GpssInput>& inputs = json) {
    const auto found = source_of(sql, inputs);
    return found ? (found->is_number ? "number " : "") + found->text : "SQL";
}

std::string condition(std::string_view sql, const std::vector<GpssInput>& inputs = json) {
    const auto format = &inputs == &csv ? config::Format::csv : config::Format::json;
    return condition_of(sql, inputs, {.format = format}).value_or("SQL");
}

}  // namespace

TEST_CASE("import from GPSS: what leads to a field is a path") {
    CHECK(source("jdata") == "@value");
    CHECK(source("jdata->>'id'") == "id");
    CHECK(source("(jdata->>'id')::int") == "id");
    CHECK(source("( (JDATA ->> 'id')::text )::bigint") == "id");
    CHECK(source("CAST(jdata->>'at' AS timestamp with time zone)") == "at");
    CHECK(source("(jdata->'a'->'b c'->>0)::double precision") == "/a/b c/0");
    CHECK(source("(jdata::jsonb)->>'id'::text") == "id");
    CHECK(source("jdata#>>'{a, b}'") == "/a/b");
    CHECK(source("jdata->>'@type'") == "/@type");
    CHECK(source("jdata->>'a/b~c'") == "a/b~c");
    CHECK(source("jdata->'x'->>'a/b'") == "/x/a~1b");
    CHECK(source("(\"Key\"->>'id')::int") == "@key/id");
    CHECK(source("\"Key\"") == "@key");
    CHECK(source("(meta->>'offset')::bigint") == "@offset");
    CHECK(source_of("jdata->'a'", json)->keeps_json);
    CHECK_FALSE(source_of("(jdata->'a')::jsonb", json)->keeps_json);
    CHECK(source("id", csv) == "number 1");
    CHECK(source("id::bigint", csv) == "number 1");
}

TEST_CASE("import from GPSS: what computes, cuts or rounds is SQL") {
    for (const char* sql : {"(jdata->>'a')::numeric(9,2)",
                            "(jdata->>'a')::varchar(10)",
                            "upper(jdata->>'a')",
                            "jdata->>'a' || 'b'",
                            "jdata->>'a'::int",
                            "(jdata->>'a')::int[]",
                            "jdata->>-1",
                            "(jdata->>'a')::public.mood",
                            "key->>'id'",
                            "'constant'",
                            "now()",
                            "7",
                            "",
                            "(jdata->>'a')->>'b'",
                            "jdata->>'a' -- b",
                            "jdata->>E'a'",
                            "jdata.a",
                            "jdata#>>'{}'",
                            "jdata#>>'{\"a,b\"}'",
                            "(jdata->>'a'",
                            "meta",
                            "meta->>'key'",
                            "((jdata->>'a')::int)::x"})
        CHECK_MESSAGE(source(sql) == "SQL", sql);
    CHECK(source("id + 1", csv) == "SQL");
    CHECK(source("name->>'a'", csv) == "SQL");
}

TEST_CASE("import from GPSS: conditions that compare fields are Sluice's own") {
    CHECK(condition("jdata->>'op' = 'd'") == "op = 'd'");
    CHECK(condition("(jdata->>'op')::text <> 'it''s'") == "op <> 'it''s'");
    CHECK(condition("(jdata->>'n')::int >= -5 AND NOT (jdata->'a'->>'b' IN ('x', 'y') "
                    "or jdata->>'c' is not null)") ==
          "n >= -5 and not (/a/b in ('x', 'y') or c is not null)");
    CHECK(condition("(jdata->>'n')::numeric between 1 and 2.5") == "n between 1 and 2.5");
    CHECK(condition("(jdata->>'gone')::boolean") == "gone = true");
    CHECK(condition("(jdata->>'gone')::bool = false") == "gone = false");
    CHECK(condition("jdata->>'user-id' like 'a%'") == "\"user-id\" like 'a%'");
    CHECK(condition("jdata->>'and' = 'x'") == "\"and\" = 'x'");
    CHECK(condition("(\"Key\"->>'id')::int = 1") == "@key/id = 1");
    CHECK(condition("(meta->>'partition')::int = 1") == "@partition = 1");
    CHECK(condition("jdata is null") == "@value is null");
    CHECK(condition("id > 3 and name = 'a'", csv) == "\"1\" > 3 and \"2\" = 'a'");
    CHECK(condition("ok", csv) == "\"3\" = true");
}

TEST_CASE("import from GPSS: conditions of which the outcome could differ are SQL") {
    for (const char* sql :
         {"jdata->>'name' > 'm'",  // by a collation
          "jdata->>'n' = 5", "(jdata->>'n')::int = '5'", "jdata->'a' = '1'", "jdata->'a' is null",
          "(jdata->>'at')::date > '2026-01-01'", "jdata->>'a' ~ 'b'", "length(jdata->>'a') > 3",
          "(jdata->>'a')::int > (jdata->>'b')::int", "jdata->>'a' = any(array['x'])", "true",
          "t.qty > 20", "(jdata->>'n')::int = 1 and", "jdata ? 'a'", "jdata->>'a' in ()"})
        CHECK_MESSAGE(condition(sql) == "SQL", sql);
}

}  // namespace sluice
