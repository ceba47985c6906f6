#include "sinks/load/isolation/constraint_judge.h"

#include "sinks/session/server_family.h"
#include "sinks/session/server_text.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace sluice {
namespace {

/// The table may be of any size, and each key is one look into its index. Only what differs is set,
/// since all segments of an MPP database hear of it; what it was, comes back.
constexpr const char* look_up_each =
    "SELECT name, old, set_config(name, value, true) FROM (SELECT name, value,"
    " current_setting(name) AS old FROM (VALUES ('enable_hashjoin', 'off'),"
    " ('enable_mergejoin', 'off'), ('enable_nestloop', 'on')) wanted (name, value) OFFSET 0) known"
    " WHERE old <> value";

std::string as_before(const Rows& settings) {
    std::string sql;
    for (std::size_t row = 0; row < settings.rows.size(); ++row)
        sql += "SET LOCAL " + settings.text(row, 0) + " = " + settings.text(row, 1) + ";";
    return sql;
}

/// By a trigger, perhaps; the language's name is the same in every tongue.
bool is_raised(const DatabaseError& error) {
    return error.sqlstate().starts_with("P0") ||
           error.details().context.find("PL/pgSQL") != std::string::npos;
}

/// By whom a row is found first, says why.
void keep_one_for_each_row(std::vector<Offender>& found) {
    std::ranges::stable_sort(found, {}, &Offender::row);
    const auto same_row = [](const Offender& a, const Offender& b) { return a.row == b.row; };
    found.erase(std::unique(found.begin(), found.end(), same_row), found.end());
}

/// The name of what has none: that a partition takes the row.
constexpr const char* taken_by_some = "";

}  // namespace

/// All CHECKs cost little more than one; of several keys fewer duplicates are found.
bool ConstraintJudge::Clues::point_to(const TableConstraint& constraint) const {
    if (constraint.kind == Kind::check && !message.empty()) return true;
    return names.contains(constraint.name) || mentions(message, constraint.name);
}

ConstraintJudge::ConstraintJudge(Session& session, std::string qualified_table,
                                 std::vector<std::string> columns)
    : session_(session),
      target_(std::move(qualified_table)),
      columns_(std::move(columns)),
      staged_(session, {.name = "sluice_judged", .target = target_, .columns = columns_}),
      arrays_(session, columns_),
      trial_(session, target_, columns_) {}

TableShape ConstraintJudge::read() const {
    return read_shape(session_, target_, columns_,
                      tries_triggers_ ? Triggers::read : Triggers::leave);
}

bool ConstraintJudge::still_holds() {
    if (!has_judged_) return true;
    TableShape now = read();
    if (now == shape_) return true;
    know(std::move(now));
    return false;
}

void ConstraintJudge::know(TableShape shape) {
    if (tries_triggers_) has_triggers_ = shape.triggers.has_value();
    if (shape == shape_) return;
    shape_ = std::move(shape);
    forget_columns();
    if (shape_.triggers) trial_.choose(*shape_.triggers, shape_.types);
}

void ConstraintJudge::forget_columns() {
    staged_fits_ = false;
    arrays_fit_.reset();
}

bool ConstraintJudge::suspect(const DatabaseError& error) {
    static const std::map<std::string, Kind> kinds = {
        {"22M01", Kind::check},  // no partition, on Greenplum and Cloudberry
        {"23503", Kind::reference},
        {"23505", Kind::unique},
        {"23514", Kind::check}};
    if (is_mpp(session_.family()) && has_triggers_ && is_raised(error)) {
        tries_triggers_ = true;
        trial_.note_raised(error.details().message);
        return true;
    }
    const auto kind = kinds.find(error.sqlstate());
    if (kind == kinds.end()) return false;
    Clues& clues = clues_[kind->second];
    const DatabaseError::Details& details = error.details();
    if (error.sqlstate() == "22M01")
        clues.names.insert(taken_by_some);
    else if (details.constraint.empty())
        clues.message = details.message;
    else
        clues.names.insert(details.constraint);
    duplicates_ = {};
    return true;
}

/// A partition's own index has a name of its own, too.
void ConstraintJudge::follow_clues() {
    for (const auto& [kind, clues] : clues_) {
        const auto is_meant = [&, kind = kind, &clues = clues](const TableConstraint& constraint) {
            return constraint.kind == kind && clues.point_to(constraint);
        };
        const bool any = std::ranges::any_of(shape_.constraints, is_meant);
        for (const TableConstraint& constraint : shape_.constraints)
            if (constraint.kind == kind && (!any || is_meant(constraint)) &&
                suspects_.insert(constraint.name).second)
                forget_columns();
    }
    clues_.clear();
}

Constraints ConstraintJudge::suspected(Kind kind) const {
    Constraints found;
    for (const TableConstraint& constraint : shape_.constraints)
        if (constraint.kind == kind && suspects_.contains(constraint.name))
            found.push_back(&constraint);
    return found;
}

