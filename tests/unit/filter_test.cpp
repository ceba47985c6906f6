#include "pipeline/errors.h"
#include "pipeline/mapping/record_condition.h"
#include "pipeline/mapping/row_mapper.h"
#include "tests/fakes/partitions.h"
#include "tests/unit/config_setup.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

using namespace sluice;
using namespace sluice::config::test;
using Outcome = RowMapper::Outcome;

namespace {

/// What becomes of one record under a `filter`: "row", "filtered" or the reasons.
struct Filtered {
    std::optional<std::string> key;
    std::vector<Header> headers;

    std::string operator()(const std::string& filter, const std::string& value,
                           const std::string& keys = "") {
        const config::Ingest ingest =
            accepted_pipeline("filter = \"" + filter + "\"\n" + keys +
                              "columns.id = " + (keys.empty() ? "'id'" : "1") + "\n");
        Table table;
        table.name = "orders";
        table.columns = {{"id", ColumnType::text, "text"}};
        table.session_is_utc = true;
        RowMapper mapper(ingest, table);
        Record record;
        record.from = fakes::orders(3);
        record.offset = 17;
        record.timestamp_ms = 1705314600120;
        if (key) record.key = *key;
        record.value = value;
        record.headers = headers;
        Batch batch;
        switch (mapper.map(batch.records.append(record), batch)) {
            case Outcome::row:
                return "row";
            case Outcome::filtered:
                return "filtered";
            case Outcome::rejected:
                break;
        }
        return describe(batch.rejects.front().reasons);
    }
};

std::string wrong(const std::string& filter, const std::string& keys = "") {
    return problem_of(pipeline + "filter = \"" + filter + "\"\n" + keys);
}

}  // namespace

TEST_CASE("filter: records that fulfil it become rows") {
    Filtered filtered;
    filtered.key = R"({"region":"eu"})";
    filtered.headers = {{"type", "click"}, {"trace-id", "a b"}};
    const std::string record =
        R"({"id":"a","n":10,"price":9.50,"big":12345678901234567890,"ok":true,"nothing":null,)"
        R"("text":"Gr\u00fcn","Text":"other","in":1,"at":{"city":"Wien"},"list":[1,2],"digits":"12"})";
    for (const auto& each : std::vector<std::tuple<std::string, bool>>{
             {"n = 10", true},
             {"n = 10.0", true},
             {"n = 1e1", true},
             {"n <> 10", false},
             {"10 < n", false},
             {"n > 9.999999999999999999", true},
             {"n between 1 and 10", true},
             {"n in (1, 2)", false},
             {"not n in (1, 2)", true},
             {"price = 9.5", true},
             {"price < -1", false},
             {"big = 12345678901234567890", true},
             {"big = 12345678901234567891", false},
             {"digits > 11", true},
             {"ok = true", true},
             {"ok != true", false},
             {"text = 'Grün'", true},
             {"text like 'Gr_n'", true},
             {"text not like 'Gr%'", false},
             {"Text = 'other'", true},
             {"\\\"in\\\" = 1", true},
             {"/at/city = 'Wien'", true},
             {"/at/city in ('Graz', 'Wien') and n = 10", true},
             {"nothing is null", true},
             {"absent is null and n is not null", true},
             {"@partition = 3 and @offset between 0 and 17", true},
             {"@topic = 'orders'", true},
             {"@timestamp >= '2024-01-15T10:30:00.120Z'", true},
             {"@timestamp > 2024-01-15T11:30:00.120+01:00", false},
             {"@headers/type = 'click' and @headers/trace-id = 'a b'", true},
             {"@headers/none = 'x'", false},
             {"@key/region = 'eu'", true},
             {"@key like '%eu%' and @value like '%Wien%'", true},
             {"list = '[1,2]'", true},
             {"(n = 1 or n = 10) and (ok = false or price > 9)", true}}) {
        const std::string& filter = std::get<0>(each);
        CAPTURE(filter);
        CHECK(filtered(filter, record) == (std::get<1>(each) ? "row" : "filtered"));
    }
}

TEST_CASE("filter: null fulfils neither a comparison nor its opposite") {
    Filtered filtered;
    for (const char* const filter :
         {"n = 1", "not n = 1", "n <> 1", "n not in (1)", "not (n > 1 or n < 1)", "n like '%'"}) {
        CAPTURE(filter);
        CHECK(filtered(filter, R"({"id":"a","n":null})") == "filtered");
        CHECK(filtered(filter, R"({"id":"a"})") == "filtered");
    }
}

TEST_CASE("filter: what cannot be compared is a reject, unless another part settles it") {
    Filtered filtered;
    const std::string record = R"({"id":"a","type":"view","n":"many","ok":3})";
    CHECK(filtered("n > 10", record) == "filter: n is \"many\", not a number");
    CHECK(filtered("ok = true", record) == "filter: ok is \"3\", not true or false");
    CHECK(filtered("type = 'click' and n > 10", record) == "filtered");
    CHECK(filtered("type = 'view' or n > 10", record) == "row");
    CHECK(filtered("n > 10 or type = 'view'", record) == "filter: n is \"many\", not a number");
    // No record could be compared with that.
    CHECK_THROWS_AS(filtered("@timestamp = 'noon'", record), WrongConfiguration);
    CHECK(filtered("n = 1", "{") ==
          "the value is not valid JSON: a field name is expected at byte 2");
}

