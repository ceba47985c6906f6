#include "sinks/stored_json.h"

#include "sinks/hex.h"

#include <simdjson.h>

#include <stdexcept>
#include <string_view>

namespace sluice {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

/// "name" as text, or "name_hex".
std::optional<std::string> text_or_hex(const object& header, const std::string& key) {
    std::string_view text;
    if (header[key].get(text) == simdjson::SUCCESS) return std::string(text);
    if (header[key + "_hex"].get(text) == simdjson::SUCCESS) return from_hex(text);
    return std::nullopt;
}

/// The objects of an array. Views into the parser.
std::vector<object> objects(simdjson::dom::parser& parser, const std::string& json) {
    simdjson::dom::array array;
    std::vector<object> all;
    bool fine = parser.parse(json).get(array) == simdjson::SUCCESS;
    if (fine)
        for (const element& item : array) fine &= item.get(all.emplace_back()) == simdjson::SUCCESS;
    if (!fine) throw std::runtime_error("not what sluice has stored: " + json);
    return all;
}

}  // namespace

std::vector<StoredHeader> parse_headers(const std::string& json) {
    simdjson::dom::parser parser;
    std::vector<StoredHeader> headers;
    for (const object& header : objects(parser, json))
        headers.push_back({text_or_hex(header, "name").value_or(""), text_or_hex(header, "value")});
    return headers;
}

std::vector<Reason> parse_reasons(const std::string& json) {
    simdjson::dom::parser parser;
    std::vector<Reason> reasons;
    for (const object& reason : objects(parser, json))
        reasons.push_back({text_or_hex(reason, "column").value_or(""),
                           text_or_hex(reason, "reason").value_or("")});
    return reasons;
}

}  // namespace sluice
