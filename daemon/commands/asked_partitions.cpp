#include "daemon/commands/asked_partitions.h"

#include "config/text/words.h"
#include "pipeline/errors.h"

#include <algorithm>
#include <charconv>

namespace sluice {
namespace {

std::optional<PartitionNumber> partition_in(const std::string& text) {
    PartitionNumber number = 0;
    const char* const end = text.data() + text.size();
    const auto [after, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || after != end || number < 0) return std::nullopt;
    return number;
}

}  // namespace

AskedPartitions asked_partitions(const config::Ingest& ingest, const CommandLine& line) {
    AskedPartitions asked{.topics = ingest.topic, .number = {}};
    if (const auto topic = line.option("--topic")) {
        if (!config::TopicMatcher(ingest.topic).matches(*topic))
            throw WrongConfiguration("[ingest." + ingest.name + "] does not read topic " +
                                     config::in_quotes(*topic) + "; it reads " +
                                     config::to_string(ingest.topic));
        asked.topics = *topic;
    }
    const std::string text = line.option("--partition").value_or("all");
    if (text == "all") return asked;
    asked.number = partition_in(text);
    if (!asked.number)
        throw WrongConfiguration("--partition takes a number, or all, not " +
                                 config::in_quotes(text));
    if (asked.topics.only() == nullptr)
        throw WrongConfiguration("[ingest." + ingest.name +
                                 "] reads several topics: " + config::to_string(asked.topics) +
                                 "; --topic says whose partition " + text + " is meant");
    return asked;
}

kafka::TopicPartitions find(rd_kafka_t& client, const AskedPartitions& asked) {
    kafka::TopicPartitions there = kafka::partitions_of(client, asked.topics);
    if (!asked.number) return there;
    for (auto& [topic, partitions] : there) {
        if (std::ranges::find(partitions, *asked.number) == partitions.end())
            throw WrongConfiguration("topic \"" + topic + "\" has no partition " +
                                     std::to_string(*asked.number) + "; it has 0 to " +
                                     std::to_string(partitions.back()));
        partitions = {*asked.number};
    }
    return there;
}

}  // namespace sluice
