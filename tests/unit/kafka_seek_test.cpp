#include "kafka/topic.h"

#include <doctest/doctest.h>

#include <array>
#include <string_view>
#include <thread>

using namespace sluice;
using namespace std::chrono_literals;

namespace {

/// What librdkafka's main thread writes before it seeks takes as long as if it had no CPU then.
void be_slow(const rd_kafka_t*, int, const char*, const char* text) {
    if (std::string_view(text).find("received op SEEK") != std::string_view::npos)
        std::this_thread::sleep_for(100ms);
}

kafka::ClientHandle slow_client() {
    rd_kafka_conf_t* const conf = rd_kafka_conf_new();
    std::array<char, 256> error{};
    for (const auto& [name, value] : {std::pair{"bootstrap.servers", "127.0.0.1:1"},
                                      std::pair{"group.id", "slow"}, std::pair{"debug", "topic"}})
        REQUIRE(rd_kafka_conf_set(conf, name, value, error.data(), error.size()) ==
                RD_KAFKA_CONF_OK);
    rd_kafka_conf_set_log_cb(conf, be_slow);
    return kafka::ClientHandle{rd_kafka_new(RD_KAFKA_CONSUMER, conf, error.data(), error.size())};
}

}  // namespace

TEST_CASE("kafka: a seek is waited for as long as was said") {
    const kafka::ClientHandle client = slow_client();
    REQUIRE(client);
    const kafka::PartitionList list = kafka::make_list("slow", 0, 5);
    REQUIRE(rd_kafka_assign(client.get(), list.get()) == RD_KAFKA_RESP_ERR_NO_ERROR);
    CHECK_NOTHROW(kafka::seek(*client, *list, "seeking", 60s));
    CHECK_THROWS(kafka::seek(*client, *list, "seeking", 1ms));
}
