#include "sinks/load/isolation/constraint_judge.h"

#include "pipeline/values/binary_copy.h"
#include "sinks/session/server_family.h"
#include "sinks/session/server_text.h"
#include "sinks/session/sql_text.h"

#include <algorithm>
#include <iterator>
#include <unordered_map>
#include <utility>

namespace sluice {
namespace {

std::string list(const std::vector<std::string>& texts) {
    std::string joined;
    for (const std::string& text : texts) joined.append(joined.empty() ? "" : ", ") += text;
    return joined;
}

/// What the database says of a duplicate; without its values where they are at hand in a form that
/// nobody reads.
std::string duplicate(const std::string& constraint, const std::vector<std::string>& columns,
                      const std::vector<std::string>& values) {
    std::string text = "duplicate key value violates unique constraint " +
                       quote_identifier(constraint) + ": Key (" + list(columns) + ")";
    if (!values.empty()) text += "=(" + list(values) + ")";
    return text + " already exists.";
}

/// Of what a query returns: the row's number, then its key's values.
template <typename Complaint>
void append_offenders(const Rows& rows, const StagedRows& staged, std::vector<Offender>& found,
                      Complaint complaint_of) {
    for (std::size_t row = 0; row < rows.rows.size(); ++row) {
        std::vector<std::string> values;
        for (std::size_t i = 1; i < rows.rows[row].size(); ++i) values.push_back(rows.text(row, i));
        found.push_back(
            {staged.row_of(rows.number(row, 0)), {"", complaint_of(values)}, std::nullopt});
    }
}

/// The query for the numbers of rows that break one of these, and which: its index.
template <typename Constraints, typename Source>
std::string broken_among(const Constraints& checks, const Source& source) {
    std::string broken;
    std::string which;
    for (std::size_t i = 0; i < checks.size(); ++i) {
        const std::string is_broken = "(" + checks[i]->text + ") IS FALSE";
        broken.append(i == 0 ? "" : " OR ").append(is_broken);
        which.append(" WHEN ").append(is_broken).append(" THEN ").append(std::to_string(i));
    }
    return "SELECT " + source.number() + ", CASE" + which + " END FROM " + source.rows_as("s") +
           " WHERE " + broken;
}

/// The bytes of these columns; false when one of them is NULL, which equals nothing.
bool append_key(FieldWalker& fields, const std::vector<std::size_t>& columns, CopyForm form,
                std::string& key) {
    key.clear();
    std::size_t column = 0;
    for (const std::size_t wanted : columns) {
        for (; column < wanted; ++column) static_cast<void>(fields.next());
        const std::string_view field = fields.next();
        ++column;
        if (is_null(field, form)) return false;
        // A text field ends with a tab, which it cannot hold; a binary one begins with its length.
        key.append(field).append(form == CopyForm::text ? "\t" : "");
    }
    return true;
}

/// A trigger may change a row before its constraints are checked; and a view has none of its own.
constexpr const char* takes_rows_as_they_are =
    "WITH RECURSIVE parts AS (SELECT $1::regclass::oid AS oid UNION ALL SELECT i.inhrelid"
    " FROM pg_inherits i JOIN parts p ON i.inhparent = p.oid)"
    " SELECT (SELECT relkind IN ('r', 'p') FROM pg_class WHERE oid = $1::regclass)"
    // tgtype: 1 is FOR EACH ROW, 4 is INSERT, 2 is BEFORE, 64 is INSTEAD OF.
    " AND NOT EXISTS (SELECT 1 FROM parts JOIN pg_trigger t ON t.tgrelid = parts.oid"
    " WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' AND t.tgtype & 5 = 5 AND t.tgtype & 66 <> 0)";

/// The name of what has none: that a partition takes the row.
constexpr const char* taken_by_some = "";

/// That a partition takes the row is a CHECK of the table as a whole, which has no name. Of a table
/// with very many partitions it would cost more than it saves: a NULL column says so, and also that
/// the key is an expression.
constexpr const char* taken_by_a_partition =
    "WITH RECURSIVE parts AS (SELECT $1::regclass::oid AS oid UNION ALL SELECT i.inhrelid"
    " FROM pg_inherits i JOIN parts p ON i.inhparent = p.oid), leaves AS"
    " (SELECT pg_get_partition_constraintdef(c.oid) AS takes FROM parts"
    " JOIN pg_class c ON c.oid = parts.oid AND c.relkind <> 'p'),"
    " keys AS (SELECT DISTINCT a.attname FROM parts JOIN pg_partitioned_table p"
    " ON p.partrelid = parts.oid CROSS JOIN LATERAL unnest(p.partattrs::int2[]) k (number)"
    " LEFT JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = k.number)"
    " SELECT '', coalesce((SELECT string_agg(coalesce(takes, 'true'), ' OR ') FROM leaves),"
    " 'false'), CASE WHEN (SELECT count(*) FROM leaves) <= 500 THEN attname END, '' FROM keys";

/// A CHECK about system columns, or the row as a whole, comes with a NULL among its columns. The
/// functions that it calls are those that its tree names, those of operators included.
constexpr const char* checks =
    "SELECT c.conname, pg_get_expr(c.conbin, c.conrelid), a.attname, '',"
    " EXISTS (SELECT 1 FROM regexp_matches(c.conbin::text, 'funcid ([0-9]+)', 'g') f"
    " JOIN pg_proc p ON p.oid = f[1]::oid WHERE p.provolatile = 'v')"
    " FROM pg_constraint c CROSS JOIN LATERAL unnest(c.conkey) WITH ORDINALITY k(number, position)"
    " LEFT JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number AND a.attnum > 0"
    " WHERE c.conrelid = $1::regclass AND c.contype = 'c' ORDER BY c.conname, k.position";

/// Keys that compare as = does, and that may be read; a NULL column says that it is none of them.
std::string unique_keys(int server_version) {
    std::string also;
    if (server_version >= 110000) also += " AND k.position <= x.indnkeyatts";
    if (server_version >= 150000) also += " AND NOT x.indnullsnotdistinct";
    return "SELECT i.relname, '', CASE WHEN o.opcdefault"
           " AND x.indcollation[k.position - 1] = a.attcollation"
           " AND has_column_privilege(x.indrelid, a.attnum, 'SELECT') THEN a.attname END, ''"
           " FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid"
           " CROSS JOIN LATERAL unnest(x.indkey::int2[]) WITH ORDINALITY k(number, position)"
           " JOIN pg_opclass o ON o.oid = x.indclass[k.position - 1]"
           " LEFT JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.number"
           " WHERE x.indrelid = $1::regclass AND x.indisunique AND x.indexprs IS NULL"
           " AND x.indpred IS NULL" +
           also + " ORDER BY i.relname, k.position";
}

/// References that an = of one type tells, to other tables that may be read in full, and that no
/// trigger has a chance to put right first; a NULL column says that it is none of them.
constexpr const char* references =
    "SELECT c.conname, CASE f.relkind WHEN 'r' THEN 'ONLY ' ELSE '' END || quote_ident(n.nspname)"
    " || '.' || quote_ident(f.relname), CASE WHEN c.confmatchtype = 's' AND f.oid <> c.conrelid"
    " AND own.relkind = 'r' AND NOT f.relrowsecurity AND o.oprname = '='"
    " AND a.atttypid = r.atttypid AND a.attcollation = r.attcollation"
    " AND has_schema_privilege(n.oid, 'USAGE')"
    " AND has_column_privilege(f.oid, r.attnum, 'SELECT')"
    // tgtype: 4 is INSERT.
    " AND NOT EXISTS (SELECT 1 FROM pg_trigger t WHERE t.tgrelid = c.conrelid"
    " AND NOT t.tgisinternal AND t.tgenabled <> 'D' AND t.tgtype & 4 <> 0)"
    " THEN a.attname END, r.attname"
    " FROM pg_constraint c JOIN pg_class own ON own.oid = c.conrelid"
    " JOIN pg_class f ON f.oid = c.confrelid JOIN pg_namespace n ON n.oid = f.relnamespace"
    " CROSS JOIN LATERAL unnest(c.conkey, c.confkey, c.conpfeqop) WITH ORDINALITY"
    " k(number, key, equal, position)"
    " JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number"
    " JOIN pg_attribute r ON r.attrelid = c.confrelid AND r.attnum = k.key"
    " JOIN pg_operator o ON o.oid = k.equal"
    " WHERE c.conrelid = $1::regclass AND c.contype = 'f' ORDER BY c.conname, k.position";

/// Since this version tables are partitioned by a declaration.
constexpr int oldest_with_partitions = 100000;

}  // namespace

/// All CHECKs cost little more than one; of several keys fewer duplicates are found.
bool ConstraintJudge::Clues::point_to(const Constraint& constraint) const {
    if (constraint.kind == Kind::check && !message.empty()) return true;
    return names.contains(constraint.name) || mentions(message, constraint.name);
}

ConstraintJudge::ConstraintJudge(Session& session, std::string qualified_table,
                                 std::vector<std::string> columns)
    : session_(session),
      target_(std::move(qualified_table)),
      columns_(std::move(columns)),
      staged_(session, {.name = "sluice_judged", .target = target_, .columns = columns_}),
      arrays_(session, target_, columns_) {}

void ConstraintJudge::read_rows_of(const std::string& sql, Kind kind, std::vector<Constraint>& to) {
    const std::size_t first = to.size();
    std::set<std::string> unfit;
    const Rows rows = session_.exec(sql, {target_});
    for (std::size_t row = 0; row < rows.rows.size(); ++row) {
        const std::string& name = rows.text(row, 0);
        const Cell& column = rows.rows[row][2];
        if (to.size() == first || to.back().name != name)
            to.push_back({.name = name,
                          .kind = kind,
                          .text = rows.text(row, 1),
                          .columns = {},
                          .keys = {},
                          .is_volatile = rows.rows[row].size() > 4 && rows.text(row, 4) == "t"});
        // What is not in the rows gets a value that nobody knows yet.
        if (!column || std::ranges::find(columns_, *column) == columns_.end()) {
            unfit.insert(name);
            continue;
        }
        to.back().columns.push_back(*column);
        to.back().keys.push_back(rows.text(row, 3));
    }
    const auto is_unfit = [&](const Constraint& constraint) {
        return constraint.kind == kind && unfit.contains(constraint.name);
    };
    std::erase_if(to, is_unfit);
}

std::vector<ConstraintJudge::Constraint> ConstraintJudge::read_constraints() {
    std::vector<Constraint> constraints;
    if (session_.exec(takes_rows_as_they_are, {target_}).rows[0][0] != "t") return constraints;
    if (session_.server_version() >= oldest_with_partitions)
        read_rows_of(taken_by_a_partition, Kind::check, constraints);
    read_rows_of(checks, Kind::check, constraints);
    read_rows_of(unique_keys(session_.server_version()), Kind::unique, constraints);
    // There they are taken and not enforced.
    if (!is_mpp(session_.family())) read_rows_of(references, Kind::reference, constraints);
    return constraints;
}

bool ConstraintJudge::still_holds() {
    if (!has_judged_) return true;
    std::vector<Constraint> now = read_constraints();
    if (now == constraints_) return true;
    know(std::move(now));
    return false;
}

void ConstraintJudge::know(std::vector<Constraint> constraints) {
    if (constraints == constraints_) return;
    constraints_ = std::move(constraints);
    forget_columns();
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
        const auto is_meant = [&, kind = kind, &clues = clues](const Constraint& constraint) {
            return constraint.kind == kind && clues.point_to(constraint);
        };
        const bool any = std::ranges::any_of(constraints_, is_meant);
        for (const Constraint& constraint : constraints_)
            if (constraint.kind == kind && (!any || is_meant(constraint)) &&
                suspects_.insert(constraint.name).second)
                forget_columns();
    }
    clues_.clear();
}

