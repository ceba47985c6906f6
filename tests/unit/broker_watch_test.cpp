#include "kafka/broker_watch.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace sluice;
using namespace std::chrono_literals;
using kafka::BrokerWatch;

namespace {

GroupStatistics::Broker broker(int id, bool up) {
    GroupStatistics::Broker one;
    one.id = std::to_string(id);
    one.name = "kafka-" + one.id + ":9092";
    one.up = up;
    return one;
}

void refuse(BrokerWatch& watch) {
    watch.on_error(RD_KAFKA_RESP_ERR__TRANSPORT,
                   "kafka-1:9092/1: Connect to ipv4#10.0.0.1:9092 failed: Connection refused "
                   "(after 0ms in state CONNECT, 30 identical error(s) suppressed)");
    watch.on_error(RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "1/1 brokers are down");
}

using Brokers = std::vector<GroupStatistics::Broker>;

void tell_once(BrokerWatch& watch, const Brokers& brokers) {
    GroupStatistics told;
    told.brokers = brokers;
    watch.on_statistics(told);
}

/// Once is not enough.
void tell(BrokerWatch& watch, const Brokers& brokers) {
    tell_once(watch, brokers);
    tell_once(watch, brokers);
}

}  // namespace

TEST_CASE("brokers: that none can be reached is said with the last error, until one is there") {
    BrokerWatch watch{4s};
    refuse(watch);
    tell_once(watch, {broker(1, false), broker(2, false)});
    CHECK(watch.trouble().empty());  // a connection that is made anew at once is no trouble
    tell_once(watch, {broker(1, false), broker(2, false)});
    CHECK(watch.trouble() ==
          "kafka: no broker can be reached; the last error: kafka-1:9092/1: Connect to "
          "ipv4#10.0.0.1:9092 failed: Connection refused");
    tell_once(watch, {broker(1, true), broker(2, true)});
    CHECK(watch.trouble().empty());
    tell(watch, {broker(1, false)});
    CHECK(watch.trouble() == "kafka: no broker can be reached");
}

TEST_CASE("brokers: one of several that is away matters while it has partitions of ours") {
    BrokerWatch watch{4s};
    refuse(watch);
    GroupStatistics::Broker away = broker(1, false);
    tell(watch, {away, broker(2, true)});
    CHECK(watch.trouble().empty());
    away.leads = true;
    tell(watch, {away, broker(2, true)});
    CHECK(
        watch.trouble().starts_with("kafka: broker kafka-1:9092 cannot be reached; the last "
                                    "error: kafka-1:9092/1: Connect"));
}

TEST_CASE("brokers: one that has partitions of ours and does not answer is named") {
    BrokerWatch watch{4s};
    GroupStatistics::Broker silent = broker(1, true);
    silent.silent = 7s;
    tell(watch, {silent});
    CHECK(watch.trouble().empty());
    silent.leads = true;
    tell(watch, {silent});
    CHECK(watch.trouble() == "kafka: broker kafka-1:9092 has not answered for 7 s");
    silent.silent = 2s;
    tell(watch, {silent});
    CHECK(watch.trouble().empty());
}
