#pragma once

#include "sinks/verify/verify.h"

namespace sluice {

/// Looks at the keys of a table with one row for each, in the session's open transaction. Nothing
/// where the pipeline's table has no such key, or this role may not read it.
[[nodiscard]] std::optional<KeyedRows> verify_keys(Session& session, const VerifyOptions& options);

}  // namespace sluice
