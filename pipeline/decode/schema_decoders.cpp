#include "pipeline/decode/schema_decoders.h"

#include "pipeline/decode/avro/avro_decoder.h"
#include "pipeline/decode/protobuf/protobuf_decoder.h"
#include "schemas/bad_schema.h"

namespace sluice {

std::unique_ptr<Decoder> avro_decoder(std::shared_ptr<const schemas::AvroSchema> schema,
                                      const std::vector<WantedField>& wanted) {
    return std::make_unique<AvroDecoder>(wanted, std::move(schema));
}

std::unique_ptr<Decoder> protobuf_decoder(std::shared_ptr<const schemas::ProtobufSchema> schema,
                                          MessageChoice choice,
                                          const std::vector<WantedField>& wanted) {
    if (choice.indexes.empty()) {
        const std::uint32_t message = schema->message_called(choice.name);
        return std::make_unique<ProtobufDecoder>(std::move(schema), message, wanted);
    }
    const auto message = schema->message_at(choice.indexes);
    if (!message) throw schemas::BadSchema("it lacks the message that the record names");
    return std::make_unique<ProtobufDecoder>(std::move(schema), *message, wanted);
}

}  // namespace sluice
