#include "pipeline/ingest/change_fold.h"

#include <algorithm>
#include <unordered_map>

namespace sluice {
namespace {

/// What the changes behind the one that is looked at have said of its row.
struct Said {
    std::size_t changes = 0;  ///< that are to be made
    bool all = false;         ///< of the row as a whole
    bool columns = false;     ///< of each column that changes speak of
    std::vector<bool> some;   ///< of these; empty: of none
};

/// Whether a change tells something new of its row, and adds what it tells.
bool adds(Said& said, const EncodedRows::Row& change, const std::vector<bool>& kept,
          bool has_other_columns) {
    if (said.all) return false;
    if (change.change == Change::remove) return said.all = true;
    if (said.columns) return false;
    if (kept.empty()) {
        said.columns = true;
        said.all = !has_other_columns;
        return true;
    }
    bool is_new = said.changes == 0;
    said.some.resize(kept.size());
    for (std::size_t column = 0; column < kept.size(); ++column) {
        if (kept[column] || said.some[column]) continue;
        said.some[column] = true;
        is_new = true;
    }
    return is_new;
}

}  // namespace

OrderedChanges::OrderedChanges(const TargetRows& rows) {
    changes_.reserve(rows.size());
    const auto& binary = rows.binary.rows;
    const auto& text = rows.text.rows;
    for (std::size_t b = 0, t = 0; b < binary.size() || t < text.size();) {
        const bool takes_binary =
            t == text.size() || (b < binary.size() && binary[b].record <= text[t].record);
        changes_.push_back(takes_binary ? At{&rows.binary, b++} : At{&rows.text, t++});
    }
    if (!rows.binary.orders.empty() || !rows.text.orders.empty())
        std::ranges::stable_sort(changes_, {}, &At::order);
    std::unordered_map<std::string_view, std::uint32_t> ids;
    ids.reserve(changes_.size());
    keys_.reserve(changes_.size());
    for (const At& change : changes_) {
        const auto id = static_cast<std::uint32_t>(ids.size());
        keys_.push_back(ids.try_emplace(change.key(), id).first->second);
    }
    key_count_ = ids.size();
}

std::size_t keys_without_order(const Batch& batch) {
    if (batch.slices().size() < 2) return 0;
    constexpr PartitionId several = -1;
    std::size_t count = 0;
    for (const TargetRows& target : batch.targets) {
        std::unordered_map<std::string_view, PartitionId> partitions;
        for (const EncodedRows* rows : {&target.binary, &target.text}) {
            if (rows->keys.empty() || !rows->orders.empty()) continue;
            for (std::size_t row = 0; row < rows->rows.size(); ++row) {
                const PartitionId partition = batch.records.at(rows->rows[row].record).from->id;
                PartitionId& of_key =
                    partitions.try_emplace(rows->keys[row], partition).first->second;
                if (of_key == partition || of_key == several) continue;
                of_key = several;
                ++count;
            }
        }
    }
    return count;
}

std::vector<FoldedChange> fold(const OrderedChanges& changes,
                               const std::vector<std::size_t>& candidates,
                               const std::vector<std::vector<bool>>& kept_sets,
                               bool has_other_columns) {
    std::vector<Said> said(changes.keys());
    std::vector<FoldedChange> folded;
    std::size_t deepest = 0;
    for (auto at = candidates.rbegin(); at != candidates.rend(); ++at) {
        const EncodedRows::Row& change = changes[*at].about();
        Said& of_key = said[changes.key_of(*at)];
        if (!adds(of_key, change, kept_sets[change.kept], has_other_columns)) continue;
        folded.push_back({*at, of_key.changes++});  // counted from the last one
        deepest = std::max(deepest, folded.back().layer);
    }
    for (FoldedChange& each : folded) each.layer = deepest - each.layer;
    std::ranges::sort(folded, [](const FoldedChange& a, const FoldedChange& b) {
        return a.layer != b.layer ? a.layer < b.layer : a.change < b.change;
    });
    return folded;
}

}  // namespace sluice
