#include "pipeline/values/canonical_text.h"

#include "pipeline/values/big_endian.h"

#include "pipeline/values/civil_time.h"
#include "pipeline/values/hex.h"
#include "pipeline/values/numeric.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <vector>

namespace sluice {

namespace {

using Kind = Value::Kind;

template <class Number, class... Format>
void append_number(std::string& to, Number number, Format... format) {
    std::array<char, 400> text;  // a double without an exponent has 309 digits at most
    const auto end = std::to_chars(text.data(), text.data() + text.size(), number, format...).ptr;
    to.append(text.data(), end);
}

/// The shortest text that is read as the same number, with an exponent where the database has one.
template <class Real>
void append_real(std::string& to, Real real, int most_digits) {
    if (std::isnan(real)) {
        to += "NaN";
    } else if (std::isinf(real)) {
        to += real < 0 ? "-Infinity" : "Infinity";
    } else {
        std::array<char, 64> text;
        const char* const end = std::to_chars(text.data(), text.data() + text.size(), real,
                                              std::chars_format::scientific)
                                    .ptr;
        const std::string_view scientific(text.data(), static_cast<std::size_t>(end - text.data()));
        int exponent = 0;
        const std::size_t at = scientific.find('e') + 1;
        std::from_chars(scientific.data() + at + (scientific[at] == '+' ? 1 : 0), end, exponent);
        if (exponent >= -4 && exponent < most_digits) {
            append_number(to, real, std::chars_format::fixed);
        } else {
            to += scientific;
        }
    }
}

void append_decimal(std::string& to, const Value& value) {
    std::string digits;
    if (append_digits(digits, value.text)) to += '-';
    if (value.scale > most_scale || value.scale < -most_scale) {
        to += digits.empty() ? "0" : digits;
        to += 'e';
        return append_number(to, -std::int64_t{value.scale});
    }
    if (value.scale <= 0) {
        if (!digits.empty()) digits.append(static_cast<std::size_t>(-value.scale), '0');
        to += digits.empty() ? "0" : digits;
        return;
    }
    const auto scale = static_cast<std::size_t>(value.scale);
    if (digits.size() <= scale) digits.insert(0, scale + 1 - digits.size(), '0');
    to.append(digits, 0, digits.size() - scale);
    to += '.';
    to.append(digits, digits.size() - scale);
}

/// "1 mons -2 days +03:00:00": a sign for each part that follows a negative one, as in the
/// database's own style.
void append_interval(std::string& to, std::string_view bytes) {
    const auto time = static_cast<std::int64_t>(read_big_endian(bytes.substr(0, 8)));
    const auto days = static_cast<std::int32_t>(read_big_endian(bytes.substr(8, 4)));
    const auto months = static_cast<std::int32_t>(read_big_endian(bytes.substr(12, 4)));
    bool negative = false;
    const auto append = [&to, &negative](std::int32_t number, const char* unit) {
        if (number == 0) return;
        if (negative && number > 0) to += '+';
        negative = number < 0;
        append_number(to, number);
        to += unit;
    };
    append(months, " mons ");
    append(days, " days ");
    if (negative && time >= 0) to += '+';
    std::array<char, civil_time::longest> text;
    to.append(text.data(), civil_time::write_time(text.data(), time));
}

void append_uuid(std::string& to, std::string_view bytes) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) to += '-';
        append_hex(to, bytes.substr(i, 1));
    }
}

}  // namespace

bool append_digits(std::string& to, std::string_view bytes) {
    const bool negative = !bytes.empty() && (bytes[0] & 0x80) != 0;
    const auto is_sign_only = [negative](std::string_view text) {
        return negative ? text[0] == '\xff' && (text[1] & 0x80) != 0 : text[0] == '\0';
    };
    while (bytes.size() > 8 && is_sign_only(bytes)) bytes.remove_prefix(1);
    if (bytes.size() <= 8) {
        std::uint64_t number = negative ? ~std::uint64_t{0} : 0;
        for (const char c : bytes) number = number << 8 | static_cast<unsigned char>(c);
        if (negative) number = -number;
        if (number != 0) append_number(to, number);
        return negative;
    }
    // To the base of 2^32, the most significant first, without the sign.
    std::vector<std::uint32_t> limbs((bytes.size() + 3) / 4);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const auto byte = static_cast<unsigned char>(negative ? ~bytes[i] : bytes[i]);
        auto& limb = limbs[limbs.size() - 1 - (bytes.size() - 1 - i) / 4];
        limb = limb << 8 | byte;
    }
    for (std::size_t i = limbs.size(); negative && i-- > 0;) {
        if (++limbs[i] != 0) break;
    }
    constexpr std::uint32_t base = 1'000'000'000;
    std::vector<std::uint32_t> groups;  // of nine digits, the least significant first
    for (std::size_t first = 0; first < limbs.size();) {
        std::uint64_t rest = 0;
        for (std::size_t i = first; i < limbs.size(); ++i) {
            rest = rest << 32 | limbs[i];
            limbs[i] = static_cast<std::uint32_t>(rest / base);
            rest %= base;
        }
        groups.push_back(static_cast<std::uint32_t>(rest));
        while (first < limbs.size() && limbs[first] == 0) ++first;
    }
    append_number(to, groups.back());
    for (std::size_t i = groups.size() - 1; i-- > 0;) {
        std::array<char, 9> digits;
        for (std::size_t j = digits.size(); j-- > 0; groups[i] /= 10) {
            digits[j] = static_cast<char>('0' + groups[i] % 10);
        }
        to.append(digits.data(), digits.size());
    }
    return negative;
}

void append_canonical_text(std::string& to, const Value& value) {
    std::array<char, civil_time::longest> time;
    const auto append_time = [&to, &time](char* end) { to.append(time.data(), end); };
    switch (value.kind) {
        case Kind::bytes:
            to += "\\x";
            return append_hex(to, value.text);
        case Kind::boolean:
            to += value.integer != 0 ? "true" : "false";
            return;
        case Kind::integer:
            return append_number(to, value.integer);
        case Kind::real32:
            return append_real(to, static_cast<float>(value.real), 6);
        case Kind::real64:
            return append_real(to, value.real, 15);
        case Kind::decimal:
            return append_decimal(to, value);
        case Kind::date:
            return append_time(civil_time::write_date(time.data(), value.integer));
        case Kind::time:
            return append_time(civil_time::write_time(time.data(), value.integer));
        case Kind::timestamp:
            return append_time(civil_time::write_timestamp(time.data(), value.integer,
                                                           civil_time::Zone::none, value.scale));
        case Kind::instant:
            return append_time(civil_time::write_timestamp(time.data(), value.integer,
                                                           civil_time::Zone::utc, value.scale));
        case Kind::interval:
            return append_interval(to, value.text);
        case Kind::uuid:
            return append_uuid(to, value.text);
        default:
            to += value.text;
    }
}

void append_canonical_json(std::string& to, const Value& value) {
    const bool is_real = value.kind == Kind::real32 || value.kind == Kind::real64;
    const bool plain = value.kind == Kind::boolean || value.kind == Kind::integer ||
                       value.kind == Kind::decimal || (is_real && std::isfinite(value.real));
    if (!plain) to += '"';
    append_canonical_text(to, value);
    if (!plain) to += '"';
}

}  // namespace sluice
