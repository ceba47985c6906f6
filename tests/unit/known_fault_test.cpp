#include "kafka/client.h"

#include <doctest/doctest.h>

using namespace sluice;

namespace {

config::Kafka logging_in_by(const std::string& property, const std::string& mechanism) {
    config::Kafka kafka;
    kafka.properties[property] = {mechanism, false};
    return kafka;
}

constexpr int of_debian_12 = 0x020002ff;
constexpr int mended = 0x020601ff;

}  // namespace

TEST_CASE("librdkafka: that SCRAM needs a newer one is known, and nothing of other mechanisms") {
    for (const char* property : {"sasl.mechanism", "sasl.mechanisms"}) {
        const std::string text =
            kafka::known_fault(logging_in_by(property, "SCRAM-SHA-512"), of_debian_12);
        CHECK(text.find("cannot log in by SCRAM") != std::string::npos);
        CHECK(text.find(property) != std::string::npos);
        CHECK(kafka::known_fault(logging_in_by(property, "SCRAM-SHA-512"), mended).empty());
        CHECK(kafka::known_fault(logging_in_by(property, "PLAIN"), of_debian_12).empty());
    }
    CHECK(kafka::known_fault({}, of_debian_12).empty());
}
