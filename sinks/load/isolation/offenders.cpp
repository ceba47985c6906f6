#include "sinks/load/isolation/offenders.h"

#include "pipeline/values/binary_copy.h"
#include "sinks/session/sql_text.h"

#include <set>
#include <unordered_map>
#include <utility>

namespace sluice {
namespace {

std::string list(const std::vector<std::string>& texts) {
    std::string joined;
    for (const std::string& text : texts) joined.append(joined.empty() ? "" : ", ") += text;
    return joined;
}

/// What the database says of a duplicate; without its values where they are at hand in a form that
/// nobody reads.
std::string duplicate(const std::string& constraint, const std::vector<std::string>& columns,
                      const std::vector<std::string>& values) {
    std::string text = "duplicate key value violates unique constraint " +
                       quote_identifier(constraint) + ": Key (" + list(columns) + ")";
    if (!values.empty()) text += "=(" + list(values) + ")";
    return text + " already exists.";
}

/// Of what a query returns: the row's number, then its key's values.
template <typename Complaint>
void append_offenders(const Rows& rows, const QueriedRows& asked, std::vector<Offender>& found,
                      Complaint complaint_of) {
    for (std::size_t row = 0; row < rows.rows.size(); ++row) {
        std::vector<std::string> values;
        for (std::size_t i = 1; i < rows.rows[row].size(); ++i) values.push_back(rows.text(row, i));
        found.push_back(
            {asked.row_of(rows.number(row, 0)), {"", complaint_of(values)}, std::nullopt});
    }
}

/// The bytes of these columns; false when one of them is NULL, which equals nothing.
bool append_key(FieldWalker& fields, const std::vector<std::size_t>& columns, CopyForm form,
                std::string& key) {
    key.clear();
    std::size_t column = 0;
    for (const std::size_t wanted : columns) {
        for (; column < wanted; ++column) static_cast<void>(fields.next());
        const std::string_view field = fields.next();
        ++column;
        if (is_null(field, form)) return false;
        // A text field ends with a tab, which it cannot hold; a binary one begins with its length.
        key.append(field).append(form == CopyForm::text ? "\t" : "");
    }
    return true;
}

}  // namespace

std::string broken_checks(const Constraints& checks, const std::string& number,
                          const std::string& from) {
    std::string broken;
    std::string which;
    for (std::size_t i = 0; i < checks.size(); ++i) {
        const std::string is_broken = "(" + checks[i]->text + ") IS FALSE";
        broken.append(i == 0 ? "" : " OR ").append(is_broken);
        which.append(" WHEN ").append(is_broken).append(" THEN ").append(std::to_string(i));
    }
    return "SELECT " + number + ", CASE" + which + " END FROM " + from + " WHERE " + broken;
}

const std::string& complaint_of(const Constraints& checks, const Rows& broken, std::size_t row) {
    return checks[static_cast<std::size_t>(broken.number(row, 1))]->complaint;
}

void find_broken_checks(QueriedRows& rows, const Constraints& checks,
                        std::vector<Offender>& found) {
    if (checks.empty()) return;
    const Rows out = rows.exec(broken_checks(checks, rows.number(), rows.rows_as("s")));
    for (std::size_t row = 0; row < out.rows.size(); ++row)
        found.push_back(
            {rows.row_of(out.number(row, 0)), {"", complaint_of(checks, out, row)}, std::nullopt});
}

/// A row with a NULL among the columns refers to nothing.
void find_orphans(QueriedRows& rows, const TableConstraint& reference,
                  std::vector<Offender>& found) {
    std::string is_one;
    std::string equal;
    std::string values;
    for (std::size_t i = 0; i < reference.columns.size(); ++i) {
        const std::string column = "s." + quote_identifier(reference.columns[i]);
        is_one += column + " IS NOT NULL AND ";
        equal += (i == 0 ? "r." : " AND r.") + quote_identifier(reference.keys[i]) + " = " + column;
        values += ", " + column + "::text";
    }
    const Rows out = rows.exec("SELECT s." + rows.number() + values + " FROM " + rows.rows_as("s") +
                               " WHERE " + is_one + "NOT EXISTS (SELECT 1 FROM " + reference.text +
                               " r WHERE " + equal + ")");
    append_offenders(out, rows, found, [&](const std::vector<std::string>& of_row) {
        return "insert violates foreign key constraint " + quote_identifier(reference.name) +
               ": Key (" + list(reference.columns) + ")=(" + list(of_row) + ") is not present.";
    });
}

void find_duplicates_of_older(QueriedRows& rows, const TableConstraint& key,
                              const std::string& table, std::vector<Offender>& found) {
    std::string conditions;
    std::string values;
    for (const std::string& column : key.columns) {
        const std::string name = quote_identifier(column);
        conditions += (conditions.empty() ? "s." : " AND s.") + name + " = t." + name;
        values += ", s." + name + "::text";
    }
    const Rows out = rows.exec("SELECT s." + rows.number() + values + " FROM " + rows.rows_as("s") +
                               " JOIN " + table + " t ON " + conditions);
    append_offenders(out, rows, found, [&](const std::vector<std::string>& of_row) {
        return duplicate(key.name, key.columns, of_row);
    });
}

/// Equal bytes are equal values. Equal values of other bytes, like 1.0 and 1.00, are for COPY.
void find_duplicates(const RowRange& range, const TableConstraint& key,
                     const std::vector<std::size_t>& columns, std::vector<Offender>& found) {
    std::set<std::size_t> out;
    for (const Offender& offender : found) out.insert(offender.row);
    std::unordered_map<std::string, std::size_t> first;
    first.reserve(range.end - range.begin);
    std::string value;
    range.for_each([&](std::size_t row, std::string_view bytes) {
        if (out.contains(row)) return;
        FieldWalker fields(bytes, range.form);
        if (!append_key(fields, columns, range.form, value)) return;
        const auto [at, is_first] = first.try_emplace(value, row);
        if (is_first) return;
        found.push_back({row, {"", duplicate(key.name, key.columns, {})}, at->second});
    });
}

}  // namespace sluice
