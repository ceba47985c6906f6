#pragma once

#include "config/config.h"
#include "registry/registry_client.h"
#include "schemas/row_fields.h"

#include <optional>
#include <string>

namespace sluice {

/// What a topic's writers say of their records.
struct TopicSchema {
    std::string name;  ///< for messages: "orders-value, version 3", "order.avsc"
    schemas::RowFields rows;
};

/// Of the values of a pipeline's records: the file that it names, or the latest of the topic's
/// subject, also where JSON needs none; nullopt: there is none. `registry`: null where none is
/// configured. Throws TroubleOfTheWorld, schemas::BadSchema.
[[nodiscard]] std::optional<TopicSchema> schema_of(const config::Ingest& ingest,
                                                   registry::RegistryClient* registry);

/// The latest that a registry has under a subject. `message`: of a Protobuf file.
[[nodiscard]] std::optional<TopicSchema> latest_schema(const std::string& subject,
                                                       registry::RegistryClient& registry,
                                                       const std::string& message = "");

}  // namespace sluice
