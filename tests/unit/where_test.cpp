#include "config/condition/condition.h"
#include "query/record_filter.h"
#include "tests/fakes/partitions.h"

#include <doctest/doctest.h>

#include <string>
#include <tuple>
#include <variant>
#include <vector>

using namespace sluice;
using namespace sluice::config;
using namespace sluice::query;

namespace {

Condition parsed(const std::string& text) {
    auto result = parse_where(text, record_fields());
    const auto* wrong = std::get_if<std::string>(&result);
    REQUIRE_MESSAGE(wrong == nullptr, text, ": ", wrong == nullptr ? "" : *wrong);
    return std::get<Condition>(std::move(result));
}

std::string wrong(const std::string& text) {
    const auto result = parse_where(text, record_fields());
    const auto* problem = std::get_if<std::string>(&result);
    return problem == nullptr ? "" : *problem;
}

bool fulfils(const std::string& text, const Record& record) {
    return matches(parsed(text), record);
}

Record at(PartitionId partition, Offset offset, std::int64_t timestamp_ms = 1000) {
    return {.from = fakes::orders(partition),
            .offset = offset,
            .timestamp_ms = timestamp_ms,
            .key = "k1",
            .value = "value",
            .headers = {}};
}

}  // namespace

TEST_CASE("where: what kafka_fdw's users write means what it did") {
    const std::string text = "(partition = 0 and offset > 100) or (partition = 1 and offset > 300)";
    CHECK(fulfils(text, at(0, 101)));
    CHECK_FALSE(fulfils(text, at(0, 100)));
    CHECK(fulfils(text, at(1, 301)));
    CHECK_FALSE(fulfils(text, at(1, 101)));
    CHECK_FALSE(fulfils(text, at(2, 1000)));
}

TEST_CASE("where: each operator, with the value on either side") {
    for (const auto& [text, below, same, above] :
         std::vector<std::tuple<std::string, bool, bool, bool>>{
             {"offset = 5", false, true, false},
             {"offset != 5", true, false, true},
             {"offset <> 5", true, false, true},
             {"offset < 5", true, false, false},
             {"offset <= 5", true, true, false},
             {"offset > 5", false, false, true},
             {"offset >= 5", false, true, true},
             {"5 > offset", true, false, false},
             {"5 <= offset", false, true, true},
             {"5=offset", false, true, false},
             {"offset between 5 and 5", false, true, false},
             {"offset not between 5 and 5", true, false, true},
             {"offset in (5)", false, true, false},
             {"offset in (1, 4,5)", true, true, false},
             {"offset not in (4, 5)", false, false, true},
             {"not offset = 5", true, false, true},
             {"not not offset=5", false, true, false},
             {"not (offset < 5 or offset > 5)", false, true, false},
             {"not (offset >= 5 and offset <= 5)", true, false, true}}) {
        const std::string condition = text;  // clang lets no lambda capture a binding
        CAPTURE(condition);
        CHECK(fulfils(text, at(0, 4)) == below);
        CHECK(fulfils(text, at(0, 5)) == same);
        CHECK(fulfils(text, at(0, 6)) == above);
    }
}

TEST_CASE("where: and binds more tightly than or, parentheses more than both") {
    CHECK(fulfils("partition = 1 or partition = 0 and offset = 9", at(1, 0)));
    CHECK_FALSE(fulfils("(partition = 1 or partition = 0) and offset = 9", at(1, 0)));
    CHECK_FALSE(fulfils("not partition = 1 and offset = 9", at(1, 9)));
    CHECK(fulfils("not (partition = 1 and offset = 9)", at(1, 8)));
}

TEST_CASE("where: words may be written in any case, fields in SQL's quotes") {
    CHECK(fulfils("PARTITION IN (1) AND NOT Offset Between 1 AND 2 OR \"offset\" = 7", at(1, 3)));
}

