#pragma once

#include "pipeline/batch.h"

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

/// A change that is to be made, or several of one row that are made as one.
struct FoldedChange {
    /// Whether it is made where changes of its key before it, in the order of layers, were refused.
    enum class Turn : std::uint8_t {
        always,
        unless_made,  ///< not if one of these is: it would be superseded
        if_made,      ///< only if one of these is: it stands on it
    };

    std::size_t change = 0;   ///< its place in the order; of several, the latest
    std::uint32_t layer = 0;  ///< a layer is made behind those before it
    std::uint32_t kept = 0;   ///< index into Folded::kept_sets
    Turn turn = Turn::always;
    std::vector<std::size_t> parts{};  ///< of several, those before: what it leaves they say
};

struct Folded {
    std::vector<FoldedChange> changes;         ///< by layer, in each in order
    std::vector<std::vector<bool>> kept_sets;  ///< those of TargetRows first
};

struct FoldOptions {
    /// A removal takes more from a row than changes say: columns of which no change speaks, or that
    /// there is a row.
    bool removals_matter = false;
    /// Changes may be made as one, each column as the latest says that speaks of it.
    bool joins = true;
    /// By key: of which something was refused, so that what is to blame shows one by one.
    const std::vector<bool>* apart = nullptr;
};

/// What is left of the candidates (ascending) once those are out that leave no trace behind later
/// ones of their key: mostly one for each, in the last layer. Of keys that are apart, the latest of
/// the row as a whole are left, each to be made if those after it are refused, and behind these all
/// that speak of some columns.
[[nodiscard]] Folded fold(const OrderedChanges& changes, const std::vector<std::size_t>& candidates,
                          const std::vector<std::vector<bool>>& kept_sets,
                          const FoldOptions& options);

}  // namespace sluice
