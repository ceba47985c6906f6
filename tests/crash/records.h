#pragma once

#include <cstdint>
#include <optional>
#include <string>

/// Record number n, as it is produced and as it has to arrive.
namespace sluice::crash {

enum class Fate { row, rejected, filtered };

[[nodiscard]] Fate fate_of(std::int64_t number);
/// It is well-formed, and a constraint of the table is against it.
[[nodiscard]] bool is_refused_by_database(std::int64_t number);
/// nullopt: a tombstone.
[[nodiscard]] std::optional<std::string> value_of(std::int64_t number);
/// Its row as the judge reads it from the table; for those that become one.
[[nodiscard]] std::string row_of(std::int64_t number);

}  // namespace sluice::crash
