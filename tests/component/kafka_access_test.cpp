#include "kafka/access.h"
#include "kafka/client.h"
#include "kafka/group_description.h"
#include "kafka/topic_watch.h"
#include "tests/fixture/kafka_admin.h"
#include "tests/fixture/kafka_broker.h"
#include "tests/fixture/kafka_handle.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::fixture;
using namespace std::chrono_literals;

namespace {

void allow(const KafkaBroker& broker, rd_kafka_ResourceType_t kind, const char* name,
           rd_kafka_AclOperation_t operation) {
    fixture::allow(broker.client(), broker.user(), kind, name, operation);
}

config::Kafka secured(const KafkaBroker& broker) {
    config::Kafka kafka;
    for (const auto& [name, value] : broker.secured_client()) {
        if (name == "bootstrap.servers")
            kafka.brokers.text = value;
        else
            kafka.properties[name].text = value;
    }
    return kafka;
}

std::string joined(const std::vector<std::string>& texts) {
    std::string all;
    for (const std::string& text : texts) all += text.substr(0, text.find(';')) + "\n";
    return all;
}

TEST_CASE("access: what may not be read is told, topic and group, and nothing is changed") {
    KafkaBroker broker({.properties = {{"authorizer.class.name",
                                        "org.apache.kafka.metadata.authorizer.StandardAuthorizer"},
                                       {"super.users", "User:ANONYMOUS"}},
                        .secured = true});
    broker.admin().create_topic("lines", 2);
    const config::Kafka kafka = secured(broker);
    const auto refused = [&] {
        return joined(
            kafka::refused_access(kafka, {.topic = "lines", .partition = 1, .group = "readers"}));
    };
    allow(broker, RD_KAFKA_RESOURCE_TOPIC, "lines", RD_KAFKA_ACL_OPERATION_DESCRIBE);
    const std::string of_topic = "kafka does not let this user read topic \"lines\"\n";
    const std::string of_group = "kafka does not let this user read with group \"readers\"\n";
    wait_until([&] { return refused() == of_topic + of_group; }, 30s, "both refused");
    allow(broker, RD_KAFKA_RESOURCE_GROUP, "readers", RD_KAFKA_ACL_OPERATION_DESCRIBE);
    CHECK(refused() == of_topic + of_group);
    allow(broker, RD_KAFKA_RESOURCE_TOPIC, "lines", RD_KAFKA_ACL_OPERATION_READ);
    wait_until([&] { return refused() == of_group; }, 30s, "the topic may be read");
    allow(broker, RD_KAFKA_RESOURCE_GROUP, "readers", RD_KAFKA_ACL_OPERATION_READ);
    wait_until([&] { return refused().empty(); }, 30s, "both may be read");

    // What the brokers are configured with is told to those who may ask.
    const kafka::ClientHandle asking =
        kafka::make_client(RD_KAFKA_CONSUMER, kafka::make_conf(kafka, {}), "p");
    CHECK_FALSE(kafka::session_limits(*asking));
    allow(broker, RD_KAFKA_RESOURCE_BROKER, "kafka-cluster",
          RD_KAFKA_ACL_OPERATION_DESCRIBE_CONFIGS);
    wait_until([&] { return kafka::session_limits(*asking).has_value(); }, 30s, "the limits");
    CHECK(kafka::session_limits(*asking)->least == 1000ms);

    // Of several topics, the one that may not be seen is in no list.
    broker.admin().create_topic("secret", 1);
    config::Topics both;
    both.names = {"lines", "secret"};
    kafka::TopicWatch watch("p", both, 1s);
    const kafka::ClientHandle client =
        kafka::make_client(RD_KAFKA_CONSUMER, kafka::make_conf(kafka, {}), "p");
    CHECK(watch.look(*client));
    REQUIRE(watch.missing().size() == 1);
    CHECK(watch.missing().front().topic == "secret");
    CHECK(watch.missing().front().why == "kafka: Broker: Topic authorization failed");
    CHECK(watch.to_subscribe() == both.names);
}

}  // namespace
