#include "sinks/catalogue/grow_table.h"

#include "pipeline/fail_point.h"
#include "sinks/catalogue/catalogue.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace sluice {
namespace {

/// Others may add column after column meanwhile, each of which changes what is missing.
constexpr int most_tries = 10;

/// Somebody else was as quick: the column or the table is there by now, or about to be.
bool was_overtaken(const DatabaseError& error) {
    constexpr std::array<std::string_view, 4> codes{
        "42701",   // duplicate_column
        "42P07",   // duplicate_table
        "42710",   // duplicate_object: its type
        "23505"};  // unique_violation, of the catalogue itself
    return std::ranges::find(codes, error.sqlstate()) != codes.end() ||
           error.details().message.starts_with("tuple concurrently");
}

/// In one line, to be pasted: of comments nothing would come behind the first.
std::string without_end(std::string ddl) {
    while (ddl.starts_with("--")) ddl.erase(0, ddl.find('\n') + 1);
    while (ddl.ends_with('\n') || ddl.ends_with(';')) ddl.pop_back();
    for (std::size_t at = 0; (at = ddl.find('\n', at)) != std::string::npos; ++at)
        ddl.replace(at, std::min(ddl.find_first_not_of("\n ", at), ddl.size()) - at, " ");
    return ddl;
}

void run(Session& session, const std::string& ddl) {
    Transaction transaction(session, "SET LOCAL lock_timeout = '1s'");
    session.run(ddl);
    transaction.commit();
}

[[noreturn]] void refuse(Session& session, const std::string& where, const std::string& ddl,
                         const DatabaseError& error) {
    const std::string by_hand = "to be run: " + without_end(ddl);
    const std::string& message = error.details().message;
    if (error.sqlstate() == "55P03")
        throw TableNotGrown(where + "another session keeps it locked, see pg_locks; " + by_hand);
    if (error.sqlstate() == "42501")
        throw TableNotGrown(where + message + "; let its owner run it, or make " +
                            role_of(session) + " the owner; " + by_hand);
    throw TableNotGrown(where + error.what() + "; " + by_hand);
}

}  // namespace

std::optional<Table> table_if_any(Session& session, const config::Ingest& target) {
    try {
        if (!session.exec("SELECT to_regclass($1)", {target.table}).rows[0][0]) return std::nullopt;
    } catch (const DatabaseError&) {
        if (!session.is_open()) throw;  // else read_table() says what is the matter
    }
    const Transaction reading(session, "SET LOCAL lock_timeout = '1s'");
    return read_table(session, target.table);
}

std::string grow_table(Session& session, GrowthGoal goal) {
    session.open();
    goal.family = session.family();
    for (int left = most_tries;; --left) {
        const std::optional<Table> table = table_if_any(session, goal.target);
        const std::string where =
            "table " + (table ? qualified(*table) : goal.target.table) +
            (table ? " is to get columns for new fields: " : " is to be made: ");
        const std::string ddl = growth_ddl(goal, table);
        if (const std::string why = why_not_grown(goal, table); !why.empty())
            throw TableNotGrown(where + why);
        if (ddl.empty()) return {};
        try {
            run(session, ddl);
            SLUICE_FAIL_POINT("table_grown");
            return without_end(ddl);
        } catch (const DatabaseError& error) {
            if (!session.is_open()) throw;
            if (left == 0 || !was_overtaken(error)) refuse(session, where, ddl, error);
        }
    }
}

}  // namespace sluice
