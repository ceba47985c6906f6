#include "kafka/topic_reader.h"

#include "kafka/client.h"
#include "kafka/message.h"
#include "kafka/topic.h"
#include "pipeline/errors.h"
#include "pipeline/log.h"

#include <algorithm>
#include <deque>
#include <map>
#include <memory>

namespace sluice::kafka {
namespace {

constexpr std::chrono::seconds read_patience{30};
constexpr int poll_ms = 1000;
constexpr int seek_timeout_ms = 10000;
/// Partitions that are fetched ahead while another one is read.
constexpr std::size_t look_ahead = 1;
/// Reading over so many offsets costs less than asking anew.
constexpr Offset not_worth_a_seek = 1000;
/// Each costs librdkafka some 400 bytes beside what it holds, and that counts towards no limit.
constexpr std::int64_t most_queued_messages = 100'000;

std::map<std::string, std::string> own_settings(std::int64_t most_records) {
    return {{"enable.auto.commit", "false"},
            {"enable.auto.offset.store", "false"},
            {"auto.offset.reset", "error"},
            {"isolation.level", "read_committed"},
            {"enable.partition.eof", "true"},
            {"enable.sparse.connections", "false"},
            // The end of a partition is known when a fetch comes back empty.
            {"fetch.wait.max.ms", "20"},
            // Per partition. Of these, the number of messages ends fetching for short ranges.
            {"queued.max.messages.kbytes", "16384"},
            {"queued.min.messages",
             std::to_string(std::clamp<std::int64_t>(most_records, 1, most_queued_messages))}};
}

}  // namespace

/// One partition that is being fetched, into a queue of its own.
class TopicReader::Fetching {
public:
    Fetching(rd_kafka_t& client, rd_kafka_topic_t& topic, PartitionNumber partition, Offset from)
        : topic_(topic), partition_(partition), queue_(rd_kafka_queue_new(&client)) {
        start(from);
    }
    ~Fetching() { rd_kafka_consume_stop(&topic_, partition_); }
    Fetching(const Fetching&) = delete;
    Fetching& operator=(const Fetching&) = delete;

    /// Never nullptr.
    MessageHandle take() {
        if (held_) return std::move(held_);
        const auto end = std::chrono::steady_clock::now() + read_patience;
        for (;;) {
            MessageHandle message{rd_kafka_consume_queue(queue_.get(), poll_ms)};
            if (message) return message;
            if (std::chrono::steady_clock::now() > end) {
                throw TroubleOfTheWorld("kafka has sent nothing of " + name() + " for " +
                                        std::to_string(read_patience.count()) +
                                        " s; is the leader of the partition there?");
            }
        }
    }
    /// The next take() returns it.
    void put_back(MessageHandle message) { held_ = std::move(message); }

    void seek(Offset offset) {
        held_.reset();
        check(rd_kafka_seek(&topic_, partition_, offset, seek_timeout_ms), "reading " + name());
    }

    /// After an error that ended fetching, in which librdkafka refuses to seek.
    void begin_anew(Offset from) {
        held_.reset();
        rd_kafka_consume_stop(&topic_, partition_);
        start(from);
    }

    [[nodiscard]] PartitionNumber partition() const { return partition_; }
    [[nodiscard]] std::string name() const {
        return std::string(rd_kafka_topic_name(&topic_)) + "[" + std::to_string(partition_) + "]";
    }

private:
    void start(Offset from) {
        if (rd_kafka_consume_start_queue(&topic_, partition_, from, queue_.get()) != 0)
            check(rd_kafka_last_error(), "reading " + name());
    }

    rd_kafka_topic_t& topic_;
    const PartitionNumber partition_;
    QueueHandle queue_;
    MessageHandle held_;
};

TopicReader::TopicReader(const config::Kafka& kafka, std::string topic, std::int64_t most_records)
    : topic_(std::move(topic)),
      client_(make_client(RD_KAFKA_CONSUMER, make_conf(kafka, own_settings(most_records)), "peek")),
      handle_(rd_kafka_topic_new(client_.get(), topic_.c_str(), nullptr)) {
    if (!handle_) check(rd_kafka_last_error(), "topic \"" + topic_ + "\"");
}

TopicReader::~TopicReader() = default;

void TopicReader::read(const std::vector<TopicPart>& parts, const Visitor& visitor) {
    std::deque<std::unique_ptr<Fetching>> fetching;
    auto ahead = parts.begin();
    for (const TopicPart& part : parts) {
        for (; ahead != parts.end() && fetching.size() <= look_ahead; ++ahead) {
            fetching.push_back(std::make_unique<Fetching>(*client_, *handle_, ahead->partition,
                                                          ahead->ranges.front().from));
        }
        if (read_part(*fetching.front(), part, visitor) == Next::nothing) return;
        fetching.pop_front();
    }
}

TopicReader::Next TopicReader::read_part(Fetching& fetching, const TopicPart& part,
                                         const Visitor& visitor) {
    std::vector<Header> headers;
    Record record;
    const TopicPartition& from = partitions_.of(topic_, part.partition);
    Offset next = part.ranges.front().from;
    for (const OffsetRange& range : part.ranges) {
        if (next < range.from - not_worth_a_seek) fetching.seek(range.from);
        for (Next wanted = Next::record; wanted == Next::record && next < range.to;) {
            MessageHandle message = fetching.take();
            if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
                wanted = after_error(fetching, part, *message);
            } else if (next = message->offset; next >= range.to) {
                fetching.put_back(std::move(message));
            } else if (next++ >= range.from) {
                read_record(*message, from, headers, record);
                wanted = visitor(record);
            }
            if (wanted >= Next::part) return wanted;
        }
    }
    return Next::part;
}

TopicReader::Next TopicReader::after_error(Fetching& fetching, const TopicPart& part,
                                           const rd_kafka_message_t& message) {
    switch (message.err) {
        case RD_KAFKA_RESP_ERR__PARTITION_EOF:
            // A broker that has just become the leader may not know yet how far the partition is.
            return message.offset < part.ranges.back().to ? Next::record : Next::part;
        case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
        case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE: {
            // Retention was faster; what is still there begins further up.
            const OffsetRange there = available_offsets(*client_, topic_, part.partition);
            if (there.from <= message.offset || there.from >= part.ranges.back().to) {
                return Next::part;
            }
            fetching.begin_anew(there.from);
            return Next::record;
        }
        default:
            throw TroubleOfTheWorld("reading " + fetching.name() + ": " +
                                    rd_kafka_message_errstr(&message));
    }
}

}  // namespace sluice::kafka