std::vector<const ConstraintJudge::Constraint*> ConstraintJudge::suspected(Kind kind) const {
    std::vector<const Constraint*> found;
    for (const Constraint& constraint : constraints_)
        if (constraint.kind == kind && suspects_.contains(constraint.name))
            found.push_back(&constraint);
    return found;
}

/// By their indices.
std::vector<std::size_t> ConstraintJudge::columns_of(
    const std::vector<const Constraint*>& constraints) const {
    std::vector<std::size_t> indices;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        const bool wanted = std::ranges::any_of(constraints, [&](const Constraint* constraint) {
            return std::ranges::find(constraint->columns, columns_[i]) != constraint->columns.end();
        });
        if (wanted) indices.push_back(i);
    }
    return indices;
}

std::optional<std::vector<Offender>> ConstraintJudge::judge(const EncodedRows& rows, CopyForm form,
                                                            std::size_t begin, std::size_t end,
                                                            const RowChanges& changes) {
    // Asked again when something is new, or has failed; otherwise still_holds() does, in the end.
    if (!std::exchange(knows_, false) || !clues_.empty()) know(read_constraints());
    follow_clues();
    auto found = judge_suspected(rows, form, begin, end, changes);
    knows_ = true;
    return found;
}

std::optional<std::vector<Offender>> ConstraintJudge::judge_suspected(const EncodedRows& rows,
                                                                      CopyForm form,
                                                                      std::size_t begin,
                                                                      std::size_t end,
                                                                      const RowChanges& changes) {
    const std::vector<const Constraint*> keys = suspected(Kind::unique);
    if (keys.empty() && suspected(Kind::check).empty() && suspected(Kind::reference).empty())
        return std::nullopt;
    has_judged_ = true;
    std::vector<Offender> found;
    judge_by_queries(rows, form, begin, end, changes, found);
    // With several keys, who is first by one may be a duplicate by another.
    if (keys.size() == 1 && duplicates_.among_themselves)
        judge_among_themselves(*keys.front(), rows, form, begin, end, changes, found);
    return found;
}

