// Nanoseconds per record within the Avro decoder alone, on one thread. Not a test.

#include "pipeline/decode/avro_decoder.h"
#include "pipeline/ingest/batch.h"

#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
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

/// Of this thread: other load on the machine shall not count.
std::chrono::nanoseconds cpu_time() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

void put_number(std::string& to, std::int64_t number) {
    auto left = static_cast<std::uint64_t>(number) << 1 ^ static_cast<std::uint64_t>(number >> 63);
    for (; left >= 0x80; left >>= 7) to += static_cast<char>(left | 0x80);
    to += static_cast<char>(left);
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
    AvroDecoder decoder(wanted(names), std::make_shared<const schemas::AvroSchema>(
                                           schemas::parse_avro(schema_of_seven)));
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
