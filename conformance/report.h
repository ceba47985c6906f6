#pragma once

#include "conformance/check_list.h"

#include <ostream>
#include <string>
#include <vector>

namespace sluice::conformance {

/// What became of a case.
struct Result {
    enum class Kind { passed, skipped, differs };
    std::string group;
    std::string name;
    Kind kind = Kind::passed;
    std::string note;  ///< what it showed, why it was skipped, what differs
};

/// All of a run, as docs/compatibility.md shows it: Markdown.
void print_table(std::ostream& to, const std::string& server, const std::vector<Result>& results);

/// "57 passed, 12 skipped, 1 differs"
[[nodiscard]] std::string sums_of(const std::vector<Result>& results);

/// "passed", "skipped: …"
[[nodiscard]] std::string describe(const Result& result);

}  // namespace sluice::conformance
