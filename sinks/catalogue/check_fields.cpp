#include "sinks/catalogue/check_fields.h"

#include "config/words.h"
#include "sinks/catalogue/proposed_table.h"
#include "sinks/session/sql_text.h"

#include <algorithm>
#include <set>

namespace sluice {
namespace {

using schemas::RowField;
using Severity = Finding::Severity;
using Type = RowField::Type;

bool is_number(Type type) {
    return type >= Type::int32 && type <= Type::decimal;
}

/// Whether a column's type has most values of a field, in the text that they arrive as.
bool suits(const RowField& field, ColumnType column) {
    const Type type = field.type;
    const bool is_text = type == Type::text || type == Type::any;
    switch (column) {
        case ColumnType::text:
        case ColumnType::varchar:
        case ColumnType::bpchar:
        case ColumnType::json:
        case ColumnType::jsonb:
        case ColumnType::other:
            return true;
        case ColumnType::array:
            return field.list || is_text || type == Type::json;
        default:
            break;
    }
    if (field.list) return false;
    switch (column) {
        case ColumnType::int2:
        case ColumnType::int4:
        case ColumnType::int8:
        case ColumnType::float4:
        case ColumnType::float8:
        case ColumnType::numeric:
            return is_text || is_number(type);
        case ColumnType::boolean:
            return is_text || type == Type::boolean || type == Type::int32 || type == Type::int64;
        case ColumnType::bytea:
            return is_text || type == Type::bytes;
        case ColumnType::uuid:
            return is_text || type == Type::uuid;
        case ColumnType::time:
            return is_text || (type >= Type::time && type <= Type::instant);
        case ColumnType::date:
        case ColumnType::timestamp:
        case ColumnType::timestamptz:
            return is_text || type == Type::date || type == Type::timestamp ||
                   type == Type::instant;
        default:
            return is_text;
    }
}

std::string remedy_for(const RowField& field, const Column& column) {
    const bool of_time = column.type >= ColumnType::date && column.type <= ColumnType::timestamptz;
    if (of_time && is_number(field.type))
        return "say what the number counts: as = \"epoch_ms\" and the like";
    return "ALTER TABLE … ALTER " + quote_identifier(column.name) + " TYPE " +
           column_type_for(field) + ", or map another field";
}

class Comparison {
public:
    Comparison(const config::Ingest& ingest, const Table& table,
               const std::vector<RowField>& fields, const std::string& schema)
        : where_("ingest." + ingest.name), schema_(schema), table_(table), fields_(fields) {
        for (const config::ColumnMapping& mapping : ingest.columns) {
            if (mapping.source.kind != config::Source::Kind::field || mapping.source.path.empty())
                continue;
            compare(mapping.column, mapping.source.path.front(),
                    mapping.as == config::Conversion::none && mapping.source.path.size() == 1);
        }
        for (const config::SqlField& field : ingest.fields)
            if (!field.mapping.source.path.empty())
                compare(field.mapping.column, field.mapping.source.path.front(), false);
        if (ingest.implies_columns())
            for (const Column& column : table.columns)
                if (!column.generated) compare(column.name, column.name, true);
        tell();
    }

    [[nodiscard]] std::vector<Finding> findings() && { return std::move(findings_); }

private:
    void compare(const std::string& column, const std::string& name, bool as_it_is) {
        taken_.insert(name);
        const auto field = std::ranges::find(fields_, name, &RowField::name);
        if (field == fields_.end()) {
            if (!is_of_envelope(name)) unfilled_.push_back(column);
            return;
        }
        const auto found = std::ranges::find(table_.columns, column, &Column::name);
        if (!as_it_is || found == table_.columns.end() || suits(*field, found->type)) return;
        findings_.push_back(
            {Severity::warning,
             where_ + ": column " + config::in_quotes(column) + " is " + found->type_name,
             "most values of the field " + config::in_quotes(name) + " will be rejects, since " +
                 schema_ + " has it as " + schemas::describe(*field),
             remedy_for(*field, *found)});
    }

    void tell() {
        std::vector<std::string> left;
        for (const RowField& field : fields_)
            if (!taken_.contains(field.name) && !is_of_envelope(field.name))
                left.push_back(field.name);
        if (!unfilled_.empty())
            findings_.push_back({Severity::warning, where_,
                                 "nothing fills " + identifier_list(unfilled_) + ": " + schema_ +
                                     " has no such fields",
                                 "see their names, or take them out of the mapping"});
        if (!left.empty())
            findings_.push_back({Severity::hint, where_,
                                 "no column takes " + identifier_list(left) + " of " + schema_,
                                 proposal(left)});
    }

    [[nodiscard]] std::string proposal(const std::vector<std::string>& names) const {
        std::string ddl = "to keep them: ALTER TABLE " + quote_identifier(table_.schema) + "." +
                          quote_identifier(table_.name);
        for (const std::string& name : names) {
            const auto field = std::ranges::find(fields_, name, &RowField::name);
            ddl += (name == names.front() ? " ADD " : ", ADD ") + quote_identifier(name) + " " +
                   column_type_for(*field);
        }
        return ddl;
    }

    /// Of Debezium's flat form.
    static bool is_of_envelope(const std::string& name) { return name.starts_with("__"); }

    const std::string where_;
    const std::string& schema_;
    const Table& table_;
    const std::vector<RowField>& fields_;
    std::set<std::string> taken_;
    std::vector<std::string> unfilled_;
    std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> check_fields(const config::Ingest& ingest, const Table& table,
                                  const std::vector<RowField>& fields, const std::string& schema) {
    return Comparison(ingest, table, fields, schema).findings();
}

}  // namespace sluice
