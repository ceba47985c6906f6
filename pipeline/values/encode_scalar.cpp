#include "pipeline/values/binary_copy.h"
#include "pipeline/values/eight_characters.h"
#include "pipeline/values/encoder.h"

#include <array>
#include <cstring>
#include <optional>

namespace sluice {

namespace {

/// Whether `text` is a beginning, of at least `least` characters, of `word`.
bool abbreviates(std::string_view text, std::string_view word, std::size_t least) {
    return text.size() >= least && text.size() <= word.size() &&
           equal_ignoring_case(text, word.substr(0, text.size()));
}

std::optional<bool> read_boolean(std::string_view text) {
    if (text == "true" || text == "1") return true;  // first what nearly all are
    if (text == "false" || text == "0") return false;
    if (abbreviates(text, "true", 1) || abbreviates(text, "yes", 1) || abbreviates(text, "on", 2))
        return true;
    if (abbreviates(text, "false", 1) || abbreviates(text, "no", 1) || abbreviates(text, "off", 2))
        return false;
    return std::nullopt;
}

enum class Bytes { done, wrong, database };

/// byteain's \x form.
Bytes read_hex(std::string_view digits, std::string& to) {
    if (digits.size() % 2 != 0) return Bytes::database;  // spaces are permitted between bytes
    for (std::size_t i = 0; i < digits.size(); i += 2) {
        const int high = hex_digit(digits[i]);
        const int low = hex_digit(digits[i + 1]);
        if (high < 0 || low < 0) {
            const bool spaces = digits.find_first_of(" \n\t\r") != std::string_view::npos;
            return spaces ? Bytes::database : Bytes::wrong;
        }
        to += static_cast<char>(high << 4 | low);
    }
    return Bytes::done;
}

/// byteain's other form: \\ is a backslash, \ooo a byte.
Bytes read_escaped(std::string_view text, std::string& to) {
    const auto octal = [](char c) { return c >= '0' && c <= '7'; };
    for (std::size_t i = 0; i < text.size();) {
        if (text[i] != '\\') {
            to += text[i++];
        } else if (i + 1 < text.size() && text[i + 1] == '\\') {
            to += '\\';
            i += 2;
        } else if (i + 3 < text.size() && text[i + 1] >= '0' && text[i + 1] <= '3' &&
                   octal(text[i + 2]) && octal(text[i + 3])) {
            to += static_cast<char>((text[i + 1] - '0') << 6 | (text[i + 2] - '0') << 3 |
                                    (text[i + 3] - '0'));
            i += 4;
        } else {
            return Bytes::wrong;
        }
    }
    return Bytes::done;
}

/// As nearly all are written: 8-4-4-4-12. False: in another way, if at all.
bool read_plain_uuid(std::string_view text, std::array<char, 16>& bytes) {
    if (text.size() != 36) return false;
    for (const std::size_t dash : {8, 13, 18, 23})
        if (text[dash] != '-') return false;
    const auto fours = [&text](std::size_t first, std::size_t second) {
        return std::uint64_t{four_at(text.data() + second)} << 32 | four_at(text.data() + first);
    };
    const std::array<std::uint64_t, 4> digits{eight_at(text.data()), fours(9, 14), fours(19, 24),
                                              eight_at(text.data() + 28)};
    for (std::size_t i = 0; i < digits.size(); ++i) {
        const auto four = bytes_of_eight_hex(digits[i]);
        if (!four) return false;
        std::memcpy(bytes.data() + 4 * i, &*four, sizeof *four);
    }
    return true;
}

bool read_uuid(std::string_view text, std::array<char, 16>& bytes) {
    const bool braces = text.starts_with('{');
    if (braces) text.remove_prefix(1);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (text.size() < 2) return false;
        const int high = hex_digit(text[0]);
        const int low = hex_digit(text[1]);
        if (high < 0 || low < 0) return false;
        bytes[i] = static_cast<char>(high << 4 | low);
        text.remove_prefix(2);
        if (i % 2 == 1 && i + 1 < bytes.size() && text.starts_with('-')) text.remove_prefix(1);
    }
    return text == (braces ? "}" : "");
}

/// One to three digits without a leading zero, at most `most`. -1: something else.
int read_small(const char*& at, const char* end, int most) {
    const char* const begin = at;
    int number = 0;
    while (at != end && is_digit(*at) && at - begin < 3) number = number * 10 + (*at++ - '0');
    const bool leading_zero = at - begin > 1 && *begin == '0';
    return at == begin || leading_zero || number > most ? -1 : number;
}

}  // namespace

