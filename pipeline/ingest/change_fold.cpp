#include "pipeline/ingest/change_fold.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <iterator>
#include <unordered_map>

namespace sluice {
namespace {

/// Counts keys from 0, in the order in which they come first; equal bytes are equal keys. Views.
/// All keys of a batch are asked about, which is fast in one table and slow with a node for each.
class KeyNumbers {
public:
    /// For so many keys at most.
    explicit KeyNumbers(std::size_t most) : slots_(std::bit_ceil(2 * most + 1)) {
        keys_.reserve(most);
    }

    [[nodiscard]] std::uint32_t number_of(std::string_view key) {
        const std::size_t hash = std::hash<std::string_view>{}(key);
        const auto mark = static_cast<std::uint32_t>(hash >> 32);
        for (std::size_t at = hash;; ++at) {
            Slot& slot = slots_[at & (slots_.size() - 1)];
            if (slot.next == 0) {
                keys_.push_back(key);
                slot = {.mark = mark, .next = size()};
                return slot.next - 1;
            }
            if (slot.mark == mark && keys_[slot.next - 1] == key) return slot.next - 1;
        }
    }
    [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(keys_.size()); }

private:
    struct Slot {
        std::uint32_t mark = 0;  ///< of the key's hash
        std::uint32_t next = 0;  ///< the key's number, from 1; 0: free
    };

    std::vector<Slot> slots_;
    std::vector<std::string_view> keys_;  ///< by number
};

/// What the changes behind the one that is looked at have said of its row.
struct Said {
    std::size_t last = 0;    ///< of FoldedChange: the one before the others, from 1; 0: none
    bool all = false;        ///< of the row as a whole
    bool columns = false;    ///< of each column that changes speak of
    std::vector<bool> some;  ///< of these; empty: of none
};

/// Whether a change tells something new of its row, and adds what it tells.
bool adds(Said& said, const EncodedRows::Row& change, const std::vector<bool>& kept,
          bool removals_matter) {
    if (said.all) return false;
    if (change.change == Change::remove) return said.all = true;
    if (said.columns) return false;
    if (kept.empty()) {
        said.columns = true;
        said.all = !removals_matter;
        return true;
    }
    bool is_new = said.last == 0;
    said.some.resize(kept.size());
    for (std::size_t column = 0; column < kept.size(); ++column) {
        if (kept[column] || said.some[column]) continue;
        said.some[column] = true;
        is_new = true;
    }
    return is_new;
}

class Folding {
public:
    Folding(const OrderedChanges& changes, const std::vector<std::vector<bool>>& kept_sets,
            const FoldOptions& options)
        : changes_(changes), options_(options) {
        folded_.kept_sets = kept_sets;
        folded_.changes.reserve(changes.keys());
    }

    [[nodiscard]] bool is_apart(std::size_t change) const {
        return options_.apart != nullptr && (*options_.apart)[changes_.key_of(change)];
    }
    /// Those of keys that are not apart, the latest first.
    void add(Said& of_key, std::size_t change);
    /// All of one that is, ascending.
    void add_apart(const std::vector<std::size_t>& of_key);
    [[nodiscard]] Folded take();

private:
    [[nodiscard]] bool removes(std::size_t change) const {
        return changes_[change].about().change == Change::remove;
    }
    [[nodiscard]] bool is_whole(std::size_t change) const {
        return removes(change) || changes_[change].about().kept == 0;
    }
    [[nodiscard]] bool joins(const FoldedChange& later, std::size_t change) const;
    void join(FoldedChange& later, std::size_t change);
    [[nodiscard]] std::uint32_t both_keep(std::uint32_t one, std::uint32_t other);

