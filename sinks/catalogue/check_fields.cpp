#include "sinks/catalogue/check_fields.h"

#include "config/text/words.h"
#include "sinks/catalogue/column_fit.h"
#include "sinks/catalogue/proposed_table.h"
#include "sinks/session/sql_text.h"

#include <algorithm>
#include <optional>
#include <set>

namespace sluice {
namespace {

using schemas::RowField;
using Severity = Finding::Severity;
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
        std::string added;
        for (const std::string& name : names) {
            if (complaint_of_column_name(name) != nullptr) continue;
            const auto field = std::ranges::find(fields_, name, &RowField::name);
            added += (added.empty() ? " ADD " : ", ADD ") + quote_identifier(name) + " " +
                     column_type_for(*field);
        }
        if (added.empty()) return "to keep them: map them to columns of other names";
        return "to keep them: ALTER TABLE " + quote_identifier(table_.schema) + "." +
               quote_identifier(table_.name) + added;
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

/// The top-level field, of the row or of the key, that fills a column; nullopt: nothing as simple.
std::optional<std::string> field_of(const config::Ingest& ingest, const std::string& column) {
    const auto mapping = std::ranges::find(ingest.columns, column, &config::ColumnMapping::column);
    if (mapping == ingest.columns.end())
        return ingest.implies_columns() ? std::optional(column) : std::nullopt;
    const config::Source& source = mapping->source;
    const bool is_field = source.kind == config::Source::Kind::field ||
                          source.kind == config::Source::Kind::key_field;
    if (!is_field || source.path.size() != 1) return std::nullopt;
    return source.path.front();
}

/// Those that these fields fill; empty: not all of them fill one.
std::vector<std::string> columns_filled_by(const std::vector<RowField>& fields,
                                           const config::Ingest& ingest, const Table& table) {
    std::vector<std::string> columns;
    for (const RowField& field : fields) {
        const auto filled = std::ranges::find_if(table.columns, [&](const Column& column) {
            return !column.generated && field_of(ingest, column.name) == field.name;
        });
        if (filled == table.columns.end()) return {};
        columns.push_back(filled->name);
    }
    return columns;
}

}  // namespace

std::vector<Finding> check_key_of_changes(const config::Ingest& ingest, const Table& table,
                                          const std::vector<RowField>& fields,
                                          const std::string& schema) {
    const std::vector<std::string>& key = ingest.key.empty() ? table.primary_key : ingest.key;
    std::set<std::string> ours;
    for (const std::string& column : key) {
        const auto field = field_of(ingest, column);
        if (!field) return {};
        ours.insert(*field);
    }
    std::vector<std::string> theirs;
    for (const RowField& field : fields) theirs.push_back(field.name);
    if (theirs.empty() || ours == std::set(theirs.begin(), theirs.end())) return {};
    const std::vector<std::string> columns = columns_filled_by(fields, ingest, table);
    return {{Severity::warning, "ingest." + ingest.name,
             "rows are told apart by " + identifier_list(key) + ", and changes by " +
                 identifier_list(theirs) + " (" + schema + "): an update that changes " +
                 identifier_list(key) + " leaves the row of the old value where it is",
             columns.empty() ? "fill columns by those fields, and name them in key ="
                             : "key = [" + identifier_list(columns) + "]"}};
}

std::vector<Finding> check_fields(const config::Ingest& ingest, const Table& table,
                                  const std::vector<RowField>& fields, const std::string& schema) {
    return Comparison(ingest, table, fields, schema).findings();
}

}  // namespace sluice