Verdict encode_boolean(const Value& value, const Column&, Encoding& encoding, RowBuffer& to) {
    const std::optional<bool> boolean = read_boolean(trimmed(value.text));
    if (!boolean) return encoding.refuse("is not a boolean");
    binary_copy::append_field(to, static_cast<std::int8_t>(*boolean));
    return Verdict::encoded;
}

Verdict encode_bytea(const Value& value, const Column&, Encoding& encoding, RowBuffer& to) {
    if (value.kind == Value::Kind::bytes) {
        binary_copy::append_field(to, value.text);
        return Verdict::encoded;
    }
    encoding.buffer.clear();
    const bool hex = value.text.starts_with("\\x");
    switch (hex ? read_hex(value.text.substr(2), encoding.buffer)
                : read_escaped(value.text, encoding.buffer)) {
        case Bytes::done:
            binary_copy::append_field(to, encoding.buffer);
            return Verdict::encoded;
        case Bytes::wrong:
            return encoding.refuse("is not in a form of bytea");
        case Bytes::database:
            return Verdict::database;
    }
    return Verdict::database;
}

Verdict encode_uuid(const Value& value, const Column&, Encoding& encoding, RowBuffer& to) {
    std::array<char, 16> bytes;
    if (!read_plain_uuid(value.text, bytes) && !read_uuid(value.text, bytes))
        return encoding.refuse("is not a uuid");
    binary_copy::append_field(to, std::string_view(bytes.data(), bytes.size()));
    return Verdict::encoded;
}

Verdict encode_inet(const Value& value, const Column&, Encoding& encoding, RowBuffer& to) {
    // AF_INET, prefix length, not a cidr, size of the address, address.
    std::array<char, 8> bytes{2, 32, 0, 4, 0, 0, 0, 0};
    const char* at = value.text.data();
    const char* const end = at + value.text.size();
    for (std::size_t i = 0; i < 4; ++i) {
        const int octet = read_small(at, end, 255);
        if (octet < 0) break;
        bytes[4 + i] = static_cast<char>(octet);
        const bool last = i == 3;
        if (!last && (at == end || *at++ != '.')) break;
        if (!last) continue;
        if (at != end && *at == '/') {
            ++at;
            const int prefix = read_small(at, end, 32);
            if (prefix < 0) break;
            bytes[1] = static_cast<char>(prefix);
        }
        if (at != end) break;
        binary_copy::append_field(to, std::string_view(bytes.data(), bytes.size()));
        return Verdict::encoded;
    }
    // IPv6 and short forms are the database's; what lacks every mark of an address is nobody's.
    if (value.text.find_first_of(".:0123456789") == std::string_view::npos) {
        return encoding.refuse("is not an address");
    }
    return Verdict::database;
}

Verdict encode_nothing(const Value&, const Column&, Encoding&, RowBuffer&) {
    return Verdict::database;
}

bool has_binary_form(const Column& column) {
    return column.type != ColumnType::array && column.type != ColumnType::other;
}

Encoder encoder_for(const Column& column) {
    switch (column.type) {
        case ColumnType::int2:
            return encode_int2;
        case ColumnType::int4:
            return encode_int4;
        case ColumnType::int8:
            return encode_int8;
        case ColumnType::float4:
            return encode_float4;
        case ColumnType::float8:
            return encode_float8;
        case ColumnType::numeric:
            return encode_numeric;
        case ColumnType::boolean:
            return encode_boolean;
        case ColumnType::text:
            return column.type_name == "name" ? encode_name : encode_text;
        case ColumnType::varchar:
            return encode_limited_text;
        case ColumnType::bpchar:
            return encode_limited_text;
        case ColumnType::json:
            return encode_json;
        case ColumnType::jsonb:
            return encode_jsonb;
        case ColumnType::bytea:
            return encode_bytea;
        case ColumnType::uuid:
            return encode_uuid;
        case ColumnType::date:
            return encode_date;
        case ColumnType::time:
            return encode_time;
        case ColumnType::timestamp:
            return encode_timestamp;
        case ColumnType::timestamptz:
            return encode_timestamptz;
        case ColumnType::inet:
            return encode_inet;
        case ColumnType::enumeration:
            return encode_name;
        case ColumnType::array:
            return encode_nothing;
        case ColumnType::other:
            return encode_nothing;
    }
    return encode_nothing;
}

}  // namespace sluice
