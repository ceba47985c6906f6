#include "schemas/bad_schema.h"
#include "schemas/protobuf_schema.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace sluice::schemas;

/// A .proto file, or base64 of its descriptor: a schema whose parts are all there, or BadSchema.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const NamedSchema file{"f.proto", {reinterpret_cast<const char*>(data), size}};
    try {
        const ProtobufSchema schema = parse_protobuf(file);
        for (const ProtobufMessage& message : schema.messages) {
            for (const ProtobufField& field : message.fields) {
                using Type = ProtobufField::Type;
                const bool is_message = field.type == Type::message || field.type == Type::group;
                if (is_message && field.content >= schema.messages.size()) std::abort();
                if (field.type == Type::enumeration && field.content >= schema.enumerations.size())
                    std::abort();
            }
        }
        static_cast<void>(imports_of(file));
    } catch (const BadSchema&) {
    }
    return 0;
}
