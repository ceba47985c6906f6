#include "pipeline/decode/registry/wire_format.h"

#include "pipeline/values/big_endian.h"

#include "pipeline/values/hex.h"
#include "schemas/protobuf_schema.h"
#include "schemas/zigzag.h"

#include <algorithm>

namespace sluice {

namespace {

using IdKind = SchemaId::Kind;

constexpr const char* strange_header =
    "not in the registry's wire format: the header with its schema's id is none that is known";

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
        id.kind = IdKind::guid;
        std::copy_n(bytes.begin() + 1, id.guid.size(), id.guid.begin());
        return id;
    }
    if (bytes.size() < 5 || bytes[0] != 0) return std::nullopt;
    id.number = read_big_endian(bytes.substr(1, 4));
    return id;
}

struct HeaderNames {
    std::string_view confluent;
    std::string_view global_id;
    std::string_view content_id;
    std::string_view encoding;
    std::string_view message;
};

HeaderNames names_for(PartOfRecord part) {
    if (part == PartOfRecord::value) {
        return {"__value_schema_id", "apicurio.value.globalId", "apicurio.value.contentId",
                "apicurio.value.encoding", "apicurio.value.protobuf.type"};
    }
    return {"__key_schema_id", "apicurio.key.globalId", "apicurio.key.contentId",
            "apicurio.key.encoding", "apicurio.key.protobuf.type"};
}

Framed by_header(std::optional<SchemaId> id, std::string_view body) {
    Framed framed;
    framed.schema = id;
    framed.body = body;
    if (!id) framed.complaint = strange_header;
    return framed;
}

Framed refuse(std::string_view body, const char* complaint) {
    Framed framed;
    framed.body = body;
    framed.complaint = complaint;
    return framed;
}

/// A number as Avro and Protobuf's sint32 have it: zigzag, seven bits a byte.
std::optional<std::int32_t> take_index(std::string_view& bytes) {
    std::uint32_t number = 0;
    for (unsigned shift = 0; shift < 32 && !bytes.empty(); shift += 7) {
        const auto byte = static_cast<unsigned char>(bytes.front());
        bytes.remove_prefix(1);
        number |= (byte & 0x7fU) << shift;
        if (byte < 0x80) return static_cast<std::int32_t>(schemas::unzigzag(number));
    }
    return std::nullopt;
}

std::optional<SchemaId> apicurio_id(IdKind kind, std::string_view bytes) {
    if (bytes.size() != 8) return std::nullopt;
    return SchemaId{kind, read_big_endian(bytes), {}};
}

}  // namespace

Framed unframe(const Payload& payload, PartOfRecord part) {
    const std::string_view bytes = payload.bytes;
    if (!payload.headers.empty()) {
        const HeaderNames names = names_for(part);
        if (header(payload, names.encoding) == "JSON")
            return refuse(bytes, "encoded as JSON, as its header says: not binary");
        if (const auto id = header(payload, names.confluent)) {
            Framed framed = by_header(confluent_id(*id), bytes);
            framed.behind_id = id->substr(std::min(id->size(), id->starts_with('\1') ? 17UL : 5UL));
            return framed;
        }
        for (const auto& [name, kind] : {std::pair{names.global_id, IdKind::global_id},
                                         std::pair{names.content_id, IdKind::content_id}}) {
            const auto id = header(payload, name);
            if (!id) continue;
            Framed framed = by_header(apicurio_id(kind, *id), bytes);
            framed.message_name = header(payload, names.message).value_or(std::string_view());
            return framed;
        }
    }
    if (bytes.size() < 5 || bytes[0] != 0)
        return refuse(bytes,
                      "not in the registry's wire format: neither does a header name its schema, "
                      "nor does it begin with a byte 0 and four more of an id");
    Framed framed =
        by_header(SchemaId{IdKind::id, read_big_endian(bytes.substr(1, 4)), {}}, bytes.substr(5));
    framed.has_prefix = true;
    return framed;
}

Payload rest_of(const Payload& payload, std::string_view body) {
    const auto skipped = static_cast<std::size_t>(body.data() - payload.bytes.data());
    return {body, payload.headers, payload.position + skipped};
}

std::optional<NamedMessage> take_message(Framed& framed) {
    if (!framed.message_name.empty()) return NamedMessage{framed.message_name, framed.message_name};
    std::string_view& bytes = framed.has_prefix ? framed.body : framed.behind_id;
    const std::string_view all = bytes;
    if (all.empty()) return framed.has_prefix ? std::nullopt : std::optional(NamedMessage{});
    auto count = take_index(bytes);
    if (!count || *count < 0 || *count > schemas::deepest_messages) return std::nullopt;
    for (; *count > 0; --*count)
        if (!take_index(bytes)) return std::nullopt;
    return NamedMessage{all.substr(0, all.size() - bytes.size()), {}};
}

std::vector<std::int32_t> NamedMessage::indexes() const {
    if (!name.empty()) return {};
    std::string_view bytes = raw;
    const std::int32_t count = bytes.empty() ? 0 : take_index(bytes).value_or(0);
    std::vector<std::int32_t> all;
    while (all.size() < static_cast<std::size_t>(count)) all.push_back(*take_index(bytes));
    if (all.empty()) all.push_back(0);  // how the first message is written in short
    return all;
}

std::string describe(const SchemaId& id) {
    switch (id.kind) {
        case IdKind::guid: {
            std::string text;
            append_hex(text, {reinterpret_cast<const char*>(id.guid.data()), id.guid.size()});
            for (const std::size_t at : {20, 16, 12, 8}) text.insert(at, 1, '-');
            return "schema " + text;
        }
        case IdKind::global_id:
            return "schema with global id " + std::to_string(id.number);
        case IdKind::content_id:
            return "schema with content id " + std::to_string(id.number);
        case IdKind::id:
            break;
    }
    return "schema " + std::to_string(id.number);
}

}  // namespace sluice
