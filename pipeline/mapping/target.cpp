#include "pipeline/mapping/target.h"

#include "pipeline/mapping/column_plan.h"

#include <algorithm>

namespace sluice {

std::string describe_target(const config::Ingest& ingest, const Table& table) {
    std::string text = table.schema + "." + table.name + " (";
    const char* separator = "";
    const auto add = [&](const Column& column) {
        text += separator + column.name + " " + column.type_name;
        if (column.not_null) text += " not null";
        separator = ", ";
    };
    for (const ColumnPlan& plan : plan_columns(ingest, table)) add(plan.column);
    for (const config::SqlColumn& computed : ingest.computed)
        add(*std::ranges::find(table.columns, computed.column, &Column::name));
    return text + ")";
}

}  // namespace sluice
