// Nanoseconds per record within the Protobuf decoder alone, on one thread. Not a test.

#include "pipeline/decode/protobuf_decoder.h"
#include "pipeline/ingest/batch.h"
#include "tests/unit/protobuf_bytes_setup.h"

#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
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

/// Of this thread: other load on the machine shall not count.
std::chrono::nanoseconds cpu_time() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

std::string record(int i) {
    return number(1, 1'000'000 + i) + sized(2, "customer " + std::to_string(i % 10'000)) +
           sized(3, std::string("\x01\xe2") + static_cast<char>(i)) + number(4, i % 20) +
           number(5, i % 2) + sized(6, number(1, 1'700'000'000 + i) + number(2, 123'456'000)) +
           sized(7, "a note of some length");
}

std::vector<WantedField> wanted(const std::vector<std::string>& names) {
    std::vector<WantedField> all;
    for (const std::string& name : names) {
        WantedField& field = all.emplace_back();
        field.slot = all.size() - 1;
        field.source.path = {name};
    }
    return all;
}

void measure(const char* what, const std::vector<std::string>& names) {
    constexpr int count = 50'000;
    std::string all;
    std::vector<std::size_t> ends{0};
    for (int i = 0; i < count; ++i) {
        all += record(i);
        ends.push_back(all.size());
    }
    const std::size_t size = all.size() / count;
    all.append(RecordLog::padding, '\0');
    const auto schema = std::make_shared<const schemas::ProtobufSchema>(
        schemas::parse_protobuf({"order.proto", schema_of_seven}));
    ProtobufDecoder decoder(schema, schema->message_called("Order"), wanted(names));
    std::vector<Value> slots(names.size());
    double best = 1e9;
    for (int round = 0; round < 40; ++round) {
        const auto start = cpu_time();
        for (std::size_t i = 0; i < count; ++i) {
            const std::string_view bytes(all.data() + ends[i], ends[i + 1] - ends[i]);
            for (Value& slot : slots) slot = {};
            if (!decoder.decode({bytes, {}}, slots, nullptr)) std::printf("not decoded\n");
        }
        const std::chrono::duration<double, std::nano> took = cpu_time() - start;
        best = std::min(best, took.count() / count);
    }
    std::printf("%s: %zu bytes, %.0f ns a record, %.1f M records/s\n", what, size, best,
                1e3 / best);
}

}  // namespace

int main() {
    measure("all seven fields", {"id", "customer", "total", "items", "paid", "created", "note"});
    measure("two of seven fields", {"id", "created"});
}
