#include "daemon/report/report.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

using namespace sluice;

TEST_CASE("report: what a terminal would obey is escaped, text of any script is not") {
    CHECK(printable("plain \xC3\xA4 \xE6\x97\xA5 \xF0\x9F\x98\x80") ==
          "plain \xC3\xA4 \xE6\x97\xA5 \xF0\x9F\x98\x80");
    CHECK(printable("a\nb\tc\rd") == "a\\nb\\tc\\rd");
    CHECK(printable(std::string_view("\x1b[2J\x00\x7f", 6)) == "\\x1b[2J\\x00\\x7f");
    CHECK(printable("\xC2\x9B") == "\\u009b");
    CHECK(printable("\xE2\x80\xAE\xE2\x81\xA6\xE2\x80\xA8") == "\\u202e\\u2066\\u2028");
    CHECK(printable("\xFF\xC3") == "\\xff\\xc3");
}

TEST_CASE("report: only text with nothing but blanks to escape is printable") {
    CHECK(is_printable(""));
    CHECK(is_printable("{\n\t\"a\": 1\r\n}"));
    CHECK_FALSE(is_printable("\x1b"));
    CHECK_FALSE(is_printable("\xC2\x9B"));
    CHECK_FALSE(is_printable("\xFF"));
}

TEST_CASE("report: a table's cell is one line, and nothing that a terminal obeys") {
    CHECK(format_table({{"n", "why"}, {"7", "not \"x\n8  fine\""}, {"8", "\x1b[2J"}}) ==
          "n  why\n7  not \"x\\n8  fine\"\n8  \\x1b[2J\n");
}

TEST_CASE("report: CSV is quoted as COPY quotes it") {
    const std::vector<std::optional<std::string>> cells{"a",         std::nullopt, "",    "b,c",
                                                        "say \"d\"", "e\nf",       "\\.", " g "};
    CHECK(csv_line(cells) == "a,,\"\",\"b,c\",\"say \"\"d\"\"\",\"e\nf\",\"\\.\", g \n");
}

TEST_CASE("report: JSON is valid whatever the text") {
    JsonWriter json;
    json.begin_object().field("a", "\x1b\"\\\xFF\xC2\x9B\xC3\xA4").key("b").null().end_object();
    CHECK(json.text() == "{\"a\":\"\\u001b\\\"\\\\\\ufffd\\u009b\xC3\xA4\",\"b\":null}");
}
