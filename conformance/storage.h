#pragma once

#include <string>
#include <vector>

namespace sluice::conformance {

/// A way in which a server keeps rows.
struct Storage {
    std::string name;
    std::string with;  ///< behind the columns of CREATE TABLE
    bool is_mpp = false;
    bool appends = false;  ///< knows no keys
};
/// Heap first.
[[nodiscard]] const std::vector<Storage>& ways_to_store();
class Site;
/// Throws Skipped where this server has no such thing.
void need(const Site& site, const Storage& storage);

/// Where an MPP database puts rows: a name, and the clause of CREATE TABLE. By a hash first.
struct Spread {
    std::string name;
    std::string clause;
};
[[nodiscard]] const std::vector<Spread>& ways_to_spread();
/// A table for load_and_verify(); its name.
[[nodiscard]] std::string make_table(Site& site, const Storage& storage, const Spread& spread);
[[nodiscard]] std::string make_partitioned(Site& site, const Storage& storage);
/// Two batches of two partitions, with a row that is refused. `keys`: of [ingest.NAME], besides.
void load_and_verify(Site& site, const std::string& table, const std::string& keys = "");

}  // namespace sluice::conformance
