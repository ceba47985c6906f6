#include "sinks/books/stored_json.h"

#include "pipeline/decode/headers_json.h"

#include <simdjson.h>

#include <stdexcept>
#include <string_view>

namespace sluice {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

std::runtime_error not_ours(const std::string& json) {
    return std::runtime_error("not what sluice has stored: " + json);
}

/// Empty where there is none.
std::string text_of(const object& reason, const char* key) {
    std::string_view text;
    return reason[key].get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
}

/// The objects of an array. Views into the parser.
std::vector<object> objects(simdjson::dom::parser& parser, const std::string& json) {
    simdjson::dom::array array;
    std::vector<object> all;
    bool fine = parser.parse(json).get(array) == simdjson::SUCCESS;
    if (fine)
        for (const element& item : array) fine &= item.get(all.emplace_back()) == simdjson::SUCCESS;
    if (!fine) throw not_ours(json);
    return all;
}

}  // namespace

std::vector<StoredHeader> parse_headers(const std::string& json) {
    JsonIndex index;
    Scratch scratch;
    std::vector<Header> read;
    if (!json.starts_with('[') || !read_headers_json(json, index, scratch, read).empty()) {
        throw not_ours(json);
    }
    std::vector<StoredHeader> headers;
    for (const Header& header : read) {
        headers.push_back({std::string(header.name), header.value
                                                         ? std::optional(std::string(*header.value))
                                                         : std::nullopt});
    }
    return headers;
}

std::vector<Reason> parse_reasons(const std::string& json) {
    simdjson::dom::parser parser;
    std::vector<Reason> reasons;
    for (const object& reason : objects(parser, json))
        reasons.push_back({text_of(reason, "column"), text_of(reason, "reason")});
    return reasons;
}

}  // namespace sluice