/// By their indices.
std::vector<std::size_t> ConstraintJudge::columns_of(const Constraints& constraints) const {
    std::vector<std::size_t> indices;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        const bool wanted =
            std::ranges::any_of(constraints, [&](const TableConstraint* constraint) {
                return std::ranges::find(constraint->columns, columns_[i]) !=
                       constraint->columns.end();
            });
        if (wanted) indices.push_back(i);
    }
    return indices;
}

std::optional<std::vector<Offender>> ConstraintJudge::judge(const RowRange& range) {
    // Asked again when something is new, or has failed; otherwise still_holds() does, in the end.
    if (!std::exchange(knows_, false) || !clues_.empty() || trial_.has_raised()) {
        TableShape now = read();
        const bool is_another = now.constraints != shape_.constraints || now.types != shape_.types;
        know(std::move(now));
        if (has_judged_ && is_another) throw table_has_changed();
    }
    follow_clues();
    auto found = judge_suspected(range);
    knows_ = true;
    return found;
}

std::optional<std::vector<Offender>> ConstraintJudge::judge_suspected(const RowRange& range) {
    const Constraints keys = suspected(Kind::unique);
    const bool tries = tries_triggers_ && shape_.triggers && trial_.can_tell();
    if (!tries && keys.empty() && suspected(Kind::check).empty() &&
        suspected(Kind::reference).empty())
        return std::nullopt;
    has_judged_ = true;
    has_staged_ = false;
    std::vector<Offender> found;
    judge_by_queries(range, found);
    if (tries) {
        if (!trial_.find_refused(range, found)) return std::nullopt;
        has_staged_ = true;
    }
    keep_one_for_each_row(found);
    // With several keys, who is first by one may be a duplicate by another.
    if (keys.size() == 1 && duplicates_.among_themselves) {
        const std::size_t before = found.size();
        find_duplicates(range, *keys.front(), columns_of(keys), found);
        duplicates_.among_themselves = found.size() > before;
    }
    return found;
}

void ConstraintJudge::judge_by_queries(RowRange range, std::vector<Offender>& found) {
    Constraints keys = suspected(Kind::unique);
    if (!duplicates_.in_table) keys.clear();
    const Constraints references = suspected(Kind::reference);
    const Constraints checks = suspected(Kind::check);
    const bool looks_up = !keys.empty() || !references.empty();
    if (!looks_up && checks.empty()) return;
    QueriedRows& rows = made_fit_for(checks, looks_up, range.form);
    has_staged_ = &rows == &staged_;
    bool any_duplicate = false;
    const Rows settings = looks_up ? session_.exec(look_up_each) : Rows{};
    try {
        while (range.begin < range.end) {
            range.begin = rows.take(range);
            find_broken_checks(rows, checks, found);
            for (const TableConstraint* reference : references)
                find_orphans(rows, *reference, found);
            const std::size_t before = found.size();
            for (const TableConstraint* key : keys)
                find_duplicates_of_older(rows, *key, target_, found);
            any_duplicate |= found.size() > before;
        }
    } catch (const DatabaseError& error) {
        if (has_staged_) throw;
        // The next rows go to the temporary table, whatever this was.
        if (may_be_the_datas(error.sqlstate())) arrays_fit_ = false;
        throw NotStaged(error);
    }
    if (!settings.rows.empty() && has_staged_) session_.run(as_before(settings));
    if (!keys.empty()) duplicates_.in_table = any_duplicate;
}

/// Where it matters how often and where something is called, it is called where the rows are. On an
/// MPP database each segment has keys of its own: rows are sent there by COPY as cheaply as from an
/// array, and sooner.
bool ConstraintJudge::can_be_parameters(const Constraints& checks, bool looks_up, CopyForm form) {
    return form == CopyForm::binary &&
           std::ranges::none_of(checks, &TableConstraint::is_volatile) &&
           !(looks_up && is_mpp(session_.family())) && arrays_fit_.value_or(true);
}

/// With the columns that all suspects are about.
QueriedRows& ConstraintJudge::made_fit_for(const Constraints& checks, bool looks_up,
                                           CopyForm form) {
    const auto wanted = [&] {
        Constraints all;
        for (const Kind kind : {Kind::check, Kind::unique, Kind::reference})
            std::ranges::copy(suspected(kind), std::back_inserter(all));
        return columns_of(all);
    };
    if (can_be_parameters(checks, looks_up, form)) {
        if (!arrays_fit_) arrays_fit_ = arrays_.choose(wanted(), shape_.types);
        if (*arrays_fit_) return arrays_;
    }
    if (!staged_fits_) staged_fits_ = staged_.choose(wanted(), shape_.types);
    return staged_;
}

}  // namespace sluice
