#pragma once

#include "pipeline/message.h"
#include "pipeline/values/scratch.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// Numbers an outbox's batches, from 1 on. A mark is the number of the last batch that was sent.
using BatchNumber = std::int64_t;

/// One row of an outbox table, as it is to be sent. Views into the memory of its EventBatch.
struct OutboxEvent {
    int place = 0;  ///< in the batch as it was claimed, from 0
    std::string_view id;
    std::optional<std::string_view> topic;  ///< nullopt: the row names none
    std::optional<PartitionNumber> partition;
    std::optional<std::string_view> key;
    std::optional<std::string_view> value;         ///< as the row holds it
    std::optional<std::string_view> encoded{};     ///< what is sent in its place
    std::optional<std::string_view> headers_json;  ///< as the row holds them
    std::vector<Header> headers;  ///< from columns of their own; read_headers() adds the rest
    std::int64_t timestamp_ms = -1;
    bool refused = false;  ///< stays behind when its batch is sent

    [[nodiscard]] Message message() const {
        return {partition, key, encoded ? encoded : value, headers, timestamp_ms};
    }
};

/// What one Kafka transaction sends, with the memory of it all. Used by one thread at a time.
class EventBatch {
public:
    EventBatch() = default;
    EventBatch(EventBatch&&) noexcept = default;
    EventBatch& operator=(EventBatch&&) noexcept = default;

    /// A copy that lives as long as the batch.
    [[nodiscard]] std::string_view keep(std::string_view bytes) {
        bytes_ += bytes.size();
        return memory_.keep(bytes);
    }
    OutboxEvent& add() { return events_.emplace_back(); }

    [[nodiscard]] std::vector<OutboxEvent>& events() { return events_; }
    [[nodiscard]] const std::vector<OutboxEvent>& events() const { return events_; }
    [[nodiscard]] Scratch& memory() { return memory_; }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }
    [[nodiscard]] bool empty() const { return events_.empty(); }

private:
    Scratch memory_;
    std::vector<OutboxEvent> events_;
    std::size_t bytes_ = 0;
};

/// Why Kafka cannot take an event, whenever it is offered.
enum class RefusalReason {
    no_topic,
    unknown_topic,
    bad_topic,
    not_permitted,
    bad_partition,
    bad_headers,
    bad_value,
    too_large,
    refused_by_broker,
};
constexpr std::size_t refusal_reasons =
    static_cast<std::size_t>(RefusalReason::refused_by_broker) + 1;
[[nodiscard]] std::string_view name_of(RefusalReason reason);

struct Refusal {
    std::size_t event = 0;  ///< its place in the batch
    RefusalReason reason = RefusalReason::refused_by_broker;
    std::string detail;
};

/// Reads the headers of all events from their JSON: an object, or an array of {"name": …, "value":
/// …} as dead letters have it. What is no such thing comes back as a refusal.
[[nodiscard]] std::vector<Refusal> read_headers(EventBatch& batch);

}  // namespace sluice
