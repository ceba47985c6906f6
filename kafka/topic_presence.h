#pragma once

#include "kafka/handles.h"
#include "pipeline/errors.h"

#include <chrono>
#include <cstddef>
#include <map>
#include <string>

namespace sluice::kafka {

/// How many partitions, by topic.
using PartitionCounts = std::map<std::string, std::size_t>;

/// What somebody needs of topics.
struct TopicNeeds {
    PartitionCounts partitions;
    std::string witness;                       ///< a topic that is certainly there
    std::chrono::milliseconds patience{8000};  ///< without an answer that can be believed
};

/// Kafka does not let us see a topic, or there is none: it does not tell which.
class TopicForbidden : public TroubleOfTheWorld {
public:
    explicit TopicForbidden(const std::string& topic);
    [[nodiscard]] const std::string& topic() const { return topic_; }

private:
    std::string topic_;
};

/// How many partitions each of them has. Fewer than needed, none included, only if Kafka has said
/// so several times, so that what was made just now is known everywhere, and in answers that know
/// the witness: a broker that has just started answers before it has heard of any topic. Blocks for
/// a second then, for all such topics together, beside the questions, of which each topic needs
/// its own. With auto-creation the question creates the topic. Throws TroubleOfTheWorld when
/// `patience` ends without such answers, and TopicForbidden for the first that may not be seen.
[[nodiscard]] PartitionCounts confirmed_partitions(rd_kafka_t& client, const TopicNeeds& needs);

}  // namespace sluice::kafka
