#include "pipeline/ingest/lane_load.h"

#include <doctest/doctest.h>

namespace sluice {
namespace {

/// Which lanes get the partitions of topics "0", "1", …, which have so many each.
std::string lanes_of(LaneLoad load, const std::vector<int>& topics) {
    for (const int partitions : topics)
        for (int i = 0; i < partitions; ++i) load.note_waiting();
    std::string lanes;
    for (std::size_t topic = 0; topic < topics.size(); ++topic)
        for (int i = 0; i < topics[topic]; ++i)
            lanes += std::to_string(load.choose(std::to_string(topic)));
    return lanes;
}

TEST_CASE("lane load: partitions go to the lane that has least") {
    CHECK(lanes_of({2, LaneLoad::Topics::spread}, {4, 4}) == "01010101");
    LaneLoad load(3, LaneLoad::Topics::spread);
    load.note("a", 0);
    load.note("a", 2);
    CHECK(load.choose("a") == 1);
    load.take("b", 1);
    CHECK(load.choose("a") == 0);
}

TEST_CASE("lane load: of many topics each has a lane, of few their partitions are spread") {
    CHECK(lanes_of({2, LaneLoad::Topics::together}, {4, 4}) == "01100110");
    const std::string many = lanes_of({2, LaneLoad::Topics::together}, std::vector<int>(50, 4));
    for (std::size_t topic = 0; topic < 50; ++topic)
        CHECK(many.substr(topic * 4, 4) == (topic % 2 == 0 ? "0000" : "1111"));
}

TEST_CASE("lane load: a topic that is most of them is spread") {
    const std::string lanes = lanes_of({2, LaneLoad::Topics::together}, {1, 1, 1, 97});
    const auto first = std::ranges::count(lanes, '0');
    CHECK(first >= 45);
    CHECK(first <= 55);
}

}  // namespace
}  // namespace sluice
