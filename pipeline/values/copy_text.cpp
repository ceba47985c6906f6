#include "pipeline/values/copy_text.h"

#include "pipeline/values/canonical_text.h"

namespace sluice::copy_text {

namespace {

constexpr std::string_view special = "\\\b\f\n\r\t\v";
constexpr std::string_view letters = "\\bfnrtv";

void append_escaped(std::string& to, std::string_view text) {
    for (;;) {
        const std::size_t plain = text.find_first_of(special);
        if (plain == std::string_view::npos) break;
        to += text.substr(0, plain);
        to += '\\';
        to += letters[special.find(text[plain])];
        text.remove_prefix(plain + 1);
    }
    to += text;
}

}  // namespace

void append_row(std::string& to, std::span<const Value> values) {
    char separator = '\0';
    for (const Value& value : values) {
        if (separator != '\0') to += separator;
        separator = '\t';
        switch (value.kind) {
            case Value::Kind::missing:
            case Value::Kind::null:
                to += "\\N";
                break;
            case Value::Kind::bytes:
                to += '\\';  // before bytea's own backslash
                append_canonical_text(to, value);
                break;
            case Value::Kind::text:
            case Value::Kind::json:
                append_escaped(to, value.text);
                break;
            default:  // nothing to escape in what has a type
                append_canonical_text(to, value);
        }
    }
    to += '\n';
}

std::string unescaped(std::string_view field) {
    std::string text;
    for (;;) {
        const std::size_t plain = field.find('\\');
        text += field.substr(0, plain);
        if (plain == std::string_view::npos) return text;
        text += special[letters.find(field[plain + 1])];
        field.remove_prefix(plain + 2);
    }
}

}  // namespace sluice::copy_text
