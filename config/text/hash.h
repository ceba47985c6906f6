#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::config {

/// FNV-1a of 64 bits: the same on every machine. Tells values apart; it is no signature.
class Fnv1a {
public:
    /// Length first: neighbours cannot trade characters.
    void text(std::string_view data) {
        bytes(std::to_string(data.size()) + ';');
        bytes(data);
    }
    void bytes(std::string_view data) {
        for (const char c : data) {
            hash_ ^= static_cast<unsigned char>(c);
            hash_ *= 1099511628211ULL;
        }
    }
    [[nodiscard]] std::uint64_t value() const { return hash_; }
    /// The last so many hex digits of it, folded to twelve.
    [[nodiscard]] std::string digits(std::size_t count) const {
        std::string text(count, '0');
        std::uint64_t rest = hash_ ^ (hash_ >> 48);
        for (std::size_t at = count; at > 0; rest >>= 4) text[--at] = "0123456789abcdef"[rest & 15];
        return text;
    }

private:
    std::uint64_t hash_ = 14695981039346656037ULL;
};

}  // namespace sluice::config
