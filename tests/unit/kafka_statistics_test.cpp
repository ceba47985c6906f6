#include "kafka/statistics.h"
#include "tests/fakes/partitions.h"

#include <doctest/doctest.h>

using namespace sluice;
using namespace std::chrono_literals;

namespace {
const auto table = fakes::partitions_of("orders");
}

TEST_CASE("statistics: brokers with a number, partitions with an end") {
    const GroupStatistics found = kafka::parse_statistics(R"({
        "brokers": {
            "localhost:9092/1": {"name": "localhost:9092/1", "nodeid": 1, "state": "UP",
                "txerrs": 1, "rxerrs": 2, "waitresp_cnt": 1, "rxidle": 7900000,
                "toppars": {"orders-0": {"topic": "orders", "partition": 0}},
                "req_timeouts": 4, "rtt": {"avg": 1500}, "throttle": {"avg": 20}},
            "localhost:9093/2": {"nodeid": 2, "state": "DOWN", "waitresp_cnt": 0,
                "rxidle": 9000000, "toppars": {}},
            "GroupCoordinator": {"nodeid": -1, "state": "UP"}},
        "topics": {
            "other": {"partitions": {"0": {"partition": 0, "hi_offset": 7}}},
            "orders": {"partitions": {
                "0": {"partition": 0, "hi_offset": 90, "ls_offset": 80},
                "1": {"partition": 1, "hi_offset": 90, "ls_offset": -1001},
                "2": {"partition": 2, "hi_offset": -1001, "ls_offset": -1001},
                "-1": {"partition": -1, "hi_offset": 5}}}}})",
                                                          *table);
    REQUIRE(found.brokers.size() == 2);
    CHECK(found.brokers[0].id == "1");
    CHECK(found.brokers[0].up);
    CHECK(found.brokers[0].round_trip == 1500us);
    CHECK(found.brokers[0].throttle == 20ms);
    CHECK(found.brokers[0].errors == 7);
    CHECK(found.brokers[0].name == "localhost:9092/1");
    CHECK(found.brokers[0].leads);
    CHECK(found.brokers[0].silent == 7s);
    CHECK_FALSE(found.brokers[1].up);
    CHECK_FALSE(found.brokers[1].leads);
    CHECK(found.brokers[1].silent == 0s);  // it owes nothing
    REQUIRE(found.partitions.size() == 3);
    CHECK(found.partitions[0].end == 80);
    CHECK(found.partitions[0].open_until == 90);
    CHECK(found.partitions[1].end == 90);
    CHECK_FALSE(found.partitions[2].end.has_value());
}

TEST_CASE("statistics: what is no JSON, or another, is left out") {
    for (const char* json : {"", "{", "[]", "{}", R"({"brokers": 3, "topics": []})",
                             R"({"brokers": {"a": 1}, "topics": {"orders": {}}})",
                             R"({"topics": {"orders": {"partitions": {"0": []}}}})"}) {
        const GroupStatistics found = kafka::parse_statistics(json, *table);
        CHECK(found.brokers.empty());
        CHECK(found.partitions.empty());
    }
}
