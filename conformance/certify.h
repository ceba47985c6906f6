#pragma once

#include "conformance/report.h"
#include "conformance/site.h"

#include <atomic>
#include <functional>
#include <string>
#include <vector>

namespace sluice::conformance {

struct Request {
    std::string dsn;
    std::string only{};        ///< cases whose group or name holds this
    std::string segments{};    ///< "host:port" where segments find us; empty: they do not
    Site::OnTable on_table{};  ///< of tests, which give tables the locks of another database
    std::function<void(const Result&, double seconds)> on_result{};
    /// Statements that drop what was made for the run; none, once it has cleaned up.
    std::function<void(const std::vector<std::string>&)> on_made{};
    const std::atomic<bool>* stop = nullptr;  ///< set from anywhere: no further case begins
};

struct Certificate {
    std::string server;
    std::vector<Result> results;
    std::vector<std::string> left_behind;  ///< statements that clean up what this could not
    std::vector<std::string> of_others;    ///< databases of runs that did not clean up
};

/// Runs the cases in a database of its own, and drops that. Throws DatabaseError and
/// TroubleOfTheWorld where it cannot begin.
[[nodiscard]] Certificate certify(const Request& request);

}  // namespace sluice::conformance
