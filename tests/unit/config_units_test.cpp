#include "config/text/units.h"

#include <doctest/doctest.h>

#include <string_view>

namespace sluice::config {
namespace {

using namespace std::chrono_literals;

TEST_CASE("sizes: numbers with binary and decimal units") {
    CHECK(parse_size("16MiB") == 16u << 20);
    CHECK(parse_size("512KiB") == 512u << 10);
    CHECK(parse_size("1GiB") == 1u << 30);
    CHECK(parse_size("1TiB") == std::size_t{1} << 40);
    CHECK(parse_size("10MB") == 10'000'000u);
    CHECK(parse_size("3kB") == 3000u);
    CHECK(parse_size("3KB") == 3000u);
    CHECK(parse_size("2GB") == 2'000'000'000u);
    CHECK(parse_size("1TB") == 1'000'000'000'000u);
    CHECK(parse_size("7B") == 7u);
    CHECK(parse_size("4096") == 4096u);
    CHECK(parse_size("16 MiB") == 16u << 20);
    CHECK(parse_size("0") == 0u);
}

TEST_CASE("sizes: what is none is refused") {
    for (const std::string_view text :
         {"", "MiB", "-1", "-0", "+1", "1.5MiB", "16mib", "16Mb", "16M", " 16", "16MiB ", "1e3",
          "0x10", "99999999999999999999", "9999999999GiB"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_size(text));
    }
}

TEST_CASE("durations: numbers with units") {
    CHECK(parse_duration("500ms") == 500ms);
    CHECK(parse_duration("2s") == 2s);
    CHECK(parse_duration("5m") == 5min);
    CHECK(parse_duration("1h") == 1h);
    CHECK(parse_duration("30d") == 24h * 30);
    CHECK(parse_duration("0s") == 0s);
}

TEST_CASE("durations: the unit is required, whole numbers only") {
    for (const std::string_view text :
         {"", "500", "s", "-1s", "1.5s", "1h30m", "2x", "2S", "9223372036854775807d"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_duration(text));
    }
}

TEST_CASE("times: RFC 3339, to the millisecond") {
    CHECK(parse_time("1970-01-01T00:00:00Z") == 0);
    CHECK(parse_time("2026-01-31T12:00:00Z") == 1769860800000);
    CHECK(parse_time("2026-01-31T13:00:00+01:00") == 1769860800000);
    CHECK(parse_time("2026-01-31 06:30:00-05:30") == 1769860800000);
    CHECK(parse_time("2026-01-31t12:00:00.5z") == 1769860800500);
    CHECK(parse_time("2026-01-31T12:00:00.123456789Z") == 1769860800123);
    CHECK(parse_time("1969-12-31T23:59:59Z") == -1000);
    CHECK(parse_time("2024-02-29T00:00:00Z"));
}

TEST_CASE("times: what is none, or has no offset from UTC, is refused") {
    for (const std::string_view text :
         {"", "now", "2026-01-31", "2026-01-31T12:00:00", "2026-01-31T12:00Z",
          "2026-02-30T12:00:00Z", "2025-02-29T00:00:00Z", "2026-13-01T12:00:00Z",
          "2026-01-31T24:00:00Z", "2026-01-31T12:60:00Z", "2026-01-31T12:00:60Z",
          "2026-01-31T12:00:00.Z", "2026-01-31T12:00:00Zx", "2026-01-31T12:00:00+1:00",
          "2026-01-31T12:00:00+24:00", "26-01-31T12:00:00Z", "-026-01-31T12:00:00Z"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_time(text));
    }
}

TEST_CASE("times: what is printed is read as the same time") {
    CHECK(format_time(1769860800123) == "2026-01-31T12:00:00.123Z");
    for (const std::int64_t time : {0LL, -1LL, -62167219200000LL, 253402300799999LL}) {
        CHECK(parse_time(format_time(time)) == time);
    }
    CHECK(format_time(253402300800000) == "253402300800000");
    CHECK(format_time(-62167219200001) == "-62167219200001");
}

TEST_CASE("units: what is printed is the largest unit that keeps it whole") {
    CHECK(format_size(16u << 20) == "16MiB");
    CHECK(format_size(1536) == "1536B");
    CHECK(format_size(0) == "0B");
    CHECK(format_size(std::size_t{1} << 40) == "1TiB");
    CHECK(format_duration(500ms) == "500ms");
    CHECK(format_duration(90s) == "90s");
    CHECK(format_duration(24h * 30) == "30d");
}

}  // namespace
}  // namespace sluice::config
