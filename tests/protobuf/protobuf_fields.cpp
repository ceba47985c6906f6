// What the decoder finds in records, for compare.py, as decoded_lines.h says: a schema in
// hexadecimal, the paths of its message M, and a pair of the kind and the value for each.

#include "pipeline/decode/protobuf/protobuf_decoder.h"
#include "pipeline/values/hex.h"
#include "tests/fixture/decoded_lines.h"

#include <charconv>
#include <memory>
#include <string>
#include <vector>

using namespace sluice;
using fixture::in_quotes;
using Kind = Value::Kind;

namespace {

std::string pair(const char* kind, std::string_view json) {
    return "[\"" + std::string(kind) + "\"," + std::string(json) + "]";
}

std::string hex(std::string_view bytes) {
    std::string digits;
    append_hex(digits, bytes);
    return "\"" + digits + "\"";
}

std::string real(double number) {
    char text[32];
    const std::string shown(text, std::to_chars(text, text + sizeof text, number).ptr);
    return "\"" + shown + "\"";
}

std::string shown(const Value& value) {
    switch (value.kind) {
        case Kind::missing:
            return pair("missing", "0");
        case Kind::null:
            return pair("null", "0");
        case Kind::text:
            return pair("text", in_quotes(value.text));
        case Kind::bytes:
            return pair("bytes", hex(value.text));
        case Kind::boolean:
            return pair("boolean", std::to_string(value.integer));
        case Kind::integer:
            return pair("integer", std::to_string(value.integer));
        case Kind::instant:
            return pair("instant", std::to_string(value.integer));
        case Kind::interval:
            return pair("interval", hex(value.text));
        case Kind::decimal:
            return pair("decimal", hex(value.text));
        case Kind::real32:
        case Kind::real64:
            return pair("real", real(value.real));
        case Kind::json_string:
            return pair("json", "\"" + std::string(value.text) + "\"");
        default:
            return pair("json", value.text);
    }
}

}  // namespace

int main() {
    std::shared_ptr<const schemas::ProtobufSchema> schema;
    fixture::answer_lines(
        [&](const std::string& text) {
            schema = std::make_shared<const schemas::ProtobufSchema>(
                schemas::parse_protobuf({"m.proto", from_hex(text)}));
        },
        [&](const std::vector<WantedField>& fields) {
            return std::make_unique<ProtobufDecoder>(schema, schema->message_called("M"), fields);
        },
        shown);
}
