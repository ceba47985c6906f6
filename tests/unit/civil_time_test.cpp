#include "pipeline/values/civil_time.h"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdio>
#include <string>

using namespace sluice;
using civil_time::read_date_time;
using civil_time::Reading;

namespace {

using Outcome = Reading::Outcome;

std::string day_text(int year, unsigned month, unsigned day) {
    char text[16];
    std::snprintf(text, sizeof text, "%04d-%02u-%02u", year, month, day);
    return text;
}

}  // namespace

TEST_CASE("civil time: every month of all years that have four digits") {
    using namespace std::chrono;
    std::size_t wrong = 0;
    for (int number = 1; number <= 9999; ++number)
        for (unsigned month_number = 1; month_number <= 12; ++month_number) {
            const auto last = year(number) / month_number / std::chrono::last;
            const auto days_in = static_cast<unsigned>(last.day());
            for (const unsigned day : {1u, 28u, days_in}) {
                const Reading reading = read_date_time(day_text(number, month_number, day));
                const sys_days expected = year(number) / month_number / day;
                wrong += reading.outcome != Outcome::exact ||
                         reading.days + civil_time::database_epoch_days !=
                             expected.time_since_epoch().count();
            }
            for (const unsigned day : {0u, days_in + 1, 32u, 99u})
                wrong += read_date_time(day_text(number, month_number, day)).outcome !=
                         Outcome::out_of_range;
        }
    CHECK(wrong == 0);
    CHECK(read_date_time("2026-00-01").outcome == Outcome::out_of_range);
    CHECK(read_date_time("2026-13-01").outcome == Outcome::out_of_range);
}

TEST_CASE("civil time: fractions of a second, whatever follows them") {
    const std::string clock = "2026-11-28 23:59:58";
    constexpr std::int64_t whole = ((23 * 60 + 59) * 60 + 58) * std::int64_t{1'000'000};
    struct Fraction {
        const char* text;
        std::int64_t microseconds;
    };
    for (const Fraction& each :
         {Fraction{"", 0}, Fraction{".1", 100'000}, Fraction{".12", 120'000},
          Fraction{".123", 123'000}, Fraction{".1234", 123'400}, Fraction{".12345", 123'450},
          Fraction{".123456", 123'456}, Fraction{".000001", 1}, Fraction{".1234565", 123'456},
          Fraction{".1234567", 123'457}, Fraction{".123456789", 123'457}, Fraction{".000000", 0}}) {
        CAPTURE(each.text);
        for (const char* zone : {"", "Z", "z", "+02", "-0330", "+05:45", " Z"}) {
            CAPTURE(zone);
            const Reading reading = read_date_time(clock + each.text + zone);
            CHECK(reading.outcome == Outcome::exact);
            CHECK(reading.microseconds == whole + each.microseconds);
            CHECK(reading.has_zone == (*zone != '\0'));
        }
    }
    for (const char* other :
         {".", ".Z", ".x", ".1x", ".12345x", ".123456x", ".12:34", ".1 2", ".1ZZ", ".12-", ".é"}) {
        CAPTURE(other);
        CHECK(read_date_time(clock + other).outcome == Outcome::unknown);
    }
}
