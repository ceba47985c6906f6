#include "kafka/access.h"

#include "kafka/client.h"
#include "kafka/topic.h"

#include <chrono>
#include <limits>
#include <optional>

namespace sluice::kafka {
namespace {

using Clock = std::chrono::steady_clock;
using Code = rd_kafka_resp_err_t;

constexpr std::chrono::seconds connect_patience{5};
constexpr int answer_poll_ms = 50;

void on_commit(rd_kafka_t* /*client*/, Code code, rd_kafka_topic_partition_list_t* /*offsets*/,
               void* answer) {
    *static_cast<std::optional<Code>*>(answer) = code;
}

/// Asks both at once. What it has no answer to stays open.
class AccessTrial {
public:
    AccessTrial(const config::Kafka& kafka, const AccessQuestion& question)
        : question_(question),
          client_(make_client(RD_KAFKA_CONSUMER,
                              make_conf(kafka, {{"group.id", question.group},
                                                {"enable.auto.commit", "false"},
                                                {"enable.partition.eof", "true"},
                                                {"fetch.wait.max.ms", "10"}}),
                              "check")),
          answers_(rd_kafka_queue_new(client_.get())) {
        rd_kafka_poll_set_consumer(client_.get());
    }

    void run() {
        const PartitionList reading =
            make_list(question_.topic, question_.partition, RD_KAFKA_OFFSET_END);
        check(rd_kafka_assign(client_.get(), reading.get()), "reading the topic");
        // The broker looks at permissions before it misses the partition.
        const PartitionNumber nowhere = std::numeric_limits<PartitionNumber>::max();
        const PartitionList offsets = make_list(question_.topic, nowhere, 0);
        check(rd_kafka_commit_queue(client_.get(), offsets.get(), answers_.get(), on_commit,
                                    &of_group_),
              "asking the group");
        const auto deadline = Clock::now() + connect_patience;
        while ((!of_topic_ || !of_group_) && Clock::now() < deadline) {
            rd_kafka_queue_poll_callback(answers_.get(), answer_poll_ms);
            const MessageHandle message{rd_kafka_consumer_poll(client_.get(), answer_poll_ms)};
            if (message) take(*message);
        }
    }

    [[nodiscard]] bool topic_refused() const {
        return of_topic_ == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    }
    [[nodiscard]] bool group_refused() const {
        return of_group_ == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED;
    }

private:
    void take(const rd_kafka_message_t& message) {
        switch (message.err) {
            case RD_KAFKA_RESP_ERR_NO_ERROR:
            case RD_KAFKA_RESP_ERR__PARTITION_EOF:
            case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
                of_topic_ = message.err;
                break;
            case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:  // to look for its coordinator
                of_group_ = message.err;
                break;
            default:
                break;
        }
    }

    const AccessQuestion& question_;
    std::optional<Code> of_topic_;
    std::optional<Code> of_group_;
    ClientHandle client_;
    QueueHandle answers_;
};

}  // namespace

std::vector<std::string> refused_access(const config::Kafka& kafka,
                                        const AccessQuestion& question) {
    AccessTrial trial(kafka, question);
    trial.run();
    std::vector<std::string> refused;
    const auto refuse = [&](const std::string& what, const std::string& option) {
        refused.push_back("kafka does not let this user read " + what +
                          "; grant it: kafka-acls --add --operation Read " + option +
                          " --allow-principal User:…");
    };
    if (trial.topic_refused())
        refuse("topic \"" + question.topic + "\"", "--topic " + question.topic);
    if (trial.group_refused())
        refuse("with group \"" + question.group + "\"", "--group " + question.group);
    return refused;
}

}  // namespace sluice::kafka
