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
    [[nodiscard]] std::uint64_t folded_to_48() const {
        return (hash_ ^ (hash_ >> 48)) & 0xFFFFFFFFFFFFULL;
    }

private:
    void bytes(std::string_view data) {
        for (const char c : data) {
            hash_ ^= static_cast<unsigned char>(c);
            hash_ *= 1099511628211ULL;
        }
    }

    std::uint64_t hash_ = 14695981039346656037ULL;
};

}  // namespace sluice::config
