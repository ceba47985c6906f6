#include "sinks/load/merge_statements.h"

#include "sinks/catalogue/catalogue.h"
#include "sinks/session/sql_text.h"

#include <algorithm>
#include <atomic>

namespace sluice {
namespace {

/// For pg_advisory_xact_lock(int, int), beside the table's oid: any number that is nobody else's.
constexpr int turns = 1936487529;

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
    if (target_.sql)
        for (const Column& input : target_.sql->inputs) all.push_back(input.name);
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
    for (const Index& index : target_.table.indexes) {
        const bool arbiter = index.unique && index.plain && same_set(index.columns, target_.key);
        has_arbiter_ |= arbiter && !target_.table.append_optimized;
        has_index_ |= index.plain && !index.columns.empty() && in_key(index.columns.front());
    }
}

bool MergeStatements::in_key(const std::string& column) const {
    return std::ranges::find(target_.key, column) != target_.key.end();
}

/// The types, and with them the collations, are the target's; what it demands of them is not.
std::string MergeStatements::make_staging(bool mpp) const {
    std::vector<std::string> columns = target_.columns;
    std::ranges::copy(others_, std::back_inserter(columns));
    return "CREATE TEMPORARY TABLE IF NOT EXISTS " + staging_ +
           (mpp ? " WITH (appendonly=false)" : "") + " ON COMMIT DELETE ROWS AS SELECT NULL::int " +
           number_ + ", " +
           (target_.order.empty()
                ? ""
                : "NULL::bytea " + key_bytes_ + ", NULL::bytea " + position_ + ", ") +
           identifier_list(columns) + ", NULL::boolean " + known_ + " FROM " + name_ +
           " WITH NO DATA" + (mpp ? " DISTRIBUTED BY (" + identifier_list(target_.key) + ")" : "") +
           ";DELETE FROM " + staging_;
}

std::vector<std::string> MergeStatements::leading_columns() const {
    if (target_.order.empty()) return {};
    return {staged_columns_[1], staged_columns_[2]};
}

std::string MergeStatements::leave_out(const std::vector<std::size_t>& numbers) const {
    return "DELETE FROM " + staging_ + " s WHERE " + among(numbers);
}

std::string MergeStatements::index_staging() const {
    return "CREATE INDEX " + staging_ + "_numbers ON " + staging_ + " (" + number_ + ")";
}

std::string MergeStatements::drop_index() const {
    return "DROP INDEX pg_temp." + staging_ + "_numbers";
}

std::string MergeStatements::take_turn() const {
    return "SELECT pg_advisory_xact_lock(" + std::to_string(turns) + ", " + quote_literal(name_) +
           "::regclass::oid::int)";
}

std::string MergeStatements::probe_only() const {
    return has_index_ ? "SET LOCAL enable_hashjoin = off;SET LOCAL enable_mergejoin = off" : "";
}

std::string MergeStatements::plan_freely() const {
    return "SET LOCAL enable_hashjoin TO DEFAULT;SET LOCAL enable_mergejoin TO DEFAULT";
}

std::string MergeStatements::same_key() const {
    std::vector<std::string> parts;
    for (const std::string& column : target_.key) {
        const std::string name = quote_identifier(column);
        parts.push_back("t." + name + " = s." + name);
    }
    return joined(parts, " AND ");
}

std::string MergeStatements::range(std::size_t begin, std::size_t end) const {
    return "s." + number_ + " >= " + std::to_string(begin) + " AND s." + number_ + " < " +
           std::to_string(end);
}

std::string MergeStatements::among(const std::vector<std::size_t>& numbers) const {
    return "s." + number_ + " = ANY ('" +
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

/// Measured: rows in the order of the key cost up to a third less.
std::string MergeStatements::by_key() const {
    return " ORDER BY " + identifier_list(target_.key, "s.");
}

std::string MergeStatements::upsert(std::size_t begin, std::size_t end) const {
    std::vector<std::string> sets;
    for (const std::string& column : target_.columns)
        if (!in_key(column))
            sets.push_back(quote_identifier(column) + " = excluded." + quote_identifier(column));
    return insert(target_.columns) + range(begin, end) + by_key() + " ON CONFLICT (" +
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

std::string MergeStatements::update(const MergeStep& step, std::size_t begin,
                                    std::size_t end) const {
    std::vector<std::string> sets;
    for (const std::string& column : changed_columns(step))
        sets.push_back(quote_identifier(column) + " = s." + quote_identifier(column));
    if (sets.empty())
        return "SELECT s." + number_ + " FROM " + staging_ + " s JOIN " + name_ + " t ON " +
               same_key() + " WHERE " + range(begin, end);
    return "UPDATE " + name_ + " t SET " + joined(sets, ", ") + " FROM " + staging_ + " s WHERE " +
           same_key() + " AND " + range(begin, end) +
           (target_.order.empty() ? "" : " AND " + no_newer("t.", "s.")) + " RETURNING s." +
           number_;
}

std::string MergeStatements::insert_missing(std::size_t begin, std::size_t end) const {
    return insert(target_.columns) + range(begin, end) + " AND NOT EXISTS (SELECT 1 FROM " + name_ +
           " t WHERE " + same_key() + ")" + by_key();
}

std::string MergeStatements::apply(const MergeStep& step, std::size_t begin,
                                   std::size_t end) const {
    if (step.removes && target_.order.empty()) return remove(range(begin, end));
    if (step.removes)
        return remove(range(begin, end) + " AND " + no_newer("t.", "s.")) + ";" +
               remember(range(begin, end));
    // ON CONFLICT would ask NOT NULL of what such a change does not bring.
    if (has_arbiter_ && step.kept.empty()) return upsert(begin, end);
    const std::string missing = insert_missing(begin, end);
    return changed_columns(step).empty() ? missing : update(step, begin, end) + ";" + missing;
}

std::string MergeStatements::take_out(const std::vector<std::size_t>& numbers) const {
    std::vector<std::string> sets = {known_ + " = true"};
    for (const std::string& column : others_)
        sets.push_back(quote_identifier(column) + " = t." + quote_identifier(column));
    return "UPDATE " + staging_ + " s SET " + joined(sets, ", ") + " FROM " + name_ + " t WHERE " +
           same_key() + " AND " + among(numbers) + ";" + remove(among(numbers));
}

std::string MergeStatements::put_in(const std::vector<std::size_t>& numbers) const {
    std::vector<std::string> columns = target_.columns;
    std::ranges::copy(others_, std::back_inserter(columns));
    return insert(columns) + among(numbers) + " AND s." + known_ + by_key() + ";" +
           insert(target_.columns) + among(numbers) + " AND s." + known_ + " IS NULL" + by_key();
}

}  // namespace sluice
