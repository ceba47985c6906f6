#include "sinks/load/merge/merge_statements.h"

#include "sinks/catalogue/catalogue.h"
#include "sinks/load/key_turns.h"
#include "sinks/session/sql_text.h"

#include <algorithm>
#include <atomic>
#include <iterator>
#include <set>

namespace sluice {
namespace {

std::string joined(const std::vector<std::string>& parts, const char* separator) {
    std::string text;
    for (const std::string& part : parts) text += (text.empty() ? "" : separator) + part;
    return text;
}

bool same_set(std::vector<std::string> a, std::vector<std::string> b) {
    std::ranges::sort(a);
    std::ranges::sort(b);
    return a == b;
}

}  // namespace

MergeStatements::MergeStatements(MergeTarget target)
    : target_(std::move(target)), name_(qualified(target_.table)) {
    std::vector<std::string> all = target_.columns;
    if (target_.sql) std::ranges::copy(fields(), std::back_inserter(all));
    for (const Column& column : target_.table.columns) {
        if (std::ranges::find(target_.columns, column.name) != target_.columns.end()) continue;
        all.push_back(column.name);
        if (!column.generated || column.identity) others_.push_back(column.name);
    }
    const std::string number = unused_name("row", all);
    number_ = quote_identifier(number);
    known_ = quote_identifier(unused_name("known", all));
    staged_columns_.push_back(number);
    if (!target_.order.empty()) {
        staged_columns_.push_back(unused_name("key", all));
        key_bytes_ = quote_identifier(staged_columns_.back());
        staged_columns_.push_back(unused_name("position", all));
        position_ = quote_identifier(staged_columns_.back());
    }
    std::ranges::copy(target_.columns, std::back_inserter(staged_columns_));
    static std::atomic<int> tables = 0;
    staging_ = "sluice_changes_" + std::to_string(++tables);
    // ON CONFLICT takes all that are about these columns, whatever they hold for equal.
    bool fit = !target_.table.append_optimized;
    for (const Index& index : target_.table.indexes) {
        const bool of_key = index.unique && same_set(index.columns, target_.key);
        has_arbiter_ |= of_key;
        fit &= !of_key || index.plain;
        has_index_ |= finds_few(index);
    }
    has_arbiter_ &= fit;
}

/// Of (tenant, id) an index of the tenant finds very many.
bool MergeStatements::finds_few(const Index& index) const {
    if (index.columns.empty()) return false;
    if (index.unique && std::ranges::all_of(index.columns, [this](const std::string& column) {
            return in_key(column);
        }))
        return true;
    if (!index.plain || index.columns.size() < target_.key.size()) return false;
    const auto end = index.columns.begin() + static_cast<std::ptrdiff_t>(target_.key.size());
    return same_set({index.columns.begin(), end}, target_.key);
}

bool MergeStatements::in_key(const std::string& column) const {
    return std::ranges::find(target_.key, column) != target_.key.end();
}

/// The types, and with them the collations, are the target's; what it demands of them is not.
std::string MergeStatements::make_staging(const StagingForm& form) const {
    std::vector<std::string> columns;
    for (const auto* names : {&target_.columns, &others_})
        for (const std::string& column : *names) {
            const std::string name = quote_identifier(column);
            const auto other = form.types.find(column);
            columns.push_back(
                other == form.types.end() ? name : name + "::" + other->second + " AS " + name);
        }
    // Greenplum 7 knows no IF NOT EXISTS with a distribution behind AS.
    return std::string("CREATE TEMPORARY TABLE ") + (form.mpp ? "" : "IF NOT EXISTS ") + staging_ +
           (form.mpp ? " WITH (appendonly=false)" : "") +
           " ON COMMIT DELETE ROWS AS SELECT NULL::int " + number_ + ", " +
           (target_.order.empty()
                ? ""
                : "NULL::bytea " + key_bytes_ + ", NULL::bytea " + position_ + ", ") +
           joined(columns, ", ") + ", NULL::boolean " + known_ + " FROM " + name_ +
           " WITH NO DATA" +
           (form.mpp ? " DISTRIBUTED BY (" + identifier_list(target_.key) + ")" : "");
}

std::string MergeStatements::has_staging() const {
    return "SELECT to_regclass('pg_temp." + staging_ + "') IS NOT NULL";
}

std::string MergeStatements::empty_staging() const {
    return "DELETE FROM " + staging_;
}

std::vector<std::string> MergeStatements::leading_columns() const {
    if (target_.order.empty()) return {};
    return {staged_columns_[1], staged_columns_[2]};
}

std::vector<std::string> MergeStatements::fields() const {
    if (!target_.sql) return target_.columns;
    std::vector<std::string> names;
    for (const Column& input : target_.sql->inputs) names.push_back(input.name);
    return names;
}

std::vector<bool> MergeStatements::place_fields() const {
    std::vector<bool> place;
    for (const std::string& field : fields())
        place.push_back(in_key(field) || field == target_.order);
    return place;
}

std::vector<std::string> MergeStatements::place_columns() const {
    std::vector<std::string> columns = {staged_columns_.front()};
    std::ranges::copy(leading_columns(), std::back_inserter(columns));
    for (const std::string& field : fields())
        if (in_key(field) || field == target_.order) columns.push_back(field);
    return columns;
}

std::string MergeStatements::leave_out(const std::vector<std::size_t>& numbers) const {
    return "DELETE FROM " + staging_ + " s WHERE " + among(numbers);
}

std::string MergeStatements::set_aside(const std::vector<std::size_t>& numbers) const {
    return "UPDATE " + staging_ + " s SET " + number_ + " = -1 - " + number_ + " WHERE " +
           among(numbers);
}

std::string MergeStatements::take_back() const {
    return "UPDATE " + staging_ + " SET " + number_ + " = -1 - " + number_ + " WHERE " + number_ +
           " < 0";
}

std::string MergeStatements::index_staging() const {
    return "CREATE INDEX " + staging_ + "_numbers ON " + staging_ + " (" + number_ + ")";
}

std::string MergeStatements::drop_index() const {
    return "DROP INDEX pg_temp." + staging_ + "_numbers";
}

std::string MergeStatements::take_turn() const {
    return take_turn_with(name_);
}

std::string MergeStatements::probe_only() const {
    return has_index_ ? "SET LOCAL enable_hashjoin = off;SET LOCAL enable_mergejoin = off" : "";
}

std::string MergeStatements::plan_freely() const {
    return "SET LOCAL enable_hashjoin TO DEFAULT;SET LOCAL enable_mergejoin TO DEFAULT";
}

std::string MergeStatements::same_key(const std::string& staged) const {
    std::vector<std::string> parts;
    for (const std::string& column : target_.key) {
        const std::string name = quote_identifier(column);
        parts.push_back("t." + name + " = " + staged + name);
    }
    return joined(parts, " AND ");
}

std::string MergeStatements::range(std::size_t begin, std::size_t end) const {
    return "s." + number_ + " >= " + std::to_string(begin) + " AND s." + number_ + " < " +
           std::to_string(end);
}

std::string MergeStatements::among(const std::vector<std::size_t>& numbers,
                                   const std::string& staged) const {
    return staged + number_ + " = ANY ('" +
           array_literal(std::vector<std::int64_t>(numbers.begin(), numbers.end())) + "'::int[])";
}

std::string MergeStatements::remove(const std::string& which) const {
    return "DELETE FROM " + name_ + " t USING " + staging_ + " s WHERE " + same_key() + " AND " +
           which;
}

/// What older changes must not bring back.
std::string MergeStatements::remember(const std::string& which) const {
    const std::string removed = quote_identifier(target_.schema) + ".removed_row";
    return "INSERT INTO " + removed + " (target, key, position) SELECT " + quote_literal(name_) +
           ", s." + key_bytes_ + ", s." + position_ + " FROM " + staging_ + " s WHERE " + which +
           " AND NOT EXISTS (SELECT 1 FROM " + removed +
           " r WHERE r.target = " + quote_literal(name_) + " AND r.key = s." + key_bytes_ +
           " AND r.position >= s." + position_ + ")";
}

std::vector<std::string> MergeStatements::leave_out_older() const {
    if (target_.order.empty()) return {};
    const std::string order = quote_identifier(target_.order);
    const std::string out = "DELETE FROM " + staging_ + " s USING ";
    const std::string told = " RETURNING s." + number_;
    return {out + name_ + " t WHERE " + same_key() + " AND t." + order + " > s." + order + told,
            out + quote_identifier(target_.schema) +
                ".removed_row r WHERE r.target = " + quote_literal(name_) + " AND r.key = s." +
                key_bytes_ + " AND r.position > s." + position_ + told};
}

/// Other sessions may change a row after leave_out_older() has looked.
std::string MergeStatements::no_newer(const std::string& stored, const std::string& staged) const {
    if (target_.order.empty()) return "";
    const std::string order = quote_identifier(target_.order);
    return "(" + stored + order + " > " + staged + order + ") IS NOT TRUE";
}

/// Up to its WHERE.
std::string MergeStatements::insert(const std::vector<std::string>& columns) const {
    const bool identity = std::ranges::any_of(target_.table.columns, [&](const Column& column) {
        return column.identity && std::ranges::find(columns, column.name) != columns.end();
    });
    return "INSERT INTO " + name_ + " AS t (" + identifier_list(columns) + ")" +
           (identity ? " OVERRIDING SYSTEM VALUE" : "") + " SELECT " +
           identifier_list(columns, "s.") + " FROM " + staging_ + " s WHERE ";
}

/// Measured: rows in the order of the key cost up to a third less, of which the database's sort of
/// a batch, which does not fit into the memory that it has for one by default, is up to a tenth.
std::string MergeStatements::by_key() const {
    return " ORDER BY " + identifier_list(target_.key, "s.");
}

std::string MergeStatements::upsert(const MergeStep& step, const std::string& which) const {
    std::vector<std::string> sets;
    for (const std::string& column : target_.columns)
        if (!in_key(column))
            sets.push_back(quote_identifier(column) + " = excluded." + quote_identifier(column));
    return insert(target_.columns) + which + (step.sorted ? "" : by_key()) + " ON CONFLICT (" +
           identifier_list(target_.key) + ") DO " +
           (sets.empty() ? "NOTHING" : "UPDATE SET " + joined(sets, ", ")) +
           (target_.order.empty() ? "" : " WHERE " + no_newer("t.", "excluded."));
}

std::vector<std::string> MergeStatements::changed_columns(const MergeStep& step) const {
    std::vector<std::string> columns;
    for (std::size_t i = 0; i < target_.columns.size(); ++i)
        if (!in_key(target_.columns[i]) && (step.kept.empty() || !step.kept[i]))
            columns.push_back(target_.columns[i]);
    return columns;
}

bool MergeStatements::is_said(const MergeStep& step, const std::string& column) const {
    const auto at = std::ranges::find(target_.columns, column);
    if (at == target_.columns.end()) return false;
    return step.kept.empty() || !step.kept[static_cast<std::size_t>(at - target_.columns.begin())];
}

std::string MergeStatements::update(const MergeStep& step, const std::string& which) const {
    std::vector<std::string> sets;
    for (const std::string& column : changed_columns(step))
        sets.push_back(quote_identifier(column) + " = s." + quote_identifier(column));
    if (sets.empty())
        return "SELECT s." + number_ + " FROM " + staging_ + " s JOIN " + name_ + " t ON " +
               same_key() + " WHERE " + which;
    return "UPDATE " + name_ + " t SET " + joined(sets, ", ") + " FROM " + staging_ + " s WHERE " +
           same_key() + " AND " + which +
           (target_.order.empty() ? "" : " AND " + no_newer("t.", "s.")) + " RETURNING s." +
           number_;
}

std::string MergeStatements::insert_missing(const MergeStep& step, const std::string& which) const {
    return insert(target_.columns) + which + " AND " + is_missing() + (step.sorted ? "" : by_key());
}

std::string MergeStatements::is_missing() const {
    return "NOT EXISTS (SELECT 1 FROM " + name_ + " t WHERE " + same_key() + ")";
}

std::string MergeStatements::without_row(const std::vector<std::size_t>& numbers) const {
    return "SELECT s." + number_ + " FROM " + staging_ + " s WHERE " + among(numbers) + " AND " +
           is_missing();
}

bool MergeStatements::inserts_all(const MergeStep& step) const {
    // ON CONFLICT would ask NOT NULL of what a change of some columns does not bring.
    return has_arbiter_ && target_.mode == config::Mode::merge && !step.removes &&
           step.kept.empty();
}

std::string MergeStatements::apply(const MergeStep& step, const std::string& which) const {
    if (step.removes && target_.order.empty()) return remove(which);
    if (step.removes) return remove(which + " AND " + no_newer("t.", "s.")) + ";" + remember(which);
    if (inserts_all(step)) return upsert(step, which);
    const std::string missing = insert_missing(step, which);
    return changed_columns(step).empty() ? missing : update(step, which) + ";" + missing;
}

bool MergeStatements::may_be_null(const std::string& column) const {
    const auto at = std::ranges::find(target_.table.columns, column, &Column::name);
    return at != target_.table.columns.end() && !at->not_null && !at->generated && !in_key(column);
}

/// Whether rows of other keys can be in the way of a value.
bool MergeStatements::holds_values(const Index& index) const {
    return index.unique && !same_set(index.columns, target_.key);
}

bool MergeStatements::can_leave_values() const {
    return std::ranges::all_of(target_.table.indexes, [this](const Index& index) {
        return !holds_values(index) ||
               std::ranges::any_of(index.columns, [this](const std::string& column) {
                   return may_be_null(column);
               });
    });
}

std::string MergeStatements::leave_values(const MergeStep& step, const std::string& which) const {
    std::set<std::string> columns;
    for (const Index& index : target_.table.indexes)
        for (const std::string& column : index.columns)
            if (holds_values(index) && is_said(step, column) && may_be_null(column))
                columns.insert(column);
    std::string sets;
    for (const std::string& column : columns)
        sets += (sets.empty() ? "" : ", ") + quote_identifier(column) + " = NULL";
    if (sets.empty()) return "";
    return "UPDATE " + name_ + " t SET " + sets + " FROM " + staging_ + " s WHERE " + same_key() +
           " AND " + which + ";";
}

std::string MergeStatements::keep_aside(const MergeStep& step, const std::string& which) const {
    std::vector<std::string> sets = {known_ + " = true"};
    const auto keep = [&](const std::string& column) {
        sets.push_back(quote_identifier(column) + " = t." + quote_identifier(column));
    };
    for (const std::string& column : target_.columns)
        if (!is_said(step, column)) keep(column);
    for (const std::string& column : others_) keep(column);
    return "UPDATE " + staging_ + " s SET " + joined(sets, ", ") + " FROM " + name_ + " t WHERE " +
           same_key() + " AND " + which;
}

std::string MergeStatements::take_out(const std::string& which) const {
    return remove(which);
}

std::string MergeStatements::put_in(const std::string& which) const {
    std::vector<std::string> columns = target_.columns;
    std::ranges::copy(others_, std::back_inserter(columns));
    const std::string known = insert(columns) + which + " AND s." + known_ + by_key();
    if (target_.mode == config::Mode::update) return known;
    return known + ";" + insert(target_.columns) + which + " AND s." + known_ + " IS NULL" +
           by_key();
}

std::string MergeStatements::taken_values(const MergeStep& step, const std::string& which,
                                          const std::vector<std::size_t>& waiting) const {
    std::vector<std::string> queries;
    for (const Index& index : target_.table.indexes) {
        if (!holds_values(index) || !index.plain || index.columns.empty()) continue;
        std::vector<std::string> equal;
        for (const std::string& column : index.columns)
            if (is_said(step, column))
                equal.push_back("t." + quote_identifier(column) + " = s." +
                                quote_identifier(column));
        if (equal.size() < index.columns.size()) continue;
        queries.push_back("SELECT s." + number_ + ", h." + number_ + " FROM " + staging_ +
                          " s JOIN " + name_ + " t ON " + joined(equal, " AND ") + " LEFT JOIN " +
                          staging_ + " h ON " + same_key("h.") + " AND " + among(waiting, "h.") +
                          " WHERE " + which + " AND NOT (" + same_key() + ")");
    }
    return joined(queries, " UNION ALL ");
}

std::string MergeStatements::refers_to_itself() const {
    return "SELECT 1 FROM pg_constraint WHERE contype = 'f' AND conrelid = confrelid AND confrelid"
           " = " +
           quote_literal(name_) + "::regclass LIMIT 1";
}

}  // namespace sluice
