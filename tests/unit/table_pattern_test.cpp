#include "config/table_pattern.h"

#include "tests/unit/config_setup.h"

#include <doctest/doctest.h>

#include <string>
#include <variant>

using namespace sluice::config;
using namespace sluice::config::test;

namespace {

Ingest by_regex(const std::string& table) {
    return accepted(head + R"([ingest.x]
topic = { regex = 'shop\.([^.]+)\.(.+)' }
table = ')" + table +
                    "'\n")
        .ingest.front();
}

/// Of the topic; or why there is none.
std::string table_for(const std::string& table, const std::string& topic) {
    auto found = targets_of_topic(by_regex(table), topic, "sluice");
    if (auto* wrong = std::get_if<std::string>(&found)) return "! " + *wrong;
    return std::get<std::vector<Ingest>>(found).front().table;
}

std::string wrong(const std::string& table) {
    return problem_of(head + "[ingest.x]\ntopic = { regex = '(a)b' }\ntable = '" + table + "'\n");
}

}  // namespace

TEST_CASE("table pattern: each topic has its table, whose name is one identifier") {
    CHECK(table_for("landing.{topic}", "shop.eu.orders") == R"("landing"."shop.eu.orders")");
    CHECK(table_for("{1}.{2}", "shop.eu.orders") == R"("eu"."orders")");
    CHECK(table_for("Landing.t_{topic.3}_{topic.-2}", "shop.eu.orders") ==
          R"("landing"."t_orders_eu")");
    CHECK(table_for(R"("Landing"."{2}")", "shop.eu.orders") == R"("Landing"."orders")");
    CHECK(table_for("landing.{2|lower}", "shop.EU.Orders-V1") == R"("landing"."orders-v1")");
    CHECK(table_for("landing.{topic|lower}", "shop.EU.X") == R"("landing"."shop.eu.x")");
    CHECK(table_for("landing.{{{2}", "shop.a.b") == R"("landing"."{b")");
    CHECK(table_for("one.table", "shop.a.b") == "one.table");
}

TEST_CASE("table pattern: a name that the database would cut, or that is empty, is none") {
    CHECK(table_for("l.{2}", "shop.a." + std::string(63, 'x')).starts_with("\"l\".\"xxx"));
    CHECK(table_for("l.{2}", "shop.a." + std::string(64, 'x')).find("longer than 63 bytes") !=
          std::string::npos);
    CHECK(table_for("l.{topic.4}", "shop.a.b")
              .starts_with("! topic \"shop.a.b\" makes no table's name"));
}

TEST_CASE("table pattern: whoever creates topics cannot have them stored among the books") {
    const auto refused = [](const std::string& table, const std::string& topic) {
        return table_for(table, topic).find("which takes no rows of topics") != std::string::npos;
    };
    CHECK(refused("{1}.{2}", "shop.sluice.progress"));
    CHECK(refused("{1|lower}.{2}", "shop.SLUICE.progress"));
    CHECK(refused("{1}.{2}", "shop.pg_catalog.pg_class"));
    CHECK(refused("{1}_schema.{2}", "shop.information.tables"));
    CHECK(table_for("{1}.{2}", "shop.Sluice.progress") == R"("Sluice"."progress")");
    CHECK(table_for("lake.{1}", "shop.sluice.x") == R"("lake"."sluice")");
    CHECK(table_for(R"("a""; drop".{2})", "shop.a.b") == R"("a""; drop"."b")");
}

TEST_CASE("table pattern: with one topic it is a name") {
    const Ingest one =
        accepted(head + "[ingest.x]\ntopic = 'a.B'\ntable = 's.{topic.2|lower}'\n").ingest.front();
    CHECK(one.table == R"("s"."b")");
    CHECK_FALSE(one.tables_by_topic);
    CHECK(by_regex("s.{1}").tables_by_topic);
    CHECK_FALSE(by_regex("s.t").tables_by_topic);
    CHECK(contains(problem_of(head + "[ingest.x]\ntopic = 'a'\ntable = 's.{topic.2}'\n"),
                   "would be empty"));
}

TEST_CASE("table pattern: what is wrong is told") {
    CHECK(
        contains(wrong("l.{2}"), "is what group 2 of the topics' expression caught, which has 1"));
    CHECK(contains(wrong("l.{0}"), "is no place that a topic fills"));
    CHECK(contains(wrong("l.{table}"), "is no place that a topic fills"));
    CHECK(contains(wrong("l.{topic.0}"), "is no place that a topic fills"));
    CHECK(contains(wrong("l.{topic"), "has a brace that is not closed"));
    CHECK(contains(wrong("a.b.{topic}"), "is not a table's name"));
    CHECK(contains(wrong("l;{topic}"), "is not a table's name"));
    CHECK(contains(wrong("\"l.{topic}"), "is not a table's name"));
}
