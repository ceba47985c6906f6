#include "sinks/load/merge/staged_changes.h"

#include "pipeline/values/binary_copy.h"
#include "sinks/copy/copy_rows.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <tuple>

namespace sluice {
namespace {

CopyForm form_of(const OrderedChanges::At& change, const TargetRows& rows) {
    return change.rows == &rows.binary ? CopyForm::binary : CopyForm::text;
}

/// Where there is an order, the bytes of the key and of the place in it go along.
void append_change(NumberedRows& to, const OrderedChanges::At& change, std::string_view row,
                   CopyForm form, std::size_t number) {
    const std::array both{change.key(), change.order()};
    to.append(form, number, change.about().record, row,
              std::span(both).first(change.order().empty() ? 0 : both.size()));
}

/// By column of the target: what is computed from values that stay as they are stays, too.
std::vector<bool> kept_columns(const MergeTarget& target, const std::vector<bool>& kept) {
    if (!target.sql || kept.empty()) return kept;
    const SqlTarget& sql = *target.sql;
    const std::size_t mapped = sql.columns.size() - sql.computed.size();
    std::vector<bool> columns(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(mapped));
    for (const std::vector<std::size_t>& reads : sql.reads)
        columns.push_back(std::ranges::any_of(reads, [&](std::size_t i) { return kept[i]; }));
    return columns;
}

/// Of each column what the latest change says that speaks of it; NULL where none does. The latest
/// of all speaks of some only: what is before the others' would be folded away.
std::string joined_row(const OrderedChanges& changes, const FoldedChange& folded,
                       const std::vector<std::vector<bool>>& kept_sets, CopyForm form) {
    struct Source {
        FieldWalker fields;
        const std::vector<bool>& kept;
    };
    std::vector<Source> sources;
    const auto add = [&](std::size_t change) {
        const OrderedChanges::At& at = changes[change];
        if (at.about().change != Change::remove)
            sources.push_back({FieldWalker(at.bytes(), form), kept_sets[at.about().kept]});
    };
    add(folded.change);
    std::for_each(folded.parts.rbegin(), folded.parts.rend(), add);
    const std::size_t columns = sources.front().kept.size();
    std::string row;
    if (form == CopyForm::binary) binary_copy::append_column_count(row, columns);
    for (std::size_t column = 0; column < columns; ++column) {
        std::optional<std::string_view> said;
        std::string_view unsaid;
        for (Source& source : sources) {
            unsaid = source.fields.next();
            if (!said && (source.kept.empty() || !source.kept[column])) said = unsaid;
        }
        if (form == CopyForm::text && column > 0) row += '\t';
        row += said.value_or(unsaid);
    }
    if (form == CopyForm::text) row += '\n';
    return row;
}

std::string place_row(const OrderedChanges::At& change, CopyForm form,
                      const std::vector<bool>& place) {
    FieldWalker fields(change.bytes(), form);
    const bool binary = form == CopyForm::binary;
    std::string row;
    std::size_t columns = 0;
    for (const bool of_place : place) {
        const std::string_view field = fields.next();
        if (!of_place) continue;
        if (!binary && columns > 0) row += '\t';
        row += field;
        ++columns;
    }
    if (!binary) return row + '\n';
    std::string count;
    binary_copy::append_column_count(count, columns);
    return count + row;
}

/// Keys begin with a length, which says nothing of their order.
std::uint64_t first_bytes(std::string_view key) {
    key.remove_prefix(std::min(key.size(), sizeof(std::int32_t)));
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, key.data(), std::min(key.size(), sizeof bytes));
    return binary_copy::big_endian(bytes);
}

/// By the bytes: of a step no two have one key. What the database holds for less or greater need
/// not be the same, as long as what is near stays near.
void sort_by_key(std::span<FoldedChange> of_step, const OrderedChanges& changes) {
    struct Place {
        std::uint64_t first;
        std::string_view key;
        FoldedChange* change;
    };
    std::vector<Place> places;
    places.reserve(of_step.size());
    for (FoldedChange& each : of_step) {
        const std::string_view key = changes[each.change].key();
        places.push_back({first_bytes(key), key, &each});
    }
    std::ranges::sort(places, [](const Place& a, const Place& b) {
        return a.first != b.first ? a.first < b.first : a.key < b.key;
    });
    std::vector<FoldedChange> sorted;
    sorted.reserve(of_step.size());
    for (const Place& place : places) sorted.push_back(std::move(*place.change));
    std::ranges::move(sorted, of_step.begin());
}

}  // namespace

StagedChanges stage_changes(const OrderedChanges& changes, const TargetRows& rows,
                            const std::vector<std::size_t>& candidates,
                            const MergeStatements& statements, StagedBy by,
                            const std::vector<bool>* apart) {
    const MergeTarget& target = statements.target();
    Folded folded = fold(
        changes, candidates, rows.kept,
        {.removals_matter = statements.has_other_columns() || target.mode == config::Mode::update,
         .joins = target.order.empty() || by == StagedBy::change,
         .apart = apart});
    StagedChanges staged;
    staged.changes = std::move(folded.changes);
    // Removals first: what they leave, others may take.
    const auto kind_of = [&](const FoldedChange& each) {
        const bool removes = changes[each.change].about().change == Change::remove;
        return std::tuple(each.layer, !removes, each.kept);
    };
    if (!std::ranges::is_sorted(staged.changes, {}, kind_of))
        std::ranges::stable_sort(staged.changes, {}, kind_of);
    if (by == StagedBy::key)
        for (auto begin = staged.changes.begin(); begin != staged.changes.end();) {
            const auto is_other = [&, kind = kind_of(*begin)](const FoldedChange& each) {
                return kind_of(each) != kind;
            };
            const auto end = std::find_if(begin, staged.changes.end(), is_other);
            sort_by_key({begin, end}, changes);
            begin = end;
        }
    for (std::size_t number = 0; number < staged.changes.size(); ++number) {
        const FoldedChange& each = staged.changes[number];
        const OrderedChanges::At& change = changes[each.change];
        if (number == 0 || kind_of(each) != kind_of(staged.changes[number - 1]))
            staged.steps.push_back({.removes = change.about().change == Change::remove,
                                    .kept = kept_columns(target, folded.kept_sets[each.kept]),
                                    .sorted = by == StagedBy::key,
                                    .begin = number,
                                    .end = number});
        staged.steps.back().end = number + 1;
        const CopyForm form = form_of(change, rows);
        if (each.parts.empty())
            append_change(staged.rows, change, change.bytes(), form, number);
        else
            append_change(staged.rows, change, joined_row(changes, each, folded.kept_sets, form),
                          form, number);
    }
    return staged;
}

NumberedRows places_of(const OrderedChanges& changes, const TargetRows& rows,
                       const std::vector<std::size_t>& which, const MergeStatements& statements) {
    const std::vector<bool> place = statements.place_fields();
    NumberedRows all;
    for (std::size_t number = 0; number < which.size(); ++number) {
        const OrderedChanges::At& change = changes[which[number]];
        const CopyForm form = form_of(change, rows);
        append_change(all, change, place_row(change, form, place), form, number);
    }
    return all;
}

NumberedRows rows_of(const OrderedChanges& changes, const TargetRows& rows) {
    NumberedRows all;
    for (std::size_t change = 0; change < changes.size(); ++change) {
        const OrderedChanges::At& at = changes[change];
        if (at.about().change != Change::remove)
            append_change(all, at, at.bytes(), form_of(at, rows), change);
    }
    return all;
}

}  // namespace sluice
