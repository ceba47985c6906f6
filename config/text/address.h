#pragma once

#include <string>
#include <string_view>

namespace sluice::config {

/// A host and a port: "127.0.0.1:9187", "[::1]:9187", "localhost:9187".
[[nodiscard]] bool is_address(std::string_view text);

/// A host, which may lack the port of another address, and then gets it; an IPv6 address may stand
/// without brackets. Empty where it is no host.
[[nodiscard]] std::string with_port_of(std::string_view host, std::string_view address);

}  // namespace sluice::config
