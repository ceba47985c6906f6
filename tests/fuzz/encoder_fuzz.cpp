#include "pipeline/decode/schema_decoders.h"
#include "pipeline/encode/make_encoder.h"
#include "pipeline/ingest/batch.h"
#include "schemas/bad_schema.h"

#include <cstdlib>

using namespace sluice;

/// "A" for Avro or anything else for Protobuf, a schema, NUL, JSON. What becomes a record is one
/// that a decoder reads; what does not leaves nothing behind, and says why.
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
        const std::size_t length = record.size();
        record.append(RecordLog::padding, '\0');
        const auto decoder = is_avro ? avro_decoder(schema, {}, {})
                                     : protobuf_decoder({"schema.proto", schema}, {}, {}, {});
        if (!decoder->decode({{record.data(), length}, {}}, {}, nullptr)) std::abort();
    } catch (const schemas::BadSchema&) {
        return 0;
    }
    return 0;
}
