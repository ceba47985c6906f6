#include "query/read_ranges.h"
#include "query/record_filter.h"
#include "tests/fakes/partitions.h"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <variant>
#include <vector>

using namespace sluice;
using namespace sluice::config;
using namespace sluice::query;

namespace {

std::vector<ReadRange> ranges(const std::string& text, PartitionId partition = 0) {
    const auto parsed = parse_where(text, record_fields());
    const auto* condition = std::get_if<Condition>(&parsed);
    REQUIRE_MESSAGE(condition != nullptr, text);
    return ranges_to_read(*condition, *fakes::orders(partition));
}

ReadRange offsets(Offset from, Offset to = no_upper_bound) {
    return {.offsets = {from, to}};
}

const std::vector<ReadRange> nothing;
const std::vector<ReadRange> everything{ReadRange{}};

}  // namespace

TEST_CASE("read ranges: each partition gets its own part of the condition") {
    const std::string text = "(partition = 0 and offset > 100) or (partition = 1 and offset > 300)";
    CHECK(ranges(text, 0) == std::vector{offsets(101)});
    CHECK(ranges(text, 1) == std::vector{offsets(301)});
    CHECK(ranges(text, 2) == nothing);
    CHECK(ranges("partition not in (1, 2)", 1) == nothing);
    CHECK(ranges("partition not in (1, 2)", 3) == everything);
    CHECK(ranges("topic = 'orders' and partition = 3", 3) == everything);
    CHECK(ranges("topic like 'events%' or partition = 1", 3) == nothing);
}

TEST_CASE("read ranges: offsets become half-open ranges in order, joined where they touch") {
    CHECK(ranges("offset between 5 and 7") == std::vector{offsets(5, 8)});
    CHECK(ranges("offset in (9, 1, 2, 3)") == std::vector{offsets(1, 4), offsets(9, 10)});
    CHECK(ranges("offset != 5") == std::vector{offsets(0, 5), offsets(6)});
    CHECK(ranges("offset < 0") == nothing);
    CHECK(ranges("offset > 5 and offset < 4") == nothing);
    CHECK(ranges("offset > 5 or offset < 9") == everything);
    CHECK(ranges("not (offset >= 3 and offset < 10)") == std::vector{offsets(0, 3), offsets(10)});
    CHECK(ranges("offset = 9223372036854775807") == nothing);
}

TEST_CASE("read ranges: times bound where reading begins and ends") {
    CHECK(ranges("timestamp >= 10 and timestamp < 20") ==
          std::vector{ReadRange{.from_ms = 10, .to_ms = 20}});
    CHECK(ranges("timestamp between 10 and 20 and offset > 3") ==
          std::vector{ReadRange{{4, no_upper_bound}, 10, 21}});
    CHECK(ranges("timestamp > 10 or offset = 1") ==
          std::vector{ReadRange{.from_ms = 11}, offsets(1, 2)});
    CHECK(ranges("timestamp is null") == everything);
    CHECK(ranges("timestamp < 5 and timestamp > 5") == nothing);
}

TEST_CASE("read ranges: what only the record can tell bounds nothing") {
    CHECK(ranges("key = 'a'") == everything);
    CHECK(ranges("key = 'a' and offset < 5") == std::vector{offsets(0, 5)});
    CHECK(ranges("key = 'a' or offset < 5") == everything);
}

TEST_CASE("read ranges: very many become coarser, and miss nothing") {
    std::string text = "offset in (0";
    for (int i = 1; i < 5000; ++i) text += "," + std::to_string(3 * i);
    const auto coarse = ranges(text + ")");
    CHECK(coarse.size() <= 512);
    CHECK(coarse.front().offsets.from == 0);
    CHECK(coarse.back().offsets.to == 3 * 4999 + 1);
    for (std::size_t i = 1; i < coarse.size(); ++i) {
        CHECK(coarse[i - 1].offsets.to < coarse[i].offsets.from);
    }
}

