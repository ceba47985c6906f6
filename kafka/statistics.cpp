#include "kafka/statistics.h"

#include <simdjson.h>

namespace sluice::kafka {
namespace {

namespace dom = simdjson::dom;

std::int64_t number(dom::object object, std::string_view key) {
    std::int64_t value = 0;
    if (object[key].get(value) != simdjson::SUCCESS) return 0;
    return value;
}

/// The mean of a rolling window.
std::int64_t mean(dom::object object, std::string_view window) {
    std::int64_t value = 0;
    if (object[window]["avg"].get(value) != simdjson::SUCCESS) return 0;
    return value;
}

/// Negative numbers stand for "not known".
std::optional<Offset> offset(dom::object object, std::string_view key) {
    std::int64_t value = -1;
    if (object[key].get(value) != simdjson::SUCCESS || value < 0) return std::nullopt;
    return value;
}

GroupStatistics::Broker broker(dom::object told) {
    std::string_view state;
    if (told["state"].get(state) != simdjson::SUCCESS) state = {};
    std::string_view name;
    if (told["name"].get(name) != simdjson::SUCCESS) name = {};
    dom::object partitions;
    const bool leads =
        told["toppars"].get(partitions) == simdjson::SUCCESS && partitions.size() > 0;
    const bool owes = number(told, "waitresp_cnt") > 0;
    const std::chrono::microseconds idle{owes ? number(told, "rxidle") : 0};
    return {
        .id = std::to_string(number(told, "nodeid")),
        .name = std::string(name),
        .up = state == "UP" || state == "UPDATE",
        .leads = leads,
        .silent = std::chrono::floor<std::chrono::seconds>(idle),
        .round_trip = std::chrono::microseconds(mean(told, "rtt")),
        .throttle = std::chrono::milliseconds(mean(told, "throttle")),
        .errors = number(told, "txerrs") + number(told, "rxerrs") + number(told, "req_timeouts")};
}

}  // namespace

GroupStatistics parse_statistics(std::string_view json, const PartitionTable& table) {
    GroupStatistics found;
    dom::parser parser;
    dom::element all;
    if (parser.parse(json.data(), json.size()).get(all) != simdjson::SUCCESS) return found;
    dom::object brokers;
    if (all["brokers"].get(brokers) == simdjson::SUCCESS) {
        for (const auto& [name, value] : brokers) {
            dom::object told;
            // What is not a broker of the cluster, but the way to one, has no number.
            if (value.get(told) != simdjson::SUCCESS || number(told, "nodeid") < 0) continue;
            found.brokers.push_back(broker(told));
        }
    }
    dom::object topics;
    if (all["topics"].get(topics) != simdjson::SUCCESS) return found;
    for (const auto& [topic, its] : topics) {
        dom::object partitions;
        if (its["partitions"].get(partitions) != simdjson::SUCCESS) continue;
        for (const auto& [name, value] : partitions) {
            dom::object told;
            if (value.get(told) != simdjson::SUCCESS) continue;
            const auto* known =
                table.find(topic, static_cast<PartitionNumber>(number(told, "partition")));
            if (known == nullptr) continue;
            const auto high = offset(told, "hi_offset");
            const auto stable = offset(told, "ls_offset");
            found.partitions.push_back(
                {.partition = known->id, .end = stable ? stable : high, .open_until = high});
        }
    }
    return found;
}

}  // namespace sluice::kafka
