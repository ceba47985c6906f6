#include "pipeline/decode/make_decoder.h"

#include "config/column_source.h"
#include "config/pipeline.h"
#include "config/text/words.h"
#include "pipeline/decode/csv/csv_decoder.h"
#include "pipeline/decode/envelope/connect_key_decoder.h"
#include "pipeline/decode/envelope/envelope_decoder.h"
#include "pipeline/decode/json/json_decoder.h"
#include "pipeline/decode/registry/framed_decoder.h"
#include "pipeline/decode/registry/registry_decoder.h"
#include "pipeline/decode/schema_decoders.h"
#include "pipeline/errors.h"

namespace sluice {
namespace {

using config::Format;
using config::Schema;

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
    if (part.format == Format::avro)
        return avro_decoder(
            std::make_shared<const schemas::AvroSchema>(schemas::parse_avro(files.at(0).text)),
            wanted);
    return protobuf_decoder(std::make_shared<const schemas::ProtobufSchema>(
                                schemas::parse_protobuf(files.at(0), std::span(files).subspan(1))),
                            {part.schema.message, {}}, wanted);
}

std::unique_ptr<Decoder> decoder_of(const Part& part, std::vector<WantedField> wanted,
                                    const config::Ingest& ingest,
                                    const std::shared_ptr<SchemaSource>& registry) {
    const bool tells =
        part.which == PartOfRecord::value && ingest.on_extra == config::OnExtra::add_column;
    if (config::asks_registry(part.schema, part.format)) {
        if (registry == nullptr)
            throw WrongConfiguration("schemas of " + std::string(name_of(part.format)) +
                                     " are to come from a registry, and none is configured; add "
                                     "[registry], or name a file");
        return std::make_unique<RegistryDecoder>(
            RegistryDecoder::Options{.source = registry,
                                     .type = config::schema_type_of(part.format),
                                     .part = part.which,
                                     .on_unknown = ingest.on_unknown_schema,
                                     .tells_fields = tells,
                                     .wanted = std::move(wanted)});
    }
    auto decoder = unframed(part, wanted);
    if (part.schema.wire == Schema::Wire::plain) return decoder;
    std::optional<KnownSchemas> schemas;
    if (tells && part.format == Format::json && registry != nullptr)
        schemas.emplace(KnownSchemas::Options{.source = registry,
                                              .type = schemas::SchemaType::json,
                                              .on_unknown = ingest.on_unknown_schema});
    return std::make_unique<FramedDecoder>(std::move(decoder), config::schema_type_of(part.format),
                                           part.which, std::move(schemas));
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
        std::move(wanted),
        EnvelopeDecoder::Options{
            .around = ingest.format == Format::json ? Around::schema : Around::nothing,
            .on_truncate = ingest.on_truncate,
            .unavailable = ingest.unavailable},
        make);
}

std::unique_ptr<Decoder> make_key_decoder(const config::Ingest& ingest,
                                          std::vector<WantedField> wanted,
                                          const std::shared_ptr<SchemaSource>& registry) {
    if (wanted.empty()) return nullptr;
    const auto make = [&](std::vector<WantedField> fields) {
        return decoder_of(
            {PartOfRecord::key, ingest.key_format, ingest.key_schema, JsonDecoder::Root::anything},
            std::move(fields), ingest, registry);
    };
    const bool may_have_schema =
        ingest.envelope == config::Envelope::debezium && ingest.key_format == Format::json;
    if (may_have_schema) return std::make_unique<ConnectKeyDecoder>(std::move(wanted), make);
    return make(std::move(wanted));
}

}  // namespace sluice
