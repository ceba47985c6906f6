#include "pipeline/values/conversion.h"

#include "config/text/characters.h"
#include "pipeline/values/canonical_text.h"
#include "pipeline/values/civil_time.h"
#include "pipeline/values/excerpt.h"

#include <doctest/doctest.h>

#include <random>
#include <string>

using namespace sluice;
using config::Conversion;

namespace {

std::string converted(std::string_view text, Conversion as, std::int32_t scale = 0) {
    Scratch scratch;
    const Converted result = convert(text, as, scale, scratch);
    if (result.complaint != nullptr) return result.complaint;
    std::string shown;
    if (result.value.kind == Value::Kind::bytes) return std::string(result.value.text);
    append_canonical_text(shown, result.value);
    return shown;
}

}  // namespace

TEST_CASE("conversion: an epoch is a time in UTC, with all its digits") {
    CHECK(converted("0", Conversion::epoch_s) == "1970-01-01 00:00:00+00");
    CHECK(converted("1705314600", Conversion::epoch_s) == "2024-01-15 10:30:00+00");
    CHECK(converted("1705314600.25", Conversion::epoch_s) == "2024-01-15 10:30:00.25+00");
    CHECK(converted("1705314600.1234565", Conversion::epoch_s) == "2024-01-15 10:30:00.123457+00");
    CHECK(converted("1705314600123", Conversion::epoch_ms) == "2024-01-15 10:30:00.123+00");
    CHECK(converted("1705314600123.4", Conversion::epoch_ms) == "2024-01-15 10:30:00.1234+00");
    CHECK(converted("1705314600123456", Conversion::epoch_us) == "2024-01-15 10:30:00.123456+00");
    CHECK(converted("-1", Conversion::epoch_s) == "1969-12-31 23:59:59+00");
    CHECK(converted("-0.5", Conversion::epoch_s) == "1969-12-31 23:59:59.5+00");
    CHECK(converted("-1", Conversion::epoch_us) == "1969-12-31 23:59:59.999999+00");
    CHECK(converted(" 1 ", Conversion::epoch_s) == "1970-01-01 00:00:01+00");
    CHECK(converted("1.7053146e9", Conversion::epoch_s) == "2024-01-15 10:30:00+00");
    CHECK(converted("253402300799", Conversion::epoch_s) == "9999-12-31 23:59:59+00");
    CHECK(converted("-62135596800", Conversion::epoch_s) == "0001-01-01 00:00:00+00");
}

TEST_CASE("conversion: an epoch in scientific notation keeps every microsecond") {
    CHECK(converted("1.840108496731E9", Conversion::epoch_s) == "2028-04-23 13:14:56.731+00");
    CHECK(converted("1.840108496731e+12", Conversion::epoch_ms) == "2028-04-23 13:14:56.731+00");
    CHECK(converted("1840108496731e-3", Conversion::epoch_s) == "2028-04-23 13:14:56.731+00");
    CHECK(converted("-5E-7", Conversion::epoch_s) == "1969-12-31 23:59:59.999999+00");
    CHECK(converted("-4.9E-7", Conversion::epoch_s) == "1970-01-01 00:00:00+00");
    CHECK(converted("0e99999999999999999999", Conversion::epoch_s) == "1970-01-01 00:00:00+00");
    CHECK(converted("1e-99999999999999999999", Conversion::epoch_s) == "1970-01-01 00:00:00+00");
    CHECK(converted("1e99999999999999999999", Conversion::epoch_s) == "is out of range for a time");
    for (const char* text : {"1e", "1e+", "e5", "1e5x", "1e 5", "1e1.5"}) {
        CAPTURE(std::string(text));
        CHECK(converted(text, Conversion::epoch_s).find("is not a number") == 0);
    }
}

TEST_CASE("conversion: an epoch is what exact arithmetic makes of its text") {
    std::mt19937_64 random(20261127);
    for (int round = 0; round < 20000; ++round) {
        // A whole number of microseconds, perhaps with digits behind them that round; then the
        // point is moved by a random number of places, and the exponent moves it back.
        const auto microseconds =
            static_cast<std::int64_t>(random() % 9'000'000'000'000'000'000ULL);
        std::string digits = std::to_string(microseconds);
        std::string tail;
        for (auto more = random() % 4; more > 0; --more)
            tail += static_cast<char>('0' + random() % 10);
        const std::int64_t expected = microseconds + (!tail.empty() && tail[0] >= '5' ? 1 : 0);
        digits += tail;
        const auto point = static_cast<std::size_t>(random() % (digits.size() + 1));
        const auto exponent = static_cast<std::int64_t>(digits.size() - tail.size()) - 6 -
                              static_cast<std::int64_t>(point);
        std::string text = digits.substr(0, point) + "." + digits.substr(point);
        if (point == digits.size() && random() % 2 == 0) text.pop_back();
        if (exponent != 0 || random() % 2 == 0)
            text += (random() % 2 ? "E" : "e") + std::to_string(exponent);
        const bool negative = random() % 2 == 0 && expected < 210'000'000'000'000'000;
        CAPTURE(text);
        Scratch scratch;
        const Converted result =
            convert((negative ? "-" : "") + text, Conversion::epoch_s, 0, scratch);
        REQUIRE(result.complaint == nullptr);
        REQUIRE(result.value.integer == (negative ? -expected : expected));
    }
}

