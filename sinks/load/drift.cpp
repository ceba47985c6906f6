#include "sinks/load/drift.h"

#include "pipeline/errors.h"
#include "sinks/catalogue/catalogue.h"
#include "sinks/session/sql_text.h"

#include <algorithm>
#include <map>

namespace sluice {
namespace {

[[noreturn]] void refuse_column(const Table& table, const std::string& column,
                                const std::string& what) {
    throw TroubleOfTheWorld("table " + qualified(table) + ": column " + quote_identifier(column) +
                            what + "; a new start takes it as it is now");
}

/// By column, its type.
std::map<std::string, std::string> refuse_drift_where(Session& session, const Table& table,
                                                      const auto& is_used) {
    const Rows now = session.exec_prepared(
        "types",
        "SELECT a.attname, format_type(a.atttypid, a.atttypmod), current_setting('TimeZone')"
        " FROM pg_attribute a"
        " WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped",
        {qualified(table)});
    std::map<std::string, std::string> types;
    for (std::size_t row = 0; row < now.rows.size(); ++row)
        types[now.text(row, 0)] = now.text(row, 1);
    for (const Column& column : table.columns) {
        if (is_used(column.name) && types[column.name] != column.type_name)
            refuse_column(table, column.name,
                          " has changed since it was looked up: it was " + column.type_name);
    }
    // Times without a zone have become instants already.
    if (table.session_is_utc && !is_utc(now.text(0, 2)))
        throw TroubleOfTheWorld("table " + qualified(table) +
                                ": the time zone of sessions has changed since it was looked up: "
                                "it was UTC and is " +
                                now.text(0, 2) + "; a new start takes it as it is now");
    return types;
}

}  // namespace

void refuse_drift_of(Session& session, const Table& table,
                     const std::vector<std::string>& columns) {
    refuse_drift_where(session, table, [&](const std::string& column) {
        return std::ranges::find(columns, column) != columns.end();
    });
}

void refuse_any_drift_of(Session& session, const Table& table) {
    const auto types = refuse_drift_where(session, table, [](const std::string&) { return true; });
    for (const auto& [column, type] : types)
        if (std::ranges::find(table.columns, column, &Column::name) == table.columns.end())
            refuse_column(table, column, " has come since it was looked up");
}

}  // namespace sluice
