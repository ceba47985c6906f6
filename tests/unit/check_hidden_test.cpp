#include "sinks/catalogue/check_hidden.h"

#include "config/column_source.h"

#include <doctest/doctest.h>

using namespace sluice;
using config::Conversion;

namespace {

/// Which columns are warned of, where "hidden" hides this source.
std::string exposed_by(const std::string& hidden, const std::string& column,
                       const std::vector<std::string>& without = {}) {
    config::Ingest ingest;
    const auto map = [&](const std::string& name, const std::string& source, Conversion as) {
        auto& mapped = ingest.columns.emplace_back();
        mapped.column = name;
        mapped.source =
            std::get<config::Source>(config::parse_source(source, config::Format::json));
        mapped.as = as;
    };
    map("hidden", hidden, Conversion::sha256);
    map("other", column, Conversion::none);
    if (!without.empty()) ingest.columns.back().drop = {without};
    std::string text;
    for (const Finding& finding : check_hidden("ingest.orders", ingest)) text += to_string(finding);
    return text;
}

}  // namespace

TEST_CASE("check: a field that SQL reads as it is, and a column hides, is warned of") {
    config::Ingest ingest;
    const auto source =
        std::get<config::Source>(config::parse_source("/customer/email", config::Format::json));
    ingest.columns.push_back(
        {.column = "hidden", .source = source, .as = Conversion::sha256, .default_value = {}});
    ingest.fields.push_back(
        {.mapping = {.column = "raw", .source = source, .default_value = {}}, .type = "text"});
    const auto findings = check_hidden("ingest.orders", ingest);
    REQUIRE(findings.size() == 1);
    CHECK(to_string(findings[0]).find("field \"raw\" takes \"/customer/email\"") !=
          std::string::npos);
    ingest.fields[0].mapping.as = Conversion::mask;
    CHECK(check_hidden("ingest.orders", ingest).empty());
}

TEST_CASE("check: a column that takes as it is what another one hides is warned of") {
    CHECK(exposed_by("/customer/email", "@value") ==
          "ingest.orders: column \"other\" takes \"@value\", and with it what column \"hidden\" "
          "hides; leave it out, or map the fields that may be stored");
    CHECK_FALSE(exposed_by("/customer/email", "customer").empty());
    CHECK_FALSE(exposed_by("email", "email").empty());
    CHECK_FALSE(exposed_by("@key/id", "@key").empty());
    CHECK_FALSE(exposed_by("@headers/user", "@headers").empty());
    CHECK(exposed_by("/customer/email", "/customer/city").empty());
    CHECK(exposed_by("@key/id", "@value").empty());
    CHECK(exposed_by("@headers/user", "@headers/trace").empty());
    CHECK(exposed_by("email", "@topic").empty());
}

TEST_CASE("check: a column that leaves out what another one hides is not") {
    CHECK(exposed_by("/customer/email", "@value", {"customer"}).empty());
    CHECK(exposed_by("/customer/email", "@value", {"customer", "email"}).empty());
    CHECK_FALSE(exposed_by("/customer/email", "@value", {"customer", "city"}).empty());
    CHECK(exposed_by("/customer/email", "customer", {"email"}).empty());
    CHECK_FALSE(exposed_by("/customer/email", "customer", {"customer", "email"}).empty());
}
