#include "pipeline/decode/wire_format.h"

#include "pipeline/values/hex.h"

#include <algorithm>

namespace sluice {

namespace {

using Kind = SchemaId::Kind;

constexpr const char* strange_header =
    "not in the registry's wire format: the header with its schema's id is none that is known";

std::uint64_t big_endian(std::string_view bytes) {
    std::uint64_t number = 0;
    for (const char c : bytes) number = number << 8 | static_cast<unsigned char>(c);
    return number;
}

/// The last one of this name, as Kafka's own clients look for it.
std::optional<std::string_view> header(const Payload& payload, std::string_view name) {
    for (auto at = payload.headers.rbegin(); at != payload.headers.rend(); ++at) {
        if (at->name == name) return at->value.value_or(std::string_view());
    }
    return std::nullopt;
}

/// 1 and a GUID, or 0 and an id; what follows them says which message of a Protobuf file it is.
std::optional<SchemaId> confluent_id(std::string_view bytes) {
    SchemaId id;
    if (bytes.size() >= 17 && bytes[0] == 1) {
        id.kind = Kind::guid;
        std::copy_n(bytes.begin() + 1, id.guid.size(), id.guid.begin());
        return id;
    }
    if (bytes.size() < 5 || bytes[0] != 0) return std::nullopt;
    id.number = big_endian(bytes.substr(1, 4));
    return id;
}

struct HeaderNames {
    std::string_view confluent;
    std::string_view global_id;
    std::string_view content_id;
    std::string_view encoding;
};

HeaderNames names_for(PartOfRecord part) {
    if (part == PartOfRecord::value) {
        return {"__value_schema_id", "apicurio.value.globalId", "apicurio.value.contentId",
                "apicurio.value.encoding"};
    }
    return {"__key_schema_id", "apicurio.key.globalId", "apicurio.key.contentId",
            "apicurio.key.encoding"};
}

Framed by_header(std::optional<SchemaId> id, std::string_view body) {
    if (!id) return {{}, body, false, strange_header};
    return {id, body, false, nullptr};
}

std::optional<SchemaId> apicurio_id(Kind kind, std::string_view bytes) {
    if (bytes.size() != 8) return std::nullopt;
    return SchemaId{kind, big_endian(bytes), {}};
}

}  // namespace

Framed unframe(const Payload& payload, PartOfRecord part) {
    const std::string_view bytes = payload.bytes;
    if (!payload.headers.empty()) {
        const HeaderNames names = names_for(part);
        if (header(payload, names.encoding) == "JSON")
            return {{}, bytes, false, "encoded as JSON, as its header says: not binary"};
        if (const auto id = header(payload, names.confluent))
            return by_header(confluent_id(*id), bytes);
        if (const auto id = header(payload, names.global_id))
            return by_header(apicurio_id(Kind::global_id, *id), bytes);
        if (const auto id = header(payload, names.content_id))
            return by_header(apicurio_id(Kind::content_id, *id), bytes);
    }
    if (bytes.size() >= 5 && bytes[0] == 0)
        return {SchemaId{Kind::id, big_endian(bytes.substr(1, 4)), {}}, bytes.substr(5), true,
                nullptr};
    return {{},
            bytes,
            false,
            "not in the registry's wire format: neither does a header name its schema, nor does "
            "it begin with a byte 0 and four more of an id"};
}

std::string describe(const SchemaId& id) {
    switch (id.kind) {
        case Kind::guid: {
            std::string text;
            append_hex(text, {reinterpret_cast<const char*>(id.guid.data()), id.guid.size()});
            for (const std::size_t at : {20, 16, 12, 8}) text.insert(at, 1, '-');
            return "schema " + text;
        }
        case Kind::global_id:
            return "schema with global id " + std::to_string(id.number);
        case Kind::content_id:
            return "schema with content id " + std::to_string(id.number);
        case Kind::id:
            break;
    }
    return "schema " + std::to_string(id.number);
}

}  // namespace sluice
