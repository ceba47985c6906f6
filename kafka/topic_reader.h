#pragma once

#include "config/config.h"
#include "kafka/handles.h"
#include "pipeline/partition_table.h"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace sluice::kafka {

/// A part of a topic that somebody wants to see.
struct TopicPart {
    PartitionNumber partition = 0;
    std::vector<OffsetRange> ranges;  ///< ascending, apart from each other
};

/// Reads parts of a topic from beginning to end, without a consumer group, so that nobody notices:
/// no rebalance, no committed offset. Committed records only. Used by one thread.
class TopicReader {
public:
    /// What a visitor wants to see next; nothing ends the reading.
    enum class Next { record, range, part, nothing };
    using Visitor = std::function<Next(const Record& record)>;

    /// `most_records`: about how many will be looked at, so that little more is fetched.
    TopicReader(const config::Kafka& kafka, std::string topic, std::int64_t most_records);
    ~TopicReader();
    TopicReader(const TopicReader&) = delete;
    TopicReader& operator=(const TopicReader&) = delete;

    /// For questions about the topic; kafka/topic.h.
    [[nodiscard]] rd_kafka_t& client() { return *client_; }

    /// Visits the records in the order of parts and offsets, and returns when the visitor wants
    /// nothing more or every range has ended: ranges must end where the partition's end was at some
    /// time, so this waits for nothing to come. Throws TroubleOfTheWorld when Kafka sends nothing
    /// at all for a while.
    void read(const std::vector<TopicPart>& parts, const Visitor& visitor);

private:
    class Fetching;

    Next read_part(Fetching& fetching, const TopicPart& part, const Visitor& visitor);
    /// Next::record: what was an error was mended, reading goes on.
    Next after_error(Fetching& fetching, const TopicPart& part, const rd_kafka_message_t& message);

    std::string topic_;
    PartitionTable partitions_;  // whose records are visited
    ClientHandle client_;
    TopicHandle handle_;
};

}  // namespace sluice::kafka
