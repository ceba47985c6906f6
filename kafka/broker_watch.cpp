#include "kafka/broker_watch.h"

#include <algorithm>
#include <utility>

namespace sluice::kafka {
namespace {

/// "host:9092/1: Connect to … failed: Connection refused (after 0ms in state CONNECT, 30 identical
/// error(s) suppressed)": what is in brackets differs each time.
std::string_view without_times(std::string_view text) {
    return text.substr(0, text.find(" (after "));
}

}  // namespace

void BrokerWatch::on_error(rd_kafka_resp_err_t code, std::string_view text) {
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) return;  // names none; the statistics say it
    last_error_ = without_times(text);
}

/// A connection that is just made anew is no trouble yet: so it takes two times.
void BrokerWatch::on_statistics(const GroupStatistics& told) {
    if (std::ranges::all_of(told.brokers, &GroupStatistics::Broker::up) && !told.brokers.empty()) {
        last_error_.clear();
    }
    std::string missed = missing(told);
    const bool again = std::exchange(missed_, !missed.empty());
    trouble_ = again ? std::move(missed) : std::string();
}

std::string BrokerWatch::missing(const GroupStatistics& told) const {
    using Broker = GroupStatistics::Broker;
    const std::string why = last_error_.empty() ? "" : "; the last error: " + last_error_;
    if (std::ranges::none_of(told.brokers, &Broker::up)) {
        return "kafka: no broker can be reached" + why;
    }
    for (const Broker& broker : told.brokers) {
        if (!broker.leads) continue;  // partitions that we read
        if (!broker.up) return "kafka: broker " + broker.name + " cannot be reached" + why;
        if (broker.silent > patience_) {
            return "kafka: broker " + broker.name + " has not answered for " +
                   std::to_string(broker.silent.count()) + " s";
        }
    }
    return {};
}

}  // namespace sluice::kafka
