#include "sinks/load/isolation/server_side_load.h"

#include "sinks/session/server_family.h"
#include "sinks/session/sql_text.h"

#include <numeric>
#include <string_view>

namespace sluice {
namespace {

// The sequence tells how far a window has come: no rollback undoes it.
constexpr const char* make_notes =
    "CREATE TEMPORARY SEQUENCE IF NOT EXISTS sluice_reached MINVALUE 0;"
    "CREATE TEMPORARY TABLE IF NOT EXISTS sluice_refused (row_number int, state text,"
    " message text, column_name text, constraint_name text) ON COMMIT DELETE ROWS;"
    "DELETE FROM pg_temp.sluice_refused";

/// Half-full blocks: a window is at least one, and what a stop undoes is half a window.
constexpr int page_fill = 50;
/// Of message and detail, in characters: a reason keeps less, and a trigger may say megabytes.
constexpr int longest_message = 2000;
/// Since this version rows between two places of a table are read without the others.
constexpr int oldest_version = 140000;
/// COPY knows no rules, and asks nothing of a domain whose column it was not given.
constexpr const char* differs_from_copy =
    "SELECT 1 FROM pg_rewrite WHERE ev_class = $1::regclass AND ev_type = '3' UNION ALL"
    " SELECT 1 FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid AND t.typtype = 'd'"
    " WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND a.attname <> ALL ($2::name[])";

/// Rows arrive at the table one by one, each noted on its way. So where a window stops in the
/// midst, the row that it reached is the bad one, and the window goes once more without it. Where
/// it stops with all rows through, the statement's end (a foreign key, an AFTER trigger) refuses
/// any of them: halves are tried, down to one row; what was refused behind that one gets another
/// try, since it may have been its duplicate. A statement that stops before its first row, or does
/// not even take no rows, is nobody's fault.
///
/// A window is some blocks of the temporary table, and of these the rows from `start` to `stop`.
/// CASE: what is not offered must not be noted, and AND says nothing of an order.
constexpr std::string_view move_on = R"( <<sluice>> DECLARE
    count int := @count@;
    blocks int := pg_relation_size('@staged@') / current_setting('block_size')::int;
    size int := greatest(1, @window@::bigint * blocks / count);
    block int := 0; bottom tid; top tid; start int := 0; stop int := count; left_out int[] := '{}';
    reached int; all_through bool; takes_none bool := false;
    detail text; note pg_temp.sluice_refused; notes pg_temp.sluice_refused[] := '{}';
BEGIN
    WHILE sluice.block < sluice.blocks LOOP
        sluice.bottom := '(' || sluice.block || ',0)';
        sluice.top := '(' || sluice.block + sluice.size || ',0)';
        sluice.reached := setval('pg_temp.sluice_reached', 0);
        BEGIN
            @insert@ s.ctid >= sluice.bottom AND s.ctid < sluice.top
                AND CASE WHEN s.@number@ >= sluice.start AND s.@number@ < sluice.stop
                    AND s.@number@ <> ALL (sluice.left_out)
                    THEN setval('pg_temp.sluice_reached', s.@number@ + 1) > 0 END;
            IF sluice.stop < sluice.count THEN
                sluice.start := sluice.stop;
            ELSE
                sluice.block := sluice.block + sluice.size;
                sluice.start := 0;
                sluice.left_out := '{}';
            END IF;
            sluice.stop := sluice.count;
        EXCEPTION WHEN OTHERS OR ASSERT_FAILURE THEN
            GET STACKED DIAGNOSTICS sluice.note.state = RETURNED_SQLSTATE,
                sluice.note.message = MESSAGE_TEXT, sluice.detail = PG_EXCEPTION_DETAIL,
                sluice.note.column_name = COLUMN_NAME,
                sluice.note.constraint_name = CONSTRAINT_NAME;
            sluice.reached := currval('pg_temp.sluice_reached') - 1;
            IF NOT (@is_data@) OR sluice.reached < 0 THEN
                RAISE;
            END IF;
            sluice.note.message := left(sluice.note.message, @longest@)
                || coalesce(': ' || nullif(left(sluice.detail, @longest@), ''), '');
            sluice.all_through := NOT EXISTS (SELECT FROM @staged@ s WHERE
                s.ctid > (SELECT r.ctid FROM @staged@ r WHERE r.ctid >= sluice.bottom
                    AND r.ctid < sluice.top AND r.@number@ = sluice.reached)
                AND s.ctid < sluice.top AND s.@number@ >= sluice.start
                AND s.@number@ < sluice.stop AND s.@number@ <> ALL (sluice.left_out));
            IF sluice.all_through THEN
                SELECT min(s.@number@), max(s.@number@) INTO sluice.start, sluice.reached
                    FROM @staged@ s WHERE s.ctid >= sluice.bottom AND s.ctid < sluice.top
                    AND s.@number@ >= sluice.start AND s.@number@ < sluice.stop
                    AND s.@number@ <> ALL (sluice.left_out);
                IF sluice.reached > sluice.start THEN
                    sluice.stop := sluice.start + (sluice.reached + 1 - sluice.start) / 2;
                    CONTINUE;
                END IF;
                IF NOT sluice.takes_none THEN
                    @insert@ false;
                    sluice.takes_none := true;
                END IF;
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
END )";

}  // namespace

