// What the decoder finds in records, for compare.py. Reads lines: "S" and a schema, "W" and paths
// that are wanted from then on, separated by tabs, "R" and a record in hexadecimal. Answers each
// record with a line: a JSON array with the kind and the value for each path, or a text that says
// why it is none.

#include "pipeline/decode/avro_decoder.h"
#include "pipeline/decode/json_text.h"
#include "pipeline/ingest/batch.h"
#include "pipeline/values/canonical_text.h"
#include "pipeline/values/hex.h"

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

std::string shown(const Value& value) {
    std::string text;
    switch (value.kind) {
        case Kind::missing:
            return R"(["missing"])";
        case Kind::null:
            return R"(["null"])";
        case Kind::text:
            json::append_string(text, value.text);
            return "[\"text\"," + text + "]";
        case Kind::bytes:
            append_hex(text, value.text);
            return "[\"bytes\",\"" + text + "\"]";
        case Kind::json_object:
        case Kind::json_array:
            return "[\"json\"," + std::string(value.text) + "]";
        default:
            append_canonical_json(text, value);
            return "[\"typed\"," + text + "]";
    }
}

}  // namespace

int main() {
    std::ios::sync_with_stdio(false);
    std::shared_ptr<const schemas::AvroSchema> schema;
    std::unique_ptr<AvroDecoder> decoder;
    std::vector<Value> slots;
    for (std::string line; std::getline(std::cin, line);) {
        const std::string rest = line.substr(1);
        if (line[0] == 'S') {
            schema = std::make_shared<const schemas::AvroSchema>(schemas::parse_avro(rest));
        } else if (line[0] == 'W') {
            const auto fields = wanted(rest);
            slots.resize(fields.size());
            decoder = std::make_unique<AvroDecoder>(fields, schema);
        } else {
            std::string record = from_hex(rest);
            const std::size_t size = record.size();
            record.append(RecordLog::padding, '\0');
            slots.assign(slots.size(), Value());
            const std::string_view body(record.data(), size);
            if (!decoder->decode({body, {}}, slots, nullptr)) {
                std::string text;
                json::append_string(text, decoder->error().text);
                std::cout << text << '\n';
                continue;
            }
            std::string answer;
            for (const Value& value : slots) answer += (answer.empty() ? "[" : ",") + shown(value);
            std::cout << (answer.empty() ? "[" : answer) << "]\n";
        }
    }
}
