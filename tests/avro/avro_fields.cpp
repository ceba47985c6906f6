// What the decoder finds in records, for compare.py, as decoded_lines.h says: a schema as it is,
// and an array of the kind and the value for each path.

#include "pipeline/decode/avro/avro_decoder.h"
#include "pipeline/values/canonical_text.h"
#include "pipeline/values/hex.h"
#include "tests/fixture/decoded_lines.h"

#include <memory>
#include <string>
#include <vector>

using namespace sluice;
using Kind = Value::Kind;

namespace {

std::string shown(const Value& value) {
    std::string text;
    switch (value.kind) {
        case Kind::missing:
            return R"(["missing"])";
        case Kind::null:
            return R"(["null"])";
        case Kind::text:
            return "[\"text\"," + fixture::in_quotes(value.text) + "]";
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
    std::shared_ptr<const schemas::AvroSchema> schema;
    fixture::answer_lines(
        [&](const std::string& text) {
            schema = std::make_shared<const schemas::AvroSchema>(schemas::parse_avro(text));
        },
        [&](const std::vector<WantedField>& fields) {
            return std::make_unique<AvroDecoder>(fields, schema);
        },
        shown);
}
