// What the decoder finds in records, for compare.py. Reads lines: "S" and a schema in hexadecimal,
// "W" and the paths that are wanted of its message M, separated by tabs, "R" and a record in
// hexadecimal. Answers each record with a line: a JSON array with the kind and the value for each
// path, or a text that says why it is none.

#include "pipeline/decode/json_text.h"
#include "pipeline/decode/protobuf_decoder.h"
#include "pipeline/ingest/batch.h"
#include "pipeline/values/hex.h"

#include <charconv>
#include <cstring>
#include <iostream>
#include <sstream>

using namespace sluice;
using Kind = Value::Kind;

namespace {

std::vector<WantedField> wanted(const std::string& line) {
    std::vector<WantedField> all;
    std::istringstream paths(line);
    for (std::string path; std::getline(paths, path, '\t');) {
        WantedField& field = all.emplace_back();
        field.slot = all.size() - 1;
        std::istringstream tokens(path.substr(1));
        for (std::string token; std::getline(tokens, token, '/');)
            field.source.path.push_back(token);
    }
    return all;
}

std::string pair(const char* kind, std::string_view json) {
    return "[\"" + std::string(kind) + "\"," + std::string(json) + "]";
}

std::string in_quotes(std::string_view text) {
    std::string quoted;
    json::append_string(quoted, text);
    return quoted;
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
    std::ios::sync_with_stdio(false);
    std::shared_ptr<const schemas::ProtobufSchema> schema;
    std::unique_ptr<ProtobufDecoder> decoder;
    std::vector<Value> slots;
    for (std::string line; std::getline(std::cin, line);) {
        const std::string rest = line.substr(1);
        if (line[0] == 'S') {
            schema = std::make_shared<const schemas::ProtobufSchema>(
                schemas::parse_protobuf({"m.proto", from_hex(rest)}));
        } else if (line[0] == 'W') {
            const auto fields = wanted(rest);
            slots.resize(fields.size());
            decoder =
                std::make_unique<ProtobufDecoder>(schema, schema->message_called("M"), fields);
        } else {
            std::string record = from_hex(rest);
            const std::size_t size = record.size();
            record.append(RecordLog::padding, '\0');
            slots.assign(slots.size(), Value());
            if (!decoder->decode({{record.data(), size}, {}}, slots, nullptr)) {
                std::cout << in_quotes(decoder->error().text) << '\n';
                continue;
            }
            std::string answer;
            for (const Value& value : slots) answer += (answer.empty() ? "[" : ",") + shown(value);
            std::cout << answer << "]\n";
        }
    }
}
