#include "pipeline/partition_table.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace sluice;

TEST_CASE("partition table: ids count up from 0 over all topics, and stay") {
    PartitionTable table;
    CHECK(table.id_of("orders", 3) == 0);
    CHECK(table.id_of("events", 3) == 1);
    CHECK(table.id_of("orders", 0) == 2);
    CHECK(table.id_of("orders", 3) == 0);
    CHECK(table.find("events", 3) == &table[1]);
    CHECK(table.find("events", 0) == nullptr);
    CHECK(table.find("order", 3) == nullptr);
    CHECK(name_of(table[2]) == "orders[0]");
    CHECK(name_of(table[1], 17) == "events[3]@17");
}

TEST_CASE("partition table: what it handed out does not move when it grows") {
    PartitionTable table;
    std::vector<const TopicPartition*> handed_out;
    for (PartitionNumber number = 0; number < 1000; ++number)
        handed_out.push_back(&table.of("t" + std::to_string(number % 7), number));
    for (PartitionId id = 0; id < 1000; ++id) {
        CHECK(handed_out[static_cast<std::size_t>(id)] == &table[id]);
        CHECK(table[id].id == id);
        CHECK(table[id].number == id);
        CHECK(table[id].topic == "t" + std::to_string(id % 7));
    }
}
