#include "config/schedule.h"

#include "config/text/units.h"
#include "tests/unit/config_setup.h"

#include <doctest/doctest.h>

#include <string>

namespace sluice::config::test {
namespace {

std::chrono::sys_seconds at(const std::string& time) {
    return std::chrono::floor<std::chrono::seconds>(
        std::chrono::sys_time<std::chrono::milliseconds>(
            std::chrono::milliseconds(parse_time(time).value())));
}

/// In minutes.
long offset(const std::string& zone, const std::string& time) {
    const auto known = TimeZone::named(zone);
    REQUIRE(known);
    return std::chrono::floor<std::chrono::minutes>(known->offset_at(at(time))).count();
}

bool runs(const std::string& times, const std::string& zone, const std::string& time) {
    const auto schedule = parse_schedule(times);
    REQUIRE(schedule);
    return is_within(*schedule, TimeZone::named(zone).value(), at(time));
}

/// A file of version 2 that has no transitions, one type, and this rule.
std::string tzif(const std::string& rule) {
    std::string head = "TZif2";
    head.append(15, '\0');
    const auto counts = [](char types) {
        std::string text(16, '\0');
        text += std::string("\0\0\0", 3) + types + std::string("\0\0\0\0", 4);
        return text;
    };
    const std::string type(6, '\0');
    return head + counts(1) + type + head + counts(1) + type + "\n" + rule + "\n";
}

long offset_by(const std::string& rule, const std::string& time) {
    const auto zone = TimeZone::read(tzif(rule));
    REQUIRE(zone);
    return std::chrono::floor<std::chrono::minutes>(zone->offset_at(at(time))).count();
}

}  // namespace

TEST_CASE("time zone: the system's files and the rules at their ends say the offset") {
    CHECK(offset("UTC", "2026-07-01T00:00:00Z") == 0);
    CHECK(offset("Europe/Berlin", "2026-03-29T00:59:59Z") == 60);
    CHECK(offset("Europe/Berlin", "2026-03-29T01:00:00Z") == 120);
    CHECK(offset("Europe/Berlin", "2026-10-25T00:59:59Z") == 120);
    CHECK(offset("Europe/Berlin", "2026-10-25T01:00:00Z") == 60);
    CHECK(offset("Europe/Berlin", "2080-07-01T00:00:00Z") == 120);
    CHECK(offset("Europe/Berlin", "2080-12-01T00:00:00Z") == 60);
    CHECK(offset("America/New_York", "2026-07-01T00:00:00Z") == -240);
    CHECK(offset("Asia/Kathmandu", "2026-07-01T00:00:00Z") == 345);
    for (const char* name : {"", "Europe/Berlyn", "../../etc/passwd", "/etc/passwd", "Europe"})
        CHECK_FALSE(TimeZone::named(name));
}

TEST_CASE("time zone: a rule alone, north and south, with fractions and negative summers") {
    CHECK(offset_by("CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T00:59:59Z") == 60);
    CHECK(offset_by("CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T01:00:00Z") == 120);
    CHECK(offset_by("CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25T01:00:00Z") == 60);
    const std::string howe = "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0";
    CHECK(offset_by(howe, "2026-01-01T00:00:00Z") == 660);
    CHECK(offset_by(howe, "2026-07-01T00:00:00Z") == 630);
    CHECK(offset_by(howe, "2026-12-31T23:59:59Z") == 660);
    const std::string dublin = "IST-1GMT0,M10.5.0,M3.5.0/1";
    CHECK(offset_by(dublin, "2026-07-01T00:00:00Z") == 60);
    CHECK(offset_by(dublin, "2026-12-01T00:00:00Z") == 0);
    CHECK(offset_by("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-07-01T00:00:00Z") == -60);
    CHECK(offset_by("<+01>-1", "2026-07-01T00:00:00Z") == 60);
    // What is no rule says nothing: the type does.
    CHECK(offset_by("CET-1CEST,J60,J300", "2026-07-01T00:00:00Z") == 0);
    CHECK(offset_by("", "2026-07-01T00:00:00Z") == 0);
}

TEST_CASE("time zone: what is cut off anywhere is no zone, and does no harm") {
    const std::string whole = tzif("CET-1CEST,M3.5.0,M10.5.0/3");
    for (std::size_t size = 0; size < whole.find("\nCET"); ++size)
        CHECK_FALSE(TimeZone::read(whole.substr(0, size)));
    for (std::size_t size = whole.find("\nCET"); size < whole.size(); ++size)
        CHECK(TimeZone::read(whole.substr(0, size)));
    std::string large = whole;
    large[20] = '\x7f';
    CHECK_FALSE(TimeZone::read(large));
}

TEST_CASE("schedule: a pipeline runs from the first time to the second") {
    CHECK_FALSE(runs("02:00-06:00", "UTC", "2026-07-01T01:59:59Z"));
    CHECK(runs("02:00-06:00", "UTC", "2026-07-01T02:00:00Z"));
    CHECK(runs("02:00-06:00", "UTC", "2026-07-01T05:59:59Z"));
    CHECK_FALSE(runs("02:00-06:00", "UTC", "2026-07-01T06:00:00Z"));
    CHECK(runs("22:00-06:00", "UTC", "2026-07-01T23:00:00Z"));
    CHECK(runs("22:00-06:00", "UTC", "2026-07-01T00:00:00Z"));
    CHECK_FALSE(runs("22:00-06:00", "UTC", "2026-07-01T12:00:00Z"));
    CHECK(runs("18:00-24:00", "UTC", "2026-07-01T23:59:59Z"));
    CHECK_FALSE(runs("18:00-24:00", "UTC", "2026-07-01T00:00:00Z"));
    for (const char* wrong : {"", "02:00", "2:00-6:00", "02:00-02:00", "02:60-06:00", "24:00-06:00",
                              "02:00-24:01", "02:00-06:00-07:00", "aa:00-06:00"})
        CHECK_FALSE(parse_schedule(wrong));
}

TEST_CASE("schedule: the clocks of its zone decide, also when they are changed") {
    CHECK(runs("02:00-06:00", "Europe/Berlin", "2026-07-01T00:00:00Z"));
    CHECK_FALSE(runs("02:00-06:00", "Europe/Berlin", "2026-07-01T04:00:00Z"));
    CHECK(runs("02:00-06:00", "Europe/Berlin", "2026-12-01T04:59:59Z"));
    // In spring 02:00 to 03:00 does not come: it begins with 03:00.
    CHECK_FALSE(runs("02:30-06:00", "Europe/Berlin", "2026-03-29T00:59:59Z"));
    CHECK(runs("02:30-06:00", "Europe/Berlin", "2026-03-29T01:00:00Z"));
    // In autumn it comes twice.
    CHECK(runs("02:00-03:00", "Europe/Berlin", "2026-10-25T00:00:00Z"));
    CHECK(runs("02:00-03:00", "Europe/Berlin", "2026-10-25T01:59:59Z"));
    CHECK_FALSE(runs("02:00-03:00", "Europe/Berlin", "2026-10-25T02:00:00Z"));
}

TEST_CASE("config: a schedule has times, and a zone that the system knows") {
    const Ingest ingest =
        accepted_pipeline("schedule = { run = '22:00-06:00', zone = 'Europe/Berlin' }");
    REQUIRE(ingest.schedule);
    CHECK(to_string(*ingest.schedule) == "22:00-06:00 Europe/Berlin");
    CHECK(accepted_pipeline("schedule = { run = '02:00-06:00' }").schedule->zone == "UTC");
    CHECK(contains(problem_of(pipeline + "schedule = { run = '6-7' }\n"),
                   "\"run\" must be two different times of a day"));
    CHECK(contains(problem_of(pipeline + "schedule = { run = '02:00-06:00', zone = 'Berlin' }\n"),
                   "the system knows no time zone \"Berlin\""));
    CHECK(contains(problem_of(pipeline + "schedule = { zone = 'UTC' }\n"), "run"));
}

}  // namespace sluice::config::test