TEST_CASE("conversion: years beyond 9999 and before 1 are as the database writes them") {
    CHECK(converted("253402300800", Conversion::epoch_s) == "10000-01-01 00:00:00+00");
    CHECK(converted("9223372036854775807", Conversion::epoch_us) ==
          "294247-01-10 04:00:54.775807+00");
    CHECK(converted("-62135596801", Conversion::epoch_s) == "0001-12-31 23:59:59+00 BC");
    CHECK(converted("-210866803200", Conversion::epoch_s) == "4714-11-24 00:00:00+00 BC");
}

TEST_CASE("conversion: what is no epoch says so") {
    for (const char* text :
         {"", "x", "1.2.3", "12a", "-", "2024-01-15", "0x10", "true", ".", "nan"}) {
        CAPTURE(std::string(text));
        CHECK(converted(text, Conversion::epoch_s).find("is not a number") == 0);
    }
    for (const char* text : {"-210866803200.000001", "99999999999999999999", "1e300"}) {
        CAPTURE(std::string(text));
        CHECK(converted(text, Conversion::epoch_s) == "is out of range for a time");
    }
}

TEST_CASE("conversion: base64 in both alphabets, padded or not") {
    CHECK(converted("", Conversion::base64) == "");
    CHECK(converted("Zg==", Conversion::base64) == "f");
    CHECK(converted("Zg", Conversion::base64) == "f");
    CHECK(converted("Zm8=", Conversion::base64) == "fo");
    CHECK(converted("Zm9vYmFy", Conversion::base64) == "foobar");
    CHECK(converted("+/+/", Conversion::base64) == converted("-_-_", Conversion::base64));
    CHECK(converted("+/+/", Conversion::base64) == "\xfb\xff\xbf");
    for (const char* text : {"Z", "Zm9vY", "Zg=", "Z===", "Zm 8", "Zm8!", "=Zm8", "Zg==Zg=="}) {
        CAPTURE(std::string(text));
        CHECK(converted(text, Conversion::base64) == "is not base64");
    }
}

TEST_CASE("conversion: hexadecimal with or without its mark") {
    CHECK(converted("", Conversion::hex) == "");
    CHECK(converted("00fFaB", Conversion::hex) == std::string("\0\xff\xab", 3));
    CHECK(converted("\\x41", Conversion::hex) == "A");
    CHECK(converted("0x41", Conversion::hex) == "A");
    CHECK(converted("4", Conversion::hex) == "is not hexadecimal");
    CHECK(converted("4g", Conversion::hex) == "is not hexadecimal");
}

TEST_CASE("civil time: writing and reading agree over ten thousand years") {
    char text[civil_time::longest];
    const std::int64_t first = -719162;
    for (std::int64_t day = first; day <= 2932896; day += 97) {
        const std::int64_t written = day * civil_time::microseconds_per_day + (day - first) * 1013;
        const char* end = civil_time::write_timestamp(text, written, civil_time::Zone::utc);
        const auto read = civil_time::read_date_time({text, static_cast<std::size_t>(end - text)});
        REQUIRE(read.outcome == civil_time::Reading::Outcome::exact);
        REQUIRE((read.days + std::int64_t{civil_time::database_epoch_days}) *
                        civil_time::microseconds_per_day +
                    read.microseconds ==
                written);
        REQUIRE(read.has_zone);
    }
}

