#include "pipeline/decode/protobuf_wire.h"

namespace sluice::protobuf {

bool WireReader::read_long_varint(std::uint64_t& number) {
    constexpr int longest = 10;
    const char* const begin = at_;
    number = 0;
    for (int i = 0; i < longest; ++i) {
        if (at_ == end_) return error_.fail("a number that does not end", begin);
        const auto byte = static_cast<unsigned char>(*at_++);
        number |= static_cast<std::uint64_t>(byte & 0x7f) << (7 * i);
        if (byte < 0x80) return true;
    }
    return error_.fail("a number of more than 10 bytes", begin);
}

bool WireReader::read_group(std::uint32_t number, int depth, Piece& piece) {
    if (depth > deepest) return error_.fail(too_deep, at_);
    const char* const begin = at_;
    for (;;) {
        const char* const tag_at = at_;
        std::uint64_t tag = 0;
        if (at_ == end_) return error_.fail("a group that does not end", begin);
        if (!read_varint(tag)) return false;
        if (tag == (std::uint64_t{number} << 3 | static_cast<unsigned>(WireType::end_group))) {
            piece = Piece::of({begin, static_cast<std::size_t>(tag_at - begin)});
            return true;
        }
        const auto type = static_cast<WireType>(tag & 7);
        const auto inner_number = static_cast<std::uint32_t>(tag >> 3);
        if (inner_number == 0 || tag > UINT32_MAX || type > WireType::fixed32 ||
            type == WireType::end_group)
            return refuse_tag(tag, tag_at);
        Piece inner;
        if (type == WireType::group ? !read_group(inner_number, depth + 1, inner)
                                    : !read(inner_number, type, inner))
            return false;
    }
}

bool WireReader::refuse_tag(std::uint64_t tag, const char* where) {
    const auto type = static_cast<unsigned>(tag & 7);
    if (tag > UINT32_MAX) return error_.fail("a field number of more than 29 bits", where);
    if (tag >> 3 == 0) return error_.fail("field number 0, which there is not", where);
    if (type == static_cast<unsigned>(WireType::end_group))
        return error_.fail("the end of a group that did not begin", where);
    return error_.fail("wire type " + std::to_string(type) + ", which there is not", where);
}

bool WireReader::lacks(std::uint64_t size, const char* where) {
    return error_.fail("cut short: " + std::to_string(size) + " bytes are announced and " +
                           std::to_string(end_ - at_) + " are left",
                       where);
}

}  // namespace sluice::protobuf
