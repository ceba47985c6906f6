#pragma once

#include "config/config.h"

#include <string>

namespace sluice {

/// The [ingest.NAME] that a command was given. Throws WrongConfiguration, which ends with `remedy`.
[[nodiscard]] const config::Ingest& ingest_named(const config::Config& config,
                                                 const std::string& name,
                                                 const std::string& remedy = "");

}  // namespace sluice
