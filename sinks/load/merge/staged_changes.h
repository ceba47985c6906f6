#pragma once

#include "pipeline/ingest/change_fold.h"
#include "sinks/load/merge/merge_statements.h"
#include "sinks/load/numbered_rows.h"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace sluice {

/// Changes that go to the database, and in which order.
struct StagedChanges {
    NumberedRows rows;
    std::vector<MergeStep> steps;
    std::vector<FoldedChange> changes;  ///< by number
};

/// How the changes of a step are numbered.
enum class StagedBy : std::uint8_t {
    change,  ///< in their order
    key,     ///< about as an index of the key has them, which the database would have to sort for
};

/// What is left of the candidates (ascending). By key, where there is an order, none are made as
/// one: the stored row may be newer than the first of them only. `apart`: as FoldOptions has it.
[[nodiscard]] StagedChanges stage_changes(const OrderedChanges& changes, const TargetRows& rows,
                                          const std::vector<std::size_t>& candidates,
                                          const MergeStatements& statements, StagedBy by,
                                          const std::vector<bool>* apart = nullptr);

/// Of each of these its key and its place in the order, whatever it says, as rows of
/// MergeStatements::place_columns(); its index is its number.
[[nodiscard]] NumberedRows places_of(const OrderedChanges& changes, const TargetRows& rows,
                                     const std::vector<std::size_t>& which,
                                     const MergeStatements& statements);

/// All that bring a row, as they are, each with its place in the order as its number.
[[nodiscard]] NumberedRows rows_of(const OrderedChanges& changes, const TargetRows& rows);

}  // namespace sluice
