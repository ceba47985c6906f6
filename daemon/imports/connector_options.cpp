#include "daemon/imports/connector_options.h"

#include "daemon/imports/connection_text.h"

#include <algorithm>
#include <utility>

namespace sluice {

std::string ConnectorOptions::take(std::string_view name) {
    taken_.emplace(name);
    const auto found = options_.find(std::string(name));
    return found == options_.end() ? std::string() : found->second;
}

std::string ConnectorOptions::take_any(std::initializer_list<std::string_view> names) {
    std::string value;
    for (const std::string_view name : names)
        if (std::string given = take(name); value.empty()) value = std::move(given);
    return value;
}

std::vector<std::string> ConnectorOptions::take_list(std::string_view name) {
    return split_list(take(name));
}

std::vector<std::string> ConnectorOptions::rest() const {
    std::vector<std::string> names;
    for (const auto& [name, value] : options_)
        if (!taken_.contains(name)) names.push_back(name);
    return names;
}

}  // namespace sluice
