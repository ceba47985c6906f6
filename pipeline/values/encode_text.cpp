#include "pipeline/values/binary_copy.h"
#include "pipeline/values/encoder.h"
#include "pipeline/values/json_text.h"

#include <algorithm>
#include <cstring>

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

}  // namespace

Verdict encode_text(const Value& value, const Column& column, Encoding&, std::string& to) {
    // As text, a label or name that is too long is cut or looked up; in binary it is an error.
    const bool is_name = column.type == ColumnType::enumeration || column.type_name == "name";
    if (is_name && value.text.size() >= name_size) return Verdict::database;
    binary_copy::append_field(to, value.text);
    return Verdict::encoded;
}

Verdict encode_limited_text(const Value& value, const Column& column, Encoding& encoding,
                            std::string& to) {
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

Verdict encode_json(const Value& value, const Column&, Encoding& encoding, std::string& to) {
    if (value.kind != Value::Kind::json) {
        if (const auto error = json::check(value.text, encoding.json)) {
            return encoding.refuse("is not JSON: " + json::describe(*error));
        }
    }
    binary_copy::append_field(to, value.text);
    return Verdict::encoded;
}

Verdict encode_jsonb(const Value& value, const Column& column, Encoding& encoding,
                     std::string& to) {
    constexpr char version = 1;
    const std::size_t begin = to.size();
    const Verdict verdict = encode_json(value, column, encoding, to);
    if (verdict != Verdict::encoded) return verdict;
    if (const char* complaint = json::complaint_of_jsonb(value.text)) {
        return encoding.refuse(complaint);
    }
    const auto size = binary_copy::big_endian(static_cast<std::int32_t>(value.text.size() + 1));
    std::memcpy(to.data() + begin, &size, sizeof size);
    to.insert(begin + sizeof size, 1, version);
    return Verdict::encoded;
}

}  // namespace sluice