void ConstraintJudge::judge_by_queries(const EncodedRows& rows, CopyForm form, std::size_t begin,
                                       std::size_t end, const RowChanges& changes,
                                       std::vector<Offender>& found) {
    std::vector<const Constraint*> keys = suspected(Kind::unique);
    if (!duplicates_.in_table) keys.clear();
    const std::vector<const Constraint*> to_others = suspected(Kind::reference);
    const std::vector<const Constraint*> checks = suspected(Kind::check);
    if (keys.empty() && to_others.empty() && checks.empty()) return;
    if (keys.empty() && to_others.empty() && can_be_parameters(checks, form))
        return judge_parameters(checks, rows, begin, end, changes, found);
    stage(rows, form, begin, end, changes);
    judge_checks(checks, found);
    for (const Constraint* key : to_others) judge_reference(*key, found);
    const std::size_t before = found.size();
    for (const Constraint* key : keys) judge_against_table(*key, found);
    if (!keys.empty()) duplicates_.in_table = found.size() > before;
    // By whom a row is found first, says why.
    std::ranges::stable_sort(found, {}, &Offender::row);
    const auto same_row = [](const Offender& a, const Offender& b) { return a.row == b.row; };
    found.erase(std::unique(found.begin(), found.end(), same_row), found.end());
}