TEST_CASE("civil time: only digits are digits, and only in their places") {
    const std::string right = "2026-01-31 12:34:56";
    using Outcome = civil_time::Reading::Outcome;
    REQUIRE(civil_time::read_date_time(right).outcome == Outcome::exact);
    REQUIRE(civil_time::read_date_time("2026-01-31 12:34").microseconds == 45'240'000'000);
    for (std::size_t place = 0; place < right.size(); ++place) {
        for (int byte = 0; byte < 256; ++byte) {
            std::string text = right;
            text[place] = static_cast<char>(byte);
            if (is_digit(text[place]) == is_digit(right[place]) &&
                (is_digit(right[place]) || text == right))
                continue;
            CAPTURE(text);
            const bool separates = place == 10 && (byte == 'T' || byte == 't');
            // "hh:mm", and blanks or a zone behind it
            const auto outcome = civil_time::read_date_time(text).outcome;
            CHECK((outcome == Outcome::exact) == separates);
        }
    }
}

TEST_CASE("excerpt: printable, in quotes, cut") {
    CHECK(excerpt("12,5") == "\"12,5\"");
    CHECK(excerpt("") == "\"\"");
    CHECK(excerpt("a\n\x7f\xff") == "\"a\\x0a\\x7f\\xff\"");
    CHECK(excerpt("Grüße 🦆") == "\"Grüße 🦆\"");
    CHECK(excerpt("\xed\xa0\x80") == "\"\\xed\\xa0\\x80\"");
    CHECK(excerpt(std::string(64, 'x')) == '"' + std::string(64, 'x') + '"');
    CHECK(excerpt(std::string(1000, 'x')) == '"' + std::string(64, 'x') + "…\"");
}

TEST_CASE("conversion: what Debezium counts days and moments without an end by is infinite") {
    for (const char* days : {"2146033979", "-2147472692", "-622191233", "-622191234"})
        CHECK(converted(days, Conversion::epoch_days) == "infinity");
    for (const char* days : {"-2147472691", "-625821272", "-625821271"})
        CHECK(converted(days, Conversion::epoch_days) == "-infinity");
    CHECK(converted("9223372036825200", Conversion::epoch_ms) == "infinity");
    CHECK(converted("-9223372036832400000", Conversion::epoch_us) == "-infinity");
    CHECK(converted("9223372036854775807", Conversion::epoch_ns) == "infinity");
    CHECK(converted("-9223372036854775808", Conversion::epoch_ns) == "-infinity");
    CHECK(converted("9223372036854774999", Conversion::epoch_ns) ==
          "2262-04-11 23:47:16.854774+00");
}

TEST_CASE("conversion: days, times of day, nanoseconds and decimals as Debezium writes them") {
    CHECK(converted("20484", Conversion::epoch_days) == "2026-01-31");
    CHECK(converted("-1", Conversion::epoch_days) == "1969-12-31");
    CHECK(converted("20484.75", Conversion::epoch_days) == "2026-01-31");
    CHECK(converted("-0.25", Conversion::epoch_days) == "1969-12-31");
    CHECK(converted("-2147472690", Conversion::epoch_days) == "is out of range for a date");
    CHECK(converted("-2440588", Conversion::epoch_days) == "4714-11-24 BC");
    CHECK(converted("-2440589", Conversion::epoch_days) == "is out of range for a date");
    CHECK(converted("2145042905", Conversion::epoch_days) == "5874897-12-31");
    CHECK(converted("2145042906", Conversion::epoch_days) == "is out of range for a date");
    CHECK(converted("x", Conversion::epoch_days) == "is not a number of days since 1970");
    CHECK(converted("11045000", Conversion::time_ms) == "03:04:05");
    CHECK(converted("11045123456", Conversion::time_us) == "03:04:05.123456");
    CHECK(converted("11045123456789", Conversion::time_ns) == "03:04:05.123456");
    CHECK(converted("-1", Conversion::time_us) == "is out of range for a time of day");
    CHECK(converted("1769860800123456789", Conversion::epoch_ns) ==
          "2026-01-31 12:00:00.123456+00");
    CHECK(converted("1999", Conversion::epoch_ns) == "1970-01-01 00:00:00.000001+00");
    CHECK(converted("-1", Conversion::epoch_ns) == "1969-12-31 23:59:59.999999+00");
    CHECK(converted("-2000.0", Conversion::epoch_ns) == "1969-12-31 23:59:59.999998+00");
    CHECK(converted("-1999.5", Conversion::epoch_ns) == "1969-12-31 23:59:59.999998+00");
    for (const Conversion as : {Conversion::epoch_days, Conversion::epoch_s, Conversion::epoch_ms,
                                Conversion::time_ms, Conversion::time_us, Conversion::time_ns}) {
        CAPTURE(static_cast<int>(as));
        CHECK(converted("9223372036854775807", as).starts_with("is out of range for a "));
        CHECK(converted("-9223372036854775808", as).starts_with("is out of range for a "));
    }
    CHECK(converted("9223372036854775807", Conversion::epoch_us) ==
          "294247-01-10 04:00:54.775807+00");
    CHECK(converted("-9223372036854775808", Conversion::epoch_us) == "is out of range for a time");
    CHECK(converted("BNI=", Conversion::decimal, 2) == "12.34");
    CHECK(converted("+y4=", Conversion::decimal, 2) == "-12.34");
    CHECK(converted("?", Conversion::decimal, 2) == "is not base64");
}
