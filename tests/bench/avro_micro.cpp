// Nanoseconds per record within the Avro decoder alone, on one thread. Not a test.

#include "pipeline/decode/avro/avro_decoder.h"
#include "pipeline/encode/write_bytes.h"
#include "tests/bench/decoder_micro.h"

#include <memory>
#include <string>
#include <vector>

using namespace sluice;

namespace {

constexpr const char* schema_of_seven = R"({"type":"record","name":"order","fields":[
    {"name":"id","type":"long"},
    {"name":"customer","type":["null","string"]},
    {"name":"total","type":{"type":"bytes","logicalType":"decimal","precision":12,"scale":2}},
    {"name":"items","type":"int"},
    {"name":"paid","type":"boolean"},
    {"name":"created","type":{"type":"long","logicalType":"timestamp-micros"}},
    {"name":"note","type":"string"}]})";

void put_number(std::string& to, std::int64_t number) {
    encode::append_varint(to, encode::zigzag(number));
}

void put_sized(std::string& to, const std::string& bytes) {
    put_number(to, static_cast<std::int64_t>(bytes.size()));
    to += bytes;
}

std::string record(int number) {
    std::string bytes;
    put_number(bytes, 1'000'000 + number);
    put_number(bytes, 1);
    put_sized(bytes, "customer " + std::to_string(number % 10'000));
    put_sized(bytes, std::string("\x01\xe2") + static_cast<char>(number));
    put_number(bytes, number % 20);
    bytes += static_cast<char>(number % 2);
    put_number(bytes, 1'700'000'000'000'000 + number);
    put_sized(bytes, "a note of some length, so that it is 67 B");
    return bytes;
}

}  // namespace

int main() {
    bench::measure_seven(record, [](const std::vector<WantedField>& fields) {
        return std::make_unique<AvroDecoder>(fields, std::make_shared<const schemas::AvroSchema>(
                                                         schemas::parse_avro(schema_of_seven)));
    });
}
