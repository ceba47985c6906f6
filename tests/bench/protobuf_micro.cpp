// Nanoseconds per record within the Protobuf decoder alone, on one thread. Not a test.

#include "pipeline/decode/protobuf/protobuf_decoder.h"
#include "tests/bench/decoder_micro.h"
#include "tests/unit/protobuf_bytes_setup.h"

#include <memory>
#include <string>
#include <vector>

using namespace sluice;
using namespace sluice::protobuf_bytes;

namespace {

constexpr const char* schema_of_seven = R"(syntax = "proto3";
    import "google/protobuf/timestamp.proto";
    message Order {
      int64 id = 1;
      optional string customer = 2;
      bytes total = 3;
      int32 items = 4;
      bool paid = 5;
      google.protobuf.Timestamp created = 6;
      string note = 7;
    })";

std::string record(int i) {
    return number(1, 1'000'000 + i) + sized(2, "customer " + std::to_string(i % 10'000)) +
           sized(3, std::string("\x01\xe2") + static_cast<char>(i)) + number(4, i % 20) +
           number(5, i % 2) + sized(6, number(1, 1'700'000'000 + i) + number(2, 123'456'000)) +
           sized(7, "a note of some length");
}

}  // namespace

int main() {
    bench::measure_seven(record, [](const std::vector<WantedField>& fields) {
        const auto schema = std::make_shared<const schemas::ProtobufSchema>(
            schemas::parse_protobuf({"order.proto", schema_of_seven}));
        return std::make_unique<ProtobufDecoder>(schema, schema->message_called("Order"), fields);
    });
}
