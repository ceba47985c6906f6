#include "sinks/catalogue/proposed_table.h"

#include "sinks/session/sql_text.h"

#include <algorithm>

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

std::string proposed_ddl(const std::string& table, const std::vector<RowField>& fields,
                         const std::vector<std::string>& key) {
    std::string ddl = "CREATE TABLE " + table + " (";
    const char* before = "\n    ";
    for (const RowField& field : fields) {
        ddl += before + quote_identifier(field.name) + " " + column_type_for(field);
        before = ",\n    ";
    }
    std::vector<std::string> columns;
    std::ranges::copy_if(key, std::back_inserter(columns), [&](const std::string& name) {
        return std::ranges::find(fields, name, &RowField::name) != fields.end();
    });
    if (!columns.empty()) ddl += before + ("PRIMARY KEY (" + identifier_list(columns) + ")");
    return ddl + "\n);\n";
}

}  // namespace sluice