ServerSideLoad::ServerSideLoad(Session& session, std::string qualified_table,
                               std::vector<std::string> columns)
    : session_(session),
      target_(std::move(qualified_table)),
      columns_(std::move(columns)),
      staged_(session, {.name = "sluice_staged",
                        .target = target_,
                        .columns = columns_,
                        .fill = page_fill,
                        .alone = true}) {}

bool ServerSideLoad::inserts_as_copy_does() {
    return session_.server_version() >= oldest_version && !is_mpp(session_.family()) &&
           session_.exec(differs_from_copy, {target_, array_literal(columns_)}).rows.empty();
}

std::optional<std::vector<ServerSideLoad::RefusedRow>> ServerSideLoad::load(const RowRange& range,
                                                                            std::size_t window) {
    if (!inserts_as_copy_does()) return std::nullopt;
    SqlTypes types = sql_types(session_, target_, columns_);
    if (staged_.table().empty() || types != types_) {
        std::vector<std::size_t> all(columns_.size());
        std::iota(all.begin(), all.end(), std::size_t{0});
        staged_.choose(std::move(all), types);
        types_ = std::move(types);
    }
    staged_.take(range);
    if (staged_.count() == 0) return std::vector<RefusedRow>{};
    // The window's statement is planned once, not for each; what triggers do is planned so, too.
    session_.run(std::string(make_notes) + ";SET LOCAL plan_cache_mode = force_generic_plan");
    session_.run(statement(window));
    session_.run("SET LOCAL plan_cache_mode TO DEFAULT");
    // Values have gone through types that the table had before. From here on it keeps what it has.
    if (sql_types(session_, target_, columns_) != types_)
        throw DatabaseError({"40001", "the table's columns have just changed", {}});
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

std::string ServerSideLoad::statement(std::size_t window) const {
    return "DO " +
           dollar_quoted(filled_in(
               move_on, {{"count", std::to_string(staged_.count())},
                         {"staged", staged_.table()},
                         {"number", staged_.number()},
                         {"window", std::to_string(window)},
                         {"insert", "INSERT INTO " + target_ + " (" + identifier_list(columns_) +
                                        ") OVERRIDING SYSTEM VALUE SELECT " +
                                        identifier_list(columns_, "s.") + " FROM " +
                                        staged_.table() + " s WHERE"},
                         {"is_data", sql_is_data("sluice.note.state")},
                         {"longest", std::to_string(longest_message)}}));
}

}  // namespace sluice
