#include "daemon/admin/history.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace sluice;
using namespace std::chrono_literals;

TEST_CASE("history: rates and lags of each pipeline, by the time between two looks") {
    History history;
    const History::Clock::time_point start{};
    history.add({{"ingest.a", 1000, 50}, {"outbox.b", 7, 0.25}}, start);
    history.add({{"ingest.a", 3000, 40}, {"outbox.b", 7, 0}}, start + 10s);
    history.add({{"ingest.a", 3000, std::nullopt}, {"outbox.b", 107, 1.5}}, start + 30s);
    CHECK(history.to_json() ==
          R"({"seconds":10,"pipelines":{"ingest.a":{"rate":[0,200,0],"behind":[50,40,40]},)"
          R"("outbox.b":{"rate":[0,0,5],"behind":[0.3,0,1.5]}}})");
    history.add({{"ingest.a", 10, 123456}}, start + 40s);  // counts anew: was removed meanwhile
    CHECK(history.to_json() == R"({"seconds":10,"pipelines":{"ingest.a":{"rate":[0,200,0,0],)"
                               R"("behind":[50,40,40,123000]}}})");
}

TEST_CASE("history: an hour is kept, and no more") {
    History history;
    const History::Clock::time_point start{};
    for (int i = 0; i < 1000; ++i) history.add({{"ingest.a", 0, i}}, start + i * History::between);
    const std::string json = history.to_json();
    CHECK(std::ranges::count(json, ',') == 2 * 360);  // and one more for each list and field
    CHECK(json.find("\"behind\":[640,") != std::string::npos);
    CHECK(json.ends_with(",999]}}}"));
}
