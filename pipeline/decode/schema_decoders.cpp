#include "pipeline/decode/schema_decoders.h"

#include "pipeline/decode/avro_decoder.h"
#include "pipeline/decode/protobuf_decoder.h"
#include "schemas/bad_schema.h"

namespace sluice {

std::unique_ptr<Decoder> avro_decoder(std::string_view schema,
                                      std::span<const schemas::NamedSchema> references,
                                      const std::vector<WantedField>& wanted) {
    return std::make_unique<AvroDecoder>(wanted, std::make_shared<const schemas::AvroSchema>(
                                                     schemas::parse_avro(schema, references)));
}

std::unique_ptr<Decoder> protobuf_decoder(const schemas::NamedSchema& file,
                                          std::span<const schemas::NamedSchema> imports,
                                          MessageChoice choice,
                                          const std::vector<WantedField>& wanted) {
    auto schema =
        std::make_shared<const schemas::ProtobufSchema>(schemas::parse_protobuf(file, imports));
    if (choice.indexes.empty()) {
        const std::uint32_t message = schema->message_called(choice.name);
        return std::make_unique<ProtobufDecoder>(std::move(schema), message, wanted);
    }
    const auto message = schema->message_at(choice.indexes);
    if (!message) throw schemas::BadSchema("without the message that the record names");
    return std::make_unique<ProtobufDecoder>(std::move(schema), *message, wanted);
}

}  // namespace sluice
