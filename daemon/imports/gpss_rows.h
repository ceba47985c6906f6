#pragma once

#include "daemon/imports/gpss_expression.h"
#include "daemon/imports/gpss_job.h"

#include <string>
#include <vector>

namespace sluice {

/// What of a target is said of its table and rows, as TOML.
struct GpssRows {
    std::string lines;  ///< table, filter, where, mode and what belongs to it
    std::string columns;
    std::string fields;  ///< what SQL reads; empty: none
};

/// `inputs`: what the job's expressions may name. `filter`: a condition that holds for all targets,
/// in Sluice's language; empty: none. What has no equal goes to `notes`.
[[nodiscard]] GpssRows rows_of(const GpssJob& job, const GpssTarget& target,
                               const std::vector<GpssInput>& inputs, const std::string& filter,
                               config::RecordShape shape, std::vector<GpssNote>& notes);

}  // namespace sluice
