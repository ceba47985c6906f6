#include "pipeline/values/binary_copy.h"
#include "pipeline/values/encoder.h"
#include "pipeline/values/json_text.h"

#include <algorithm>

namespace sluice {

namespace {

constexpr std::int32_t typmod_header = 4;
constexpr std::size_t name_size = 64;  // NAMEDATALEN

std::size_t count_characters(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

/// The server cuts such a text to `count` characters; any other that is longer it refuses.
bool only_spaces_after(std::string_view text, std::size_t count) {
    const std::size_t last = text.find_last_not_of(' ');
    return last == std::string_view::npos || count_characters(text.substr(0, last + 1)) <= count;
}

bool is_json(const Value& value, Encoding& encoding) {
    if (value.kind == Value::Kind::json) return true;
    const auto error = json::check(value.text, encoding.json);
    if (error) encoding.complaint = "is not JSON: " + json::describe(*error);
    return !error;
}

}  // namespace

Verdict encode_text(const Value& value, const Column&, Encoding&, RowBuffer& to) {
    binary_copy::append_field(to, value.text);
    return Verdict::encoded;
}

Verdict encode_name(const Value& value, const Column& column, Encoding& encoding, RowBuffer& to) {
    // As text, a label or name that is too long is cut or looked up; in binary it is an error.
    if (value.text.size() >= name_size) return Verdict::database;
    return encode_text(value, column, encoding, to);
}

Verdict encode_limited_text(const Value& value, const Column& column, Encoding& encoding,
                            RowBuffer& to) {
    if (column.typmod >= typmod_header) {
        const auto limit = static_cast<std::size_t>(column.typmod - typmod_header);
        if (value.text.size() > limit && !only_spaces_after(value.text, limit)) {
            return encoding.refuse("has " + std::to_string(count_characters(value.text)) +
                                   " characters, too many for " + column.type_name);
        }
    }
    binary_copy::append_field(to, value.text);
    return Verdict::encoded;
}

Verdict encode_json(const Value& value, const Column&, Encoding& encoding, RowBuffer& to) {
    if (!is_json(value, encoding)) return Verdict::invalid;
    binary_copy::append_field(to, value.text);
    return Verdict::encoded;
}

Verdict encode_jsonb(const Value& value, const Column&, Encoding& encoding, RowBuffer& to) {
    if (!is_json(value, encoding)) return Verdict::invalid;
    if (const char* complaint = json::complaint_of_jsonb(value.text))
        return encoding.refuse(complaint);
    constexpr char version = 1;
    binary_copy::append_int(to, static_cast<std::int32_t>(1 + value.text.size()));
    to.append(&version, 1);
    to.append(value.text.data(), value.text.size());
    return Verdict::encoded;
}

}  // namespace sluice
