#pragma once

#include "config/config.h"

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace sluice::config {

/// One pipeline, of whatever kind, with all that it is built from.
struct Pipeline {
    Kafka kafka;
    Cloudberry cloudberry;
    std::variant<Ingest, Outbox> of_kind;
    Registry registry{};  ///< of one that asks it for schemas; else without a url
    bool operator==(const Pipeline&) const = default;
};

/// "orders"
[[nodiscard]] const std::string& name_of(const Pipeline& pipeline);
/// "ingest.orders": tells the pipelines of all kinds apart, and is how their sections are written.
[[nodiscard]] std::string key_of(const Pipeline& pipeline);

/// As it is configured: "outbox.event.${aggregatetype}"; empty: rows name their topic.
[[nodiscard]] std::string to_string(const std::vector<TopicPiece>& topic);

/// The topic that all its events go to; empty: it depends on the row.
[[nodiscard]] std::string fixed_topic(const Outbox& outbox);

/// "orders" of "ingest.orders" or of "orders" itself; a name holds no dot.
[[nodiscard]] std::string_view bare_name(std::string_view name_or_key, std::string_view kind);

/// The pipeline of this kind and name, or key; null: none is configured.
[[nodiscard]] const Ingest* find_ingest(const Config& config, std::string_view name);
[[nodiscard]] const Outbox* find_outbox(const Config& config, std::string_view name);

/// All targets, each as a pipeline of its own: those of `into`, or the pipeline itself.
[[nodiscard]] std::span<const Ingest> targets_of(const Ingest& ingest);
/// Whether one of them is emptied when its source is.
[[nodiscard]] bool applies_truncations(const Ingest& ingest);
/// Their tables, as written: "public.orders", "public.clicks, landing.{topic}".
[[nodiscard]] std::string tables_of(const Ingest& ingest);

/// What a pipeline fetches ahead of its lanes, at least: bytes of its `memory`.
inline constexpr std::size_t least_ahead = 16u << 20;
/// Whether a lane takes records while its batch is committed: `memory` has room for two of each.
[[nodiscard]] bool reads_on(const Ingest& ingest);
/// What is left of `memory` beside the lanes' batches: bytes of records fetched and not taken yet.
[[nodiscard]] std::size_t fetch_budget(const Ingest& ingest);

/// Whether such a part of a record is read by schemas from [registry]; JSON is without asking.
[[nodiscard]] bool asks_registry(const Schema& schema, Format format);
/// Whether any of its tables follows the schemas of its records.
[[nodiscard]] bool grows(const Ingest& ingest);
/// Whether its records' values or keys are, or a table follows what it says of JSON.
[[nodiscard]] bool asks_registry(const Ingest& ingest);
/// Whether its messages' values are written so.
[[nodiscard]] bool asks_registry(const Outbox& outbox);

/// "avro"
[[nodiscard]] std::string_view name_of(ValueFormat format);
/// What schemas of it are; JSON's where it is none that has some.
[[nodiscard]] schemas::SchemaType schema_type_of(Format format);
[[nodiscard]] schemas::SchemaType schema_type_of(ValueFormat format);
/// "orders-value" of "${topic}-value".
[[nodiscard]] std::string subject_for(std::string_view pattern, std::string_view topic);

/// All that are configured, by key.
[[nodiscard]] std::map<std::string, Pipeline> pipelines_of(const Config& config);

}  // namespace sluice::config
