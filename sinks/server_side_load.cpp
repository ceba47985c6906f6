#include "sinks/server_side_load.h"

#include "sinks/sql_text.h"

#include <numeric>

namespace sluice {
namespace {

// The sequence tells how far a window has come: no rollback undoes it.
constexpr const char* notes =
    "CREATE TEMPORARY SEQUENCE IF NOT EXISTS sluice_reached MINVALUE 0;"
    "CREATE TEMPORARY TABLE IF NOT EXISTS sluice_refused (row_number int, state text,"
    " message text, column_name text, constraint_name text) ON COMMIT DELETE ROWS;"
    "DELETE FROM pg_temp.sluice_refused";

/// Half-full blocks: a window is at least one, and what a stop undoes is half a window.
constexpr int fill = 50;
/// Since this version rows between two places of a table are read without the others.
constexpr int oldest_version = 140000;
/// COPY knows no rules.
constexpr const char* has_rules =
    "SELECT 1 FROM pg_rewrite WHERE ev_class = $1::regclass AND ev_type = '3'";

}  // namespace

ServerSideLoad::ServerSideLoad(Session& session, std::string qualified_table,
                               std::vector<std::string> columns)
    : session_(session),
      target_(std::move(qualified_table)),
      columns_(std::move(columns)),
      staged_(session, "sluice_staged", target_, columns_, fill) {}

bool ServerSideLoad::inserts_as_copy_does() {
    return session_.server_version() >= oldest_version &&
           session_.exec(has_rules, {target_}).rows.empty();
}

std::optional<std::vector<ServerSideLoad::RefusedRow>> ServerSideLoad::load(
    const EncodedRows& rows, CopyForm form, std::size_t begin, std::size_t end,
    const RowChanges& changes, std::size_t window) {
    if (!inserts_as_copy_does()) return std::nullopt;
    if (staged_.table().empty()) {
        std::vector<std::size_t> all(columns_.size());
        std::iota(all.begin(), all.end(), std::size_t{0});
        staged_.choose(std::move(all));
    }
    staged_.fill(rows, form, begin, end, changes);
    if (staged_.count() == 0) return std::vector<RefusedRow>{};
    // The window's statement is planned once, not for each; what triggers do is planned so, too.
    session_.run(std::string(notes) + ";SET LOCAL plan_cache_mode = force_generic_plan");
    session_.run(statement(window));
    session_.run("SET LOCAL plan_cache_mode TO DEFAULT");
    const Rows refused = session_.exec(
        "SELECT row_number, state, message, column_name, constraint_name FROM "
        "pg_temp.sluice_refused"
        " ORDER BY row_number");
    std::vector<RefusedRow> found;
    for (std::size_t i = 0; i < refused.rows.size(); ++i)
        found.push_back({staged_.row_of(refused.number(i, 0)),
                         DatabaseError({.sqlstate = refused.text(i, 1),
                                        .message = refused.text(i, 2),
                                        .context = {},
                                        .column = refused.text(i, 3),
                                        .constraint = refused.text(i, 4)})});
    return found;
}

/// Rows arrive at the table one by one, in their order, each noted on its way. So where a window
/// stops in the midst, the row that it reached is the bad one, and the window goes once more
/// without it. Where it stops with all rows through, the statement's end (a foreign key, an AFTER
/// trigger) refuses any of them: halves are tried, down to one row; what was refused behind that
/// one gets another try, since it may have been its duplicate. A statement that stops before its
/// first row, or does not even take no rows, is nobody's fault.
///
/// A window is some blocks of the temporary table, and of these the rows from `start` to `stop`.
std::string ServerSideLoad::statement(std::size_t window) const {
    std::string list;
    std::string values;
    for (const std::string& column : columns_) {
        const std::string name = quote_identifier(column);
        list.append(list.empty() ? "" : ", ").append(name);
        values.append(values.empty() ? "" : ", ").append("s.").append(name);
    }
    const std::string rows = " FROM " + staged_.table() + " s WHERE ";
    const std::string insert = "INSERT INTO " + target_ + " (" + list +
                               ") OVERRIDING SYSTEM VALUE SELECT " + values + rows;
    const std::string number = "s." + staged_.number();
    const std::string in_blocks = "s.ctid >= sluice.bottom AND s.ctid < sluice.top";
    const std::string is_left =
        number + " < sluice.stop AND " + number + " <> ALL (sluice.left_out)";
    const std::string count = std::to_string(staged_.count());
    return R"(DO $sluice$ <<sluice>> DECLARE
    blocks int := pg_catalog.pg_relation_size(')" +
           staged_.table() + R"(') / pg_catalog.current_setting('block_size')::int;
    size int := greatest(1, )" +
           std::to_string(window) + "::bigint * blocks / " + count + R"();
    block int := 0; bottom tid; top tid; start int := 0; stop int := )" +
           count + R"(;
    reached int := pg_catalog.setval('pg_temp.sluice_reached', 0);
    all_through bool; takes_none bool := false; left_out int[] := '{}';
    note pg_temp.sluice_refused; notes pg_temp.sluice_refused[] := '{}';
BEGIN
    WHILE sluice.block < sluice.blocks LOOP
        sluice.bottom := '(' || sluice.block || ',0)';
        sluice.top := '(' || sluice.block + sluice.size || ',0)';
        BEGIN
            )" +
           // CASE: what is not offered must not be noted, and AND says nothing of an order.
           insert + in_blocks + " AND CASE WHEN " + number + " >= sluice.start AND " + is_left +
           " THEN pg_catalog.setval('pg_temp.sluice_reached', " + number + R"( + 1) > 0 END;
            IF sluice.stop < )" +
           count + R"( THEN
                sluice.start := sluice.stop;
            ELSE
                sluice.block := sluice.block + sluice.size;
                sluice.left_out := '{}';
            END IF;
            sluice.stop := )" +
           count + R"(;
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS sluice.note.state = RETURNED_SQLSTATE,
                sluice.note.message = MESSAGE_TEXT, sluice.note.column_name = COLUMN_NAME,
                sluice.note.constraint_name = CONSTRAINT_NAME;
            sluice.reached := pg_catalog.currval('pg_temp.sluice_reached') - 1;
            IF NOT ()" +
           sql_is_data("sluice.note.state") + R"() OR sluice.reached < sluice.start
                OR sluice.reached = ANY (sluice.left_out) THEN
                RAISE;
            END IF;
            sluice.all_through := NOT EXISTS (SELECT)" +
           rows + in_blocks + " AND " + number + " > sluice.reached AND " + is_left + R"();
            IF sluice.all_through AND sluice.reached > sluice.start THEN
                sluice.stop := sluice.start + (sluice.reached + 1 - sluice.start) / 2;
                CONTINUE;
            END IF;
            IF sluice.all_through AND NOT sluice.takes_none THEN
                )" +
           insert + R"(false;
                sluice.takes_none := true;
            END IF;
            IF sluice.reached < sluice.left_out[cardinality(sluice.left_out)] THEN
                sluice.left_out := ARRAY(SELECT n FROM unnest(sluice.left_out) n
                    WHERE n < sluice.reached);
                sluice.notes := ARRAY(SELECT n FROM unnest(sluice.notes) n
                    WHERE n.row_number < sluice.reached);
            END IF;
            sluice.left_out := sluice.left_out || sluice.reached;
            sluice.note.row_number := sluice.reached;
            sluice.notes := sluice.notes || sluice.note;
        END;
    END LOOP;
    INSERT INTO pg_temp.sluice_refused SELECT n.* FROM unnest(sluice.notes) n;
END $sluice$)";
}

}  // namespace sluice
