#include "pipeline/decode/make_decoder.h"

#include "config/column_source.h"
#include "config/pipeline.h"
#include "config/words.h"
#include "pipeline/decode/csv_decoder.h"
#include "pipeline/decode/envelope_decoder.h"
#include "pipeline/decode/framed_decoder.h"
#include "pipeline/decode/json_decoder.h"
#include "pipeline/decode/schema_decoders.h"
#include "pipeline/errors.h"

namespace sluice {
namespace {

using config::Format;
using config::Schema;
using schemas::SchemaType;

SchemaType type_of(Format format) {
    return format == Format::avro       ? SchemaType::avro
           : format == Format::protobuf ? SchemaType::protobuf
                                        : SchemaType::json;
}

/// A value or a key whose fields have names.
struct Part {
    PartOfRecord which;
    Format format;
    const Schema& schema;
    JsonDecoder::Root root;  ///< of JSON
};

std::unique_ptr<Decoder> unframed(const Part& part, const std::vector<WantedField>& wanted) {
    if (part.format == Format::json) return std::make_unique<JsonDecoder>(wanted, part.root);
    const auto& files = part.schema.files;
    if (part.format == Format::avro) return avro_decoder(files.at(0).text, {}, wanted);
    return protobuf_decoder(files.at(0), std::span(files).subspan(1), {part.schema.message, {}},
                            wanted);
}

std::unique_ptr<Decoder> decoder_of(const Part& part, std::vector<WantedField> wanted,
                                    const config::Ingest& ingest,
                                    const std::shared_ptr<SchemaSource>& registry) {
    if (config::asks_registry(part.schema, part.format)) {
        if (registry == nullptr)
            throw WrongConfiguration("schemas of " + std::string(name_of(part.format)) +
                                     " are to come from a registry, and none is configured; add "
                                     "[registry], or name a file");
        return std::make_unique<RegistryDecoder>(
            RegistryDecoder::Options{.source = registry,
                                     .type = type_of(part.format),
                                     .part = part.which,
                                     .on_unknown = ingest.on_unknown_schema,
                                     .wanted = std::move(wanted)});
    }
    auto decoder = unframed(part, wanted);
    if (part.schema.wire == Schema::Wire::plain) return decoder;
    return std::make_unique<FramedDecoder>(std::move(decoder), type_of(part.format), part.which);
}

}  // namespace

std::unique_ptr<Decoder> make_value_decoder(const config::Ingest& ingest,
                                            std::vector<WantedField> wanted,
                                            const std::shared_ptr<SchemaSource>& registry) {
    using Root = JsonDecoder::Root;
    switch (ingest.format) {
        case Format::json:
        case Format::avro:
        case Format::protobuf:
            break;
        case Format::csv:
            return std::make_unique<CsvDecoder>(ingest.csv, std::move(wanted));
        case Format::text:
        case Format::binary:
            return nullptr;
    }
    const bool has_envelope = ingest.envelope == config::Envelope::debezium;
    const Root root = wanted.empty() && !has_envelope ? Root::anything : Root::object;
    const auto make = [&](std::vector<WantedField> fields) {
        return decoder_of({PartOfRecord::value, ingest.format, ingest.schema, root},
                          std::move(fields), ingest, registry);
    };
    if (!has_envelope) return make(std::move(wanted));
    using Around = EnvelopeDecoder::Around;
    return std::make_unique<EnvelopeDecoder>(
        std::move(wanted), ingest.format == Format::json ? Around::schema : Around::nothing,
        ingest.on_truncate, make);
}

std::unique_ptr<Decoder> make_key_decoder(const config::Ingest& ingest,
                                          std::vector<WantedField> wanted,
                                          const std::shared_ptr<SchemaSource>& registry) {
    if (wanted.empty()) return nullptr;
    return decoder_of(
        {PartOfRecord::key, ingest.key_format, ingest.key_schema, JsonDecoder::Root::anything},
        std::move(wanted), ingest, registry);
}

}  // namespace sluice
