#include "pipeline/decode/schema_decoders.h"
#include "pipeline/encode/make_encoder.h"
#include "schemas/bad_schema.h"
#include "tests/fuzz/decoded_fields.h"

#include <cstdlib>
#include <memory>
#include <string>

using namespace sluice;

namespace {

/// What records are read by.
struct Reader {
    bool is_avro;
    const std::string& schema;

    [[nodiscard]] std::unique_ptr<Decoder> decoder(const std::vector<WantedField>& wanted) const {
        if (is_avro)
            return avro_decoder(
                std::make_shared<const schemas::AvroSchema>(schemas::parse_avro(schema)), wanted);
        return protobuf_decoder(std::make_shared<const schemas::ProtobufSchema>(
                                    schemas::parse_protobuf({"schema.proto", schema})),
                                {}, wanted);
    }
    /// The record as JSON; empty: it is one, but has no JSON, since that is too long or has times
    /// beyond all texts.
    [[nodiscard]] std::string json_of(const std::string& record) const {
        const std::string padded = record + std::string(RecordLog::padding, '\0');
        const Payload payload{{padded.data(), record.size()}, {}};
        if (!decoder({})->decode(payload, {}, nullptr)) std::abort();
        const auto whole = decoder(fuzz::wanted_at({{}}));
        Value value;
        if (!whole->decode(payload, {&value, 1}, nullptr)) return {};
        JsonIndex index;
        fuzz::check_json(value, index);
        return std::string(value.text);
    }
};

}  // namespace

/// "A" for Avro or anything else for Protobuf, a schema, NUL, JSON. What becomes a record is one
/// that a decoder reads, and the JSON that it is then makes no other one. What does not leaves
/// nothing behind, and says why.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const std::size_t end_of_schema = std::min(input.find('\0'), size);
    constexpr std::size_t longest_schema = 1024;
    if (input.empty() || end_of_schema == 0 || end_of_schema > longest_schema) return 0;
    const bool is_avro = input[0] == 'A';
    const std::string schema(input.substr(1, end_of_schema - 1));
    const std::string_view json = input.substr(std::min(end_of_schema + 1, size));
    try {
        const auto encoder = make_encoder(
            {{is_avro ? schemas::SchemaType::avro : schemas::SchemaType::protobuf, schema, {}}});
        std::string record;
        if (!encoder->encode(json, record)) {
            if (!record.empty() || encoder->error().empty()) std::abort();
            return 0;
        }
        const Reader reader{is_avro, schema};
        const std::string first = reader.json_of(record);
        // Years BC and hours from 24 on are read by decoders alone.
        std::string again;
        if (encoder->encode(first, again) && reader.json_of(again) != first) std::abort();
    } catch (const schemas::BadSchema&) {
        return 0;
    }
    return 0;
}
