#include "kafka/topic_presence.h"

#include "kafka/client.h"
#include "kafka/topic.h"
#include "pipeline/errors.h"

#include <optional>
#include <string>
#include <thread>
#include <vector>

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
        if (found.err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) throw TopicForbidden(topic);
        check(found.err, "topic \"" + topic + "\"");
        return static_cast<std::size_t>(found.partition_cnt);
    }
    return 0;
}

struct Doubt {
    std::string topic;
    std::size_t needed;
    TopicHandle handle;
    std::optional<std::size_t> asked{};  ///< the latest answer
    int confirmed = 0;                   ///< so often

    [[nodiscard]] bool is_settled() const {
        return asked && (*asked >= needed || confirmed == confirmations);
    }
};

}  // namespace

TopicForbidden::TopicForbidden(const std::string& topic)
    : TroubleOfTheWorld("topic \"" + topic +
                        "\" is not there or not for us, which Kafka does not tell apart: permit "
                        "Write on it, or correct the row that names it"),
      topic_(topic) {}

PartitionCounts confirmed_partitions(rd_kafka_t& client, const TopicNeeds& needs) {
    std::vector<Doubt> doubts;
    for (const auto& [topic, needed] : needs.partitions)
        doubts.push_back(
            {topic, needed, TopicHandle{rd_kafka_topic_new(&client, topic.c_str(), nullptr)}});
    PartitionCounts found;
    const auto settle = [&] {
        for (const Doubt& each : doubts)
            if (each.is_settled()) found[each.topic] = *each.asked;
        std::erase_if(doubts, [](const Doubt& each) { return each.is_settled(); });
    };
    for (auto deadline = Clock::now() + needs.patience;; std::this_thread::sleep_for(pause)) {
        for (Doubt& each : doubts)
            each.asked =
                partitions_in(*ask_for_metadata(client, each.handle.get(), doing), each.topic);
        settle();
        if (doubts.empty()) return found;
        // Each question names one topic; the list tells whether who answers knows any.
        const MetadataHandle all = ask_for_metadata(client, nullptr, doing);
        const bool knows_some = partitions_in(*all, needs.witness).value_or(0) > 0;
        for (Doubt& each : doubts) {
            if (!knows_some || !each.asked || partitions_in(*all, each.topic) != each.asked)
                continue;
            ++each.confirmed;
            deadline = Clock::now() + needs.patience;
        }
        settle();
        if (doubts.empty()) return found;
        if (Clock::now() > deadline) {
            throw TroubleOfTheWorld("kafka has not said for certain whether there is a topic \"" +
                                    doubts.front().topic + "\": a broker that has just started");
        }
    }
}

}  // namespace sluice::kafka
