#include "config/text/address.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace sluice::config {

bool is_address(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos || colon == 0) return false;
    const std::string_view host = text.substr(0, colon);
    const bool in_brackets = host.front() == '[' && host.back() == ']';
    if (!in_brackets && host.find_first_of(":[] /@") != std::string_view::npos) return false;
    const std::string_view port = text.substr(colon + 1);
    int number = 0;
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    return error == std::errc{} && end == port.data() + port.size() && number > 0 &&
           number <= 65535;
}

std::string with_port_of(std::string_view host, std::string_view address) {
    const auto is_of_hosts = [](unsigned char c) {
        return std::isalnum(c) != 0 ||
               std::string_view("-._:[]").find(char(c)) != std::string_view::npos;
    };
    if (!std::ranges::all_of(host, is_of_hosts)) return {};
    if (is_address(host)) return std::string(host);
    const bool is_bare_ipv6 = std::ranges::count(host, ':') > 1 && !host.starts_with('[');
    std::string whole = is_bare_ipv6 ? "[" + std::string(host) + "]" : std::string(host);
    whole.append(address.substr(std::min(address.rfind(':'), address.size())));
    return is_address(whole) ? whole : "";
}

}  // namespace sluice::config
