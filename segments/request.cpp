#include "segments/request.h"

#include <charconv>
#include <optional>

namespace sluice::segments {
namespace {

/// Of a cluster: what is longer is no number of segments.
constexpr std::size_t most_segments = 100'000;

std::optional<std::uint64_t> number_in(std::string_view text) {
    std::uint64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || rest != end) return std::nullopt;
    return number;
}

Refusal lacks(const char* field) {
    return {400, std::string("a segment says ") + field};
}

}  // namespace

std::variant<Request, Refusal> read_request(
    std::string_view method, std::string_view target,
    const std::function<std::string_view(const char*)>& field) {
    Request request;
    if (method == "POST")
        request.kind = Request::Kind::write;
    else if (method != "GET")
        return Refusal{405, "rows are read by GET, and written by POST"};
    const bool writes = request.kind == Request::Kind::write;
    // To read without it, a stream that was cut looks like one that ended.
    if (field("X-GP-PROTO") != (writes ? "0" : "1"))
        return lacks(writes ? "X-GP-PROTO: 0" : "X-GP-PROTO: 1");
    const std::size_t question = target.find('?');
    request.path = target.substr(0, question);
    if (question != std::string_view::npos) request.query = target.substr(question + 1);
    for (const char* const name : {"X-GP-XID", "X-GP-CID", "X-GP-SN"}) {
        const std::string_view value = field(name);
        if (value.empty()) return lacks(name);
        request.scan.append(value).append(" ");
    }
    const auto segment = number_in(field("X-GP-SEGMENT-ID"));
    if (!segment || *segment > most_segments) return lacks("X-GP-SEGMENT-ID");
    const auto segments = number_in(field("X-GP-SEGMENT-COUNT"));
    if (!segments || *segments == 0 || *segments > most_segments)
        return lacks("X-GP-SEGMENT-COUNT");
    if (*segment >= *segments) return lacks("X-GP-SEGMENT-ID below X-GP-SEGMENT-COUNT");
    request.segment = *segment;
    request.segments = *segments;
    if (!writes) return request;
    const auto block = number_in(field("X-GP-SEQ"));
    if (!block || *block == 0) return lacks("X-GP-SEQ");
    request.block = *block;
    request.is_last = !field("X-GP-DONE").empty();
    return request;
}

}  // namespace sluice::segments
