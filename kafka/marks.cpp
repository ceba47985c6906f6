#include "kafka/marks.h"

#include "kafka/client.h"
#include "kafka/described_config.h"
#include "kafka/producer.h"
#include "kafka/topic.h"
#include "pipeline/errors.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <string_view>
#include <thread>

namespace sluice::kafka {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

using NewTopicHandle = std::unique_ptr<rd_kafka_NewTopic_t, Releaser<rd_kafka_NewTopic_destroy>>;

// The broker looks only now and then which have been open for too long.
constexpr auto longest_transaction = transaction_timeout + 30s;

void create(rd_kafka_t& client, const std::string& topic) {
    std::array<char, 256> error{};
    // The broker's own default for replicas; small segments, so that compaction comes to them.
    const NewTopicHandle wanted{
        rd_kafka_NewTopic_new(topic.c_str(), 1, -1, error.data(), error.size())};
    if (!wanted) throw TroubleOfTheWorld("topic " + topic + ": " + error.data());
    for (const auto& [name, value] :
         {std::pair{"cleanup.policy", "compact"}, std::pair{"segment.bytes", "16777216"},
          std::pair{"min.cleanable.dirty.ratio", "0.1"}}) {
        check(rd_kafka_NewTopic_set_config(wanted.get(), name, value), name);
    }
    const QueueHandle queue{rd_kafka_queue_new(&client)};
    rd_kafka_NewTopic_t* raw = wanted.get();
    rd_kafka_CreateTopics(&client, &raw, 1, nullptr, queue.get());
    const std::string what = "creating topic " + topic;
    const EventHandle event = answer_in(*queue, what);
    std::size_t count = 0;
    const auto** results = rd_kafka_CreateTopics_result_topics(
        rd_kafka_event_CreateTopics_result(event.get()), &count);
    for (std::size_t i = 0; i < count; ++i) {
        const auto code = rd_kafka_topic_result_error(results[i]);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
            continue;
        }
        throw TroubleOfTheWorld(
            what + ": " + rd_kafka_err2str(code) +
            "; let somebody who may do: kafka-topics.sh --create --topic " + topic +
            " --partitions 1 --config cleanup.policy=compact --config segment.bytes=16777216");
    }
}

bool exists(rd_kafka_t& client, const std::string& topic) {
    // Of all topics: asking for one could create it, with another policy.
    const MetadataHandle metadata = ask_for_metadata(client, nullptr, "reading the list of topics");
    for (int i = 0; i < metadata->topic_cnt; ++i) {
        const auto& found = metadata->topics[i];
        if (found.topic != topic || found.err != RD_KAFKA_RESP_ERR_NO_ERROR) continue;
        return std::all_of(found.partitions, found.partitions + found.partition_cnt,
                           [](const auto& partition) { return partition.leader >= 0; });
    }
    return false;
}

/// Empty where we may not ask.
std::string cleanup_policy(rd_kafka_t& client, const std::string& topic) {
    const auto config = described_config(client, RD_KAFKA_RESOURCE_TOPIC, topic);
    if (!config || !config->contains("cleanup.policy")) return {};
    return config->at("cleanup.policy");
}

ClientHandle make_reader(const config::Kafka& kafka, const char* isolation) {
    return make_client(RD_KAFKA_CONSUMER,
                       make_conf(kafka, {{"group.id", "sluice.outbox_marks"},
                                         {"enable.auto.commit", "false"},
                                         {"enable.partition.eof", "true"},
                                         {"fetch.wait.max.ms", "20"},
                                         // Never a silent jump to the end, where no mark is.
                                         {"auto.offset.reset", "error"},
                                         {"isolation.level", isolation}}),
                       "marks");
}

struct Found {
    std::optional<std::int64_t> mark;
    Offset position = 0;  ///< everything below was seen
};

