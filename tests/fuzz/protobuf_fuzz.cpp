#include "pipeline/decode/protobuf_decoder.h"
#include "schemas/protobuf_schema.h"
#include "tests/fuzz/decoded_fields.h"

#include <cstdlib>
#include <cstring>
#include <memory>

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

std::vector<WantedField> wanted() {
    std::vector<std::vector<std::string>> paths{{},         {"h", "1"},      {"j", "a", "a"},
                                                {"k", "a"}, {"k", "k", "e"}, {"m", "i", "0"},
                                                {"q", "a"}, {"q", "a", "1"}};
    for (char name = 'a'; name <= 's'; ++name) paths.push_back({std::string(1, name)});
    return fuzz::wanted_at(paths);
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
    } else if (all.error().text.empty()) {
        std::abort();
    }
    static_cast<void>(none.decode(payload, {}, nullptr));
    return 0;
}
