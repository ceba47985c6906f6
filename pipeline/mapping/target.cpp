#include "pipeline/mapping/target.h"

#include "config/table_pattern.h"
#include "pipeline/errors.h"
#include "pipeline/mapping/column_plan.h"

#include <algorithm>
#include <utility>
#include <variant>

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

std::vector<config::Ingest> targets_of_topic(const config::Ingest& ingest, const std::string& topic,
                                             const std::string& own_schema) {
    auto found = config::targets_of_topic(ingest, topic, own_schema);
    if (const auto* const none = std::get_if<std::string>(&found))
        throw WrongConfiguration("[ingest." + ingest.name + "]: " + *none);
    return std::get<std::vector<config::Ingest>>(std::move(found));
}

}  // namespace sluice
