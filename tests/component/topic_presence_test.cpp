#include "kafka/topic_presence.h"

#include "kafka/client.h"
#include "pipeline/errors.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>
#include <librdkafka/rdkafka_mock.h>

#include <atomic>
#include <chrono>
#include <string>
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
        return counts({{"topic", needed}}, patience).at("topic");
    }
    PartitionCounts counts(const PartitionCounts& needed, std::chrono::milliseconds patience = 8s) {
        return confirmed_partitions(
            *client_, {.partitions = needed, .witness = "witness", .patience = patience});
    }

    std::atomic<int> answers = 0;  ///< to questions about topics

private:
    static rd_kafka_resp_err_t on_new(rd_kafka_t* client, const rd_kafka_conf_t* /*conf*/,
                                      void* self, char* /*error*/, std::size_t /*size*/) {
        return rd_kafka_interceptor_add_on_response_received(client, "count", on_answer, self);
    }
    static rd_kafka_resp_err_t on_answer(rd_kafka_t* /*client*/, int /*socket*/,
                                         const char* /*broker*/, std::int32_t /*broker_id*/,
                                         std::int16_t api_key, std::int16_t /*api_version*/,
                                         std::int32_t /*correlation_id*/, std::size_t /*size*/,
                                         std::int64_t /*round_trip*/, rd_kafka_resp_err_t /*error*/,
                                         void* self) {
        constexpr std::int16_t metadata = 3;
        if (api_key == metadata) ++static_cast<Broker*>(self)->answers;
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    ConfHandle conf() {
        ConfHandle made =
            make_conf({.brokers = {"127.0.0.1:1", false}, .properties = {}, .instance = ""},
                      {{"test.mock.num.brokers", "1"}});
        rd_kafka_conf_interceptor_add_on_new(made.get(), "count", on_new, this);
        return made;
    }
    rd_kafka_mock_cluster_t* mock() { return rd_kafka_handle_mock_cluster(client_.get()); }

    ClientHandle client_ = make_client(RD_KAFKA_PRODUCER, conf(), "test");
};

TEST_CASE("topic: what a broker says that knows others is believed, after a while") {
    Broker broker;
    CHECK(broker.partitions() == 4);
    CHECK(broker.partitions(5) == 4);
    broker.forget("topic");
    CHECK(broker.partitions() == 0);
}

TEST_CASE("topic: many that are not there cost no more than one") {
    Broker broker;
    PartitionCounts needed{{"topic", 4}, {"witness", 5}};
    PartitionCounts found{{"topic", 4}, {"witness", 4}};
    for (int i = 0; i < 10; ++i) {
        const std::string gone = "gone" + std::to_string(i);
        broker.create(gone.c_str());
        broker.forget(gone.c_str());
        needed[gone] = 1;
        found[gone] = 0;
    }
    const auto began = std::chrono::steady_clock::now();
    CHECK(broker.counts(needed) == found);
    // One after the other, they would take nine.
    CHECK(std::chrono::steady_clock::now() - began < 5s);
}

TEST_CASE("topic: a broker that knows none has not said that there is none") {
    Broker broker;
    broker.forget("topic");
    broker.forget("witness");
    CHECK_THROWS_AS(static_cast<void>(broker.partitions(1, 1500ms)), TroubleOfTheWorld);
    const int asked = broker.answers;
    std::jthread later([&] {
        fixture::wait_until([&] { return broker.answers >= asked + 3; }, 10s, "some questions");
        broker.remember("witness");
        broker.remember("topic");
    });
    CHECK(broker.partitions() == 4);
}

}  // namespace
}  // namespace sluice::kafka
