#pragma once

#include "pipeline/ingest/batch.h"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace sluice {

/// A target's changes, the oldest first, whichever form their rows have: in the order that a column
/// says, and where there is none, or where it is equal, in that of their records. Views: the rows
/// must outlive it.
class OrderedChanges {
public:
    struct At {
        const EncodedRows* rows;
        std::size_t row;

        [[nodiscard]] const EncodedRows::Row& about() const { return rows->rows[row]; }
        [[nodiscard]] std::string_view bytes() const { return rows->bytes_of(row); }
        [[nodiscard]] std::string_view key() const { return rows->keys[row]; }
        /// Empty: no column says it.
        [[nodiscard]] std::string_view order() const {
            return rows->orders.empty() ? std::string_view{} : rows->orders[row];
        }
    };

    explicit OrderedChanges(const TargetRows& rows);

    [[nodiscard]] std::size_t size() const { return changes_.size(); }
    [[nodiscard]] const At& operator[](std::size_t change) const { return changes_[change]; }
    /// Counts from 0, the same for changes of one row.
    [[nodiscard]] std::uint32_t key_of(std::size_t change) const { return keys_[change]; }
    [[nodiscard]] std::size_t keys() const { return key_count_; }

private:
    std::vector<At> changes_;
    std::vector<std::uint32_t> keys_;
    std::size_t key_count_ = 0;
};

/// How many keys have changes from several partitions, between which no column decides.
[[nodiscard]] std::size_t keys_without_order(const Batch& batch);

/// A change that is to be made.
struct FoldedChange {
    std::size_t change = 0;  ///< its place in the order
    std::size_t layer = 0;   ///< a layer is made behind those before it
};

/// What is left of the candidates (ascending) once those are out that leave no trace behind later
/// ones of their key: for most keys the last change alone, in the last layer. A change that leaves
/// columns as they are needs the ones before it that say something of these. `has_other_columns`:
/// of which no change speaks: a row loses what is there by a removal only. By layer, then in order.
[[nodiscard]] std::vector<FoldedChange> fold(const OrderedChanges& changes,
                                             const std::vector<std::size_t>& candidates,
                                             const std::vector<std::vector<bool>>& kept_sets,
                                             bool has_other_columns);

}  // namespace sluice
