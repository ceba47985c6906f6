#pragma once

#include "pipeline/batch.h"
#include "pipeline/decode/registry/registry_decoder.h"
#include "pipeline/decode/registry/schema_source.h"

#include <memory>
#include <string>

namespace sluice {

/// Keys and values of a topic that no pipeline says anything of, as JSON where their first bytes or
/// headers name a schema that the registry knows. One thread.
class ReadableRecord {
public:
    explicit ReadableRecord(const std::shared_ptr<SchemaSource>& registry);

    /// The record with JSON in the place of what can be read, until the next call. What cannot
    /// stays as it is. Throws TroubleOfTheWorld while the registry does not answer.
    [[nodiscard]] Record of(const Record& record);

private:
    /// A key or a value.
    struct Part {
        PartOfRecord which;
        RegistryDecoder avro;
        RegistryDecoder protobuf;
        std::string text;
    };

    [[nodiscard]] static RegistryDecoder decoder(const std::shared_ptr<SchemaSource>& registry,
                                                 PartOfRecord which, schemas::SchemaType type);
    [[nodiscard]] std::string_view read(const Payload& payload, Part& part);

    const std::shared_ptr<SchemaSource> registry_;
    Part key_;
    Part value_;
    RecordLog log_;  // what decoders read has padding behind it
};

}  // namespace sluice
