#include "sinks/catalogue/proposed_table.h"

#include "config/text/names.h"
#include "config/text/words.h"
#include "sinks/session/sql_text.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace sluice {
namespace {

using schemas::RowField;
using Type = RowField::Type;

std::string scalar_type(const RowField& field) {
    switch (field.type) {
        case Type::boolean:
            return "boolean";
        case Type::int32:
            return "integer";
        case Type::int64:
            return "bigint";
        case Type::uint64:
            return "numeric(20)";
        case Type::real32:
            return "real";
        case Type::real64:
            return "double precision";
        case Type::decimal:
            if (field.precision == 0) return "numeric";
            return "numeric(" + std::to_string(field.precision) + "," +
                   std::to_string(field.scale) + ")";
        case Type::bytes:
            return "bytea";
        case Type::date:
            return "date";
        case Type::time:
            return "time";
        case Type::timestamp:
            return "timestamp";
        case Type::instant:
            return "timestamptz";
        case Type::interval:
            return "interval";
        case Type::uuid:
            return "uuid";
        case Type::json:
            return "jsonb";
        case Type::any:
        case Type::text:
            break;
    }
    return "text";
}

}  // namespace

std::string column_type_for(const RowField& field) {
    return scalar_type(field) + (field.list ? "[]" : "");
}

const char* complaint_of_column_name(std::string_view name) {
    constexpr std::size_t longest = 63;
    // gp_segment_id: Cloudberry's.
    constexpr std::array<std::string_view, 7> of_system{"tableoid", "ctid", "xmin",         "xmax",
                                                        "cmin",     "cmax", "gp_segment_id"};
    if (name.empty()) return "it has no name";
    if (config::has_control_character(name)) return "its name has control characters";
    if (name.size() > longest) return "its name is longer than 63 bytes";
    if (std::ranges::find(of_system, name) != of_system.end())
        return "the database has a column of its own of this name";
    return nullptr;
}

bool is_column_of(const std::vector<RowField>& fields, const std::string& name) {
    return complaint_of_column_name(name) == nullptr &&
           std::ranges::find(fields, name, &RowField::name) != fields.end();
}

std::string proposed_ddl(const std::string& table, const std::vector<RowField>& fields,
                         const std::vector<std::string>& key, Family family,
                         const std::vector<std::pair<std::string, std::string>>& storage) {
    std::string left_out;
    std::string ddl = "CREATE TABLE " + table + " (";
    const char* before = "\n    ";
    for (const RowField& field : fields) {
        if (const char* why = complaint_of_column_name(field.name)) {
            left_out += "-- no column for " + config::in_quotes(field.name) + ": " + why +
                        "; map it to another one\n";
            continue;
        }
        ddl += before + quote_identifier(field.name) + " " + column_type_for(field);
        before = ",\n    ";
    }
    std::vector<std::string> columns = key;
    for (const std::string& column : key) {
        if (is_column_of(fields, column)) continue;
        left_out += "-- no primary key (" + identifier_list(key) + "): no column is " +
                    config::in_quotes(column) + "\n";
        columns.clear();
        break;
    }
    if (!columns.empty()) ddl += before + ("PRIMARY KEY (" + identifier_list(columns) + ")");
    ddl += "\n)";
    const char* separator = "\nWITH (";
    for (const auto& [option, value] : storage) {
        ddl += separator + option + " = " + quote_literal(value);
        separator = ", ";
    }
    if (!storage.empty()) ddl += ")";
    if (is_mpp(family))
        ddl += columns.empty() ? "\nDISTRIBUTED RANDOMLY"
                               : "\nDISTRIBUTED BY (" + identifier_list(columns) + ")";
    return left_out + ddl + ";\n";
}

}  // namespace sluice
