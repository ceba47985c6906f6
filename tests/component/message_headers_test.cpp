#include "kafka/message.h"
#include "tests/fixture/kafka_broker.h"
#include "tests/fixture/kafka_handle.h"
#include "tests/fixture/kafka_producer.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace sluice::kafka {
namespace {

using namespace fixture;
using namespace std::chrono_literals;

/// The messages of a topic's only partition, as librdkafka hands them out.
void visit(const KafkaBroker& broker, const std::string& topic, std::size_t count,
           const std::function<void(const rd_kafka_message_t&)>& visitor) {
    const KafkaHandle consumer = make_kafka(
        RD_KAFKA_CONSUMER, {{"bootstrap.servers", broker.bootstrap()}, {"group.id", "visitor"}});
    rd_kafka_poll_set_consumer(consumer.get());
    const TopicPartitions list(rd_kafka_topic_partition_list_new(1));
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), 0)->offset =
        RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_assign(consumer.get(), list.get());
    std::size_t seen = 0;
    wait_until(
        [&] {
            const MessageHandle message(rd_kafka_consumer_poll(consumer.get(), 100));
            if (message && message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
                ++seen;
                visitor(*message);
            }
            return seen == count;
        },
        patient(30s), "messages of " + topic);
    rd_kafka_consumer_close(consumer.get());
}

// The lane does not ask librdkafka for headers where one byte behind the value says that there are
// none. That holds as long as librdkafka hands out values where it fetched them.
TEST_CASE("message: that it has no headers is seen behind its value, whatever its size") {
    KafkaBroker broker;
    const std::vector<std::size_t> sizes{1, 2, 63, 64, 65, 127, 128, 8191, 8192, 300'000};
    for (const std::string codec : {"none", "gzip", "lz4"}) {
        CAPTURE(codec);
        const std::string topic = "headers." + codec;
        broker.admin().create_topic(topic, 1);
        KafkaProducer producer(
            {{"bootstrap.servers", broker.bootstrap()}, {"compression.codec", codec}});
        for (const std::size_t size : sizes) {
            const std::string value(size, 'v');
            producer.produce({.topic = topic, .partition = 0, .value = value});
            producer.produce({.topic = topic,
                              .partition = 0,
                              .key = "key",
                              .value = value,
                              .headers = {{"a", "1"}, {"null", std::nullopt}}});
        }
        producer.produce({.topic = topic, .partition = 0, .key = "no value"});
        producer.produce({.topic = topic, .partition = 0, .value = ""});
        producer.flush();

        const TopicPartition from{.topic = topic, .number = 0, .id = 0};
        std::vector<Header> headers;
        std::size_t number = 0;
        visit(broker, topic, 2 * sizes.size() + 2, [&](const rd_kafka_message_t& message) {
            CAPTURE(number);
            const bool has_value = number < 2 * sizes.size();
            const bool has_headers = has_value && number % 2 == 1;
            CHECK(is_without_headers(message) == (has_value && !has_headers));
            Record record;
            read_record(message, from, headers, record);
            CHECK(record.headers.size() == (has_headers ? 2 : 0));
            ++number;
        });
    }
}

}  // namespace
}  // namespace sluice::kafka
