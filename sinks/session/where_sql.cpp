#include "sinks/session/where_sql.h"

namespace sluice {
namespace {

using config::Condition;
using config::FieldType;
using config::Operator;

const char* sql_of(Operator op) {
    switch (op) {
        case Operator::equal:
            return " = ";
        case Operator::not_equal:
            return " <> ";
        case Operator::less:
            return " < ";
        case Operator::less_equal:
            return " <= ";
        case Operator::greater:
            return " > ";
        case Operator::greater_equal:
            return " >= ";
        case Operator::like:
            return " LIKE ";
        case Operator::not_like:
            return " NOT LIKE ";
        case Operator::is_null:
            return " IS NULL";
        case Operator::is_not_null:
            break;
    }
    return " IS NOT NULL";
}

std::string comparison(const config::Comparison& comparison, std::span<const SqlField> fields,
                       Row& parameters) {
    const SqlField& field = fields[comparison.field];
    std::string sql = std::string(field.expression) + sql_of(comparison.op);
    if (comparison.op == Operator::is_null || comparison.op == Operator::is_not_null) return sql;
    const bool is_text = field.field.type == FieldType::text;
    parameters.push_back(is_text ? comparison.text() : std::to_string(comparison.number()));
    const std::string parameter = "$" + std::to_string(parameters.size());
    if (is_text) return sql + parameter + "::text";
    if (field.field.type == FieldType::number) return sql + parameter + "::bigint";
    return sql + "('epoch'::timestamptz + " + parameter + "::bigint * interval '1 millisecond')";
}

}  // namespace

std::vector<config::Field> names_of(std::span<const SqlField> fields) {
    std::vector<config::Field> names;
    for (const SqlField& field : fields) names.push_back(field.field);
    return names;
}

std::string to_sql(const Condition& condition, std::span<const SqlField> fields, Row& parameters) {
    if (condition.kind == Condition::Kind::comparison)
        return comparison(condition.comparison, fields, parameters);
    const char* const joint = condition.kind == Condition::Kind::all_of ? " AND " : " OR ";
    std::string sql;
    for (const Condition& part : condition.parts)
        sql += (sql.empty() ? "(" : joint) + to_sql(part, fields, parameters);
    return sql + ")";
}

}  // namespace sluice