    const OrderedChanges& changes_;
    const FoldOptions& options_;
    Folded folded_;
    std::uint32_t deepest_ = 0;
    std::vector<FoldedChange> apart_;
};

void Folding::add(Said& of_key, std::size_t change) {
    const EncodedRows::Row& about = changes_[change].about();
    if (!adds(of_key, about, folded_.kept_sets[about.kept], options_.removals_matter)) return;
    std::uint32_t layer = 0;  // counted from the last one
    if (of_key.last > 0) {
        FoldedChange& later = folded_.changes[of_key.last - 1];
        if (joins(later, change)) return join(later, change);
        // Of a layer removals are made first.
        layer = later.layer + (removes(change) ? 0 : 1);
    }
    folded_.changes.push_back({.change = change, .layer = layer, .kept = about.kept});
    of_key.last = folded_.changes.size();
    deepest_ = std::max(deepest_, layer);
}

/// Rows of two forms make none of one.
bool Folding::joins(const FoldedChange& later, std::size_t change) const {
    if (!options_.joins || removes(later.change)) return false;
    return removes(change) ? !options_.removals_matter
                           : changes_[change].rows == changes_[later.change].rows;
}

/// What is behind a removal leaves nothing as it was.
void Folding::join(FoldedChange& later, std::size_t change) {
    later.parts.insert(later.parts.begin(), change);
    later.kept = removes(change) ? 0 : both_keep(later.kept, changes_[change].about().kept);
}

std::uint32_t Folding::both_keep(std::uint32_t one, std::uint32_t other) {
    if (one == 0 || other == 0) return 0;
    std::vector<std::vector<bool>>& sets = folded_.kept_sets;
    std::vector<bool> both = sets[one];
    for (std::size_t column = 0; column < both.size(); ++column)
        both[column] = both[column] && sets[other][column];
    if (std::ranges::find(both, true) == both.end()) return 0;
    const auto found = std::ranges::find(sets, both);
    const auto index = static_cast<std::uint32_t>(found - sets.begin());
    if (found == sets.end()) sets.push_back(std::move(both));
    return index;
}

void Folding::add_apart(const std::vector<std::size_t>& of_key) {
    using Turn = FoldedChange::Turn;
    std::uint32_t layer = 0;
    const auto put = [&](std::size_t change, Turn turn) {
        apart_.push_back(
            {.change = change,
             .layer = layer++,
             .kept = removes(change) ? std::uint32_t{0} : changes_[change].about().kept,
             .turn = turn});
    };
    const auto is_one = [this](std::size_t change) { return is_whole(change); };
    const auto whole = std::find_if(of_key.rbegin(), of_key.rend(), is_one);
    auto before = whole;
    for (; before != of_key.rend() && is_whole(*before); ++before) {
        if (!removes(*before) || !options_.removals_matter || before == whole) continue;
        put(*before, Turn::always);  // what comes behind it stands on it
        break;
    }
    for (auto at = whole; at != before; ++at) put(*at, Turn::unless_made);
    for (auto at = whole.base(); at != of_key.end(); ++at)
        put(*at, whole == of_key.rend() ? Turn::always : Turn::if_made);
}

Folded Folding::take() {
    std::vector<FoldedChange>& all = folded_.changes;
    std::ranges::reverse(all);
    for (FoldedChange& each : all) each.layer = deepest_ - each.layer;
    std::ranges::move(apart_, std::back_inserter(all));
    if (deepest_ > 0 || !apart_.empty())
        std::ranges::sort(all, [](const FoldedChange& a, const FoldedChange& b) {
            return a.layer != b.layer ? a.layer < b.layer : a.change < b.change;
        });
    return std::move(folded_);
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
    KeyNumbers numbers(changes_.size());
    keys_.reserve(changes_.size());
    for (const At& change : changes_) keys_.push_back(numbers.number_of(change.key()));
    key_count_ = numbers.size();
}

std::size_t keys_without_order(const Batch& batch) {
    if (batch.slices().size() < 2) return 0;
    constexpr PartitionId several = -1;
    std::size_t count = 0;
    const auto is_asked = [](const EncodedRows& rows) {
        return !rows.keys.empty() && rows.orders.empty();
    };
    for (const TargetRows& target : batch.targets) {
        if (!is_asked(target.binary) && !is_asked(target.text)) continue;
        KeyNumbers numbers(target.size());
        std::vector<PartitionId> partitions;  // by key
        for (const EncodedRows* rows : {&target.binary, &target.text}) {
            if (!is_asked(*rows)) continue;
            for (std::size_t row = 0; row < rows->rows.size(); ++row) {
                const PartitionId partition = batch.records.from(rows->rows[row].record)->id;
                const std::uint32_t key = numbers.number_of(rows->keys[row]);
                if (key == partitions.size()) partitions.push_back(partition);
                if (partitions[key] == partition || partitions[key] == several) continue;
                partitions[key] = several;
                ++count;
            }
        }
    }
    return count;
}

Folded fold(const OrderedChanges& changes, const std::vector<std::size_t>& candidates,
            const std::vector<std::vector<bool>>& kept_sets, const FoldOptions& options) {
    Folding folding(changes, kept_sets, options);
    std::vector<Said> said(changes.keys());
    std::unordered_map<std::uint32_t, std::vector<std::size_t>> apart;
    for (auto at = candidates.rbegin(); at != candidates.rend(); ++at) {
        const std::uint32_t key = changes.key_of(*at);
        if (folding.is_apart(*at))
            apart[key].push_back(*at);
        else
            folding.add(said[key], *at);
    }
    for (auto& [key, of_key] : apart) {
        std::ranges::reverse(of_key);
        folding.add_apart(of_key);
    }
    return folding.take();
}

}  // namespace sluice
