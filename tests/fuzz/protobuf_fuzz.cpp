#include "pipeline/decode/json/json_decoder.h"
#include "pipeline/decode/protobuf/protobuf_decoder.h"
#include "schemas/protobuf_schema.h"
#include "tests/fuzz/decoded_fields.h"

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

using namespace sluice;

namespace {

/// Everything that the decoder treats in a way of its own.
const schemas::NamedSchema file{"f.proto", R"(syntax = "proto2";
import "google/protobuf/timestamp.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/wrappers.proto";
import "google/protobuf/any.proto";
enum Colour { RED = 0; BLUE = 5; }
message Record {
  optional int32 a = 1;
  optional sint64 b = 2;
  optional double c = 3;
  optional fixed32 d = 4;
  optional string e = 5 [default = "x"];
  optional bytes f = 6;
  optional Colour g = 7;
  repeated int64 h = 8 [packed = true];
  repeated string i = 9;
  map<string, Record> j = 10;
  optional Record k = 11;
  oneof choice { string l = 12; Record m = 13; }
  optional group N = 14 { optional int32 a = 1; }
  optional google.protobuf.Timestamp o = 15;
  optional google.protobuf.Duration p = 16;
  optional google.protobuf.Struct q = 17;
  optional google.protobuf.Int64Value r = 18;
  optional google.protobuf.Any s = 19;
})"};

std::vector<std::vector<std::string>> paths() {
    std::vector<std::vector<std::string>> paths{
        {"h", "1"},      {"j", "a"},      {"j", "a", "a"}, {"j", "a", "j", "b", "a"},
        {"j", "b", "a"}, {"k", "a"},      {"k", "k", "e"}, {"m", "i", "0"},
        {"q", "a"},      {"q", "a", "1"}, {"q", "a", "b"}, {"q", "b"}};
    for (char name = 'a'; name <= 's'; ++name) paths.push_back({std::string(1, name)});
    return paths;
}

/// The record itself behind all of them.
std::vector<WantedField> wanted() {
    auto all = paths();
    all.emplace_back();
    return fuzz::wanted_at(all);
}

/// Whether a field is what the JSON of the whole record has there. Of what that spells in another
/// way, whether it is there.
bool agree(const Value& value, const Value& in_json) {
    using Kind = Value::Kind;
    const auto is_there = [](const Value& of) {
        return of.kind != Kind::missing && of.kind != Kind::null;
    };
    if (is_there(value) != is_there(in_json)) return false;
    if (value.kind == Kind::integer) return std::to_string(value.integer) == in_json.text;
    const bool is_json = value.kind == Kind::json_array || value.kind == Kind::json_object;
    return !is_json || value.text == in_json.text;
}

void compare_with_record(std::span<const Value> slots) {
    static const std::size_t count = paths().size();
    static JsonDecoder json(fuzz::wanted_at(paths()), JsonDecoder::Root::object);
    const std::string record =
        std::string(slots[count].text) + std::string(RecordLog::padding, ' ');
    std::vector<Value> in_json(count);
    if (!json.decode({{record.data(), slots[count].text.size()}, {}}, in_json, nullptr))
        std::abort();
    for (std::size_t i = 0; i < count; ++i)
        if (!agree(slots[i], in_json[i])) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto schema =
        std::make_shared<const schemas::ProtobufSchema>(schemas::parse_protobuf(file));
    static const std::uint32_t message = schema->message_called("Record");
    static const std::vector<WantedField> fields = wanted();
    static ProtobufDecoder all(schema, message, fields);
    static ProtobufDecoder none(schema, message, {});
    static JsonIndex index;
    // On the heap and no longer than promised, so that reading beyond is seen.
    const auto record = std::make_unique<char[]>(size + RecordLog::padding);
    std::memcpy(record.get(), data, size);
    std::vector<Value> slots(fields.size());
    std::vector<Reason> extra;
    const Payload payload{{record.get(), size}, {}};
    if (all.decode(payload, slots, &extra)) {
        for (const Value& value : slots) fuzz::check_json(value, index);
        compare_with_record(slots);
    } else if (all.error().text.empty()) {
        std::abort();
    }
    static_cast<void>(none.decode(payload, {}, nullptr));
    return 0;
}
