#pragma once

#include "config/config.h"
#include "pipeline/decode/registry/schema_source.h"
#include "schemas/avro_schema.h"
#include "schemas/protobuf_schema.h"
#include "schemas/row_fields.h"
#include "schemas/schema_text.h"

#include <map>
#include <memory>
#include <string>
#include <utility>

namespace sluice {

/// The schemas that records name, as a registry has them, each read once. One that the registry
/// does not know yet is asked for again with the next record that names it. One per decoder, used
/// by its thread only.
class KnownSchemas {
public:
    struct Options {
        std::shared_ptr<SchemaSource> source;
        schemas::SchemaType type = schemas::SchemaType::avro;  ///< that they are to be of
        config::OnUnknownSchema on_unknown = config::OnUnknownSchema::stop;
        bool tells_fields = false;  ///< whether somebody wants to know the fields
    };
    /// What became of a schema: what its type has, or a complaint.
    struct Known {
        std::shared_ptr<const schemas::AvroSchema> avro;
        std::shared_ptr<const schemas::ProtobufSchema> protobuf;
        std::shared_ptr<const schemas::RowFields> json;
        std::string complaint;
        std::shared_ptr<const schemas::SchemaText> text{};  ///< where fields are told
    };

    explicit KnownSchemas(Options options) : options_(std::move(options)) {}

    /// Null: the registry does not know it. Throws WrongConfiguration for one that it does not
    /// know, or that is none of this type that can be read, if that is to stop; and what
    /// SchemaSource::find() throws.
    [[nodiscard]] const Known* find(const SchemaId& id);

private:
    [[nodiscard]] Known read(const schemas::SchemaText& schema) const;

    const Options options_;
    std::map<SchemaId, Known> known_;  // as many as the registry has
};

/// Of a record whose schema find() did not know.
[[nodiscard]] std::string unknown_schema(const SchemaId& id);
/// Of one whose schema it complains about.
[[nodiscard]] std::string unfit_schema(const SchemaId& id, const std::string& complaint);

}  // namespace sluice
