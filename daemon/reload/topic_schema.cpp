#include "daemon/reload/topic_schema.h"

#include "config/pipeline.h"

namespace sluice {
namespace {

using config::Format;
using schemas::SchemaType;

TopicSchema schema_in_file(const config::Ingest& ingest) {
    const auto& files = ingest.schema.files;
    schemas::SchemaText text{
        .type = ingest.format == Format::avro ? SchemaType::avro : SchemaType::protobuf,
        .text = files.front().text,
        .references = {files.begin() + 1, files.end()}};
    return {files.front().name, schemas::row_fields(text, ingest.schema.message)};
}

}  // namespace

std::optional<TopicSchema> latest_schema(const std::string& subject,
                                         registry::RegistryClient& registry,
                                         const std::string& message) {
    const auto latest = registry.latest(subject);
    if (!latest) return std::nullopt;
    return TopicSchema{subject + ", version " + std::to_string(latest->version),
                       schemas::row_fields(latest->schema, message)};
}

std::optional<TopicSchema> schema_of(const config::Ingest& ingest,
                                     registry::RegistryClient* registry) {
    if (ingest.schema.from == config::Schema::From::file) return schema_in_file(ingest);
    if (ingest.schema.from == config::Schema::From::none || registry == nullptr)
        return std::nullopt;
    return latest_schema(config::subject_for(ingest.subject, ingest.topic), *registry,
                         ingest.schema.message);
}

}  // namespace sluice