TEST_CASE("where: times in RFC 3339, quoted or not, and as milliseconds") {
    const Record record = at(0, 0, 1769860800000);  // 2026-01-31T12:00:00Z
    CHECK(fulfils("timestamp = '2026-01-31T12:00:00Z'", record));
    CHECK(fulfils("timestamp = '2026-01-31 13:00:00+01:00'", record));
    CHECK(fulfils("timestamp = 2026-01-31T12:00:00.000Z", record));
    CHECK(fulfils("timestamp = 1769860800000", record));
    CHECK_FALSE(fulfils("timestamp > '2026-01-31T12:00:00Z'", record));
    CHECK(wrong("timestamp > '2026-01-31'").starts_with("character 13: expected a time with"));
}

TEST_CASE("where: a record without a timestamp fulfils nothing but is null") {
    const Record record = at(0, 0, -1);
    CHECK_FALSE(fulfils("timestamp < 100", record));
    CHECK_FALSE(fulfils("not timestamp < 100", record));
    CHECK_FALSE(fulfils("timestamp in (1)", record));
    CHECK_FALSE(fulfils("not timestamp in (1)", record));
    CHECK(fulfils("timestamp is null", record));
    CHECK_FALSE(fulfils("not timestamp is null", record));
    CHECK(fulfils("timestamp is not null", at(0, 0)));
}

TEST_CASE("where: key and value are text, like knows %, _ and the backslash") {
    Record record = at(0, 0);
    record.key = "a%b\xC3\xA4_c";
    for (const char* pattern : {"%", "a%", "%c", "a\\%b%", "a%b_\\_c", "%b%", "a__\xC3\xA4%", "%%",
                                "%\xC3\xA4%", "a\\%b\xC3\xA4\\_c"}) {
        CAPTURE(pattern);
        CHECK(fulfils("key like '" + std::string(pattern) + "'", record));
        CHECK_FALSE(fulfils("key not like '" + std::string(pattern) + "'", record));
    }
    for (const char* pattern : {"", "a", "a%b", "b%", "a\\_b%", "_", "A%", "a%b__\\_c"}) {
        CAPTURE(pattern);
        CHECK_FALSE(fulfils("key like '" + std::string(pattern) + "'", record));
    }
    record.key = "it's";
    CHECK(fulfils("key = 'it''s'", record));
    record.key = std::nullopt;
    CHECK(fulfils("key is null", record));
    CHECK_FALSE(fulfils("key = '' or not key = ''", record));
}

TEST_CASE("where: like does not go back and forth for ever") {
    Record record = at(0, 0);
    const std::string text(20000, 'a');
    record.value = text;
    CHECK_FALSE(fulfils("value like '%a%a%a%a%a%a%a%a%a%a%b'", record));
}

TEST_CASE("where: parts of one kind are parts of one condition") {
    const Condition condition = parsed("offset = 1 or (offset = 2 or partition in (3, 4))");
    CHECK(condition.kind == Condition::Kind::any_of);
    CHECK(condition.parts.size() == 4);
    CHECK(parsed("((offset = 1))") == parsed("offset = 1"));
    CHECK(parsed("not (offset = 1 or offset = 2)") == parsed("offset != 1 and offset <> 2"));
}

