#pragma once

#include "config/config.h"
#include "pipeline/encode/subject_source.h"
#include "schemas/row_fields.h"

#include <optional>
#include <string>
#include <vector>

namespace sluice {

/// What a topic's writers say of their records.
struct TopicSchema {
    std::string name;  ///< for messages: "orders-value, version 3", "order.avsc"
    schemas::RowFields rows;
};

/// Of the values of a pipeline's records in this topic: the file that it names, or the latest of
/// the topic's subject, also where JSON needs none; nullopt: there is none. `registry`: null where
/// none is configured. `message`: of a Protobuf file; empty: the pipeline's. Throws
/// TroubleOfTheWorld, schemas::BadSchema.
[[nodiscard]] std::optional<TopicSchema> schema_of(const config::Ingest& ingest,
                                                   const std::string& topic,
                                                   SubjectSource* registry,
                                                   const std::string& message = "");

/// The latest that a registry has under a subject. `message`: of a Protobuf file.
[[nodiscard]] std::optional<TopicSchema> latest_schema(const std::string& subject,
                                                       SubjectSource& registry,
                                                       const std::string& message = "");

/// The same of a topic's keys.
[[nodiscard]] std::optional<TopicSchema> schema_of_keys(const std::string& topic,
                                                        SubjectSource& registry);

/// Which columns tell the rows of its table apart: those that the target names, or, where changes
/// come one by one, those that the fields of the records' keys fill, or would. `target`: null where
/// none is configured.
[[nodiscard]] std::vector<std::string> key_fields_of(const std::string& topic,
                                                     const config::Ingest* target,
                                                     const TopicSchema& schema,
                                                     SubjectSource* registry);

}  // namespace sluice
