#include "daemon/admin/history.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace sluice;
using namespace std::chrono_literals;

TEST_CASE("history: rates, lags and freshness of each pipeline, by the time between two looks") {
    History history;
    const History::Clock::time_point start{};
    history.add({{"ingest.a", 1000, 50, {}}, {"outbox.b", 7, 0.25, {}}}, start);
    history.add({{"ingest.a", 3000, 40, 1.5}, {"outbox.b", 7, 0, {}}}, start + 10s);
    history.add({{"ingest.a", 3000, {}, {}}, {"outbox.b", 107, 1.5, {}}}, start + 30s);
    CHECK(history.to_json(History::Span::hour) ==
          R"({"seconds":10,"pipelines":{"ingest.a":{"rate":[0,200,0],"behind":[50,40,40],)"
          R"("freshness":[0,1.5,1.5]},)"
          R"("outbox.b":{"rate":[0,0,5],"behind":[0.3,0,1.5],"freshness":[0,0,0]}}})");
    history.add({{"ingest.a", 10, 123456, 2}}, start + 40s);  // counts anew: was removed meanwhile
    CHECK(history.to_json(History::Span::hour) ==
          R"({"seconds":10,"pipelines":{"ingest.a":{"rate":[0,200,0,0],)"
          R"("behind":[50,40,40,123000],"freshness":[0,1.5,1.5,2]}}})");
}

TEST_CASE("history: an hour is kept, and no more") {
    History history;
    const History::Clock::time_point start{};
    for (int i = 0; i < 1000; ++i)
        history.add({{"ingest.a", 0, i, {}}}, start + i * History::between);
    const std::string json = history.to_json(History::Span::hour);
    CHECK(std::ranges::count(json, ',') == 3 * 360);  // and one more for each list and field
    CHECK(json.find("\"behind\":[640,") != std::string::npos);
    CHECK(json.find(",999],") != std::string::npos);
}

TEST_CASE("history: a day is kept, and no more: mean rates, and the worst of the rest") {
    History history;
    const History::Clock::time_point start{};
    const auto look = [&](int i, double done, double behind, double freshness) {
        history.add({{"ingest.a", done, behind, freshness}}, start + i * History::between);
    };
    for (int i = 0; i < 23; ++i) look(i, 0, i == 7 ? 900 : 1, i == 9 ? 60 : 0.5);
    CHECK(history.to_json(History::Span::day) ==
          R"({"seconds":240,"pipelines":{"ingest.a":{"rate":[],"behind":[],"freshness":[]}}})");
    look(23, 240, 1, 0.5);
    CHECK(
        history.to_json(History::Span::day) ==
        R"({"seconds":240,"pipelines":{"ingest.a":{"rate":[1],"behind":[900],"freshness":[60]}}})");
    for (int i = 24; i < 24 * 500; ++i) look(i, 240, i, 0);
    const std::string json = history.to_json(History::Span::day);
    CHECK(std::ranges::count(json, ',') == 3 * 360);
    CHECK(json.find("\"rate\":[0,") != std::string::npos);
    CHECK(json.find(",12000],") != std::string::npos);
}
