#include "pipeline/mapping/target.h"

#include "pipeline/mapping/column_plan.h"

namespace sluice {

std::string describe_target(const config::Ingest& ingest, const Table& table) {
    std::string text = table.schema + "." + table.name + " (";
    const char* separator = "";
    for (const ColumnPlan& plan : plan_columns(ingest, table)) {
        text += separator + plan.column.name + " " + plan.column.type_name;
        if (plan.column.not_null) text += " not null";
        separator = ", ";
    }
    return text + ")";
}

}  // namespace sluice
