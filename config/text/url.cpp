#include "config/text/url.h"

#include <algorithm>
#include <stdexcept>

namespace sluice::config {

Url parse_url(std::string_view text) {
    Url url;
    if (text.starts_with("https://")) {
        url.secure = true;
    } else if (!text.starts_with("http://")) {
        throw std::invalid_argument("begins neither with http:// nor with https://");
    }
    text.remove_prefix(url.secure ? 8 : 7);
    const std::size_t slash = std::min(text.find('/'), text.size());
    std::string_view authority = text.substr(0, slash);
    url.path = text.substr(slash);
    while (url.path.ends_with('/')) url.path.pop_back();
    if (url.path.find_first_of("?# \t\r\n") != std::string::npos)
        throw std::invalid_argument("has more than a path behind its host");
    if (authority.find('@') != std::string_view::npos)
        throw std::invalid_argument("holds a user; write user and password beside it");
    const std::size_t colon = authority.rfind(':');
    url.port = url.secure ? "443" : "80";
    if (colon != std::string_view::npos && authority.find(']', colon) == std::string_view::npos) {
        url.port = authority.substr(colon + 1);
        authority = authority.substr(0, colon);
    }
    if (authority.starts_with('[') && authority.ends_with(']'))
        authority = authority.substr(1, authority.size() - 2);
    url.host = authority;
    if (url.host.empty() || url.host.find_first_of("[] \t\r\n") != std::string::npos)
        throw std::invalid_argument("has no host");
    if (url.port.empty() || url.port.size() > 5 ||
        url.port.find_first_not_of("0123456789") != std::string::npos)
        throw std::invalid_argument("has a port that is no number");
    return url;
}

std::string authority_of(const Url& url) {
    const bool is_ipv6 = url.host.find(':') != std::string::npos;
    const bool is_usual = url.port == (url.secure ? "443" : "80");
    return (is_ipv6 ? "[" + url.host + "]" : url.host) + (is_usual ? "" : ":" + url.port);
}

std::string to_string(const Url& url) {
    return (url.secure ? "https://" : "http://") + authority_of(url) + url.path;
}

}  // namespace sluice::config
