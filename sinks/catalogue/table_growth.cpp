#include "sinks/catalogue/table_growth.h"

#include "config/text/words.h"
#include "sinks/catalogue/catalogue.h"
#include "sinks/catalogue/column_fit.h"
#include "sinks/catalogue/proposed_table.h"
#include "sinks/session/sql_text.h"

#include <algorithm>
#include <iterator>
#include <set>

namespace sluice {
namespace {

using config::Source;
using schemas::RowField;
using schemas::RowFields;
using Type = RowField::Type;

constexpr std::size_t most_columns = 1600;  // of a table, in every PostgreSQL

/// Of what is around a record; text holds the rest.
Type type_of(Source::Kind kind) {
    switch (kind) {
        case Source::Kind::partition:
            return Type::int32;
        case Source::Kind::offset:
            return Type::int64;
        case Source::Kind::timestamp:
            return Type::instant;
        case Source::Kind::headers:
            return Type::json;
        default:
            return Type::text;
    }
}

/// What a mapped column takes, under the column's name.
RowField field_for(const config::ColumnMapping& mapping, const std::vector<RowField>& fields) {
    const Source& source = mapping.source;
    RowField field{.name = mapping.column, .type = type_of(source.kind)};
    const bool is_itself = source.kind == Source::Kind::field && source.path.size() == 1 &&
                           mapping.as == config::Conversion::none;
    const auto found =
        is_itself ? std::ranges::find(fields, source.path.front(), &RowField::name) : fields.end();
    if (found != fields.end()) {
        field = *found;
        field.name = mapping.column;
    }
    return field;
}

/// Of Debezium's flat form, they are of the event, not of the row.
bool is_of_event(const config::Ingest& target, const RowField& field) {
    return target.envelope != config::Envelope::none && field.name.starts_with("__");
}

/// Of an event that nothing takes apart, the fields are those of another row.
bool describes_other_rows(const config::Ingest& target, const RowFields& rows) {
    return rows.in_envelope && target.envelope == config::Envelope::none;
}

/// All that the target wants columns for, each once.
std::vector<RowField> wanted(const config::Ingest& target, const RowFields& rows) {
    std::vector<RowField> all;
    if (!target.implies_columns()) {
        for (const config::ColumnMapping& mapping : target.columns)
            all.push_back(field_for(mapping, rows.fields));
        return all;
    }
    std::set<std::string_view> names;
    std::ranges::copy_if(rows.fields, std::back_inserter(all), [&](const RowField& field) {
        return !is_of_event(target, field) && names.insert(field.name).second;
    });
    return all;
}

const Column* column_of(const Table& table, const std::string& name) {
    const auto found = std::ranges::find(table.columns, name, &Column::name);
    return found == table.columns.end() ? nullptr : &*found;
}

bool is_lacking(const Table& table, const RowField& field) {
    return column_of(table, field.name) == nullptr &&
           complaint_of_column_name(field.name) == nullptr;
}

/// A key of fewer columns would make one row of several.
std::string complaint_of_key(const std::vector<std::string>& key,
                             const std::vector<RowField>& fields) {
    if (key.empty()) return "nobody says which columns tell rows apart; add key = [\"id\"]";
    for (const std::string& column : key)
        if (!is_column_of(fields, column))
            return "its rows are told apart by " + identifier_list(key) +
                   ", and no field of the records' values fills " + config::in_quotes(column) +
                   "; take it from their keys in [columns]: " + column + " = \"@key/" + column +
                   "\", or name other columns in key =";
    return {};
}

}  // namespace

std::string growth_ddl(const GrowthGoal& goal, const std::optional<Table>& table) {
    if (describes_other_rows(goal.target, goal.rows)) return {};
    const std::vector<RowField> fields = wanted(goal.target, goal.rows);
    if (!table)
        return proposed_ddl(goal.target.table, fields, goal.key, goal.family, goal.target.storage);
    std::string ddl;
    for (const RowField& field : fields) {
        if (!is_lacking(*table, field)) continue;
        ddl += (ddl.empty() ? "ALTER TABLE " + qualified(*table) : ",") + "\n    ADD COLUMN " +
               quote_identifier(field.name) + " " + column_type_for(field);
    }
    return ddl.empty() ? ddl : ddl + ";\n";
}

bool lacks_columns(const config::Ingest& target, const Table& table, const RowFields& rows) {
    return !growth_ddl({.target = target, .rows = rows}, table).empty();
}

std::vector<Finding> unfit_for_growth(const config::Ingest& target, const Table& table,
                                      const RowFields& rows) {
    std::vector<Finding> findings;
    if (describes_other_rows(target, rows) || !target.implies_columns()) return findings;
    const std::string where = "ingest." + target.name + ": ";
    for (const RowField& field : wanted(target, rows)) {
        const std::string name = config::in_quotes(field.name);
        if (const char* const why = complaint_of_column_name(field.name))
            findings.push_back({Finding::Severity::warning, where + "field " + name,
                                std::string("no column can be added for it: ") + why,
                                "map it to a column of another name"});
        const Column* const column = column_of(table, field.name);
        const bool is_said = column == nullptr || !suits(field, column->type);  // check_fields()
        if (is_said || keeps_all_of(*column, field)) continue;
        findings.push_back(
            {Finding::Severity::warning,
             where + "column " + name + " of " + qualified(table) + " is " + column->type_name,
             "by the schema its field is " + schemas::describe(field) +
                 ", of which some values may be refused, rounded or cut",
             "types are not changed by themselves: ALTER TABLE " + qualified(table) + " " +
                 widening(*column, field)});
    }
    return findings;
}

std::string why_not_grown(const GrowthGoal& goal, const std::optional<Table>& table) {
    if (describes_other_rows(goal.target, goal.rows))
        return "the schema describes Debezium's change events; envelope = \"debezium\" takes the "
               "row out of them";
    if (!goal.rows.messages.empty())
        return "records may be any of several messages of the schema; schema = { …, message = "
               "\"…\" } says which";
    const std::vector<RowField> fields = wanted(goal.target, goal.rows);
    const auto added = static_cast<std::size_t>(std::ranges::count_if(
        fields, [&](const RowField& field) { return !table || is_lacking(*table, field); }));
    const std::size_t there = table ? table->columns.size() : 0;
    if (there + added > most_columns)
        return "it would have " + std::to_string(there + added) +
               " columns, and no table can have "
               "more than " +
               std::to_string(most_columns) + "; choose with [columns]";
    if (table) return {};
    if (std::ranges::none_of(fields, [](const RowField& field) {
            return complaint_of_column_name(field.name) == nullptr;
        }))
        return "the schema describes no fields that columns could take";
    return goal.target.mode == config::Mode::append ? "" : complaint_of_key(goal.key, fields);
}

}  // namespace sluice
