#include "kafka/described_config.h"

#include "kafka/client.h"

#include <memory>

namespace sluice::kafka {
namespace {

using ResourceHandle =
    std::unique_ptr<rd_kafka_ConfigResource_t, Releaser<rd_kafka_ConfigResource_destroy>>;

}  // namespace

std::optional<std::map<std::string, std::string>> described_config(rd_kafka_t& client,
                                                                   rd_kafka_ResourceType_t type,
                                                                   const std::string& name) {
    const std::string what = std::string("reading the configuration of ") +
                             (type == RD_KAFKA_RESOURCE_TOPIC ? "topic " : "broker ") + name;
    const ResourceHandle resource{rd_kafka_ConfigResource_new(type, name.c_str())};
    const QueueHandle queue{rd_kafka_queue_new(&client)};
    rd_kafka_ConfigResource_t* raw = resource.get();
    rd_kafka_DescribeConfigs(&client, &raw, 1, nullptr, queue.get());
    const EventHandle event = answer_in(*queue, what);
    std::size_t resources = 0;
    const auto** described = rd_kafka_DescribeConfigs_result_resources(
        rd_kafka_event_DescribeConfigs_result(event.get()), &resources);
    if (resources != 1 ||
        rd_kafka_ConfigResource_error(described[0]) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return std::nullopt;
    }
    std::map<std::string, std::string> values;
    std::size_t entries = 0;
    const auto** configs = rd_kafka_ConfigResource_configs(described[0], &entries);
    for (std::size_t i = 0; i < entries; ++i) {
        const char* value = rd_kafka_ConfigEntry_value(configs[i]);
        if (value != nullptr) values[rd_kafka_ConfigEntry_name(configs[i])] = value;
    }
    return values;
}

}  // namespace sluice::kafka
