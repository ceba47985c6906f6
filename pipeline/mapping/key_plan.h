#pragma once

#include "config/config.h"
#include "pipeline/mapping/column_plan.h"

#include <span>
#include <string>
#include <vector>

namespace sluice {

/// Says of the columns which ones tell rows apart, and which one tells what is newer, where the
/// pipeline's mode asks for that.
/// Appends to `misfits` why they cannot.
void plan_key(const config::Ingest& ingest, const Table& table, std::span<ColumnPlan> columns,
              std::vector<std::string>& misfits);

}  // namespace sluice
