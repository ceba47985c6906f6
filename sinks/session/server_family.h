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
/// Whether rows that were written behind a savepoint may be gone after COMMIT. Those of Greenplum
/// (7, by its last public source) are, where a query of several slices looks at them before:
/// its readers get the writer's snapshot without the subtransactions under way, take their rows for
/// aborted ones, and mark them as such for good. Cloudberry's get the whole snapshot.
[[nodiscard]] inline bool loses_rows_of_savepoints(Family family) {
    return family == Family::greenplum;
}

}  // namespace sluice
