#pragma once

#include "pipeline/batch.h"
#include "pipeline/decode/decoder.h"

#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

/// Nanoseconds per record within a decoder alone, on one thread.
namespace sluice::bench {

/// Of this thread: other load on the machine shall not count.
inline std::chrono::nanoseconds cpu_time() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

inline std::vector<WantedField> wanted(const std::vector<std::string>& names) {
    std::vector<WantedField> all;
    for (const std::string& name : names) {
        WantedField& field = all.emplace_back();
        field.slot = all.size() - 1;
        field.source.path = {name};
    }
    return all;
}

/// Prints the best of several rounds over records that `record` makes of numbers, of which these
/// fields are wanted.
template <class Record, class MakeDecoder>
void measure(const char* what, const std::vector<std::string>& names, Record record,
             MakeDecoder make_decoder) {
    constexpr int count = 50'000;
    std::string all;
    std::vector<std::size_t> ends{0};
    for (int i = 0; i < count; ++i) {
        all += record(i);
        ends.push_back(all.size());
    }
    const std::size_t size = all.size() / count;
    all.append(RecordLog::padding, '\0');
    const auto decoder = make_decoder(wanted(names));
    std::vector<Value> slots(names.size());
    double best = 1e9;
    for (int round = 0; round < 40; ++round) {
        const auto start = cpu_time();
        for (std::size_t i = 0; i < count; ++i) {
            const std::string_view bytes(all.data() + ends[i], ends[i + 1] - ends[i]);
            for (Value& slot : slots) slot = {};
            if (!decoder->decode({bytes, {}}, slots, nullptr)) std::printf("not decoded\n");
        }
        const std::chrono::duration<double, std::nano> took = cpu_time() - start;
        best = std::min(best, took.count() / count);
    }
    std::printf("%s: %zu bytes, %.0f ns a record, %.1f M records/s\n", what, size, best,
                1e3 / best);
}

/// All of seven fields, and two of them.
template <class Record, class MakeDecoder>
void measure_seven(Record record, MakeDecoder make_decoder) {
    measure("all seven fields", {"id", "customer", "total", "items", "paid", "created", "note"},
            record, make_decoder);
    measure("two of seven fields", {"id", "created"}, record, make_decoder);
}

}  // namespace sluice::bench
