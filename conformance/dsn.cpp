#include "conformance/dsn.h"

#include <cctype>
#include <string_view>

namespace sluice::conformance {
namespace {

std::string percent_encoded(std::string_view text) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string encoded;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (std::isalnum(byte) != 0) {
            encoded += c;
        } else {
            encoded += '%';
            encoded += digits[byte >> 4];
            encoded += digits[byte & 15];
        }
    }
    return encoded;
}

std::string quoted_value(std::string_view text) {
    std::string quoted = "'";
    for (const char c : text) {
        if (c == '\'' || c == '\\') quoted += '\\';
        quoted += c;
    }
    return quoted + "'";
}

}  // namespace

std::string with_options(const std::string& dsn,
                         const std::map<std::string, std::string>& options) {
    const bool is_uri = dsn.starts_with("postgresql://") || dsn.starts_with("postgres://");
    // Of an option that is there twice, libpq takes the last one.
    std::string changed = dsn;
    for (const auto& [name, value] : options) {
        if (is_uri) {
            changed += changed.find('?') == std::string::npos ? '?' : '&';
            changed.append(name).append("=").append(percent_encoded(value));
        } else {
            changed.append(" ").append(name).append("=").append(quoted_value(value));
        }
    }
    return changed;
}

}  // namespace sluice::conformance
