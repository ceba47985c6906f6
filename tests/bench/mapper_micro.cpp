// Nanoseconds per record from the log to COPY's binary form, on one thread. Not a test.

#include "pipeline/mapping/row_mapper.h"

#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

using namespace sluice;

namespace {

/// Of this thread: other load on the machine shall not count.
std::chrono::nanoseconds cpu_time() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

Table table_of_four() {
    Table table;
    table.session_is_utc = true;
    table.columns = {{"id", ColumnType::int4, "integer"},
                     {"note", ColumnType::text, "text"},
                     {"day", ColumnType::date, "date"},
                     {"at", ColumnType::timestamp, "timestamp"}};
    return table;
}

std::vector<std::string> records(config::Format format) {
    std::vector<std::string> all;
    for (int i = 0; i < 50000; ++i) {
        char text[256];
        const char* const form =
            format == config::Format::json
                ? R"({"id": %d, "note": "a note of some length that makes it 140 bytes, more or less", "day": "2024-03-%02d", "at": "2024-03-01T12:34:%02d.123456"})"
                : "%d,\"a note of some length that makes it 140 bytes, more or less, and more\","
                  "2024-03-%02d,2024-03-01 12:34:%02d.123456";
        std::snprintf(text, sizeof text, form, i, i % 31 + 1, i % 60);
        all.emplace_back(text);
    }
    return all;
}

void measure(const char* name, config::Format format) {
    config::Ingest ingest;
    ingest.topic = ingest.name = "orders";
    ingest.format = format;
    RowMapper mapper(ingest, table_of_four());
    const auto input = records(format);
    Batch batch;
    double best = 1e9;
    double best_append = 1e9;
    for (int round = 0; round < 40; ++round) {
        batch.clear();
        Record record;
        const auto start = cpu_time();
        for (const std::string& text : input) {
            record.value = text;
            mapper.map(batch.records.append(record), batch);
        }
        const std::chrono::duration<double, std::nano> took = cpu_time() - start;
        best = std::min(best, took.count() / static_cast<double>(input.size()));
        if (batch.targets[0].binary.rows.size() != input.size()) std::printf("rows are missing\n");

        batch.records.clear();
        const auto again = cpu_time();
        for (const std::string& text : input) {
            record.value = text;
            batch.records.append(record);
        }
        const std::chrono::duration<double, std::nano> append = cpu_time() - again;
        best_append = std::min(best_append, append.count() / static_cast<double>(input.size()));
    }
    std::printf("%s: %zu bytes, %.0f ns a record, %.0f of them RecordLog::append\n", name,
                input[0].size(), best, best_append);
}

}  // namespace

int main() {
    measure("json", config::Format::json);
    measure("csv", config::Format::csv);
}
