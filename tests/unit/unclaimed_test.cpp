#include "kafka/unclaimed.h"

#include <doctest/doctest.h>

using namespace sluice::kafka;
using namespace std::string_view_literals;

TEST_CASE("unclaimed: an assignment's partitions of one topic are read") {
    constexpr std::string_view encoded =
        "\0\0"
        "\0\0\0\2"
        "\0\5other\0\0\0\1\0\0\0\7"
        "\0\6orders\0\0\0\3\0\0\0\0\0\0\0\2\0\0\1\0"
        "\0\0\0\0"sv;
    CHECK(assigned_partitions(encoded, "orders") == std::vector{0, 2, 256});
    CHECK(assigned_partitions(encoded, "other") == std::vector{7});
    CHECK(assigned_partitions(encoded, "order").empty());
}

TEST_CASE("unclaimed: an assignment that is cut short or nonsense ends, and claims nothing more") {
    constexpr std::string_view encoded = "\0\0\0\0\0\1\0\6orders\0\0\0\2\0\0\0\1\0\0\0\2"sv;
    for (std::size_t size = 0; size <= encoded.size(); ++size) {
        const std::vector<int> found = assigned_partitions(encoded.substr(0, size), "orders");
        CHECK(found.size() <= 2);
    }
    CHECK(assigned_partitions("", "orders").empty());
    CHECK(assigned_partitions("\0\0\x7f\xff\xff\xff\xff\xff"sv, "orders").empty());
    CHECK(assigned_partitions("\0\0\0\0\0\1\0\6orders\x7f\xff\xff\xff\0\0\0\1"sv, "orders") ==
          std::vector{1});
}
