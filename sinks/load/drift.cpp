#include "sinks/load/drift.h"

#include "pipeline/errors.h"
#include "sinks/catalogue/catalogue.h"
#include "sinks/session/sql_text.h"

#include <algorithm>
#include <map>
#include <string_view>

namespace sluice {
namespace {

/// By column, its type.
using Types = std::map<std::string_view, std::string_view>;

/// Empty: it is what it was.
std::string drift_of(const ExpectedTable& expected, const Types& types,
                     const std::string& time_zone) {
    const Table& table = expected.table;
    const auto of_table = [&](const std::string& what) {
        return "table " + qualified(table) + ": " + what + "; a new start takes it as it is now";
    };
    for (const Column& column : table.columns) {
        const bool is_used =
            expected.columns == nullptr ||
            std::ranges::find(*expected.columns, column.name) != expected.columns->end();
        const auto type = types.find(column.name);
        if (is_used && (type == types.end() || type->second != column.type_name))
            return of_table("column " + quote_identifier(column.name) +
                            " has changed since it was looked up: it was " + column.type_name);
    }
    // Times without a zone have become instants already.
    if (table.session_is_utc && !is_utc(time_zone))
        return of_table(
            "the time zone of sessions has changed since it was looked up: it was UTC and is " +
            time_zone);
    if (expected.columns != nullptr) return {};
    for (const auto& [column, type] : types)
        if (std::ranges::find(table.columns, column, &Column::name) == table.columns.end())
            return of_table("column " + quote_identifier(std::string(column)) +
                            " has come since it was looked up");
    return {};
}

}  // namespace

std::vector<Drift> drift_among(Session& session, std::span<const ExpectedTable> expected) {
    if (expected.empty()) return {};
    std::vector<std::string> names;
    for (const ExpectedTable& each : expected) names.push_back(qualified(each.table));
    // LATERAL: planned for arrays of any length, a join would read the whole catalogue each time.
    const Rows now = session.exec_prepared(
        "types",
        "SELECT t.place, a.attname, format_type(a.atttypid, a.atttypmod),"
        " current_setting('TimeZone') FROM unnest($1::regclass[]) WITH ORDINALITY t (oid, place)"
        " LEFT JOIN LATERAL (SELECT attname, atttypid, atttypmod FROM pg_attribute"
        " WHERE attrelid = t.oid AND attnum > 0 AND NOT attisdropped OFFSET 0) a ON true",
        {array_literal(names)});
    std::vector<Types> types(expected.size());
    for (std::size_t row = 0; row < now.rows.size(); ++row)
        if (now.rows[row][1])
            types[static_cast<std::size_t>(now.number(row, 0)) - 1][now.text(row, 1)] =
                now.text(row, 2);
    std::vector<Drift> drifted;
    for (std::size_t place = 0; place < expected.size(); ++place)
        if (std::string what = drift_of(expected[place], types[place], now.text(0, 3));
            !what.empty())
            drifted.push_back({place, std::move(what)});
    return drifted;
}

std::vector<Drift> drifted_or_out_of_reach(Session& session,
                                           std::span<const ExpectedTable> expected) {
    const auto is_one_tables = [&](const DatabaseError& error) {
        return session.is_open() && !is_everybodys(error.sqlstate());
    };
    try {
        return drift_among(session, expected);
    } catch (const DatabaseError& error) {
        if (!session.is_open() || (expected.size() == 1 && !is_one_tables(error))) throw;
    }
    std::vector<Drift> all;
    for (std::size_t place = 0; place < expected.size(); ++place) {
        try {
            for (Drift& drift : drift_among(session, expected.subspan(place, 1)))
                all.push_back({place, std::move(drift.what)});
        } catch (const DatabaseError& error) {
            if (!is_one_tables(error)) throw;
            all.push_back(
                {place, "table " + qualified(expected[place].table) + ": " + error.what()});
        }
    }
    return all;
}

void refuse_drift_of(Session& session, const ExpectedTable& expected) {
    const auto drifted = drift_among(session, {&expected, 1});
    if (!drifted.empty()) throw TroubleOfTheWorld(drifted.front().what);
}

}  // namespace sluice
