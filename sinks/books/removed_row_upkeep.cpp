#include "sinks/books/removed_row_upkeep.h"

#include "sinks/books/giving_way.h"
#include "sinks/session/sql_text.h"

namespace sluice {
namespace {

/// How many old rows a step takes.
constexpr int rows_per_step = 10000;

}  // namespace

Forgotten forget_removed_rows(Session& session, const std::string& schema,
                              std::chrono::seconds keep) {
    const std::string table = quote_identifier(schema) + ".removed_row";
    Forgotten result;
    if (session
            .exec("SELECT has_table_privilege($1, 'SELECT') AND"
                  " has_table_privilege($1, 'DELETE')",
                  {table})
            .text(0, 0) != "t")
        return result;
    const auto next_step = [&] {
        return session
            .exec("SELECT max(removed_at) FROM (SELECT removed_at FROM " + table +
                      " WHERE removed_at < now() - $1::int * interval '1 second'"
                      " ORDER BY removed_at LIMIT " +
                      std::to_string(rows_per_step) + ") old",
                  {std::to_string(keep.count())})
            .rows[0][0];
    };
    result.gave_way = gave_way([&] {
        while (const Cell until = next_step()) {
            Transaction transaction(session, give_way);
            result.removals +=
                session
                    .exec("DELETE FROM " + table + " WHERE removed_at <= $1::timestamptz", {until})
                    .affected;
            transaction.commit();
        }
    });
    return result;
}

}  // namespace sluice
