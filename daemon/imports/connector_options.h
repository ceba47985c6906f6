#pragma once

#include "daemon/imports/connector.h"

#include <initializer_list>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// A connector's options while they are translated: remembers which were looked at, so that the
/// rest can be told.
class ConnectorOptions {
public:
    explicit ConnectorOptions(const Connector& connector) : options_(connector.options) {}

    /// Empty: not given.
    [[nodiscard]] std::string take(std::string_view name);
    /// The first of these that is given.
    [[nodiscard]] std::string take_any(std::initializer_list<std::string_view> names);
    /// Of "a, b": its parts.
    [[nodiscard]] std::vector<std::string> take_list(std::string_view name);
    [[nodiscard]] bool is_on(std::string_view name) { return take(name) == "true"; }
    /// Names of those that nobody took.
    [[nodiscard]] std::vector<std::string> rest() const;

private:
    const std::map<std::string, std::string>& options_;
    std::set<std::string, std::less<>> taken_;
};

}  // namespace sluice
