#pragma once

#include <librdkafka/rdkafka.h>

#include <memory>

/// Owners of librdkafka's handles: each is released by the call that librdkafka names for it.
namespace sluice::kafka {

template <auto release>
struct Releaser {
    template <class Handle>
    void operator()(Handle* handle) const {
        release(handle);
    }
};

using ConfHandle = std::unique_ptr<rd_kafka_conf_t, Releaser<rd_kafka_conf_destroy>>;
using ClientHandle = std::unique_ptr<rd_kafka_t, Releaser<rd_kafka_destroy>>;
using QueueHandle = std::unique_ptr<rd_kafka_queue_t, Releaser<rd_kafka_queue_destroy>>;
using MessageHandle = std::unique_ptr<rd_kafka_message_t, Releaser<rd_kafka_message_destroy>>;
using TopicHandle = std::unique_ptr<rd_kafka_topic_t, Releaser<rd_kafka_topic_destroy>>;
using PartitionList = std::unique_ptr<rd_kafka_topic_partition_list_t,
                                      Releaser<rd_kafka_topic_partition_list_destroy>>;
using MetadataHandle =
    std::unique_ptr<const struct rd_kafka_metadata, Releaser<rd_kafka_metadata_destroy>>;
using GroupListHandle =
    std::unique_ptr<const struct rd_kafka_group_list, Releaser<rd_kafka_group_list_destroy>>;
using EventHandle = std::unique_ptr<rd_kafka_event_t, Releaser<rd_kafka_event_destroy>>;
/// librdkafka's errors are returned as objects, nullptr meaning success.
using ErrorHandle = std::unique_ptr<rd_kafka_error_t, Releaser<rd_kafka_error_destroy>>;

}  // namespace sluice::kafka
