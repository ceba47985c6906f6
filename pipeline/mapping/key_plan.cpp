#include "pipeline/mapping/key_plan.h"

#include "pipeline/values/key_bytes.h"

#include <algorithm>

namespace sluice {
namespace {

using SourceKind = config::Source::Kind;

/// A tombstone has no value.
bool is_of_value(SourceKind kind) {
    return kind == SourceKind::field || kind == SourceKind::position || kind == SourceKind::value;
}

std::string complaint(const config::Ingest& ingest, const ColumnPlan& plan) {
    if (!can_be_key(plan.column))
        return "it is " + plan.column.type_name +
               ", of which only the database knows which values are equal; a key needs a column of "
               "another type or collation";
    if (ingest.delete_when == config::DeleteWhen::tombstone && is_of_value(plan.source.kind))
        return "it is part of the key and comes from the record's value, which a tombstone has "
               "not; map it to \"@key\" or to a field of it, such as \"@key/id\"";
    return "";
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
    for (const std::string& name : key) {
        const auto found = std::ranges::find_if(
            columns, [&name](const ColumnPlan& plan) { return plan.column.name == name; });
        std::string why;
        if (found == columns.end()) {
            why = "it is part of the key and gets no value; map it";
        } else {
            found->in_key = true;
            why = complaint(ingest, *found);
        }
        if (!why.empty()) misfits.push_back("column \"" + name + "\": " + why);
    }
}

}  // namespace sluice
