#pragma once

#include "kafka/handles.h"

#include <chrono>
#include <cstddef>
#include <string>

namespace sluice::kafka {

/// What somebody needs of a topic.
struct TopicNeed {
    std::string topic;
    std::size_t partitions = 1;
    std::string witness;  ///< a topic that is certainly there
    std::chrono::milliseconds patience{8000};
};

/// How many partitions the topic has. Fewer than needed, none included, only if Kafka has said so
/// several times, so that what was made just now is known everywhere, and in answers that know the
/// witness: a broker that has just started answers before it has heard of any topic. Blocks for a
/// second then. With auto-creation the question creates the topic. Throws TroubleOfTheWorld when
/// `patience` ends without such answers.
[[nodiscard]] std::size_t confirmed_partitions(rd_kafka_t& client, const TopicNeed& need);

}  // namespace sluice::kafka
