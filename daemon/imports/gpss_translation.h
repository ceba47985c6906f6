#pragma once

#include "daemon/imports/gpss_job.h"

#include <string>
#include <vector>

namespace sluice {

/// The configuration that does what these load jobs did, each a pipeline. What has no equal, and
/// what is for a person to decide, is in comments, with the line of the job's file. Throws
/// WrongConfiguration.
[[nodiscard]] std::string to_toml(std::vector<GpssJob> jobs);

}  // namespace sluice
