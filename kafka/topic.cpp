#include "kafka/topic.h"

#include "kafka/client.h"
#include "pipeline/errors.h"

#include <algorithm>

namespace sluice::kafka {
namespace {

constexpr int answer_timeout_ms =
    static_cast<int>(std::chrono::milliseconds(answer_timeout).count());

/// ListOffsets' own "timestamps" (KIP-79): librdkafka passes them through.
constexpr std::int64_t end_of_partition = -1;
constexpr std::int64_t beginning_of_partition = -2;

void add(rd_kafka_topic_partition_list_t& list, const std::string& topic, PartitionNumber partition,
         Offset offset) {
    rd_kafka_topic_partition_list_add(&list, topic.c_str(), partition)->offset = offset;
}

PartitionList empty_list(std::size_t capacity) {
    return PartitionList{rd_kafka_topic_partition_list_new(static_cast<int>(capacity))};
}

bool is_kafkas_own(std::string_view topic) {
    return topic.starts_with("__");
}

std::vector<PartitionNumber> partitions_in(const struct rd_kafka_metadata_topic& found) {
    std::vector<PartitionNumber> partitions;
    for (int i = 0; i < found.partition_cnt; ++i) partitions.push_back(found.partitions[i].id);
    std::ranges::sort(partitions);
    return partitions;
}

PartitionList make_list(const TopicPartitions& partitions, Offset offset) {
    PartitionList list = empty_list(partitions.size());
    for (const auto& [topic, numbers] : partitions)
        for (const PartitionNumber number : numbers) add(*list, topic, number, offset);
    return list;
}

/// What was learnt of the topics may be older than a partition of theirs, and librdkafka asks about
/// none that it does not know, before the next refresh: minutes later, as is configured.
void learn_partitions(rd_kafka_t& client, const TopicPartitions& of) {
    if (of.size() == 1) {
        static_cast<void>(partitions_of(client, of.begin()->first));
    } else {
        static_cast<void>(ask_for_metadata(client, nullptr, "reading the list of topics"));
    }
}

bool has_unknown(const rd_kafka_topic_partition_list_t& list) {
    const std::span entries(list.elems, static_cast<std::size_t>(list.cnt));
    return std::ranges::any_of(entries, [](const auto& entry) {
        return entry.err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
    });
}

/// Once more, where it is about a partition that was not known.
template <class Ask>
rd_kafka_resp_err_t ask_about(rd_kafka_t& client, const TopicPartitions& partitions, Ask ask) {
    const rd_kafka_resp_err_t code = ask();
    if (code != RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION) return code;
    learn_partitions(client, partitions);
    return ask();
}

TopicOffsets list_offsets(rd_kafka_t& client, const TopicPartitions& partitions,
                          std::int64_t timestamp) {
    PartitionList list;
    const auto ask = [&] {
        list = make_list(partitions, timestamp);
        const auto code = rd_kafka_offsets_for_times(&client, list.get(), answer_timeout_ms);
        return has_unknown(*list) ? RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION : code;
    };
    const rd_kafka_resp_err_t code = ask_about(client, partitions, ask);
    const std::string of = partitions.size() == 1 ? "topic \"" + partitions.begin()->first + '"'
                                                  : std::to_string(partitions.size()) + " topics";
    // Which one it is that it still does not know, stands in the list.
    if (!has_unknown(*list)) check(code, "reading the offsets of " + of);
    TopicOffsets answers;
    for (int i = 0; i < list->cnt; ++i) {
        const auto& entry = list->elems[i];
        check(entry.err, std::string("reading the offset of ") + entry.topic + "[" +
                             std::to_string(entry.partition) + "]");
        answers[entry.topic][entry.partition] = entry.offset;
    }
    return answers;
}

std::map<PartitionNumber, Offset> list_offsets(rd_kafka_t& client, const std::string& topic,
                                               std::int64_t timestamp,
                                               std::span<const PartitionNumber> partitions) {
    return list_offsets(client, {{topic, {partitions.begin(), partitions.end()}}},
                        timestamp)[topic];
}

}  // namespace

std::string cluster_id(rd_kafka_t& client) {
    char* const id = rd_kafka_clusterid(&client, answer_timeout_ms);
    if (id == nullptr) {
        throw TroubleOfTheWorld("kafka does not answer; see [kafka] brokers and the log");
    }
    std::string copy = id;
    rd_kafka_mem_free(&client, id);
    return copy;
}

MetadataHandle ask_for_metadata(rd_kafka_t& client, rd_kafka_topic_t* topic, std::string_view doing,
                                std::chrono::milliseconds timeout) {
    const struct rd_kafka_metadata* raw = nullptr;
    check(rd_kafka_metadata(&client, topic == nullptr ? 1 : 0, topic, &raw,
                            static_cast<int>(timeout.count())),
          doing);
    return MetadataHandle{raw};
}

std::vector<std::string> all_topics(rd_kafka_t& client) {
    const MetadataHandle metadata = ask_for_metadata(client, nullptr, "reading the list of topics");
    std::vector<std::string> names;
    for (int i = 0; i < metadata->topic_cnt; ++i) {
        const std::string_view name = metadata->topics[i].topic;
        if (!is_kafkas_own(name)) names.emplace_back(name);
    }
    std::ranges::sort(names);
    return names;
}

std::vector<PartitionNumber> partitions_of(rd_kafka_t& client, const std::string& topic,
                                           std::chrono::milliseconds timeout) {
    const TopicHandle handle{rd_kafka_topic_new(&client, topic.c_str(), nullptr)};
    const MetadataHandle metadata = ask_for_metadata(
        client, handle.get(), "reading the metadata of topic \"" + topic + "\"", timeout);
    if (metadata->topic_cnt != 1) throw TroubleOfTheWorld("kafka sent no metadata of " + topic);
    const auto& found = metadata->topics[0];
    if (found.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        throw TroubleOfTheWorld("there is no topic \"" + topic +
                                "\"; create it, or correct topic = in the configuration");
    }
    check(found.err, "topic \"" + topic + "\"");
    return partitions_in(found);
}

TopicPartitions partitions_of(rd_kafka_t& client, const config::Topics& topics,
                              std::chrono::milliseconds timeout) {
    if (const std::string* const only = topics.only())
        return {{*only, partitions_of(client, *only, timeout)}};
    const config::TopicMatcher matcher(topics);
    const MetadataHandle metadata =
        ask_for_metadata(client, nullptr, "reading the list of topics", timeout);
    TopicPartitions all;
    for (int i = 0; i < metadata->topic_cnt; ++i) {
        const auto& found = metadata->topics[i];
        // One that is just being created has an error, and comes later.
        if (found.err != RD_KAFKA_RESP_ERR_NO_ERROR) continue;
        if (!topics.regex.empty() && is_kafkas_own(found.topic)) continue;
        if (matcher.matches(found.topic)) all.emplace(found.topic, partitions_in(found));
    }
    return all;
}

std::map<PartitionNumber, Offset> resolve_start(rd_kafka_t& client, const std::string& topic,
                                                const config::Start& start,
                                                std::span<const PartitionNumber> partitions) {
    if (partitions.empty()) return {};
    return resolve_start(client, {{topic, {partitions.begin(), partitions.end()}}}, start)[topic];
}

TopicOffsets resolve_start(rd_kafka_t& client, const TopicPartitions& partitions,
                           const config::Start& start) {
    if (partitions.empty()) return {};
    switch (start.kind) {
        case config::Start::Kind::earliest:
            return list_offsets(client, partitions, beginning_of_partition);
        case config::Start::Kind::latest:
            return list_offsets(client, partitions, end_of_partition);
        case config::Start::Kind::time:
            break;
    }
    TopicOffsets found = list_offsets(client, partitions, start.time_ms);
    TopicPartitions beyond;
    for (const auto& [topic, offsets] : found)
        for (const auto& [partition, offset] : offsets)
            if (offset < 0) beyond[topic].push_back(partition);
    if (beyond.empty()) return found;
    for (const auto& [topic, ends] : list_offsets(client, beyond, end_of_partition))
        for (const auto& [partition, end] : ends) found[topic][partition] = end;
    return found;
}

TopicOffsets ends_of(rd_kafka_t& client, const TopicPartitions& partitions,
                     std::chrono::milliseconds timeout) {
    TopicOffsets ends;
    const PartitionList list = make_list(partitions, end_of_partition);
    if (rd_kafka_offsets_for_times(&client, list.get(), static_cast<int>(timeout.count())) !=
        RD_KAFKA_RESP_ERR_NO_ERROR)
        return ends;
    for (int i = 0; i < list->cnt; ++i) {
        const auto& entry = list->elems[i];
        if (entry.err == RD_KAFKA_RESP_ERR_NO_ERROR && entry.offset >= 0)
            ends[entry.topic][entry.partition] = entry.offset;
    }
    return ends;
}

OffsetRange available_offsets(rd_kafka_t& client, const std::string& topic,
                              PartitionNumber partition) {
    OffsetRange range;
    const auto ask = [&] {
        return rd_kafka_query_watermark_offsets(&client, topic.c_str(), partition, &range.from,
                                                &range.to, answer_timeout_ms);
    };
    check(ask_about(client, {{topic, {partition}}}, ask),
          "reading the offsets of " + topic + "[" + std::to_string(partition) + "]");
    return range;
}

std::map<PartitionNumber, OffsetRange> available_offsets(
    rd_kafka_t& client, const std::string& topic, std::span<const PartitionNumber> partitions) {
    std::map<PartitionNumber, OffsetRange> ranges;
    if (partitions.empty()) return ranges;
    for (const auto& [partition, begin] :
         list_offsets(client, topic, beginning_of_partition, partitions))
        ranges[partition].from = begin;
    for (const auto& [partition, end] : list_offsets(client, topic, end_of_partition, partitions))
        ranges[partition].to = end;
    return ranges;
}

void seek(rd_kafka_t& client, rd_kafka_topic_partition_list_t& positions, std::string_view doing,
          std::chrono::milliseconds timeout) {
    // librdkafka took the timeout for microseconds before 2.1.0 (its pull request #4230).
    constexpr int waits_for_milliseconds = 0x020100ff;
    const bool waits_for_microseconds = rd_kafka_version() < waits_for_milliseconds;
    const auto given = timeout.count() * (waits_for_microseconds ? 1000 : 1);
    check(rd_kafka_seek_partitions(&client, &positions, static_cast<int>(given)), doing);
}

PartitionList make_list(const PartitionTable& table, std::span<const Position> positions) {
    PartitionList list = empty_list(positions.size());
    for (const Position& position : positions) {
        const TopicPartition& named = table[position.partition];
        add(*list, named.topic, named.number, position.next);
    }
    return list;
}

PartitionList make_list(const PartitionTable& table, std::span<const PartitionId> partitions) {
    PartitionList list = empty_list(partitions.size());
    for (const PartitionId partition : partitions)
        add(*list, table[partition].topic, table[partition].number, RD_KAFKA_OFFSET_INVALID);
    return list;
}

PartitionList make_list(const std::string& topic, PartitionNumber partition, Offset offset) {
    PartitionList list = empty_list(1);
    add(*list, topic, partition, offset);
    return list;
}

}  // namespace sluice::kafka
