#include "query/read_ranges.h"
#include "query/record_filter.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <variant>

using namespace sluice;

namespace {

bool is_in(const query::ReadRange& range, const Record& record) {
    const bool any_time =
        range.from_ms == query::no_lower_bound && range.to_ms == query::no_upper_bound;
    return range.offsets.from <= record.offset && record.offset < range.offsets.to &&
           (any_time ||
            (range.from_ms <= record.timestamp_ms && record.timestamp_ms < range.to_ms));
}

/// A record that fulfils the condition lies where its partition is read.
void check(const config::Condition& condition, const Record& record) {
    if (!query::matches(condition, record)) return;
    for (const query::ReadRange& range : query::ranges_to_read(condition, *record.from)) {
        if (is_in(range, record)) return;
    }
    std::abort();
}

}  // namespace

/// Whatever the bytes: a condition whose ranges hold all that fulfils it, or one line of what is
/// wrong.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto parsed = config::parse_where(text, query::record_fields());
    if (const auto* wrong = std::get_if<std::string>(&parsed)) {
        if (!wrong->starts_with("character ") || wrong->find('\n') != std::string::npos) {
            std::abort();
        }
        return 0;
    }
    const auto& condition = std::get<config::Condition>(parsed);
    for (const PartitionNumber number : {0, 1}) {
        const TopicPartition partition{"orders", number};
        for (const Offset offset : {0, 1, 5, 100, 301}) {
            for (const std::int64_t time : {-1LL, 0LL, 5LL, 1769860800000LL}) {
                check(condition, {.from = &partition,
                                  .offset = offset,
                                  .timestamp_ms = time,
                                  .key = "a",
                                  .value = text,
                                  .headers = {}});
            }
        }
    }
    return 0;
}
