#include "pipeline/decode/envelope/unchanged_value.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>

namespace sluice {
namespace {

TEST_CASE("unchanged value: it is known in all of its spellings") {
    const std::string mark = "__debezium_unavailable_value";
    const UnchangedMark known(mark);
    std::string integers = "[";
    std::string reals = "[ ";
    for (const char c : mark) {
        integers += (integers.size() > 1 ? "," : "") + std::to_string(int{c});
        reals += (reals.size() > 2 ? ", " : "") + std::to_string(int{c}) + ".0";
    }
    const std::string hex = "5f5f646562657a69756d5f756e617661696c61626c655f76616c7565";
    const std::string map = "{\"" + mark + "\":\"" + mark + "\"}";
    using Is = Value::Kind;
    const std::pair<Is, std::string> spellings[] = {
        {Is::text, mark},
        {Is::bytes, mark},
        {Is::json_string, mark},
        {Is::text, "X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ=="},
        {Is::json_string, hex},
        {Is::text, hex},
        {Is::text, map},
        {Is::json_object, map},
        {Is::json_string, "{\\\"" + mark + "\\\":\\\"" + mark + "\\\"}"},
        {Is::json_array, "[\"" + mark + "\"]"},
        {Is::json_array, "[\"a\",null, \"" + mark + "\"]"},
        {Is::json_array, "[\"X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==\"]"},
        {Is::json_array, "[\"\\\\x" + hex + "\"]"},
        {Is::json_array, "[\"b68a35a7-17ad-35b3-af2a-ae46edb4545a\"]"},
        {Is::json_array, integers + "]"},
        {Is::json_array, reals + "]"},
    };
    for (const auto& [kind, spelt] : spellings) {
        const std::string& text = spelt;
        CAPTURE(text);
        CHECK(known.stands_in({kind, text}));
    }
    const std::pair<Is, std::string> others[] = {
        {Is::text, mark + "s"},
        {Is::text, "[\"" + mark + "\"]"},
        {Is::json_object, "{\"a\":\"" + mark + "\"}"},
        {Is::json_array, "[]"},
        {Is::json_array, "[\"\\\"" + mark + "\"]"},
        {Is::json_array, "[\"a" + mark + "\"]"},
        {Is::json_array, integers},
        {Is::json_array, integers + ",1]"},
        {Is::json_array, "[95,95]"},
    };
    for (const auto& [kind, spelt] : others) {
        const std::string& text = spelt;
        CAPTURE(text);
        CHECK(!known.stands_in({kind, text}));
    }
}

TEST_CASE("unchanged value: any mark has its spellings") {
    const UnchangedMark known("#none#");
    CHECK(known.stands_in({Value::Kind::text, "#none#"}));
    CHECK(known.stands_in({Value::Kind::text, "I25vbmUj"}));
    CHECK(known.stands_in({Value::Kind::json_array, R"(["I25vbmUj"])"}));
    CHECK(known.stands_in({Value::Kind::json_array, "[35,110,111,110,101,35]"}));
    CHECK(!known.stands_in({Value::Kind::text, "__debezium_unavailable_value"}));
}

}  // namespace
}  // namespace sluice
