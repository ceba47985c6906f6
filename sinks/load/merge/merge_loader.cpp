#include "sinks/load/merge/merge_loader.h"

#include "pipeline/fail_point.h"
#include "sinks/catalogue/catalogue.h"
#include "sinks/session/server_family.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

namespace sluice {
namespace {

/// Those that say that a row is gone in the end, behind the latest truncation.
std::vector<std::size_t> last_removals(const OrderedChanges& changes, const TargetRows& rows,
                                       const std::set<RecordLog::Index>* only) {
    std::vector<std::size_t> last(changes.keys());
    for (std::size_t change = 0; change < changes.size(); ++change)
        last[changes.key_of(change)] = change;
    std::erase_if(last, [&](std::size_t change) {
        const EncodedRows::Row& about = changes[change].about();
        return about.change != Change::remove ||
               (only != nullptr && !only->contains(about.record)) ||
               (!rows.truncations.empty() && about.record < rows.truncations.back());
    });
    std::ranges::sort(last);
    return last;
}

}  // namespace

/// A batch's changes, and what is left of them to stage. Not of rows of which some have gone since.
class MergeLoader::FoldedRows : public PreparedRows {
public:
    explicit FoldedRows(const TargetRows& rows)
        : changes(rows), fates(changes.size()), rows_(rows), extent_(rows.extent()) {
        if (!rows.truncations.empty()) supersede_before(rows.truncations.back(), changes, fates);
    }

    [[nodiscard]] bool is_of(const TargetRows& rows) const {
        return &rows == &rows_ && rows.extent() == extent_;
    }
    /// What is open by now.
    void fold(const MergeStatements& statements) {
        std::vector<std::size_t> open;
        for (std::size_t change = 0; change < fates.size(); ++change)
            if (fates[change] == Fate::open) open.push_back(change);
        staged = stage_changes(changes, rows_, open, statements, StagedBy::key);
    }

