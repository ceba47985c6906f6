#include "pipeline/values/json_omission.h"

#include "pipeline/mapping/row_mapper.h"
#include "tests/fakes/partitions.h"
#include "tests/unit/config_setup.h"

#include <doctest/doctest.h>

#include <string>

using namespace sluice;
using namespace sluice::config::test;

namespace {

using Paths = std::vector<std::vector<std::string>>;

std::string without(const Paths& paths, const std::string& text) {
    JsonIndex index;
    Scratch scratch;
    return std::string(JsonOmission(paths).apply(text, index, scratch).value_or("no JSON"));
}

/// What a column of jsonb gets of a record, by this line of [columns].
std::string stored(const std::string& line, const std::string& value,
                   const std::string& key = "{}") {
    Table table;
    table.name = "orders";
    table.columns = {{"a", ColumnType::jsonb, "jsonb"}};
    table.session_is_utc = true;
    RowMapper mapper(accepted_pipeline("columns.a = " + line + "\n"), table);
    Record record;
    record.from = fakes::orders(3);
    record.key = key;
    record.value = value;
    Batch batch;
    if (mapper.map(batch.records.append(record), batch) == RowMapper::Outcome::row)
        return mapper.values_as_text().at(0).value_or("NULL");
    return describe(batch.rejects.front().reasons);
}

}  // namespace

TEST_CASE("json omission: fields are left out wherever they are") {
    CHECK(without({{"b"}}, R"({"a": 1, "b": {"c": 2}, "d": [3]})") == R"({"a":1,"d":[3]})");
    CHECK(without({{"a"}}, R"({"a": 1})") == "{}");
    CHECK(without({{"a"}, {"c"}}, R"({"a": 1, "b": 2, "c": 3})") == R"({"b":2})");
    CHECK(without({{"a", "b"}}, R"({"a": {"b": 1, "c": "x, }"}, "b": 2})") ==
          R"({"a":{"c":"x, }"},"b":2})");
    CHECK(without({{"a", "n"}}, R"({"a": [{"n": 1, "m": 2}, [{"n": 3}], 4, {"n": 5}]})") ==
          R"({"a":[{"m":2},[{}],4,{}]})");
    CHECK(without({{"n"}}, R"([{"n": 1}, "n"])") == R"([{},"n"])");
    CHECK(without({{"a", "b"}}, R"({"a": 1})") == R"({"a":1})");
    CHECK(without({{"x"}}, " 7 ") == "7");
}

TEST_CASE("json omission: neither escapes nor repetitions hide a field") {
    CHECK(without({{"cvv"}}, R"({"c\u0076v": 1, "cvv": 2, "n": 3, "cvv": {}})") == R"({"n":3})");
    CHECK(without({{"ä/b"}}, R"({"\u00e4\/b": 1, "ä": 2})") == R"({"ä":2})");
}

TEST_CASE("json omission: of what is no JSON nothing can be told") {
    for (const char* text : {"", "{", "{\"a\" 1}", "{\"a\": 1,}", "[1,]", "{} {}", "[1 2]",
                             "{a: 1}", "{\"a\": tru}", "\"x"})
        CHECK_MESSAGE(without({{"a", "b"}, {"z"}}, text) == "no JSON", text);
}

TEST_CASE("json omission: columns are without it, and a reject does not show it") {
    CHECK(stored("{ from = '@value', drop = ['/card/no', 'cvv'] }",
                 R"({"card": {"no": 1, "of": "x"}, "cvv": 2})") == R"({"card":{"of":"x"}})");
    CHECK(stored("{ from = 'card', drop = ['no'] }", R"({"card": {"no": 1}})") == "{}");
    CHECK(stored("{ from = 'card', drop = ['no'] }", R"({"card": "text"})") == R"("text")");
    CHECK(stored("{ from = 'card', as = 'json', drop = ['no'] }",
                 R"({"card": "{\"no\": 1, \"of\": 2}"})") == R"({"of":2})");
    CHECK(stored("{ from = '@key', drop = ['no'] }", "{}", R"({"no": 1})") == "{}");
    const std::string refused = stored("{ from = '@key', drop = ['no'] }", "{}", "no 4711");
    CHECK(contains(refused, "is not JSON, of which fields could be left out"));
    CHECK_FALSE(contains(refused, "4711"));
}

TEST_CASE("json omission: it is said of JSON only") {
    const auto wrong = [](const std::string& keys) { return problem_of(pipeline + keys); };
    CHECK(contains(wrong("columns.a = { from = '@offset', drop = ['no'] }\n"),
                   "\"@offset\" has no fields to leave out"));
    CHECK(contains(wrong("format = 'csv'\ncolumns.a = { from = 1, drop = ['no'] }\n"),
                   "has no fields to leave out"));
    CHECK(contains(wrong("columns.a = { from = 'a', drop = ['@key'] }\n"),
                   "\"drop\" names fields of the JSON"));
    CHECK(contains(wrong("columns.a = { from = 'a', as = 'hex', drop = ['b'] }\n"),
                   "of which \"hex\" makes something else"));
}
