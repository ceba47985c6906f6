#include "sinks/load/sql/sql_statements.h"

#include "config/text/sql_names.h"
#include "pipeline/mapping/column_plan.h"
#include "pipeline/values/utf8.h"
#include "sinks/session/sql_text.h"

#include <algorithm>
#include <atomic>
#include <iterator>

namespace sluice {
namespace {

/// On lines of its own: a comment in it ends there.
std::string enclosed(const std::string& expression) {
    return "(\n" + expression + "\n)";
}

SqlStatements::Probe probe(const std::string& before, const std::string& expression,
                           const std::string& behind) {
    return {before + enclosed(expression) + behind, utf8::characters(before) + 3};
}

}  // namespace

SqlTarget sql_target(const config::Ingest& ingest, const Table& table) {
    SqlTarget target{.table = table,
                     .inputs = {},
                     .columns = {},
                     .computed = {},
                     .reads = {},
                     .where = ingest.where};
    std::vector<std::string> names;
    for (const ColumnPlan& plan : plan_columns(ingest, table)) {
        target.inputs.push_back(plan.column);
        names.push_back(plan.column.name);
        if (!plan.is_field) target.columns.push_back(plan.column.name);
    }
    for (const config::SqlColumn& each : ingest.computed) {
        target.columns.push_back(each.column);
        target.computed.push_back(each.sql);
        target.reads.push_back(config::names_used_in(each.sql, names));
    }
    return target;
}

SqlStatements::SqlStatements(SqlTarget target, Into into)
    : target_(std::move(target)), into_(std::move(into)) {
    std::vector<std::string> names;
    for (const Column& column : target_.inputs) names.push_back(column.name);
    input_columns_.push_back(unused_name("row", names));
    number_ = quote_identifier(input_columns_.front());
    std::ranges::copy(into_.columns, std::back_inserter(input_columns_));
    std::ranges::move(names, std::back_inserter(input_columns_));
    static std::atomic<int> tables = 0;
    inputs_ = "sluice_records_" + std::to_string(++tables);
}

std::string SqlStatements::make_inputs(bool mpp) const {
    std::string columns = number_ + " int";
    for (const std::string& column : into_.columns)
        columns += ", " + quote_identifier(column) + " bytea";
    for (const Column& column : target_.inputs) {
        columns += ", " + quote_identifier(column.name) + " " + column.type_name;
        if (!column.collation.empty()) columns += " COLLATE " + column.collation;
    }
    return "CREATE TEMPORARY TABLE IF NOT EXISTS " + inputs_ + " (" + columns + ")" +
           (mpp ? " WITH (appendonly=false)" : "") + " ON COMMIT DELETE ROWS" +
           (mpp ? " DISTRIBUTED RANDOMLY" : "") + ";DELETE FROM " + inputs_;
}

std::string SqlStatements::index_inputs() const {
    return "CREATE INDEX " + inputs_ + "_numbers ON " + inputs_ + " (" + number_ + ")";
}

std::string SqlStatements::drop_index() const {
    return "DROP INDEX IF EXISTS pg_temp." + inputs_ + "_numbers";
}

std::string SqlStatements::range(std::size_t begin, std::size_t end) const {
    return "record." + number_ + " >= " + std::to_string(begin) + " AND record." + number_ + " < " +
           std::to_string(end);
}

std::string SqlStatements::filter(std::size_t begin, std::size_t end) const {
    return "DELETE FROM " + inputs_ + " record WHERE " + range(begin, end) + " AND " +
           enclosed(target_.where) + " IS NOT TRUE RETURNING record." + number_;
}

std::string SqlStatements::leave_out(const std::vector<std::size_t>& numbers) const {
    return "DELETE FROM " + inputs_ + " WHERE " + number_ + " = ANY ('" +
           array_literal(std::vector<std::int64_t>(numbers.begin(), numbers.end())) + "'::int[])";
}

std::string SqlStatements::insert(std::size_t begin, std::size_t end,
                                  const std::vector<bool>& without) const {
    return insert_all(without) + " WHERE " + range(begin, end);
}

std::string SqlStatements::insert_all(const std::vector<bool>& without) const {
    std::string columns;
    std::string values;
    const auto add = [&](const std::string& column, const std::string& value) {
        columns += (columns.empty() ? "" : ", ") + quote_identifier(column);
        values += (values.empty() ? "" : ", ") + value;
    };
    if (!into_.number.empty()) add(into_.number, "record." + number_);
    for (const std::string& column : into_.columns)
        add(column, "record." + quote_identifier(column));
    for (std::size_t i = 0; i < target_.columns.size(); ++i)
        if (i < first_computed() || without.empty() || !without[i - first_computed()])
            add(target_.columns[i], value_of(i));
    return "INSERT INTO " + into_.relation + " (" + columns + ") SELECT " + values + " FROM " +
           inputs_ + " record";
}

std::string SqlStatements::value_of(std::size_t place) const {
    return place < first_computed() ? "record." + quote_identifier(target_.columns[place])
                                    : enclosed(target_.computed[place - first_computed()]);
}

std::string SqlStatements::rows(std::size_t begin, std::size_t end) const {
    std::string values = "record." + number_;
    for (const Column& column : target_.table.columns) {
        const auto at = std::ranges::find(target_.columns, column.name);
        if (at == target_.columns.end()) continue;
        values += ", (" + value_of(static_cast<std::size_t>(at - target_.columns.begin())) +
                  ")::" + column.type_name;
        if (!column.collation.empty()) values += " COLLATE " + column.collation;
        values += " AS " + quote_identifier(column.name);
    }
    return "(SELECT " + values + " FROM " + inputs_ + " record WHERE " + range(begin, end) + ") s";
}

SqlStatements::Probe SqlStatements::explain_where() const {
    return probe("EXPLAIN SELECT 1 FROM " + inputs_ + " record WHERE ", target_.where,
                 " IS NOT TRUE");
}

SqlStatements::Probe SqlStatements::explain_over_row(const std::string& expression) const {
    return probe("EXPLAIN SELECT 1 FROM " + inputs_ + " record WHERE ", expression, " IS NULL");
}

SqlStatements::Probe SqlStatements::explain_insert(std::size_t computed) const {
    return probe("EXPLAIN INSERT INTO " + into_.relation + " (" +
                     quote_identifier(target_.columns[first_computed() + computed]) + ") SELECT ",
                 target_.computed[computed], " FROM " + inputs_ + " record");
}

std::string SqlStatements::view_of(std::size_t computed, const std::string& name) const {
    return "CREATE TEMPORARY VIEW " + name + " AS SELECT " + enclosed(target_.computed[computed]) +
           " AS value FROM " + inputs_ + " record";
}

}  // namespace sluice
