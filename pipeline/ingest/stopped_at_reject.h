#pragma once

#include "pipeline/record.h"
#include "pipeline/reject.h"

#include <string>
#include <vector>

namespace sluice {

/// Why on_reject = "stop" holds the pipeline at a record, and what can be done, for people.
[[nodiscard]] std::string stopped_at_reject(const Record& record,
                                            const std::vector<Reason>& reasons);

}  // namespace sluice
