#include "kafka/topic_presence.h"

#include "kafka/client.h"
#include "pipeline/errors.h"

#include <doctest/doctest.h>
#include <librdkafka/rdkafka_mock.h>

#include <chrono>
#include <thread>

namespace sluice::kafka {
namespace {

using namespace std::chrono_literals;

/// librdkafka's own imitation of a broker, which can be told not to know a topic.
class Broker {
public:
    Broker() {
        create("witness");
        create("topic");
    }
    void create(const char* topic) { rd_kafka_mock_topic_create(mock(), topic, 4, 1); }
    void forget(const char* topic) {
        rd_kafka_mock_topic_set_error(mock(), topic, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    }
    void remember(const char* topic) {
        rd_kafka_mock_topic_set_error(mock(), topic, RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    std::size_t partitions(std::size_t needed = 1, std::chrono::milliseconds patience = 8s) {
        return confirmed_partitions(
            *client_,
            {.topic = "topic", .partitions = needed, .witness = "witness", .patience = patience});
    }

private:
    rd_kafka_mock_cluster_t* mock() { return rd_kafka_handle_mock_cluster(client_.get()); }

    ClientHandle client_ =
        make_client(RD_KAFKA_PRODUCER,
                    make_conf({.brokers = {"127.0.0.1:1", false}, .properties = {}, .instance = ""},
                              {{"test.mock.num.brokers", "1"}}),
                    "test");
};

TEST_CASE("topic: what a broker says that knows others is believed, after a while") {
    Broker broker;
    CHECK(broker.partitions() == 4);
    CHECK(broker.partitions(5) == 4);
    broker.forget("topic");
    CHECK(broker.partitions() == 0);
}

TEST_CASE("topic: a broker that knows none has not said that there is none") {
    Broker broker;
    broker.forget("topic");
    broker.forget("witness");
    CHECK_THROWS_AS(static_cast<void>(broker.partitions(1, 1500ms)), TroubleOfTheWorld);
    std::jthread later([&] {
        std::this_thread::sleep_for(1s);
        broker.remember("witness");
        broker.remember("topic");
    });
    CHECK(broker.partitions() == 4);
}

}  // namespace
}  // namespace sluice::kafka
