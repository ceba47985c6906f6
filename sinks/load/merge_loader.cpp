#include "sinks/load/merge_loader.h"

#include "pipeline/fail_point.h"
#include "sinks/books/schema.h"
#include "sinks/catalogue/catalogue.h"
#include "sinks/load/drift.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <set>
#include <span>
#include <utility>

namespace sluice {
namespace {

/// Where there is an order, the bytes of the key and of the place in it go along.
void append_change(NumberedRows& to, const OrderedChanges::At& change, CopyForm form,
                   std::size_t number) {
    const std::array both{change.key(), change.order()};
    to.append(form, number, change.about().record, change.bytes(),
              std::span(both).first(change.order().empty() ? 0 : both.size()));
}

}  // namespace

MergeLoader::MergeLoader(Session& session, MergeTarget target, config::OnInvalid on_invalid)
    : session_(session),
      statements_(std::move(target)),
      staging_(session, {.table = statements_.staging(),
                         .columns = statements_.staged_columns(),
                         .nulls_for_invalid =
                             nulls_for_invalid(statements_.target().table.columns, on_invalid)}),
      isolation_(session, statements_) {
    if (!statements_.target().sql) return;
    sql_.emplace(session, *statements_.target().sql,
                 SqlStatements::Into{.relation = statements_.staging(),
                                     .number = statements_.staged_columns().front(),
                                     .columns = statements_.leading_columns()},
                 on_invalid);
}

std::string MergeLoader::target() const {
    return "table " + qualified(statements_.target().table);
}

bool MergeLoader::expects_refusals(const TargetRows&) const {
    return refused_lately_;
}

void MergeLoader::look(const TargetRows&) {}

void MergeLoader::refuse_drift() {
    refuse_drift_of(session_, statements_.target().table, statements_.target().columns);
}

MergeLoader::Staged MergeLoader::stage(const OrderedChanges& changes, const TargetRows& rows,
                                       const std::vector<std::size_t>& candidates) const {
    Staged staged;
    staged.changes = fold(changes, candidates, rows.kept, statements_.has_other_columns());
    // Removals first: what they leave, others may take.
    const auto kind_of = [&](const FoldedChange& each) {
        const EncodedRows::Row& about = changes[each.change].about();
        return std::pair(each.layer, about.change == Change::remove ? -1 : int{about.kept});
    };
    std::ranges::stable_sort(staged.changes, {}, kind_of);
    for (std::size_t number = 0; number < staged.changes.size(); ++number) {
        const FoldedChange& each = staged.changes[number];
        const OrderedChanges::At& change = changes[each.change];
        if (number == 0 || kind_of(each) != kind_of(staged.changes[number - 1]))
            staged.steps.push_back({.removes = change.about().change == Change::remove,
                                    .kept = kept_columns(rows.kept[change.about().kept]),
                                    .layer = each.layer,
                                    .begin = number,
                                    .end = number});
        staged.steps.back().end = number + 1;
        append_change(staged.rows, change,
                      change.rows == &rows.binary ? CopyForm::binary : CopyForm::text, number);
    }
    return staged;
}

/// By column of the target: what is computed from values that stay as they are stays, too.
std::vector<bool> MergeLoader::kept_columns(const std::vector<bool>& kept) const {
    const std::optional<SqlTarget>& sql = statements_.target().sql;
    if (!sql || kept.empty()) return kept;
    const std::size_t mapped = sql->columns.size() - sql->computed.size();
    std::vector<bool> columns(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(mapped));
    for (const std::vector<std::size_t>& reads : sql->reads)
        columns.push_back(std::ranges::any_of(reads, [&](std::size_t i) { return kept[i]; }));
    return columns;
}

/// Of the SQL, by its place: what a step leaves as it is, and all where a row goes.
std::vector<bool> MergeLoader::not_computed(const MergeStep& step) const {
    const std::size_t computed = sql_->target().computed.size();
    if (step.removes) return std::vector<bool>(computed, true);
    return {step.kept.end() - static_cast<std::ptrdiff_t>(step.kept.empty() ? 0 : computed),
            step.kept.end()};
}

void MergeLoader::make_staging() {
    if (!mpp_) mpp_ = is_mpp(family_of(session_));
    session_.run(statements_.make_staging(*mpp_));
}

void MergeLoader::put(const TargetRows& rows) {
    without_effect_ = {};
    if (rows.size() == 0 && rows.truncations.empty()) return;
    const OrderedChanges changes(rows);
    std::vector<Fate> fates(changes.size());
    if (!rows.truncations.empty()) {
        session_.run(statements_.take_turn() + ";" + statements_.empty_table());
        supersede_before(rows.truncations.back(), changes, fates);
    }
    if (has_where()) filter(changes, rows, fates);
    const Staged staged = stage(changes, rows, open_changes(fates));
    make_staging();
    copy(staged);
    SLUICE_FAIL_POINT("merge_staged");
    make_changes(staged, fates);
    tell_without_effect(changes, fates);
}

/// Of a table that was emptied nothing is left of what was before.
void MergeLoader::supersede_before(RecordLog::Index record, const OrderedChanges& changes,
                                   std::vector<Fate>& fates) {
    for (std::size_t change = 0; change < changes.size(); ++change)
        if (changes[change].about().record < record) fates[change] = Fate::older;
}

/// The latest truncation that the database permits; those behind it are refused.
void MergeLoader::empty_isolated(const TargetRows& rows, const OrderedChanges& changes,
                                 Isolated& so_far) {
    for (auto record = rows.truncations.rbegin(); record != rows.truncations.rend(); ++record) {
        session_.run("SAVEPOINT t");
        try {
            session_.run(statements_.empty_table() + ";RELEASE SAVEPOINT t");
            return supersede_before(*record, changes, so_far.fates);
        } catch (const DatabaseError& error) {
            if (!session_.is_open() || error.trouble() != Trouble::data) throw;
            session_.run("ROLLBACK TO SAVEPOINT t;RELEASE SAVEPOINT t");
            so_far.rejects.push_back(
                {*record, {{"", shortened_reason(error.details().message)}}, RejectCause::refused});
        }
    }
}

std::vector<std::size_t> MergeLoader::open_changes(const std::vector<Fate>& fates) {
    std::vector<std::size_t> open;
    for (std::size_t change = 0; change < fates.size(); ++change)
        if (fates[change] == Fate::open) open.push_back(change);
    return open;
}

void MergeLoader::copy(const Staged& staged) {
    if (!sql_) return staging_.copy(staged.rows);
    sql_->fill(staged.rows);
    for (const MergeStep& step : staged.steps)
        sql_->insert(step.begin, step.end, not_computed(step));
}

bool MergeLoader::has_where() const {
    return sql_ && !sql_->target().where.empty();
}

/// Removals have no values to judge.
NumberedRows MergeLoader::rows_to_judge(const OrderedChanges& changes, const TargetRows& rows) {
    NumberedRows to_judge;
    for (std::size_t change = 0; change < changes.size(); ++change)
        if (changes[change].about().change != Change::remove)
            append_change(to_judge, changes[change],
                          changes[change].rows == &rows.binary ? CopyForm::binary : CopyForm::text,
                          change);
    return to_judge;
}

void MergeLoader::filter(const OrderedChanges& changes, const TargetRows& rows,
                         std::vector<Fate>& fates) {
    sql_->fill(rows_to_judge(changes, rows));
    for (const std::size_t change : sql_->filter(changes.size())) fates[change] = Fate::filtered;
}

void MergeLoader::filter_isolated(const OrderedChanges& changes, const TargetRows& rows,
                                  Isolated& so_far) {
    std::set<std::size_t> filtered;
    std::vector<RefusedNumber> refused = sql_->fill_isolated(rows_to_judge(changes, rows));
    std::ranges::move(sql_->filter_isolated(changes.size(), filtered), std::back_inserter(refused));
    for (const std::size_t change : filtered) so_far.fates[change] = Fate::filtered;
    for (RefusedNumber& each : refused)
        so_far.refuse(changes, each.number, std::move(each.reasons));
}

void MergeLoader::make_changes(const Staged& staged, std::vector<Fate>& fates) {
    const bool updates = statements_.target().mode == config::Mode::update;
    std::string sql = statements_.take_turn() + ";" + statements_.probe_only();
    std::set<std::size_t> older;
    if (!statements_.target().order.empty()) {
        session_.run(std::exchange(sql, ""));
        older = leave_out_older();
    }
    for (const MergeStep& step : staged.steps) {
        const bool tells = updates && !step.removes;
        for (std::size_t number = step.begin; number < step.end; ++number) {
            Fate& fate = fates[staged.changes[number].change];
            fate = older.contains(number) ? Fate::older : tells ? Fate::unmatched : Fate::made;
        }
        if (!tells) {
            sql += ";" + statements_.apply(step, step.begin, step.end);
            continue;
        }
        session_.run(std::exchange(sql, ""));
        for (const std::size_t number :
             numbers_in(session_.exec(statements_.update(step, step.begin, step.end))))
            fates[staged.changes[number].change] = Fate::made;
    }
    session_.run(sql + ";" + statements_.plan_freely());
}

std::set<std::size_t> MergeLoader::leave_out_older() {
    std::set<std::size_t> numbers;
    for (const std::string& sql : statements_.leave_out_older()) {
        const auto older = numbers_in(session_.exec(sql));
        numbers.insert(older.begin(), older.end());
    }
    return numbers;
}

void MergeLoader::tell_without_effect(const OrderedChanges& changes,
                                      const std::vector<Fate>& fates) {
    for (std::size_t change = 0; change < changes.size(); ++change) {
        const RecordLog::Index record = changes[change].about().record;
        if (fates[change] == Fate::open || fates[change] == Fate::older)
            without_effect_.superseded.push_back(record);
        if (fates[change] == Fate::unmatched) without_effect_.unmatched.push_back(record);
        if (fates[change] == Fate::filtered) without_effect_.filtered.push_back(record);
    }
    without_effect_.rows = without_effect_.superseded.size() + without_effect_.unmatched.size() +
                           without_effect_.filtered.size();
}

/// Of a change that is refused, those before it of its key get their turn, the latest first.
std::vector<Reject> MergeLoader::separate(const TargetRows& rows, Alike alike) {
    without_effect_ = {};
    refused_lately_ = false;
    if (rows.size() == 0 && rows.truncations.empty()) return {};
    const OrderedChanges changes(rows);
    Isolated so_far{.fates = std::vector<Fate>(changes.size()), .rejects = {}};
    session_.run(statements_.take_turn() + ";" + statements_.probe_only());
    staging_.begin_load(alike);
    isolation_.begin_load(alike);
    if (sql_) sql_->begin_load(alike);
    empty_isolated(rows, changes, so_far);
    if (has_where()) filter_isolated(changes, rows, so_far);
    std::vector<std::size_t> candidates = open_changes(so_far.fates);
    while (!candidates.empty()) {
        const Staged staged = stage(changes, rows, candidates);
        make_staging();
        copy_isolated(staged, changes, so_far);
        make_changes_isolated(staged, changes, so_far);
        candidates = before_refused(changes, candidates, so_far.fates);
    }
    session_.run(statements_.plan_freely());
    staging_.end_load();
    if (sql_) sql_->end_load();
    isolation_.end_load();
    refused_lately_ = !so_far.rejects.empty();
    tell_without_effect(changes, so_far.fates);
    return std::move(so_far.rejects);
}

void MergeLoader::copy_isolated(const Staged& staged, const OrderedChanges& changes,
                                Isolated& so_far) {
    const auto refuse = [&](std::vector<RefusedNumber> refused) {
        for (RefusedNumber& each : refused)
            so_far.refuse(changes, staged.changes[each.number].change, std::move(each.reasons));
    };
    refuse(sql_ ? sql_->fill_isolated(staged.rows) : staging_.copy_isolated(staged.rows));
    if (sql_)
        for (const MergeStep& step : staged.steps)
            refuse(sql_->insert_isolated(step.begin, step.end, staged.changes.size(),
                                         not_computed(step)));
    session_.run(statements_.index_staging());
}

void MergeLoader::Isolated::refuse(const OrderedChanges& changes, std::size_t change,
                                   std::vector<Reason> reasons) {
    fates[change] = Fate::refused;
    rejects.push_back({changes[change].about().record, std::move(reasons), RejectCause::refused});
}

void MergeLoader::make_changes_isolated(const Staged& staged, const OrderedChanges& changes,
                                        Isolated& so_far) {
    std::vector<Fate>& fates = so_far.fates;
    const auto fate_of = [&](std::size_t number) -> Fate& {
        return fates[staged.changes[number].change];
    };
    std::vector<bool> stopped(changes.keys());  // keys of which a change was refused just now
    const auto key_of = [&](std::size_t number) {
        return changes.key_of(staged.changes[number].change);
    };
    std::set<std::size_t> not_staged;
    for (std::size_t number = 0; number < staged.changes.size(); ++number) {
        if (fate_of(number) != Fate::refused) continue;
        stopped[key_of(number)] = true;
        not_staged.insert(number);
    }
    for (const std::size_t number : leave_out_older()) {
        fate_of(number) = Fate::older;
        not_staged.insert(number);
    }
    isolation_.begin(staged.steps, std::move(not_staged));
    for (const MergeStep& step : staged.steps) {
        std::vector<std::size_t> left_out;
        for (std::size_t number = step.begin; number < step.end; ++number)
            if (stopped[key_of(number)]) left_out.push_back(number);
        isolation_.leave_out(left_out);
        for (RefusedNumber& refused : isolation_.apply(step)) {
            so_far.refuse(changes, staged.changes[refused.number].change,
                          std::move(refused.reasons));
            stopped[key_of(refused.number)] = true;
        }
        const bool tells = statements_.target().mode == config::Mode::update && !step.removes;
        for (std::size_t number = step.begin; number < step.end; ++number) {
            if (stopped[key_of(number)] || fate_of(number) == Fate::older) continue;
            const bool unmatched = tells && !isolation_.matched().contains(number);
            fate_of(number) = unmatched ? Fate::unmatched : Fate::made;
        }
    }
    session_.run(statements_.drop_index());
}

std::vector<std::size_t> MergeLoader::before_refused(const OrderedChanges& changes,
                                                     const std::vector<std::size_t>& candidates,
                                                     const std::vector<Fate>& fates) {
    struct Key {
        bool refused = false;
        bool made = false;
        std::size_t last_made = 0;
    };
    std::vector<Key> keys(changes.keys());
    for (const std::size_t change : candidates) {
        Key& key = keys[changes.key_of(change)];
        key.refused |= fates[change] == Fate::refused;
        if (fates[change] != Fate::made && fates[change] != Fate::unmatched) continue;
        key.made = true;
        key.last_made = change;
    }
    std::vector<std::size_t> next;
    for (const std::size_t change : candidates) {
        const Key& key = keys[changes.key_of(change)];
        if (key.refused && fates[change] == Fate::open && (!key.made || change > key.last_made))
            next.push_back(change);
    }
    return next;
}

MakeLoader merge_loader(const MergeTarget& target, config::OnInvalid on_invalid) {
    return [=](Session& session) {
        return std::make_unique<MergeLoader>(session, target, on_invalid);
    };
}

}  // namespace sluice
