#include "daemon/supervisor/topic_schema.h"

#include "config/pipeline.h"

#include <algorithm>

namespace sluice {
namespace {

TopicSchema schema_in_file(const config::Ingest& ingest, const std::string& message) {
    const auto& files = ingest.schema.files;
    schemas::SchemaText text{.type = config::schema_type_of(ingest.format),
                             .text = files.front().text,
                             .references = {files.begin() + 1, files.end()}};
    return {files.front().name, schemas::row_fields(text, message)};
}

/// The column that a field of the records' keys fills; its own name where nothing says which.
std::string column_for(const std::string& field, const config::Ingest* target) {
    using Kind = config::Source::Kind;
    if (target == nullptr) return field;
    const auto is_filled = [&](const config::ColumnMapping& mapping) {
        const bool is_field =
            mapping.source.kind == Kind::field || mapping.source.kind == Kind::key_field;
        return is_field && mapping.source.path == std::vector{field} &&
               mapping.as == config::Conversion::none;
    };
    const auto mapping = std::ranges::find_if(target->columns, is_filled);
    return mapping == target->columns.end() ? field : mapping->column;
}

}  // namespace

std::optional<TopicSchema> latest_schema(const std::string& subject, SubjectSource& registry,
                                         const std::string& message) {
    const auto latest = registry.latest(subject);
    if (!latest) return std::nullopt;
    return TopicSchema{subject + ", version " + std::to_string(latest->version),
                       schemas::row_fields(latest->schema, message)};
}

std::optional<TopicSchema> schema_of(const config::Ingest& ingest, const std::string& topic,
                                     SubjectSource* registry, const std::string& message) {
    const std::string& meant = message.empty() ? ingest.schema.message : message;
    if (ingest.schema.from == config::Schema::From::file) return schema_in_file(ingest, meant);
    if (ingest.schema.from == config::Schema::From::none || registry == nullptr)
        return std::nullopt;
    return latest_schema(config::subject_for(ingest.subject, topic), *registry, meant);
}

std::optional<TopicSchema> schema_of_keys(const std::string& topic, SubjectSource& registry) {
    return latest_schema(topic + "-key", registry);
}

std::vector<std::string> key_fields_of(const std::string& topic, const config::Ingest* target,
                                       const TopicSchema& schema, SubjectSource* registry) {
    std::vector<std::string> key;
    if (target != nullptr && target->mode == config::Mode::append) return key;
    if (target != nullptr && !target->key.empty()) return target->key;
    const bool of_changes = target != nullptr || schema.rows.in_envelope;
    if (!of_changes || registry == nullptr) return key;
    const auto found = schema_of_keys(topic, *registry);
    if (!found) return key;
    for (const schemas::RowField& field : found->rows.fields)
        key.push_back(column_for(field.name, target));
    return key;
}

}  // namespace sluice
