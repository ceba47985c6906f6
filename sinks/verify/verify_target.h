#pragma once

#include "sinks/verify/verify_books.h"

#include <string>

namespace sluice {

/// Compares the target's rows with what the books say of each offset, in the session's open
/// transaction; what it finds goes to the partitions. Returns why it did not look, or not at
/// everything; empty: it did. Throws DatabaseError.
[[nodiscard]] std::string verify_target(Session& session, const VerifyOptions& options,
                                        AllBooks& books);

}  // namespace sluice
