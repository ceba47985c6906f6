#include "pipeline/mapping/key_plan.h"

#include "pipeline/values/key_bytes.h"
#include "pipeline/values/order_bytes.h"

#include <algorithm>

namespace sluice {
namespace {

using SourceKind = config::Source::Kind;

/// A tombstone has no value.
bool is_of_value(SourceKind kind) {
    return kind == SourceKind::field || kind == SourceKind::position || kind == SourceKind::value;
}

/// Where tombstones remove rows, what a removal needs cannot come from a value.
std::string not_in_tombstones(const config::Ingest& ingest, const ColumnPlan& plan,
                              const std::string& is, const std::string& remedy) {
    if (ingest.delete_when != config::DeleteWhen::tombstone || !is_of_value(plan.source.kind))
        return "";
    return is + " and comes from the record's value, which a tombstone has not; map it to " +
           remedy;
}

std::string complaint_of_key(const config::Ingest& ingest, const ColumnPlan& plan) {
    if (!can_be_key(plan.column))
        return "it is " + plan.column.type_name +
               ", of which only the database knows which values are equal; a key needs a column of "
               "another type or collation";
    return not_in_tombstones(ingest, plan, "it is part of the key",
                             "\"@key\" or to a field of it, such as \"@key/id\"");
}

std::string complaint_of_order(const config::Ingest& ingest, const ColumnPlan& plan) {
    if (plan.in_key)
        return "it is part of the key, of which all changes of a row have the same value; order "
               "needs another one";
    if (!can_order(plan.column))
        return "it is " + plan.column.type_name +
               "; order needs a number, a date, a timestamp or a uuid";
    return not_in_tombstones(ingest, plan, "it is the order",
                             "\"@timestamp\", \"@offset\" or a header");
}

std::string complaint_of_unfilled(const config::Ingest& ingest, const Table& table,
                                  const std::string& name, const std::string& is) {
    const auto is_called = [&name](const Column& column) { return column.name == name; };
    if (std::ranges::none_of(table.columns, is_called)) return unknown_column(name, table);
    const auto is_computed = [&name](const config::SqlColumn& each) { return each.column == name; };
    if (std::ranges::any_of(ingest.computed, is_computed))
        return is +
               " and is filled by SQL, which is judged behind what tells changes apart; map "
               "it to a field";
    return is + " and gets no value; map it";
}

using KeyComplaint = std::string (*)(const config::Ingest&, const ColumnPlan&);

/// Says of a column what it is, or why it cannot be that.
void mark(const std::string& name, bool ColumnPlan::*as, const std::string& what,
          KeyComplaint complaint, const config::Ingest& ingest, const Table& table,
          std::span<ColumnPlan> columns, std::vector<std::string>& misfits) {
    const auto found = std::ranges::find_if(
        columns, [&name](const ColumnPlan& plan) { return plan.column.name == name; });
    std::string why;
    if (found == columns.end()) {
        why = complaint_of_unfilled(ingest, table, name, "it is " + what);
    } else {
        why = complaint(ingest, *found);
        (*found).*as = true;
    }
    if (!why.empty()) misfits.push_back("column \"" + name + "\": " + why);
}

}  // namespace

void plan_key(const config::Ingest& ingest, const Table& table, std::span<ColumnPlan> columns,
              std::vector<std::string>& misfits) {
    if (ingest.mode == config::Mode::append) return;
    const std::vector<std::string>& key = ingest.key.empty() ? table.primary_key : ingest.key;
    if (key.empty())
        misfits.push_back(
            "the table has no primary key; say which columns tell its rows apart, such as key = "
            "[\"id\"]");
    for (const std::string& name : key)
        mark(name, &ColumnPlan::in_key, "part of the key", complaint_of_key, ingest, table, columns,
             misfits);
    if (!ingest.order.empty())
        mark(ingest.order, &ColumnPlan::orders, "the order", complaint_of_order, ingest, table,
             columns, misfits);
}

}  // namespace sluice
