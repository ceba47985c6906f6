#include "sinks/load/isolation/row_triggers.h"

#include "sinks/catalogue/catalogue.h"
#include "sinks/session/sql_text.h"

#include <cstddef>
#include <utility>

namespace sluice {
namespace {

/// Those BEFORE the row is in the table first, each kind by name, as they are called. tgtype: 1 is
/// FOR EACH ROW, 4 is INSERT, 2 is BEFORE.
constexpr const char* triggers =
    "SELECT t.tgtype & 2 = 0, p.prosrc, coalesce(substring(d.text from"
    " ' FOR EACH ROW (WHEN \\(.*\\)) EXECUTE (?:FUNCTION|PROCEDURE) '), ''), substring(d.text from"
    " ' EXECUTE (?:FUNCTION|PROCEDURE) (?:\"(?:[^\"]|\"\")*\"|[^\"(])+(\\(.*\\))$'),"
    " c.relkind = 'r' AND NOT c.relhassubclass AND l.lanname = 'plpgsql' AND NOT p.prosecdef"
    " AND p.proconfig IS NULL AND NOT t.tgdeferrable"
    " FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid"
    " JOIN pg_language l ON l.oid = p.prolang"
    " CROSS JOIN LATERAL pg_get_triggerdef(t.oid) d (text)"
    " WHERE t.tgrelid = $1::regclass AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')"
    " AND t.tgtype & 5 = 5 ORDER BY t.tgtype & 2 = 0, t.tgname";

/// Whether a value comes from a default, which a copy of the column can have, too.
std::string columns_beside() {
    return std::string("SELECT a.attname, format_type(t.oid, a.atttypmod), ") + own_collation +
           ", pg_get_expr(d.adbin, d.adrelid), coalesce(to_jsonb(a) ->> 'attgenerated', '') = ''"
           " AND coalesce(to_jsonb(a) ->> 'attidentity', '') = ''"
           " FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid"
           " LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
           " WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped"
           " AND a.attname <> ALL ($2::name[]) ORDER BY a.attnum";
}

/// What of its surroundings a function can ask about that is not so elsewhere.
const std::vector<std::string> told_of_the_table{
    "tg_relid", "tg_relname", "tg_table_name", "tg_table_schema", "tg_name", "tg_when", "tableoid"};

constexpr const char* the_row = "new";

std::vector<std::string> named_in(const std::string& source,
                                  const std::vector<std::string>& names) {
    std::vector<std::string> found;
    for (const std::size_t index : config::names_used_in(source, names, the_row))
        found.push_back(names[index]);
    return found;
}

}  // namespace

std::optional<RowTriggers> read_row_triggers(Session& session, const std::string& table,
                                             const std::vector<std::string>& columns) {
    const Rows rows = session.exec_prepared("row_triggers", triggers, {table});
    RowTriggers read;
    std::string all;
    bool fit = !rows.rows.empty();
    std::size_t behind_the_row = 0;
    for (std::size_t row = 0; row < rows.rows.size(); ++row) {
        // What one of these returns keeps no row from the next.
        if (rows.text(row, 0) == "t") ++behind_the_row;
        fit &= rows.text(row, 4) == "t" && behind_the_row <= 1;
        read.in_order.push_back({.condition = rows.text(row, 2),
                                 .arguments = rows.text(row, 3),
                                 .source = rows.text(row, 1)});
        all += rows.text(row, 2) + "\n" + rows.text(row, 1) + "\n";
    }
    if (!fit || config::uses_whole_row(all, the_row) || !named_in(all, told_of_the_table).empty())
        return std::nullopt;
    read.columns = named_in(all, columns);
    const Rows beside =
        session.exec_prepared("columns_beside", columns_beside(), {table, array_literal(columns)});
    for (std::size_t row = 0; row < beside.rows.size(); ++row) {
        const std::string& name = beside.text(row, 0);
        if (named_in(all, {name}).empty()) continue;
        if (beside.text(row, 4) != "t") return std::nullopt;
        std::string definition = quote_identifier(name) + " " + beside.text(row, 1);
        if (beside.rows[row][2]) definition += " COLLATE " + *beside.rows[row][2];
        if (beside.rows[row][3]) definition += " DEFAULT " + *beside.rows[row][3];
        read.definitions.push_back(std::move(definition));
    }
    return read;
}

}  // namespace sluice
