#include "config/load.h"
#include "config/settings.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace sluice::config {
namespace {

Loaded load(const std::string& keys) {
    return parse(
        "[kafka]\nbrokers = 'b:1'\n[cloudberry]\ndsn = 'dbname=d'\n"
        "[ingest.p]\ntopic = 't'\ntable = 't'\n" +
            keys,
        "c");
}

std::string problems(const std::string& keys) {
    std::string text;
    for (const Problem& problem : load(keys).problems) text += problem.text + "\n";
    return text;
}

TEST_CASE("configuration: SQL has columns, a condition and typed fields") {
    const Loaded loaded = load(
        "where = 'price > 0'\n[ingest.p.fields]\nprice = { from = '/p', type = 'numeric' }\n"
        "qty = 'qty'\n[ingest.p.columns]\ntotal = { sql = 'price * qty' }\n");
    CHECK(loaded.problems.empty());
    const Ingest& ingest = loaded.config.ingest.front();
    CHECK(ingest.where == "price > 0");
    CHECK(ingest.columns.empty());
    CHECK_FALSE(ingest.implies_columns());
    REQUIRE(ingest.computed.size() == 1);
    CHECK(ingest.computed[0] == SqlColumn{"total", "price * qty"});
    REQUIRE(ingest.fields.size() == 2);
    CHECK(ingest.fields[0].type == "numeric");
    CHECK(ingest.fields[0].mapping.source.path == std::vector<std::string>{"p"});
    CHECK(ingest.fields[1].type == "");
    std::string shown;
    for (const Setting& setting : settings_of(pipelines_of(loaded.config).at("ingest.p")))
        if (setting.key.starts_with("fields") || setting.key == "columns.total")
            shown += setting.key + "=" + setting.value + " ";
    CHECK(shown ==
          "columns.total=sql: price * qty fields.price=/p fields.price.type=numeric "
          "fields.qty=/qty ");
}

TEST_CASE("configuration: fields and expressions that cannot be meant are told") {
    CHECK(problems("fields = { a = 'a' }\n").find("this pipeline has none") != std::string::npos);
    CHECK(problems("where = 'a'\ncolumns = { a = 'a' }\nfields = { a = 'b' }\n")
              .find("field \"a\" has the name of a column that is mapped") != std::string::npos);
    CHECK(problems("where = 'a'\nfields = { a = { type = 'int' } }\n")
              .find("field \"a\" has no \"from\"") != std::string::npos);
    CHECK(problems("columns = { a = { from = 'a', type = 'int' } }\n").find("type") !=
          std::string::npos);
    CHECK(problems("columns = { a = { sql = 'x', from = 'a' } }\n").find("from") !=
          std::string::npos);
    CHECK(problems("columns = { a = { sql = 'b) + (1' } }\n").find("is closed that is not open") !=
          std::string::npos);
    CHECK(problems("where = 'id > 1) or (id > 0'\n").find("\"where\": a parenthesis or bracket") !=
          std::string::npos);
    CHECK(problems("where = '(a) > ARRAY[1] -- )'\n").find("is closed") == std::string::npos);
    CHECK(problems("columns = { a = { sql = '' } }\n").find("sql is empty") != std::string::npos);
    CHECK(problems("mode = 'merge'\nkey = ['a']\ncolumns = { a = { sql = 'x' } }\n")
              .find("\"key\": column \"a\" is filled by SQL") != std::string::npos);
}

TEST_CASE("configuration: what a truncation does is of change events, and applied to merges") {
    const std::string events = "envelope = 'debezium'\non_truncate = 'apply'\n";
    CHECK(problems(events + "mode = 'merge'\n") == "");
    CHECK(problems(events).find("add mode = \"merge\"") != std::string::npos);
    CHECK(problems(events + "mode = 'merge'\norder = 'n'\n").find("no place in the order") !=
          std::string::npos);
    CHECK(problems("on_truncate = 'ignore'\n").find("add envelope") != std::string::npos);
    CHECK(problems("unavailable = '#none#'\n").find("add envelope") != std::string::npos);
    CHECK(problems("envelope = 'debezium'\nunavailable = '#none#'\n").empty());
    CHECK(problems("envelope = 'debezium'\nunavailable = '\"none\"'\n").find("without quotes") !=
          std::string::npos);
}

}  // namespace
}  // namespace sluice::config
