#include "pipeline/values/conversion.h"

#include "pipeline/values/encoder.h"
#include "pipeline/values/text_value.h"

#include <charconv>

namespace sluice {

namespace {

using config::Conversion;

/// [-]digits[.digits] times 10 to the power of `decimals`, rounded to a whole number.
bool read_scaled(std::string_view text, int decimals, std::int64_t& result) {
    const bool negative = text.starts_with('-');
    if (negative) text.remove_prefix(1);
    std::int64_t number = 0;
    bool any = false;
    bool after_point = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '.' && !after_point) {
            after_point = true;
            continue;
        }
        if (!is_digit(c)) return false;
        any = true;
        if (after_point && decimals == 0) {
            for (const char rest : text.substr(i)) {
                if (!is_digit(rest)) return false;
            }
            if (c >= '5' && __builtin_add_overflow(number, 1, &number)) return false;
            break;
        }
        if (after_point) --decimals;
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, c - '0', &number)) {
            return false;
        }
    }
    // The digits that rounding stopped at are all there is; else the missing ones are zeros.
    for (; decimals > 0; --decimals) {
        if (__builtin_mul_overflow(number, 10, &number)) return false;
    }
    result = negative ? -number : number;
    return any;
}

Converted from_epoch(std::string_view text, int decimals, Scratch& scratch) {
    text = trimmed(text);
    std::int64_t microseconds = 0;
    const bool plain = read_scaled(text, decimals, microseconds);
    if (!plain) {  // 1.7e9, as some senders write large numbers
        double number = 0;
        const auto [after, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (error != std::errc() || after != text.data() + text.size()) {
            return {{}, "is not a number of seconds, milliseconds or microseconds since 1970"};
        }
        for (int i = 0; i < decimals; ++i) number *= 10;
        constexpr double far_away = 9e18;
        if (!(number > -far_away && number < far_away)) return {{}, "is out of range for a time"};
        microseconds = static_cast<std::int64_t>(number);
    }
    const Value time = timestamp_value(microseconds, 0, scratch);
    if (time.kind == Value::Kind::null) return {{}, "is out of range for a time"};
    return {time};
}

int base64_digit(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (is_digit(c)) return c - '0' + 52;
    if (c == '+' || c == '-') return 62;
    if (c == '/' || c == '_') return 63;
    return -1;
}

/// The standard and the URL alphabet, padding optional.
Converted from_base64(std::string_view text, Scratch& scratch) {
    constexpr const char* complaint = "is not base64";
    if (text.size() % 4 == 0) {
        for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
    }
    if (text.size() % 4 == 1) return {{}, complaint};
    char* const begin = scratch.reserve(text.size());
    char* to = begin;
    std::uint32_t bits = 0;
    int count = 0;
    for (const char c : text) {
        const int digit = base64_digit(c);
        if (digit < 0) return {{}, complaint};
        bits = (bits << 6 | static_cast<std::uint32_t>(digit)) & 0xffffff;
        count += 6;
        if (count < 8) continue;
        count -= 8;
        *to++ = static_cast<char>(bits >> count & 0xff);
    }
    scratch.shrink(to);
    return {{Value::Kind::bytes, {begin, static_cast<std::size_t>(to - begin)}}};
}

Converted from_hex(std::string_view text, Scratch& scratch) {
    constexpr const char* complaint = "is not hexadecimal";
    if (text.starts_with("\\x") || text.starts_with("0x")) text.remove_prefix(2);
    if (text.size() % 2 != 0) return {{}, complaint};
    char* const begin = scratch.reserve(text.size() / 2);
    char* to = begin;
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const int high = hex_digit(text[i]);
        const int low = hex_digit(text[i + 1]);
        if (high < 0 || low < 0) return {{}, complaint};
        *to++ = static_cast<char>(high << 4 | low);
    }
    return {{Value::Kind::bytes, {begin, static_cast<std::size_t>(to - begin)}}};
}

}  // namespace

Converted convert(std::string_view text, Conversion as, Scratch& scratch) {
    switch (as) {
        case Conversion::epoch_s:
            return from_epoch(text, 6, scratch);
        case Conversion::epoch_ms:
            return from_epoch(text, 3, scratch);
        case Conversion::epoch_us:
            return from_epoch(text, 0, scratch);
        case Conversion::base64:
            return from_base64(text, scratch);
        case Conversion::hex:
            return from_hex(text, scratch);
        case Conversion::none:
        case Conversion::json:
            break;
    }
    return {{Value::Kind::text, text}};
}

}  // namespace sluice
