#pragma once

#include "daemon/imports/gpss_expression.h"
#include "daemon/imports/gpss_job.h"

#include <string>
#include <vector>

namespace sluice {

/// How a job's records are read.
struct GpssInputs {
    config::RecordShape shape;
    std::vector<GpssInput> columns;  ///< what expressions may name
    std::string lines;               ///< format, csv, key_format and the like, as TOML
};

/// What has no equal goes to `notes`. Throws WrongConfiguration for a format that nobody could read
/// here.
[[nodiscard]] GpssInputs inputs_of(const GpssJob& job, std::vector<GpssNote>& notes);

}  // namespace sluice
