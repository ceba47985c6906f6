#include "pipeline/decode/protobuf/protobuf_wire.h"

namespace sluice::protobuf {

const char* WireReader::long_varint(const char* at, const char* end, std::uint64_t& number,
                                    WireError& error) {
    constexpr int longest = 10;
    const char* const begin = at;
    std::uint64_t read = 0;
    for (int shift = 0; shift < 7 * longest; shift += 7) {
        if (at == end) {
            error.fail("a number that does not end", begin);
            return nullptr;
        }
        const auto byte = static_cast<unsigned char>(*at++);
        read |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
        if (byte >= 0x80) continue;
        number = read;
        return at;
    }
    error.fail("a number of more than 10 bytes", begin);
    return nullptr;
}

const char* WireReader::group(std::string_view rest, std::uint32_t number, int depth, Piece& piece,
                              WireError& error) {
    if (depth > deepest) {
        error.fail(too_deep, rest.data());
        return nullptr;
    }
    const std::uint64_t end_tag =
        std::uint64_t{number} << 3 | static_cast<unsigned>(WireType::end_group);
    WireReader reader(rest, error);
    while (!reader.at_end()) {
        const char* const tag_at = reader.at_;
        std::uint64_t tag = 0;
        if (!reader.read_varint(tag)) return nullptr;
        if (tag == end_tag) {
            piece = Piece::of({rest.data(), static_cast<std::size_t>(tag_at - rest.data())});
            return reader.at_;
        }
        reader.at_ = tag_at;
        std::uint32_t inner_number = 0;
        WireType type{};
        Piece inner;
        if (!reader.read_tag(inner_number, type)) return nullptr;
        if (type != WireType::group) {
            if (!reader.read(inner_number, type, inner)) return nullptr;
            continue;
        }
        const char* const after =
            group(std::string_view(reader.at_, reader.end_), inner_number, depth + 1, inner, error);
        if (after == nullptr) return nullptr;
        reader.at_ = after;
    }
    error.fail("a group that does not end", rest.data());
    return nullptr;
}

bool WireReader::refuse_tag(std::uint64_t tag, const char* where, WireError& error) {
    const auto type = static_cast<unsigned>(tag & 7);
    if (tag > UINT32_MAX) return error.fail("a field number of more than 29 bits", where);
    if (tag >> 3 == 0) return error.fail("field number 0, which there is not", where);
    if (type == static_cast<unsigned>(WireType::end_group))
        return error.fail("the end of a group that did not begin", where);
    return error.fail("wire type " + std::to_string(type) + ", which there is not", where);
}

bool WireReader::lacks(std::uint64_t size, std::ptrdiff_t left, const char* where,
                       WireError& error) {
    return error.fail("cut short: " + std::to_string(size) + " bytes are announced and " +
                          std::to_string(left) + " are left",
                      where);
}

}  // namespace sluice::protobuf
