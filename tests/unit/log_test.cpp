#include "pipeline/log.h"
#include "daemon/report/logging.h"
#include "pipeline/log_limiter.h"

#include <doctest/doctest.h>

#include <string>

using namespace sluice;
using namespace std::chrono_literals;

namespace {

/// Behind the time.
std::string fields_of(const std::string& about, const std::string& text) {
    const std::string line = json_line(about, text);
    CHECK(line.starts_with(R"({"time":"20)"));
    return line.substr(line.find(R"(,"level")"));
}

}  // namespace

TEST_CASE("log: pipeline, lane and partition are fields of their own in JSON") {
    CHECK(fields_of("orders", "going on") ==
          R"(,"level":"info","about":"orders","pipeline":"orders","text":"going on"})"
          "\n");
    CHECK(fields_of("ingest.orders", "x") ==
          R"(,"level":"info","about":"ingest.orders","pipeline":"orders","text":"x"})"
          "\n");
    CHECK(fields_of("orders/1" + about_partition("", 30), "x") ==
          R"(,"level":"info","about":"orders/1[30]","pipeline":"orders","lane":1,"partition":30,)"
          R"("text":"x"})"
          "\n");
    CHECK(fields_of("sluice", "x") == R"(,"level":"info","about":"sluice","text":"x"})"
                                      "\n");
}

TEST_CASE("log: whatever the text holds, the line is JSON") {
    CHECK(fields_of("sluice", "a \"b\" \\ \x01 \xff \xc3\xa9")
              .ends_with("\"text\":\"a \\\"b\\\" \\\\ \\u0001 \\ufffd \xc3\xa9\"}\n"));
}

TEST_CASE("log: what comes again and again is counted, and the count is told") {
    LogLimiter limiter;
    auto now = LogLimiter::Clock::now();
    for (int i = 1; i <= LogLimiter::most_per_window; ++i) {
        CHECK(limiter.pass("orders", "failure " + std::to_string(i) + " in a row", now));
    }
    for (int i = 0; i < 40; ++i) CHECK_FALSE(limiter.pass("orders", "failure 77 in a row", now));
    CHECK(limiter.pass("copies", "failure 1 in a row", now) == "failure 1 in a row");
    CHECK(limiter.pass("orders", "something else", now) == "something else");
    now += LogLimiter::window;
    CHECK(limiter.pass("orders", "failure 78 in a row", now) ==
          "failure 78 in a row (and 40 more like it since the last one)");
    CHECK(limiter.pass("orders", "failure 79 in a row", now) == "failure 79 in a row");
}

TEST_CASE("log: a flood of different events does not fill the memory") {
    LogLimiter limiter;
    auto now = LogLimiter::Clock::now();
    for (int i = 0; i < 100000; ++i) {
        std::string text = "e";
        for (int rest = i; rest > 0; rest /= 26) text += static_cast<char>('a' + rest % 26);
        CHECK(limiter.pass("orders", text, now));
    }
}
