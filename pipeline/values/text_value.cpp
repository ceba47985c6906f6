#include "pipeline/values/text_value.h"

#include "pipeline/values/civil_time.h"

#include <simdjson.h>

#include <charconv>
#include <cstring>

namespace sluice {
namespace {

Value text_up_to(const char* end, const char* begin, Scratch& scratch) {
    scratch.shrink(end);
    return {Value::Kind::text, {begin, static_cast<std::size_t>(end - begin)}};
}

}  // namespace

Value decimal_value(std::int64_t number, Scratch& scratch) {
    constexpr std::size_t longest = 24;
    char* const begin = scratch.reserve(longest);
    return text_up_to(std::to_chars(begin, begin + longest, number).ptr, begin, scratch);
}

Value timestamp_value(std::int64_t microseconds, int decimals, Scratch& scratch) {
    char* const begin = scratch.reserve(civil_time::longest);
    const char* const end = civil_time::write_timestamp(begin, microseconds, decimals);
    if (end == nullptr) return {Value::Kind::null, {}};
    return text_up_to(end, begin, scratch);
}

Value time_value(std::int64_t microseconds, Scratch& scratch) {
    char* const begin = scratch.reserve(civil_time::longest);
    return text_up_to(
        civil_time::write_time(begin, microseconds % civil_time::microseconds_per_day, 0), begin,
        scratch);
}

const char* complaint_of_text(std::string_view bytes) {
    if (!bytes.empty() && std::memchr(bytes.data(), 0, bytes.size()) != nullptr)
        return "contains a NUL byte, which text cannot hold";
    return simdjson::validate_utf8(bytes.data(), bytes.size()) ? nullptr : "is not UTF-8";
}

}  // namespace sluice
