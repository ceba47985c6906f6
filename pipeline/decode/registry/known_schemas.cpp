#include "pipeline/decode/registry/known_schemas.h"

#include "pipeline/errors.h"
#include "schemas/bad_schema.h"

namespace sluice {

using schemas::SchemaType;

const KnownSchemas::Known* KnownSchemas::find(const SchemaId& id) {
    if (const auto known = known_.find(id); known != known_.end()) return &known->second;
    constexpr const char* remedy =
        "; on_unknown_schema = \"dead_letter\" makes dead letters of such records";
    const bool stops = options_.on_unknown == config::OnUnknownSchema::stop;
    const auto schema = options_.source->find(id);
    if (schema == nullptr && stops)
        throw WrongConfiguration("the registry does not know " + describe(id) +
                                 ": is it the one that the records' writers use?" + remedy);
    if (schema == nullptr) return nullptr;
    Known known = read(*schema);
    if (options_.tells_fields) known.text = schema;
    // Most likely all of the topic is written by it, and it is not the records that lack something.
    if (!known.complaint.empty() && stops)
        throw WrongConfiguration(describe(id) + " of the registry: " + known.complaint + remedy);
    return &known_.emplace(id, std::move(known)).first->second;
}

KnownSchemas::Known KnownSchemas::read(const schemas::SchemaText& schema) const {
    Known known;
    try {
        if (schema.type != options_.type) {
            known.complaint = "it is " + std::string(name_of(schema.type));
            return known;
        }
        switch (schema.type) {
            case SchemaType::avro:
                known.avro = std::make_shared<const schemas::AvroSchema>(
                    schemas::parse_avro(schema.text, schema.references));
                break;
            case SchemaType::protobuf:
                known.protobuf = std::make_shared<const schemas::ProtobufSchema>(
                    schemas::parse_protobuf(schema));
                break;
            case SchemaType::json:
                known.json =
                    std::make_shared<const schemas::RowFields>(schemas::row_fields(schema));
                break;
            case SchemaType::other:
                break;
        }
    } catch (const schemas::BadSchema& bad) {
        known.complaint = bad.what();
    }
    return known;
}

std::string unknown_schema(const SchemaId& id) {
    return "of " + describe(id) + ", which the registry does not know";
}

std::string unfit_schema(const SchemaId& id, const std::string& complaint) {
    return "of " + describe(id) + ": " + complaint;
}

}  // namespace sluice
