#include "sinks/verify/verify_keys.h"

#include "sinks/catalogue/catalogue.h"
#include "sinks/session/sql_text.h"

namespace sluice {

std::optional<KeyedRows> verify_keys(Session& session, const VerifyOptions& options) {
    if (options.key.empty()) return std::nullopt;
    const std::string table = qualified(options.table);
    const Rows may = session.exec("SELECT has_table_privilege($1::regclass, 'SELECT')", {table});
    if (may.text(0, 0) != "t") return std::nullopt;
    const Rows found = session.exec(
        "SELECT coalesce(sum(rows), 0), count(*) FILTER (WHERE rows > 1) FROM"
        " (SELECT count(*) AS rows FROM " +
        table + " GROUP BY " + identifier_list(options.key) + ") AS of_key");
    return KeyedRows{.rows = found.number(0, 0), .doubled = found.number(0, 1)};
}

}  // namespace sluice
