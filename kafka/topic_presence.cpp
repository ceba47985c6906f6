#include "kafka/topic_presence.h"

#include "kafka/client.h"
#include "kafka/topic.h"
#include "pipeline/errors.h"

#include <optional>
#include <thread>

namespace sluice::kafka {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr int confirmations = 4;
constexpr auto pause = 300ms;

constexpr const char* doing = "asking which topics there are";

/// nullopt: the answer has no opinion.
std::optional<std::size_t> partitions_in(const struct rd_kafka_metadata& answer,
                                         const std::string& topic) {
    for (int i = 0; i < answer.topic_cnt; ++i) {
        const auto& found = answer.topics[i];
        if (found.topic != topic) continue;
        if (found.err == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) return std::nullopt;
        if (found.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) return 0;
        check(found.err, "topic \"" + topic + "\"");
        return static_cast<std::size_t>(found.partition_cnt);
    }
    return 0;
}

}  // namespace

std::size_t confirmed_partitions(rd_kafka_t& client, const TopicNeed& need) {
    const TopicHandle handle{rd_kafka_topic_new(&client, need.topic.c_str(), nullptr)};
    const auto deadline = Clock::now() + need.patience;
    for (int confirmed = 0;;) {
        const auto asked =
            partitions_in(*ask_for_metadata(client, handle.get(), doing), need.topic);
        if (asked && *asked >= need.partitions) return *asked;
        // The question names one topic; the list tells whether who answers knows any.
        const MetadataHandle all = ask_for_metadata(client, nullptr, doing);
        const auto listed = partitions_in(*all, need.topic);
        if (asked && listed == asked && partitions_in(*all, need.witness).value_or(0) > 0 &&
            ++confirmed == confirmations) {
            return *listed;
        }
        if (Clock::now() > deadline) {
            throw TroubleOfTheWorld("kafka has not said for certain whether there is a topic \"" +
                                    need.topic + "\": a broker that has just started");
        }
        std::this_thread::sleep_for(pause);
    }
}

}  // namespace sluice::kafka
