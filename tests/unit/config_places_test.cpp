#include "config/places.h"

#include <doctest/doctest.h>

using namespace sluice::config;

namespace {

constexpr auto file = R"([kafka]
brokers = "localhost:9092"
[kafka.properties]
security.protocol = "plain"
sasl.mechanism = "PLAIN"

[ingest.orders]
topic = "shop.orders"
table = "public.orders"
[ingest.orders.columns]
id = "/id"
"order id" = "/order/id"
orders = "/count"
)";

Place at(const char* section, const char* text) {
    return Places(file).of(section, text).value_or(Place{});
}

}  // namespace

TEST_CASE("places: a column, a property, a topic that a text names, or else the section") {
    CHECK(at("kafka.properties", "\"sasl.mechanism\": no such property") == Place{5, 6});
    CHECK(at("kafka", "\"sasl.mechanism\": no such property") == Place{5, 6});
    CHECK(at("ingest.orders", "column \"id\": is of type bytea") == Place{11, 1});
    CHECK(at("ingest.orders", "column \"order id\", not \"id\"") == Place{12, 1});
    CHECK(at("ingest.orders", "there is no topic \"shop.orders\"") == Place{8, 1});
    CHECK(at("ingest.orders", "table public.orders: not found") == Place{9, 1});
    CHECK(at("ingest.orders", "the database \"shop.orders\" is away") == Place{7, 9});
    CHECK(at("ingest.orders", "it cannot be reached") == Place{7, 9});
    // The table's name is none of the column of that name.
    CHECK(at("ingest.orders", "table \"public\".\"orders\" is gone") == Place{7, 9});
    CHECK(at("ingest.nobody", "column \"id\"") == Place{});
    CHECK(at("outbox.orders", "") == Place{});
}

TEST_CASE("places: of a key, wherever its dots are") {
    const auto at = [](const char* key) { return Places(file).of_key(key).value_or(Place{}); };
    CHECK(at("kafka.properties.sasl.mechanism") == Place{5, 6});
    CHECK(at("ingest.orders.columns.order id") == Place{12, 1});
    CHECK(at("ingest.orders.table") == Place{9, 1});
    CHECK(at("ingest.orders.tab") == Place{});
    CHECK(at("ingest.orders.table.below") == Place{});
    CHECK(at("") == Place{});
    const Places lists("[[ingest.a.into]]\ntable = 't'\n[[ingest.a.into]]\ntable = 'u'\n");
    CHECK(lists.of_key("ingest.a.into.2.table") == Place{4, 1});
    CHECK_FALSE(lists.of_key("ingest.a.into.3.table"));
}

TEST_CASE("places: messages name them with their file") {
    const Places places(file, "a.toml");
    CHECK(places.told("ingest.orders", "table public.orders: not found") == "a.toml:9:1");
    CHECK(places.told("ingest.nobody", "").empty());
}

TEST_CASE("places: of a file that is no TOML, nothing is known") {
    CHECK_FALSE(Places("[kafka").of("kafka", ""));
}