void see(const rd_kafka_message_t& message, const std::string& key, Found& found) {
    if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        found.position = std::max<Offset>(found.position, message.offset);
        return;
    }
    if (message.err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
        message.err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
        throw TroubleOfTheWorld(
            std::string("what the marks topic held has gone while it was read: ") +
            rd_kafka_message_errstr(&message));
    }
    // What breaks the connection is mended by librdkafka; our own deadline ends the wait.
    if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) return;
    found.position = message.offset + 1;
    if (std::string_view(static_cast<const char*>(message.key), message.key_len) != key) return;
    const std::string_view text(static_cast<const char*>(message.payload), message.len);
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) {
        throw TroubleOfTheWorld("the mark under key " + key +
                                " is no number: somebody else wrote "
                                "it; use another marks_topic");
    }
    found.mark = number;
}

/// The last mark in a part of one partition.
std::optional<std::int64_t> read_part(const config::Kafka& kafka, const std::string& topic,
                                      const std::string& key, PartitionNumber partition,
                                      OffsetRange part) {
    const ClientHandle reader = make_reader(kafka, "read_committed");
    const PartitionList list = make_list(topic, partition, part.from);
    rd_kafka_poll_set_consumer(reader.get());
    check(rd_kafka_assign(reader.get(), list.get()), "reading topic " + topic);
    Found found{{}, part.from};
    const auto deadline = Clock::now() + longest_transaction;
    while (found.position < part.to) {
        if (Clock::now() > deadline) {
            throw TroubleOfTheWorld("topic " + topic +
                                    " cannot be read to its end: a transaction "
                                    "of another producer has been open for too long");
        }
        const MessageHandle message{rd_kafka_consumer_poll(reader.get(), 100)};
        if (message) see(*message, key, found);
    }
    return found.mark;
}

std::optional<std::int64_t> read_partition(const config::Kafka& kafka, const std::string& topic,
                                           const std::string& key, PartitionNumber partition) {
    // The end past what is still undecided: a mark of ours may lie behind the open transaction of
    // another relay.
    const ClientHandle uncommitted = make_reader(kafka, "read_uncommitted");
    const OffsetRange all = available_offsets(*uncommitted, topic, partition);
    // The latest mark is near the end, however long the topic is.
    for (Offset size = 100;; size *= 100) {
        const Offset from = std::max(all.from, all.to - size);
        if (auto mark = read_part(kafka, topic, key, partition, {from, all.to})) return mark;
        if (from == all.from) return std::nullopt;
    }
}

}  // namespace

void ensure_marks_topic(rd_kafka_t& client, const std::string& topic) {
    if (!exists(client, topic)) {
        create(client, topic);
        const auto deadline = Clock::now() + answer_timeout;
        while (!exists(client, topic)) {
            if (Clock::now() > deadline) {
                throw TroubleOfTheWorld("topic " + topic + " was created and is not there yet");
            }
            std::this_thread::sleep_for(50ms);
        }
    }
    if (const std::string wrong = complaint_of_marks(client, topic); !wrong.empty())
        throw TroubleOfTheWorld(wrong);
}

std::string complaint_of_marks(rd_kafka_t& client, const std::string& topic) {
    const std::string policy = cleanup_policy(client, topic);
    if (policy.empty() || policy == "compact") return {};
    return "marks_topic: topic " + topic + " has cleanup.policy=" + policy +
           ", and would lose marks by age; let somebody who may do: kafka-configs.sh --alter "
           "--entity-type topics --entity-name " +
           topic + " --add-config cleanup.policy=compact";
}

std::optional<std::int64_t> read_mark(const config::Kafka& kafka, const std::string& topic,
                                      const std::string& key) {
    const ClientHandle client = make_reader(kafka, "read_uncommitted");
    std::optional<std::int64_t> latest;
    // Where there are several partitions: who added some has moved the key, and the old marks stay.
    for (const PartitionNumber partition : partitions_of(*client, topic)) {
        const auto mark = read_partition(kafka, topic, key, partition);
        if (mark && (!latest || *mark > *latest)) latest = mark;
    }
    return latest;
}

}  // namespace sluice::kafka
