#pragma once

#include "daemon/imports/gpss_job.h"

#include <string>

namespace sluice {

/// The section [ingest.NAME] of a load job. Throws WrongConfiguration for a format that nobody
/// could read here.
[[nodiscard]] std::string section_of(GpssJob job, const std::string& name);

}  // namespace sluice
