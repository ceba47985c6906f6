#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// A connector of Kafka Connect's, as its configuration says.
struct Connector {
    std::string name;
    std::map<std::string, std::string> options;
};

/// Of a file with a connector as it is posted ({"name": …, "config": {…}}), its configuration
/// alone, an array of such, or what GET /connectors?expand=info answers. Throws WrongConfiguration.
[[nodiscard]] std::vector<Connector> read_connectors(std::string_view json,
                                                     const std::string& file);

}  // namespace sluice