void ConstraintJudge::stage(const EncodedRows& rows, CopyForm form, std::size_t begin,
                            std::size_t end, const RowChanges& changes) {
    if (!staged_fits_) {
        std::vector<const Constraint*> all;
        for (const Kind kind : {Kind::check, Kind::unique, Kind::reference})
            std::ranges::copy(suspected(kind), std::back_inserter(all));
        staged_.choose(columns_of(all));
    }
    staged_fits_ = true;
    staged_.fill(rows, form, begin, end, changes);
}

/// Where it matters how often and where something is called, it is called where the rows are.
bool ConstraintJudge::can_be_parameters(const std::vector<const Constraint*>& checks,
                                        CopyForm form) {
    if (form != CopyForm::binary || std::ranges::any_of(checks, &Constraint::is_volatile))
        return false;
    if (!arrays_fit_) arrays_fit_ = arrays_.choose(columns_of(checks));
    return *arrays_fit_;
}

void ConstraintJudge::judge_parameters(const std::vector<const Constraint*>& checks,
                                       const EncodedRows& rows, std::size_t begin, std::size_t end,
                                       const RowChanges& changes, std::vector<Offender>& found) {
    try {
        for (std::size_t at = begin; at < end;) {
            at = arrays_.take(rows, at, end, changes);
            note_broken(arrays_.exec(broken_among(checks, arrays_)), checks, arrays_, found);
        }
    } catch (const DatabaseError& error) {
        // The next rows go to the temporary table, whatever this was.
        if (may_be_the_datas(error.sqlstate())) arrays_fit_ = false;
        throw NotStaged(error);
    }
}

void ConstraintJudge::judge_checks(const std::vector<const Constraint*>& checks,
                                   std::vector<Offender>& found) {
    if (checks.empty()) return;
    note_broken(session_.exec(broken_among(checks, staged_)), checks, staged_, found);
}

