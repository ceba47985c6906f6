#pragma once

#include "schemas/zigzag.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace sluice {

/// The bytes of one Avro value, read from the front. Behind them RecordLog::padding more can be
/// read, so that one look at the end is enough for each item. A read that says false leaves the
/// front where the item begins, and complaint() says what is wrong with it.
class AvroBytes {
public:
    AvroBytes() = default;
    explicit AvroBytes(std::string_view bytes)
        : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

    [[nodiscard]] const char* at() const { return at_; }
    [[nodiscard]] std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
    [[nodiscard]] const char* complaint() const { return complaint_; }
    bool fail(const char* complaint) {
        complaint_ = complaint;
        return false;
    }
    /// For a complaint about an item that has been read already.
    bool fail_at(const char* at, const char* complaint) {
        at_ = at;
        return fail(complaint);
    }

    [[nodiscard]] bool read_long(std::int64_t& number) {
        const auto byte = static_cast<unsigned char>(*at_);
        if (byte >= 0x80) return read_long_slowly(number);
        if (at_ == end_) return fail(cut_off);
        ++at_;
        number = schemas::unzigzag(byte);
        return true;
    }
    [[nodiscard]] bool read_int(std::int64_t& number) {
        const char* const begin = at_;
        if (!read_long(number)) return false;
        if (number == static_cast<std::int32_t>(number)) return true;
        return fail_at(begin, "an int of more than 32 bits");
    }
    [[nodiscard]] bool skip_number() {
        std::int64_t ignored = 0;
        return read_long(ignored);
    }
    [[nodiscard]] bool read(std::size_t size, std::string_view& bytes) {
        if (size > left()) return fail(cut_off);
        bytes = {at_, size};
        at_ += size;
        return true;
    }
    [[nodiscard]] bool read_sized(std::string_view& bytes) {
        const char* const begin = at_;
        std::int64_t size = 0;
        if (!read_long(size)) return false;
        if (size < 0) return fail_at(begin, "a length below zero");
        if (static_cast<std::uint64_t>(size) > left())
            return fail_at(begin, "a length beyond the end of the record");
        return read(static_cast<std::size_t>(size), bytes);
    }
    [[nodiscard]] bool read_boolean(std::int64_t& number) {
        if (at_ == end_) return fail(cut_off);
        const auto byte = static_cast<unsigned char>(*at_);
        if (byte > 1) return fail("a boolean that is neither 0 nor 1");
        ++at_;
        number = byte;
        return true;
    }
    /// The position of a union's branch or an enum's symbol, below `count`.
    [[nodiscard]] bool read_choice(std::size_t count, std::size_t& chosen, const char* complaint) {
        const char* const begin = at_;
        std::int64_t number = 0;
        if (!read_long(number)) return false;
        if (number < 0 || static_cast<std::uint64_t>(number) >= count)
            return fail_at(begin, complaint);
        chosen = static_cast<std::size_t>(number);
        return true;
    }
    template <class Number>
    [[nodiscard]] bool read_little_endian(Number& number) {
        if (sizeof number > left()) return fail(cut_off);
        std::memcpy(&number, at_, sizeof number);
        at_ += sizeof number;
        return true;
    }

    /// Some elements of an array or a map.
    struct Block {
        std::uint64_t count = 0;  ///< 0: it was the last one
        std::size_t size = 0;     ///< in bytes
        bool has_size = false;
    };
    [[nodiscard]] bool read_block(Block& block) {
        const char* const begin = at_;
        std::int64_t count = 0;
        if (!read_long(count)) return false;
        block = {static_cast<std::uint64_t>(count), 0, false};
        if (count >= 0) return true;
        std::int64_t size = 0;
        if (!read_long(size)) return false;
        if (size < 0 || static_cast<std::uint64_t>(size) > left())
            return fail_at(begin, "a block of elements beyond the end of the record");
        block = {0 - static_cast<std::uint64_t>(count), static_cast<std::size_t>(size), true};
        return true;
    }

private:
    static constexpr const char* cut_off = "the record ends within it";

    bool read_long_slowly(std::int64_t& number) {
        std::uint64_t bits = 0;
        const char* at = at_;
        for (int shift = 0; shift < 64; shift += 7) {
            const auto byte = static_cast<unsigned char>(*at++);
            bits |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
            if (byte >= 0x80) continue;
            if (at > end_) return fail(cut_off);
            if (shift == 63 && byte > 1) return fail("a number of more than 64 bits");
            at_ = at;
            number = schemas::unzigzag(bits);
            return true;
        }
        return fail(at > end_ ? cut_off : "a number of more than 64 bits");
    }

    const char* at_ = nullptr;
    const char* end_ = nullptr;
    const char* complaint_ = nullptr;
};

}  // namespace sluice
