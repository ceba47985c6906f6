#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

/// Protobuf's bytes, without knowing what they mean.
namespace sluice::protobuf {

enum class WireType : std::uint8_t { varint, fixed64, bytes, group, end_group, fixed32 };

/// One value as it stands there. Views the payload.
struct Piece {
    const char* at = nullptr;  ///< where the value begins, or the content of bytes and groups
    std::uint64_t number = 0;  ///< the value; of bytes and groups the content's size

    [[nodiscard]] std::string_view bytes() const { return {at, number}; }
    static Piece of(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
};

/// What is wrong, and where. Filled from the inside out, as calls return.
struct WireError {
    std::string what;          ///< lower case
    const char* at = nullptr;  ///< in the payload; nullptr: nowhere in particular
    std::string field;         ///< names with dots between them; empty: the record itself

    bool fail(std::string_view why, const char* where) {
        what = why;
        at = where;
        field.clear();
        return false;
    }
    /// The failure happened within this field.
    bool within(std::string_view name) {
        field = field.empty() ? std::string(name) : std::string(name) + "." + field;
        return false;
    }
};

/// As deep as Google's own readers go, unless told otherwise.
inline constexpr int deepest = 100;
inline constexpr const char* too_deep = "messages within messages, deeper than 100";

/// Goes through one message, value after value, and never beyond its end. What returns a bool says
/// false after it has filled `error`.
class WireReader {
public:
    WireReader(std::string_view message, WireError& error)
        : at_(message.data()), end_(message.data() + message.size()), error_(error) {}

    [[nodiscard]] bool at_end() const { return at_ == end_; }
    [[nodiscard]] const char* here() const { return at_; }

    /// A field's number and the type of the value that follows.
    [[nodiscard]] bool read_tag(std::uint32_t& number, WireType& type) {
        std::uint64_t tag = 0;
        const char* const begin = at_;
        if (!read_varint(tag)) return false;
        number = static_cast<std::uint32_t>(tag >> 3);
        type = static_cast<WireType>(tag & 7);
        return (number != 0 && tag <= UINT32_MAX && (tag & 7) <= 5 && type != WireType::end_group)
                   ? true
                   : refuse_tag(tag, begin, error_);
    }
    /// The value behind that tag.
    [[nodiscard]] bool read(std::uint32_t number, WireType type, Piece& piece) {
        piece.at = at_;
        switch (type) {
            case WireType::varint:
                return read_varint(piece.number);
            case WireType::fixed64:
                return read_fixed<std::uint64_t>(piece.number);
            case WireType::fixed32:
                return read_fixed<std::uint32_t>(piece.number);
            case WireType::bytes:
                return read_bytes(piece);
            default:
                return read_group(number, piece);
        }
    }

private:
    bool read_varint(std::uint64_t& number) {
        if (at_ == end_ || (*at_ & 0x80) != 0) {
            const char* const after = long_varint(at_, end_, number, error_);
            if (after == nullptr) return false;
            at_ = after;
            return true;
        }
        number = static_cast<unsigned char>(*at_++);
        return true;
    }
    template <class Fixed>
    bool read_fixed(std::uint64_t& number) {
        static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
        if (static_cast<std::size_t>(end_ - at_) < sizeof(Fixed))
            return lacks(sizeof(Fixed), end_ - at_, at_, error_);
        Fixed fixed = 0;
        std::memcpy(&fixed, at_, sizeof fixed);
        number = fixed;
        at_ += sizeof fixed;
        return true;
    }
    bool read_bytes(Piece& piece) {
        if (!read_varint(piece.number)) return false;
        if (piece.number > static_cast<std::uint64_t>(end_ - at_))
            return lacks(piece.number, end_ - at_, piece.at, error_);
        piece.at = at_;
        at_ += piece.number;
        return true;
    }
    bool read_group(std::uint32_t number, Piece& piece) {
        const char* const after = group(std::string_view(at_, end_), number, 1, piece, error_);
        if (after == nullptr) return false;
        at_ = after;
        return true;
    }

    // Not members, so that the position can stay in a register. nullptr: `error` is filled.
    static const char* long_varint(const char* at, const char* end, std::uint64_t& number,
                                   WireError& error);
    static const char* group(std::string_view rest, std::uint32_t number, int depth, Piece& piece,
                             WireError& error);
    static bool refuse_tag(std::uint64_t tag, const char* where, WireError& error);
    static bool lacks(std::uint64_t size, std::ptrdiff_t left, const char* where, WireError& error);

    const char* at_;
    const char* end_;
    WireError& error_;
};

}  // namespace sluice::protobuf
