#include "kafka/wrong_properties.h"

#include "config/load.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace sluice;

namespace {

const std::string ingest = "[ingest.orders]\ntopic = \"orders\"\ntable = \"orders\"\n";
const std::string outbox = "[outbox.events]\ntable = \"outbox\"\ntopic = \"events\"\n";

std::vector<std::string> wrong_in(const std::string& properties, const std::string& pipelines) {
    const config::Loaded loaded = config::parse(
        "[kafka]\nbrokers = \"127.0.0.1:1\"\n[kafka.properties]\n" + properties +
            "[cloudberry]\ndsn = \"dbname=d\"\n[segments]\nlisten = \"127.0.0.1:9188\"\n"
            "advertise = \"a\"\n" +
            pipelines,
        "sluice.toml");
    REQUIRE_MESSAGE(loaded.problems.empty(), loaded.problems.front().text);
    std::vector<std::string> texts;
    for (const kafka::WrongProperty& wrong : kafka::wrong_properties(loaded.config)) {
        CHECK(wrong.text.starts_with('"' + wrong.name + "\": "));
        texts.push_back(wrong.text);
    }
    return texts;
}

bool says(const std::string& text, const std::string& part) {
    CAPTURE(text);
    CAPTURE(part);
    const bool there = text.find(part) != std::string::npos;
    CHECK(there);
    return there;
}

}  // namespace

TEST_CASE("wrong properties: numbers that librdkafka would read as others are told with the key") {
    for (const auto& [property, value, read] :
         {std::tuple{"session.timeout.ms", "10s", "10"},
          std::tuple{"fetch.message.max.bytes", "1GiB", "1"},
          std::tuple{"heartbeat.interval.ms", "010", "8"},
          std::tuple{"heartbeat.interval.ms", "0x10", "16"},
          std::tuple{"socket.timeout.ms", "4294977296", "10000"},
          std::tuple{"message.timeout.ms", "5000 ms", "5000"}}) {
        const auto wrong =
            wrong_in(std::string(property) + " = \"" + value + "\"\n", ingest + outbox);
        REQUIRE(wrong.size() == 1);
        says(wrong[0], '"' + std::string(property) + "\": \"" + value + "\" is no plain number");
        says(wrong[0], std::string("take it for ") + read);
    }
    CHECK(wrong_in("socket.timeout.ms = 10000.5\n", ingest).size() == 1);
    // Which are right together only.
    CHECK(wrong_in("fetch.min.bytes = \"10k\"\nmax.poll.interval.ms = 8000\n"
                   "session.timeout.ms = 6000\n",
                   ingest)
              .size() == 1);
    CHECK(wrong_in("linger.ms = \"1.5s\"\n", outbox).size() == 1);
}

TEST_CASE("wrong properties: what is right, in whatever spelling, is let be") {
    CHECK(wrong_in("session.timeout.ms = \"10000\"\nacks = \"all\"\n"
                   "client.id = \"10s\"\nclient.rack = \"1\"\nlinger.ms = 1.5\nsocket.timeout.ms = "
                   "5000.0\n"
                   "socket.keepalive.enable = \"1\"\nsecurity.protocol = \"SASL_SSL\"\n"
                   "ssl.ca.location = \"/nowhere/ca.pem\"\nsasl.mechanism = \"PLAIN\"\n"
                   "sasl.password = \"1 2\"\nmax.in.flight = 5\ndebug = \"broker\"\n"
                   "compression.codec = \"zstd\"\n",
                   ingest + outbox)
              .empty());
}

TEST_CASE("wrong properties: what a transactional producer refuses, where there is an outbox") {
    const std::string properties =
        "acks = 1\nretries = 0\nmax.in.flight.requests.per.connection = 10\n"
        "client.id = \"mine\"\n";
    const auto wrong = wrong_in(properties, ingest + outbox);
    REQUIRE(wrong.size() == 3);
    says(wrong[0], "\"acks\": the transactional producer of [outbox.events] cannot be made");
    says(wrong[1], "\"max.in.flight.requests.per.connection\": ");
    says(wrong[2], "\"retries\": ");
    CHECK(wrong_in(properties, ingest).empty());
    CHECK(
        wrong_in(properties,
                 "sql_secret = \"0123456789abcdef0123456789abcdef\"\nsql_writable = [\"marks\"]\n" +
                     ingest)
            .size() == 3);
    CHECK(wrong_in("message.timeout.ms = 120000\n", outbox).size() == 1);
}

TEST_CASE("wrong properties: what a consumer refuses") {
    const auto wrong =
        wrong_in("max.poll.interval.ms = 10000\nsession.timeout.ms = 20000\n", ingest);
    REQUIRE(wrong.size() == 1);
    says(wrong[0], "the consumer of [ingest.orders] cannot be made");
}

TEST_CASE("wrong properties: what librdkafka does not know or take, all of it") {
    const auto wrong =
        wrong_in("linger.mss = 5\nsession.timeout.ms = 0\nssl.key.password = \"s3cret\"\n", "");
    REQUIRE(wrong.size() == 2);
    says(wrong[0], "\"linger.mss\": librdkafka has no such property; did you mean \"linger.ms\"?");
    says(wrong[1], "\"session.timeout.ms\": ");
}