    const OrderedChanges changes;
    std::vector<Fate> fates;
    std::optional<StagedChanges> staged;

private:
    const TargetRows& rows_;
    const TargetRows::Extent extent_;
};

MergeLoader::MergeLoader(Session& session, MergeTarget target, const StagingWay& way)
    : Loader(session),
      statements_(std::move(target)),
      staging_(session, {.table = statements_.staging(),
                         .columns = statements_.staged_columns(),
                         .nulls_for_invalid =
                             nulls_for_invalid(statements_.target().table.columns, way.on_invalid),
                         .segments = way.segments}),
      isolation_(session, statements_) {
    if (!statements_.target().order.empty())
        places_.emplace(session, Staging::Options{.table = statements_.staging(),
                                                  .columns = statements_.place_columns()});
    if (!statements_.target().sql) return;
    sql_.emplace(session, *statements_.target().sql,
                 SqlStatements::Into{.relation = statements_.staging(),
                                     .number = statements_.staged_columns().front(),
                                     .columns = statements_.leading_columns()},
                 way);
}

std::string MergeLoader::target() const {
    return "table " + qualified(statements_.target().table);
}

bool MergeLoader::expects_refusals(const TargetRows&) const {
    return refused_lately_;
}

void MergeLoader::look(const TargetRows&, bool) {}

/// Of the SQL, by its place: what a step leaves as it is, and all where a row goes.
std::vector<bool> MergeLoader::not_computed(const MergeStep& step) const {
    const std::size_t computed = sql_->target().computed.size();
    if (step.removes) return std::vector<bool>(computed, true);
    return {step.kept.end() - static_cast<std::ptrdiff_t>(step.kept.empty() ? 0 : computed),
            step.kept.end()};
}

void MergeLoader::make_staging() {
    if (!types_) types_ = types_behind_domains(session_, statements_.target().table);
    const StagingForm form{.mpp = is_mpp(session_.family()), .types = *types_};
    const bool is_there = form.mpp && session_.exec(statements_.has_staging()).text(0, 0) == "t";
    session_.run((is_there ? "" : statements_.make_staging(form) + ";") +
                 statements_.empty_staging());
}

TakenAway MergeLoader::take_away(const TargetRows& rows) {
    TakenAway gone;
    if (!rows.truncations.empty()) {
        session_.run(statements_.empty_table());
        gone.emptied = true;
    }
    const OrderedChanges changes(rows);
    const std::vector<std::size_t> removals = last_removals(changes, rows, nullptr);
    if (removals.empty()) return gone;
    const StagedChanges staged = stage_changes(changes, rows, removals, statements_, StagedBy::key);
    make_staging();
    copy(staged);
    std::vector<Fate> fates(changes.size());
    make_changes(staged, fates);
    for (const std::size_t change : removals)
        (fates[change] == Fate::older ? gone.older : gone.removals).insert(change);
    return gone;
}

TakenAway MergeLoader::take_away_isolated(const TargetRows& rows,
                                          const std::set<RecordLog::Index>* only) {
    TakenAway gone;
    if (only == nullptr && !rows.truncations.empty()) gone.emptied = !try_to_empty();
    const OrderedChanges changes(rows);
    const std::vector<std::size_t> removals = last_removals(changes, rows, only);
    if (removals.empty()) return gone;
    const StagedChanges staged =
        stage_changes(changes, rows, removals, statements_, StagedBy::change);
    make_staging();
    staging_.begin_load(Alike::refuse);
    if (sql_) sql_->begin_load(Alike::refuse);
    // What is refused here is tried once more with the rest, and told there.
    if (!copy_isolated(staged).empty()) return gone;
    if (const std::string sql = statements_.probe_only(); !sql.empty()) session_.run(sql);
    isolation_.begin_load(Alike::refuse);
    const std::set<std::size_t> older = leave_out_older();
    isolation_.begin(staged.steps, older);
    std::set<std::size_t> refused;
    for (const MergeStep& step : staged.steps)
        for (const RefusedNumber& each : isolation_.apply(step)) refused.insert(each.number);
    for (std::size_t number = 0; number < staged.changes.size(); ++number) {
        if (refused.contains(number) || isolation_.waits(number)) continue;
        (older.contains(number) ? gone.older : gone.removals).insert(staged.changes[number].change);
    }
    session_.run(statements_.plan_freely());
    return gone;
}

void MergeLoader::set_gone(const TakenAway& gone, const OrderedChanges& changes,
                           std::vector<Fate>& fates) {
    std::set<std::uint32_t> keys;
    for (const auto& [removals, fate] :
         {std::pair(&gone.removals, Fate::made), std::pair(&gone.older, Fate::older)})
        for (const std::size_t change : *removals) {
            fates[change] = fate;
            keys.insert(changes.key_of(change));
        }
    if (keys.empty()) return;
    for (std::size_t change = 0; change < fates.size(); ++change)
        if (fates[change] == Fate::open && keys.contains(changes.key_of(change)))
            fates[change] = Fate::older;
}

std::unique_ptr<PreparedRows> MergeLoader::prepare(const TargetRows& rows) const {
    if (rows.empty() || has_where()) return nullptr;
    auto folded = std::make_unique<FoldedRows>(rows);
    folded->fold(statements_);
    return folded;
}

void MergeLoader::put(const TargetRows& rows, const TakenAway& gone,
                      std::unique_ptr<PreparedRows> prepared) {
    without_effect_ = {};
    if (rows.empty()) return;
    std::unique_ptr<FoldedRows> folded(static_cast<FoldedRows*>(prepared.release()));
    if (!folded || !folded->is_of(rows)) folded = std::make_unique<FoldedRows>(rows);
    const OrderedChanges& changes = folded->changes;
    std::vector<Fate>& fates = folded->fates;
    if (!rows.truncations.empty() && !gone.emptied)
        session_.run(statements_.take_turn() + ";" + statements_.empty_table());
    if (has_where()) filter(changes, rows, fates);
    set_gone(gone, changes, fates);
    const bool some_are_gone = !gone.removals.empty() || !gone.older.empty();
    if (!folded->staged || some_are_gone) folded->fold(statements_);
    StagedChanges& staged = *folded->staged;
    if (staged.changes.empty()) return tell_without_effect(changes, fates);
    make_staging();
    copy(staged);
    staged.rows = {};
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
                                 MergeRounds& rounds) {
    for (auto record = rows.truncations.rbegin(); record != rows.truncations.rend(); ++record) {
        const auto error = try_to_empty();
        if (!error) return supersede_before(*record, changes, rounds.fates);
        rounds.rejects.push_back(
            {*record, {{"", shortened_reason(error->details().message)}}, RejectCause::refused});
    }
}

std::optional<DatabaseError> MergeLoader::try_to_empty() {
    session_.run("SAVEPOINT t");
    try {
        session_.run(statements_.empty_table() + ";RELEASE SAVEPOINT t");
        return std::nullopt;
    } catch (const DatabaseError& error) {
        if (!session_.is_open() || error.trouble() != Trouble::data) throw;
        session_.run("ROLLBACK TO SAVEPOINT t;RELEASE SAVEPOINT t");
        return error;
    }
}

void MergeLoader::copy(const StagedChanges& staged) {
    if (!sql_) return staging_.copy(staged.rows);
    sql_->fill(staged.rows);
    for (const MergeStep& step : staged.steps)
        sql_->insert(step.begin, step.end, not_computed(step));
}

bool MergeLoader::has_where() const {
    return sql_ && !sql_->target().where.empty();
}

/// Removals have no values to judge.
void MergeLoader::filter(const OrderedChanges& changes, const TargetRows& rows,
                         std::vector<Fate>& fates) {
    sql_->fill(rows_of(changes, rows));
    for (const std::size_t change : sql_->filter(changes.size())) fates[change] = Fate::filtered;
}

void MergeLoader::filter_isolated(const OrderedChanges& changes, const TargetRows& rows,
                                  MergeRounds& rounds) {
    std::set<std::size_t> filtered;
    std::vector<RefusedNumber> refused = sql_->fill_isolated(rows_of(changes, rows));
    std::ranges::move(sql_->filter_isolated(changes.size(), filtered), std::back_inserter(refused));
    for (const std::size_t change : filtered) rounds.fates[change] = Fate::filtered;
    for (RefusedNumber& each : refused) rounds.refuse(each.number, std::move(each.reasons));
}

void MergeLoader::make_changes(const StagedChanges& staged, std::vector<Fate>& fates) {
    const bool updates = statements_.target().mode == config::Mode::update;
    std::string sql = statements_.take_turn() + ";" + statements_.probe_only();
    const auto set = [&](std::size_t number, Fate fate) {
        const FoldedChange& folded = staged.changes[number];
        fates[folded.change] = fate;
        for (const std::size_t part : folded.parts) fates[part] = fate;
    };
    std::set<std::size_t> older;
    if (!statements_.target().order.empty()) {
        session_.run(std::exchange(sql, ""));
        older = leave_out_older();
    }
    for (const MergeStep& step : staged.steps) {
        const bool tells = updates && !step.removes;
        for (std::size_t number = step.begin; number < step.end; ++number)
            set(number, older.contains(number) ? Fate::older
                        : tells                ? Fate::unmatched
                                               : Fate::made);
        const std::string which = statements_.range(step.begin, step.end);
        if (!tells) {
            sql += ";" + statements_.apply(step, which);
            continue;
        }
        if (!sql.empty()) session_.run(std::exchange(sql, ""));
        for (const std::size_t number : numbers_in(session_.exec(statements_.update(step, which))))
            set(number, Fate::made);
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

std::vector<Reject> MergeLoader::separate(const TargetRows& rows, Alike alike,
                                          const TakenAway& gone) {
    without_effect_ = {};
    refused_lately_ = false;
    if (rows.size() == 0 && rows.truncations.empty()) return {};
    const OrderedChanges changes(rows);
    MergeRounds rounds(session_, statements_, isolation_, changes);
    session_.run(statements_.take_turn());
    staging_.begin_load(alike);
    isolation_.begin_load(alike);
    if (sql_) sql_->begin_load(alike);
    if (gone.emptied)
        supersede_before(rows.truncations.back(), changes, rounds.fates);
    else
        empty_isolated(rows, changes, rounds);
    if (has_where()) filter_isolated(changes, rows, rounds);
    set_gone(gone, changes, rounds.fates);
    rounds.begin();
    while (!rounds.candidates().empty()) make_round(stage_round(changes, rows, rounds), rounds);
    staging_.end_load();
    if (sql_) sql_->end_load();
    isolation_.end_load();
    refused_lately_ = !rounds.rejects.empty();
    tell_without_effect(changes, rounds.fates);
    return std::move(rounds.rejects);
}

/// Of changes that are made as one the latest is asked for its place in the order, which says
/// nothing of those before it: so these are asked first.
StagedChanges MergeLoader::stage_round(const OrderedChanges& changes, const TargetRows& rows,
                                       MergeRounds& rounds) {
    std::set<std::size_t> asked;
    while (true) {
        StagedChanges staged = stage_changes(changes, rows, rounds.candidates(), statements_,
                                             StagedBy::change, &rounds.apart());
        if (statements_.target().order.empty()) return staged;
        std::vector<std::size_t> parts;
        for (const FoldedChange& each : staged.changes)
            std::ranges::copy_if(each.parts, std::back_inserter(parts),
                                 [&](std::size_t part) { return asked.insert(part).second; });
        if (parts.empty()) return staged;
        rounds.leave_out(look_at_places(parts, places_of(changes, rows, parts, statements_)));
    }
}

MergeRounds::Found MergeLoader::look_at_places(const std::vector<std::size_t>& which,
                                               const NumberedRows& places) {
    make_staging();
    places_->begin_load(Alike::refuse);
    MergeRounds::Found found;
    for (RefusedNumber& each : places_->copy_isolated(places))
        found.refused.emplace(which[each.number], std::move(each.reasons));
    if (const std::string sql = statements_.probe_only(); !sql.empty()) session_.run(sql);
    for (const std::size_t number : leave_out_older()) found.older.push_back(which[number]);
    session_.run(statements_.plan_freely());
    return found;
}

void MergeLoader::make_round(const StagedChanges& staged, MergeRounds& rounds) {
    make_staging();
    const std::vector<RefusedNumber> unreadable = copy_isolated(staged);
    const bool indexed = staged.changes.size() > few_staged_rows;
    if (indexed) session_.run(statements_.index_staging());
    if (const std::string sql = statements_.probe_only(); !sql.empty()) session_.run(sql);
    rounds.make(staged, unreadable, leave_out_older());
    session_.run((indexed ? statements_.drop_index() + ";" : "") + statements_.plan_freely());
}

std::vector<RefusedNumber> MergeLoader::copy_isolated(const StagedChanges& staged) {
    if (!sql_) return staging_.copy_isolated(staged.rows);
    std::vector<RefusedNumber> refused = sql_->fill_isolated(staged.rows);
    for (const MergeStep& step : staged.steps)
        std::ranges::move(
            sql_->insert_isolated(step.begin, step.end, staged.changes.size(), not_computed(step)),
            std::back_inserter(refused));
    sql_->end_fill();
    return refused;
}

MakeLoader merge_loader(const MergeTarget& target, const StagingWay& way) {
    return [=](Session& session) { return std::make_unique<MergeLoader>(session, target, way); };
}

}  // namespace sluice
