#pragma once

#include <string>
#include <string_view>

namespace sluice::config {

/// http://host:port/path or https://…, taken apart.
struct Url {
    bool secure = false;
    std::string host;  ///< a name or an address; without the brackets of IPv6
    std::string port;
    std::string path;  ///< without a slash at its end; may be empty

    bool operator==(const Url&) const = default;
};

/// Throws std::invalid_argument; its text follows the URL.
[[nodiscard]] Url parse_url(std::string_view text);
/// "registry:8081", "[::1]:8081"
[[nodiscard]] std::string authority_of(const Url& url);
[[nodiscard]] std::string to_string(const Url& url);

}  // namespace sluice::config
