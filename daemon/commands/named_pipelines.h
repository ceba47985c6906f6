#pragma once

#include "config/config.h"

#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// The [ingest.NAME] that a command was given. Throws WrongConfiguration, which ends with `remedy`.
[[nodiscard]] const config::Ingest& ingest_named(const config::Config& config,
                                                 const std::string& name,
                                                 std::string_view remedy = {});

/// Which of the words is neither a name nor a key of these pipelines ("ingest.orders"), and the
/// nearest one that is; empty: none.
[[nodiscard]] std::string unknown_among(const std::vector<std::string>& words,
                                        const std::vector<std::string>& keys);

}  // namespace sluice
