#include "daemon/report/report.h"

#include "pipeline/values/utf8.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace sluice {
namespace {

bool is_number(const std::string& text) {
    return !text.empty() && text.find_first_not_of("0123456789-.,%") == std::string::npos;
}

std::string formatted(const char* format, unsigned number) {
    char text[16];
    std::snprintf(text, sizeof text, format, number);
    return text;
}

/// The code point of a character that utf8::character_size() knows.
unsigned code_point(std::string_view character) {
    const auto lead = static_cast<unsigned char>(character[0]);
    if (character.size() == 1) return lead;
    unsigned point = lead & (0x7fu >> character.size());
    for (const char c : character.substr(1)) point = point << 6 | (static_cast<unsigned>(c) & 0x3f);
    return point;
}

bool is_control(unsigned point) {
    const bool turns_direction = (point >= 0x202a && point <= 0x202e) || point == 0x200e ||
                                 point == 0x200f || (point >= 0x2066 && point <= 0x2069);
    const bool breaks_line = point == 0x2028 || point == 0x2029;
    return point < 0x20 || (point >= 0x7f && point < 0xa0) || turns_direction || breaks_line;
}

/// Calls with each character and its code point; with one byte and no_character for what is none.
constexpr unsigned no_character = 0xffffffff;
template <class Visit>
void for_each_character(std::string_view text, Visit visit) {
    while (!text.empty()) {
        const std::size_t size = utf8::character_size(text);
        const std::string_view character = text.substr(0, std::max<std::size_t>(1, size));
        visit(character, size == 0 ? no_character : code_point(character));
        text.remove_prefix(character.size());
    }
}

void append_json_string(std::string& to, std::string_view text) {
    to += '"';
    for_each_character(text, [&](std::string_view character, unsigned point) {
        if (point == no_character) {
            to += "\\ufffd";
        } else if (is_control(point)) {
            to += formatted("\\u%04x", point);
        } else {
            if (point == '"' || point == '\\') to += '\\';
            to += character;
        }
    });
    to += '"';
}

}  // namespace

std::string printable(std::string_view text) {
    std::string shown;
    for_each_character(text, [&](std::string_view character, unsigned point) {
        if (point == '\n') {
            shown += "\\n";
        } else if (point == '\t') {
            shown += "\\t";
        } else if (point == '\r') {
            shown += "\\r";
        } else if (point == no_character || (point < 0x80 && is_control(point))) {
            shown += formatted("\\x%02x", static_cast<unsigned char>(character[0]));
        } else if (is_control(point)) {
            shown += formatted("\\u%04x", point);
        } else {
            shown += character;
        }
    });
    return shown;
}

bool is_printable(std::string_view bytes) {
    bool all = true;
    for_each_character(bytes, [&](std::string_view, unsigned point) {
        const bool is_blank = point == '\n' || point == '\t' || point == '\r';
        all = all && point != no_character && (is_blank || !is_control(point));
    });
    return all;
}

std::string csv_line(std::span<const std::optional<std::string>> cells) {
    std::string line;
    for (const auto& cell : cells) {
        if (&cell != cells.data()) line += ',';
        if (!cell) continue;
        const bool quoted =
            cell->empty() || *cell == "\\." || cell->find_first_of(",\"\r\n") != std::string::npos;
        if (!quoted) {
            line += *cell;
            continue;
        }
        line += '"';
        for (const char c : *cell) line.append(c == '"' ? 2 : 1, c);
        line += '"';
    }
    return line + "\n";
}

std::string format_table(std::vector<std::vector<std::string>> rows) {
    if (rows.empty()) return {};
    // Cells quote what records hold: none may end its line, or tell the terminal what to do.
    for (auto& row : rows)
        for (std::string& cell : row) cell = printable(cell);
    const std::size_t columns = rows.front().size();
    std::vector<std::size_t> widths(columns, 0);
    std::vector<bool> right(columns, rows.size() > 1);
    for (std::size_t row = 0; row < rows.size(); ++row) {
        for (std::size_t column = 0; column < columns; ++column) {
            widths[column] = std::max(widths[column], utf8::characters(rows[row][column]));
            if (row > 0 && !is_number(rows[row][column])) right[column] = false;
        }
    }
    std::string text;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t column = 0; column < columns; ++column) {
            const std::string padding(widths[column] - utf8::characters(row[column]), ' ');
            if (column > 0) line += "  ";
            line += right[column] ? padding + row[column] : row[column] + padding;
        }
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + "\n";
    }
    return text;
}

void JsonWriter::separate() {
    if (needs_comma_) text_ += ',';
    needs_comma_ = true;
}

JsonWriter& JsonWriter::begin_object() {
    separate();
    text_ += '{';
    needs_comma_ = false;
    return *this;
}

JsonWriter& JsonWriter::end_object() {
    text_ += '}';
    needs_comma_ = true;
    return *this;
}

JsonWriter& JsonWriter::begin_array() {
    separate();
    text_ += '[';
    needs_comma_ = false;
    return *this;
}

JsonWriter& JsonWriter::end_array() {
    text_ += ']';
    needs_comma_ = true;
    return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
    separate();
    append_json_string(text_, name);
    text_ += ':';
    needs_comma_ = false;
    return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
    separate();
    append_json_string(text_, text);
    return *this;
}

JsonWriter& JsonWriter::value(long long number) {
    separate();
    text_ += std::to_string(number);
    return *this;
}

JsonWriter& JsonWriter::value(double number) {
    separate();
    if (!std::isfinite(number)) {
        text_ += "null";
        return *this;
    }
    char digits[32];
    text_.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
    return *this;
}

JsonWriter& JsonWriter::value(bool truth) {
    separate();
    text_ += truth ? "true" : "false";
    return *this;
}

JsonWriter& JsonWriter::null() {
    separate();
    text_ += "null";
    return *this;
}

}  // namespace sluice