TEST_CASE("where: what is wrong is said with its place and what was expected") {
    for (const auto& [text, message] : std::vector<std::pair<std::string, std::string>>{
             {"",
              "character 1: expected a field: topic, partition, offset, timestamp, key, value, "
              "found the end"},
             {"ofset > 1", "character 1: there is no field \"ofset\"; did you mean \"offset\"?"},
             {"x > 1",
              "character 1: there is no field \"x\"; there are topic, partition, offset, "
              "timestamp, key, value"},
             {"offset > x", "character 10: expected a whole number, found \"x\""},
             {"offset > '1'", "character 10: expected a whole number, found \"'1'\""},
             {"offset >", "character 9: expected a whole number, found the end"},
             {"offset > 99999999999999999999",
              "character 10: expected a whole number, found \"99999999999999999999\""},
             {"offset 1",
              "character 8: expected =, !=, <, <=, >, >=, between, in or is null, "
              "found \"1\""},
             {"key ~ 'a'", "character 5: does not belong into a condition: \"~\""},
             {"key = a", "character 7: expected text in single quotes, found \"a\""},
             {"key = 'a", "character 7: the quote ' is not closed"},
             {"offset like 'a'", "character 8: like is for text, offset is a number"},
             {"(offset = 1", "character 12: expected and, or, or \")\", found the end"},
             {"offset = 1)", "character 11: expected and, or, or the end, found \")\""},
             {"offset in 1", "character 11: expected \"(\", as in: in (1, 2), found \"1\""},
             {"offset in (1 2)", "character 14: expected \",\" or \")\", found \"2\""},
             {"offset between 1 or 2",
              "character 18: expected and, for the other end of "
              "\"between\", found \"or\""},
             {"offset is 1", "character 11: expected null or not null, found \"1\""},
             {"offset = 1 and and",
              "character 16: expected a field: topic, partition, offset, "
              "timestamp, key, value, found \"and\""},
             {"key = '\xC3\xA4\xC3\xB6' x",
              "character 12: expected and, or, or the end, "
              "found \"x\""},
             {"1 offset", "character 3: expected =, !=, <, <=, > or >=, found \"offset\""},
             {"'a' < offset", "character 1: expected a whole number, found \"'a'\""},
             {"\x1b[2J", "character 1: does not belong into a condition: \"\\x1b\""}}) {
        const std::string condition = text;  // clang lets no lambda capture a binding
        CAPTURE(condition);
        CHECK(wrong(text) == message);
    }
}

TEST_CASE("where: depth has a limit, length has none") {
    CHECK(wrong(std::string(200, '(') + "offset = 1" + std::string(200, ')'))
              .find("more than 100 parentheses") != std::string::npos);
    std::string wide = "offset = 0";
    for (int i = 1; i < 20000; ++i) wide += " or offset = " + std::to_string(i);
    CHECK(parsed(wide).parts.size() == 20000);
}

TEST_CASE("where: the fields are the caller's") {
    const Field own[] = {{"pipeline", FieldType::text}, {"rejected_at", FieldType::time}};
    const auto result =
        parse_where("pipeline = 'orders' and rejected_at > 2026-01-31T12:00:00Z", own);
    const auto* condition = std::get_if<Condition>(&result);
    REQUIRE(condition != nullptr);
    REQUIRE(condition->parts.size() == 2);
    CHECK(condition->parts[0].comparison == Comparison{0, Operator::equal, "orders"});
    CHECK(condition->parts[1].comparison == Comparison{1, Operator::greater, 1769860800000});
}

TEST_CASE("where: places are listed as rows of several fields") {
    const std::string text = "(partition, offset) in ((1, 1), (2, 2)) and key = 'k1'";
    CHECK(fulfils(text, at(1, 1)));
    CHECK(fulfils(text, at(2, 2)));
    CHECK_FALSE(fulfils(text, at(1, 2)));
    CHECK_FALSE(fulfils(text, at(3, 1)));
    CHECK_FALSE(fulfils("(partition, offset) not in ((1, 1), (2, 2))", at(2, 2)));
    CHECK(fulfils("(partition, offset) not in ((1, 1), (2, 2))", at(2, 1)));
    CHECK(fulfils("not ((partition, offset) in ((1, 1)))", at(1, 2)));
    CHECK(fulfils("((offset, partition, key) in ((7, 1, 'k1')))", at(1, 7)));
    CHECK(wrong("(partition, offset) in ((1, 2, 3))") ==
          "character 30: expected \")\" behind 2 values in parentheses, found \",\"");
    CHECK(wrong("(partition, offset) in ((1))") ==
          "character 27: expected 2 values in parentheses, found \")\"");
    CHECK(wrong("(partition, offset) in (1, 2)") ==
          "character 25: expected 2 values in parentheses, found \"1\"");
    CHECK(wrong("(partition, offset) = (1, 2)") ==
          "character 21: expected in, as in: (partition, offset) in ((0, 5), (1, 7)), found \"=\"");
    CHECK(wrong("(partition, of) in ((1, 2))").find("\"of\"") != std::string::npos);
}
