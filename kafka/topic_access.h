#pragma once

#include "kafka/handles.h"

#include <chrono>
#include <string>
#include <vector>

namespace sluice::kafka {

/// What Kafka has against a consumer of topics: librdkafka says it once, and not when it is over,
/// so that is asked for. Used by one thread.
class TopicAccess {
public:
    explicit TopicAccess(std::vector<std::string> topics) : topics_(std::move(topics)) {}

    /// Not every error is about it.
    void on_error(rd_kafka_resp_err_t code, const std::string& text);
    void on_assigned() { trouble_.clear(); }
    /// Now and then, while there is trouble. Blocks for half a second at most.
    void ask_whether_it_is_over(rd_kafka_t& client);

    [[nodiscard]] const std::string& trouble() const { return trouble_; }

private:
    const std::vector<std::string> topics_;
    std::string trouble_;
    bool is_the_groups_ = false;  ///< what topics' metadata say nothing of
    std::chrono::steady_clock::time_point next_question_;
};

}  // namespace sluice::kafka