TEST_CASE("read ranges: settled, they lie within the partition, apart from each other") {
    const auto first_at = [](std::int64_t ms) { return Offset{100 + ms}; };
    const auto settled = [&](const std::string& text) {
        return settle(ranges(text), {50, 500}, first_at);
    };
    CHECK(settled("offset >= 0") == std::vector{offsets(50, 500)});
    CHECK(settled("offset < 50 or offset >= 500") == nothing);
    CHECK(settled("offset < 60 or offset > 490") ==
          std::vector{offsets(50, 60), offsets(491, 500)});
    CHECK(settled("timestamp >= 10") == std::vector{offsets(110, 500)});
    CHECK(settled("timestamp >= 400") == nothing);
    CHECK(settled("timestamp >= '1969-01-01T00:00:00Z'") == std::vector{offsets(50, 500)});
    CHECK(settled("timestamp >= 10 or offset = 60") ==
          std::vector{offsets(60, 61), offsets(110, 500)});
    CHECK(settled("timestamp > 10 or offset in (200, 60)") ==
          std::vector{offsets(60, 61), offsets(111, 500)});
}

TEST_CASE("read ranges: an end in time alone is the reader's to find") {
    const auto first_at = [](std::int64_t) { return Offset{0}; };
    CHECK(settle(ranges("timestamp < 20"), {0, 500}, first_at) ==
          std::vector{ReadRange{{0, 500}, no_lower_bound, 20}});
    CHECK(settle(ranges("timestamp < 20 and offset < 400"), {0, 500}, first_at) ==
          std::vector{offsets(0, 400)});
    CHECK(settle(ranges("timestamp < 20 or timestamp between 30 and 40"), {0, 500}, first_at) ==
          std::vector{ReadRange{{0, 500}, no_lower_bound, 41}});
}

namespace {

/// Small numbers, so that comparisons meet.
class RandomCondition {
public:
    explicit RandomCondition(unsigned seed) : random_(seed) {}

    std::string text(int depth) {
        const int kind = up_to(depth > 0 ? 5 : 1);
        if (kind <= 1) return comparison();
        if (kind == 2) return "not (" + text(depth - 1) + ")";
        return "(" + text(depth - 1) + (kind == 3 ? " and " : " or ") + text(depth - 1) + ")";
    }

private:
    int up_to(int most) { return std::uniform_int_distribution<int>(0, most)(random_); }
    std::string comparison() {
        static const char* const fields[] = {"partition", "offset", "timestamp"};
        static const char* const operators[] = {"=", "!=", "<", "<=", ">", ">="};
        const std::string field = fields[up_to(2)];
        const auto number = [&] { return std::to_string(up_to(6)); };
        switch (up_to(4)) {
            case 0:
                return field + " between " + number() + " and " + number();
            case 1:
                return field + " not in (" + number() + ", " + number() + ")";
            default:
                return field + " " + operators[up_to(5)] + " " + number();
        }
    }

    std::mt19937 random_;
};

/// Negative times are records without one.
bool is_read(const std::vector<ReadRange>& all, Offset offset, std::int64_t time) {
    for (const ReadRange& range : all) {
        const bool in_time = time < 0 ? range.from_ms == no_lower_bound
                                      : range.from_ms <= time && time < range.to_ms;
        if (range.offsets.from <= offset && offset < range.offsets.to && in_time) return true;
    }
    return false;
}

}  // namespace

TEST_CASE(
    "read ranges: whatever the condition, they hold the records that fulfil it, and no other") {
    for (unsigned seed = 0; seed < 3000; ++seed) {
        const std::string text = RandomCondition(seed).text(4);
        CAPTURE(text);
        const Condition condition = std::get<Condition>(parse_where(text, record_fields()));
        for (const PartitionId partition : {0, 3}) {
            const auto all = ranges_to_read(condition, *fakes::orders(partition));
            for (Offset offset = 0; offset < 8; ++offset) {
                for (std::int64_t time = 0; time < 8; ++time) {
                    const bool fulfils = matches(condition, {.from = fakes::orders(partition),
                                                             .offset = offset,
                                                             .timestamp_ms = time,
                                                             .key = {},
                                                             .value = {},
                                                             .headers = {}});
                    REQUIRE(is_read(all, offset, time) == fulfils);
                }
            }
        }
    }
}
