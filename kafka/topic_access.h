#pragma once

#include "kafka/handles.h"

#include <chrono>
#include <optional>
#include <string>
#include <utility>

namespace sluice::kafka {

/// What Kafka has against a consumer of its only topic, or against the group: librdkafka says it
/// once, and not when it is over, so that is asked for. Used by one thread.
class TopicAccess {
public:
    /// nullopt: it reads several, each of which has its own troubles (topic_watch.h).
    explicit TopicAccess(std::optional<std::string> topic) : topic_(std::move(topic)) {}

    /// Not every error is about it.
    void on_error(rd_kafka_resp_err_t code, const std::string& text);
    void on_assigned() { trouble_.clear(); }
    /// Now and then, while there is trouble. Blocks for half a second at most.
    void ask_whether_it_is_over(rd_kafka_t& client);

    [[nodiscard]] const std::string& trouble() const { return trouble_; }

private:
    const std::optional<std::string> topic_;
    std::string trouble_;
    bool is_the_groups_ = false;  ///< what topics' metadata say nothing of
    std::chrono::steady_clock::time_point next_question_;
};

}  // namespace sluice::kafka
