#pragma once

#include <cstdint>

/// Signed numbers as Avro and Protobuf have them: what is near zero is small, whichever its sign.
namespace sluice::schemas {

[[nodiscard]] constexpr std::uint64_t zigzag(std::int64_t number) {
    return static_cast<std::uint64_t>(number) << 1 ^ static_cast<std::uint64_t>(number >> 63);
}
[[nodiscard]] constexpr std::int64_t unzigzag(std::uint64_t number) {
    return static_cast<std::int64_t>(number >> 1) ^ -static_cast<std::int64_t>(number & 1);
}

}  // namespace sluice::schemas
