#pragma once

#include "pipeline/ingest/group_statistics.h"

#include <librdkafka/rdkafka.h>

#include <chrono>
#include <string>
#include <string_view>

namespace sluice::kafka {

/// Whether a consumer can reach Kafka, as far as librdkafka tells: what goes wrong with a broker
/// when it does, and how each of them stands every two seconds. Used by one thread.
class BrokerWatch {
public:
    /// `patience`: how long a broker may owe an answer.
    explicit BrokerWatch(std::chrono::milliseconds patience) : patience_(patience) {}

    /// An error of a connection; `text` begins with the broker's address.
    void on_error(rd_kafka_resp_err_t code, std::string_view text);
    void on_statistics(const GroupStatistics& told);

    /// Which broker is away, and why; empty: all that are needed are there.
    [[nodiscard]] const std::string& trouble() const { return trouble_; }

private:
    [[nodiscard]] std::string missing(const GroupStatistics& told) const;

    const std::chrono::milliseconds patience_;
    std::string last_error_;
    bool missed_ = false;  ///< already by the statistics before
    std::string trouble_;
};

}  // namespace sluice::kafka