template <typename Source>
void ConstraintJudge::note_broken(const Rows& broken, const std::vector<const Constraint*>& checks,
                                  const Source& source, std::vector<Offender>& found) {
    if (broken.rows.empty()) return;
    const std::string relation =
        session_
            .exec("SELECT quote_ident(relname) FROM pg_class WHERE oid = $1::regclass", {target_})
            .text(0, 0);
    for (std::size_t row = 0; row < broken.rows.size(); ++row) {
        const std::string& name = checks[static_cast<std::size_t>(broken.number(row, 1))]->name;
        std::string text = name.empty()
                               ? "no partition of relation " + relation + " found for row"
                               : "new row for relation " + relation +
                                     " violates check constraint " + quote_identifier(name);
        found.push_back(
            {source.row_of(broken.number(row, 0)), {"", std::move(text)}, std::nullopt});
    }
}

/// A row with a NULL among the columns refers to nothing.
void ConstraintJudge::judge_reference(const Constraint& key, std::vector<Offender>& found) {
    std::string is_one;
    std::string equal;
    std::string values;
    for (std::size_t i = 0; i < key.columns.size(); ++i) {
        const std::string column = "s." + quote_identifier(key.columns[i]);
        is_one += column + " IS NOT NULL AND ";
        equal += (i == 0 ? "r." : " AND r.") + quote_identifier(key.keys[i]) + " = " + column;
        values += ", " + column + "::text";
    }
    const Rows rows = look_up("SELECT s." + staged_.number() + values + " FROM " +
                              staged_.rows_as("s") + " WHERE " + is_one +
                              "NOT EXISTS (SELECT 1 FROM " + key.text + " r WHERE " + equal + ")");
    append_offenders(rows, staged_, found, [&](const std::vector<std::string>& of_row) {
        return "insert violates foreign key constraint " + quote_identifier(key.name) + ": Key (" +
               list(key.columns) + ")=(" + list(of_row) + ") is not present.";
    });
}

void ConstraintJudge::judge_against_table(const Constraint& key, std::vector<Offender>& found) {
    std::string conditions;
    std::string values;
    for (const std::string& column : key.columns) {
        const std::string name = quote_identifier(column);
        conditions += (conditions.empty() ? "s." : " AND s.") + name + " = t." + name;
        values += ", s." + name + "::text";
    }
    const Rows rows = look_up("SELECT s." + staged_.number() + values + " FROM " +
                              staged_.rows_as("s") + " JOIN " + target_ + " t ON " + conditions);
    append_offenders(rows, staged_, found, [&](const std::vector<std::string>& of_row) {
        return duplicate(key.name, key.columns, of_row);
    });
}

/// The table may be of any size, and each key is one look into its index.
Rows ConstraintJudge::look_up(const std::string& query) {
    session_.run(
        "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off;"
        "SET LOCAL enable_nestloop = on");
    Rows rows = session_.exec(query);
    session_.run(
        "SET LOCAL enable_hashjoin TO DEFAULT; SET LOCAL enable_mergejoin TO DEFAULT;"
        "SET LOCAL enable_nestloop TO DEFAULT");
    return rows;
}

/// Equal bytes are equal values. Equal values of other bytes, like 1.0 and 1.00, are for COPY.
void ConstraintJudge::judge_among_themselves(const Constraint& key, const EncodedRows& rows,
                                             CopyForm form, std::size_t begin, std::size_t end,
                                             const RowChanges& changes,
                                             std::vector<Offender>& found) {
    std::vector<std::size_t> columns;
    for (std::size_t i = 0; i < columns_.size(); ++i)
        if (std::ranges::find(key.columns, columns_[i]) != key.columns.end()) columns.push_back(i);
    std::set<std::size_t> out;
    for (const Offender& offender : found) out.insert(offender.row);
    std::unordered_map<std::string, std::size_t> first;
    first.reserve(end - begin);
    const std::size_t before = found.size();
    std::string value;
    for_each_row(rows, begin, end, changes, [&](std::size_t row, std::string_view bytes) {
        if (out.contains(row)) return;
        FieldWalker fields(bytes, form);
        if (!append_key(fields, columns, form, value)) return;
        const auto [at, is_first] = first.try_emplace(value, row);
        if (is_first) return;
        found.push_back({row, {"", duplicate(key.name, key.columns, {})}, at->second});
    });
    duplicates_.among_themselves = found.size() > before;
}

}  // namespace sluice
