#include "sinks/books/stored_json.h"

#include "sinks/books/dead_letters.h"

#include <doctest/doctest.h>

namespace sluice {
namespace {

TEST_CASE("stored headers: every byte comes back, and NULL apart from empty") {
    const std::string binary("\0\xff\"\\\n", 5);
    const Header headers[] = {{"trace", "abc"},       {"", ""},
                              {"ü\"\\\x01", "ß\t"},   {binary, binary},
                              {"null", std::nullopt}, {"trace", "twice"}};
    const std::vector<StoredHeader> back = parse_headers(headers_json(headers));
    REQUIRE(back.size() == std::size(headers));
    for (std::size_t i = 0; i < back.size(); ++i) {
        CHECK(back[i].name == headers[i].name);
        CHECK(back[i].value.has_value() == headers[i].value.has_value());
        if (back[i].value) CHECK(*back[i].value == *headers[i].value);
    }
    CHECK(parse_headers("[]").empty());
}

TEST_CASE("stored reasons: come back as they were") {
    const std::vector<Reason> reasons = {{"id", "\"x\" is not an integer"}, {"", "not JSON"}};
    CHECK(parse_reasons(reasons_json(reasons)) == reasons);
}

TEST_CASE("stored JSON: something else is refused") {
    for (const char* json : {"", "{}", "[1]", "[{]", "null"}) {
        CHECK_THROWS(static_cast<void>(parse_headers(json)));
    }
}

}  // namespace
}  // namespace sluice
