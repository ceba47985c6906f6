#include "kafka/producer.h"

#include "kafka/topic.h"
#include "tests/fixture/kafka_broker.h"
#include "tests/fixture/kafka_reader.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

using namespace sluice;
using namespace sluice::fixture;
using namespace std::chrono_literals;
using kafka::Producer;
using kafka::TransactionError;

namespace {

config::Kafka kafka_of(const KafkaBroker& broker) {
    config::Kafka kafka;
    kafka.brokers.text = broker.bootstrap();
    return kafka;
}

struct Deliveries : kafka::DeliveryListener {
    void on_acknowledged(std::uint64_t number) override { ++acknowledged[number]; }
    void on_failed(std::uint64_t number, rd_kafka_resp_err_t code) override {
        failed[number] = code;
    }

    std::map<std::uint64_t, int> acknowledged;
    std::map<std::uint64_t, rd_kafka_resp_err_t> failed;
};

/// With a topic of its own and a producer.
struct Producing {
    explicit Producing(const std::string& name, int partitions,
                       const Producer::Options& options = {.name = "test"})
        : topic(name), producer(kafka_of(shared_broker()), options, deliveries) {
        shared_broker().admin().create_topic(topic, partitions);
    }
    [[nodiscard]] std::vector<ReadRecord> read() const {
        return read_topic(shared_broker().client(), topic);
    }
    void flush() { REQUIRE(producer.flush(patient(30s))); }

    std::string topic;
    Deliveries deliveries;
    Producer producer;
};

void must_work(const std::optional<TransactionError>& error) {
    REQUIRE_MESSAGE(!error, (error ? error->text : ""));
}

}  // namespace

TEST_CASE("producer: a message arrives as it was given") {
    Producing it("producer-whole", 3);
    const std::vector<Header> headers = {{"trace", "abc"}, {"empty", ""}, {"null", std::nullopt}};
    it.producer.send(it.topic,
                     {.partition = 2,
                      .key = std::string_view("k\0y", 3),
                      .value = "value",
                      .headers = headers,
                      .timestamp_ms = 1700000000123},
                     7);
    it.producer.send(it.topic, {.partition = 1, .key = "", .value = ""}, 8);
    it.producer.send(it.topic, {.partition = 0}, 9);
    it.flush();
    CHECK(it.deliveries.acknowledged == std::map<std::uint64_t, int>{{7, 1}, {8, 1}, {9, 1}});
    const auto records = it.read();
    REQUIRE(records.size() == 3);
    CHECK(!records[0].key);
    CHECK(!records[0].value);
    CHECK(records[1].key == "");
    CHECK(records[1].value == "");
    CHECK(records[2].key == std::string("k\0y", 3));
    CHECK(records[2].timestamp_ms == 1700000000123);
    using Headers = decltype(records[2].headers);
    CHECK(records[2].headers == Headers{{"trace", "abc"}, {"empty", ""}, {"null", std::nullopt}});
}

TEST_CASE("producer: keys go to the partitions that Java's producers choose") {
    // From the tests of Kafka's own client: Utils.murmur2().
    const std::map<std::string, std::int32_t> murmur2 = {
        {"21", -973932308},
        {"foobar", -790332482},
        {"a-little-bit-long-string", -985981536},
        {"a-little-bit-longer-string", -1486304829}};
    Producing it("producer-keys", 7);
    for (const auto& [key, hash] : murmur2) {
        it.producer.send(it.topic, {.key = key, .value = key}, 1);
    }
    it.flush();
    for (const ReadRecord& record : it.read()) {
        CHECK(record.partition == (murmur2.at(record.key.value()) & 0x7fffffff) % 7);
    }
}

TEST_CASE("producer: what Kafka does not take fails alone, under its number") {
    Producing it("producer-refused", 2);
    const std::string large(2u << 20, 'x');
    const std::vector<Header> headers = {{"name", "value"}};
    for (std::uint64_t number = 0; number < 100; ++number) {
        Message message{.partition = 0, .value = "fine"};
        if (number == 10) message.value = large;
        if (number == 20) message.partition = 5;
        // Whose they are after a failure differs between versions of librdkafka's calls.
        if (number == 20) message.headers = headers;
        it.producer.send(it.topic, message, number);
    }
    it.flush();
    CHECK(it.deliveries.acknowledged.size() == 98);
    CHECK(it.deliveries.failed ==
          std::map<std::uint64_t, rd_kafka_resp_err_t>{{10, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE},
                                                       {20, RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION}});
    CHECK(it.read().size() == 98);
}

TEST_CASE("producer: a full queue makes the sender wait, and loses nothing") {
    Producing it("producer-full", 1, {.name = "test", .queue_bytes = 64u << 10});
    const std::string value(2000, 'x');
    for (std::uint64_t number = 0; number < 3000; ++number) {
        it.producer.send(it.topic, {.partition = 0, .value = value}, number);
    }
    it.flush();
    CHECK(it.deliveries.acknowledged.size() == 3000);
    CHECK(it.read().size() == 3000);
}

TEST_CASE("producer: a message larger than the queue was to be is sent") {
    Producing it("producer-large", 1, {.name = "test", .queue_bytes = 64u << 10});
    const std::string value(900000, 'x');
    for (std::uint64_t number = 0; number < 5; ++number) {
        it.producer.send(it.topic, {.partition = 0, .value = value}, number);
    }
    it.flush();
    CHECK(it.deliveries.acknowledged.size() == 5);
}

TEST_CASE("producer: a transaction is all or nothing, and a younger producer fences the elder") {
    Producing elder("producer-transactions", 1,
                    {.name = "elder", .transactional_id = "producer-test"});
    Producer& producer = elder.producer;
    const auto send = [&](Producer& by, std::string_view value) {
        by.send(elder.topic, {.partition = 0, .value = value}, 0);
    };
    must_work(producer.init_transactions(patient(30s)));
    must_work(producer.begin_transaction());
    send(producer, "aborted");
    must_work(producer.abort_transaction(patient(30s)));
    must_work(producer.begin_transaction());
    send(producer, "committed");
    must_work(producer.commit_transaction(patient(30s)));
    must_work(producer.begin_transaction());
    send(producer, "left open");
    CHECK(producer.flush(patient(30s)));

    Deliveries deliveries;
    Producer younger(kafka_of(shared_broker()),
                     {.name = "younger", .transactional_id = "producer-test"}, deliveries);
    must_work(younger.init_transactions(patient(30s)));
    const auto error = producer.commit_transaction(patient(30s));
    REQUIRE(error);
    CHECK(error->kind == TransactionError::Kind::fatal);
    must_work(younger.begin_transaction());
    send(younger, "the younger one's");
    must_work(younger.commit_transaction(patient(30s)));
    const auto records = elder.read();
    REQUIRE(records.size() == 2);
    CHECK(records[0].value == "committed");
    CHECK(records[1].value == "the younger one's");
}

TEST_CASE("producer: purging tells of everything, and does not wait for Kafka") {
    config::Kafka nobody;
    nobody.brokers.text = "127.0.0.1:1";
    Deliveries deliveries;
    Producer producer(nobody, {.name = "test"}, deliveries);
    for (std::uint64_t number = 0; number < 10; ++number) {
        producer.send("topic", {.value = "v"}, number);
    }
    producer.purge();
    CHECK(producer.flush(patient(10s)));
    CHECK(deliveries.failed.size() == 10);
}