TEST_CASE("filter: a reason does not show what a column hides") {
    const auto said = [](const std::string& condition) {
        const config::Ingest ingest = accepted_pipeline(
            "filter = \"" + condition +
            "\"\ncolumns.card = { from = '/pay/card', mask = 4 }\ncolumns.all = { from = '@value', "
            "drop = ['/person/ssn'] }\ncolumns.city = 'city'\n");
        const RecordCondition filter(*ingest.filter, "filter", ingest);
        const Value value{Value::Kind::json_string, "4111-1111"};
        Scratch scratch;
        Reason why;
        CHECK(filter.judge({&value, 1}, scratch, why) == RecordCondition::Truth::unclear);
        return why.text;
    };
    CHECK(said("/pay/card > 0") == "filter: /pay/card is \"…\", not a number");
    CHECK(said("/pay > 0") == "filter: /pay is \"…\", not a number");
    CHECK(said("/pay/card/number > 0") == "filter: /pay/card/number is \"…\", not a number");
    CHECK(said("/person/ssn > 0") == "filter: /person/ssn is \"…\", not a number");
    CHECK(said("/person > 0") == "filter: /person is \"…\", not a number");
    CHECK(said("/person/name > 0") == "filter: /person/name is \"4111-1111\", not a number");
    CHECK(said("city > 0") == "filter: city is \"4111-1111\", not a number");
}

TEST_CASE("filter: a number without end is not written out to be compared") {
    const config::Ingest ingest = accepted_pipeline("filter = \"n > 5\"\ncolumns.id = 'id'\n");
    const RecordCondition condition(*ingest.filter, "filter", ingest);
    const std::string digits(8192, '\x11');
    const Value value = Value::of_decimal(digits, 0);
    Scratch scratch;
    Reason why;
    CHECK(condition.judge({&value, 1}, scratch, why) == RecordCondition::Truth::unclear);
    CHECK(why.text == "filter: n is nothing that can be compared, not a number");
}

TEST_CASE("filter: a date beyond all moments that are counted in microseconds is compared, too") {
    const auto fulfils = [](const std::string& filter, std::int64_t days) {
        const config::Ingest ingest =
            accepted_pipeline("filter = \"" + filter + "\"\ncolumns.id = 'id'\n");
        const RecordCondition condition(*ingest.filter, "filter", ingest);
        const Value value = Value::of(Value::Kind::date, days);
        Scratch scratch;
        Reason why;
        return condition.judge({&value, 1}, scratch, why) == RecordCondition::Truth::yes;
    };
    CHECK(fulfils("day = '1970-01-02'", 1));
    // The first day of the year 294247 that is beyond them, PostgreSQL's last one, and any.
    for (const std::int64_t days : {std::int64_t{106'751'992}, std::int64_t{2'145'042'905},
                                    std::numeric_limits<std::int64_t>::max()}) {
        CAPTURE(days);
        CHECK(fulfils("day > '9999-12-31'", days));
        CHECK(fulfils("day < '0001-01-01'", -days));
    }
}

TEST_CASE("filter: a record that it drops need not hold what columns take") {
    Filtered filtered;
    CHECK(filtered("type = 'click'", R"({"type":"view","user":1})") == "filtered");
    CHECK(filtered("type = 'click'", R"({"type":"click","user":1})") ==
          "none of the mapped fields is in the record; it has: \"type\", \"user\"; see [columns] "
          "and on_empty");
}

TEST_CASE("filter: CSV fields by their number, in double quotes") {
    Filtered filtered;
    const std::string csv = "format = 'csv'\n";
    CHECK(filtered("\\\"2\\\" >= 2.5", "a,2.50", csv) == "row");
    CHECK(filtered("\\\"2\\\" >= 2.5", "a,2.4", csv) == "filtered");
    CHECK(filtered("\\\"2\\\" >= 2.5", "a,x", csv) == "filter: 2 is \"x\", not a number");
}

TEST_CASE("filter: what is no condition is said with its place") {
    CHECK(wrong("a = ") ==
          "sluice.toml:8:10: \"filter\": character 5: expected text in single quotes, a number, "
          "true or false, found the end");
    CHECK(contains(wrong("a = 1 b"), "character 7: expected and, or, or the end, found \"b\""));
    CHECK(contains(wrong("a = 1x"), "character 5: expected text in single quotes, a number"));
    CHECK(contains(wrong("a like 1"), "character 8: expected text in single quotes"));
    CHECK(contains(wrong("@hedders/x = 'a'"), "did you mean \"@headers\"?"));
    CHECK(contains(wrong("/a~b = 1"), "in a JSON Pointer, write"));
    CHECK(contains(wrong("a.b = 1"), "character 2: does not belong into a condition: \".\""));
    CHECK(contains(wrong("a = 1", "format = 'csv'\n"), "CSV fields have numbers"));
    CHECK(contains(wrong("a = 1", "format = 'text'\n"), "has none; write \"@value\""));
}
