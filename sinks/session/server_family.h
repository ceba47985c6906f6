#pragma once

#include <string_view>

namespace sluice {

/// What the server is. Where Sluice's own SQL has to differ, it differs by this.
enum class Family { postgresql, greenplum, cloudberry };

/// From what version() says.
[[nodiscard]] Family family_of(std::string_view version);
[[nodiscard]] inline bool is_mpp(Family family) {
    return family != Family::postgresql;
}

}  // namespace sluice
