#include "daemon/imports/fdw_catalogue.h"

#include "pipeline/errors.h"
#include "sinks/session/session.h"
#include "sinks/session/sql_text.h"

#include <algorithm>

namespace sluice {
namespace {

/// Option names and values as two columns: unnesting keeps the SQL within what PostgreSQL 9.6
/// knows.
std::string options_query(const std::string& from, const std::string& array) {
    return "SELECT " + from + ", (pg_options_to_table(" + array + ")).option_name, (" +
           "pg_options_to_table(" + array + ")).option_value FROM ";
}

/// One query's options, by what its first column says they belong to.
std::map<std::string, FdwOptions> read_options(Session& session, const std::string& sql) {
    std::map<std::string, FdwOptions> all;
    for (const Row& row : session.exec(sql).rows)
        all[row[0].value()][row[1].value()] = row[2].value_or("");
    return all;
}

constexpr const char* of_wrapper =
    " JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw AND w.fdwname = 'kafka_fdw'";

std::vector<FdwServer> read_servers(Session& session) {
    const auto of_wrappers = read_options(
        session, options_query("s.srvname", "w.fdwoptions") + "pg_foreign_server s" + of_wrapper);
    const auto of_servers = read_options(
        session, options_query("s.srvname", "s.srvoptions") + "pg_foreign_server s" + of_wrapper);
    // Values of user mappings may be secrets, and kafka_fdw reads none of them.
    const auto of_users = read_options(
        session, options_query("s.srvname", "u.umoptions") +
                     "pg_user_mappings u JOIN pg_foreign_server s ON s.oid = u.srvid" + of_wrapper);
    std::vector<FdwServer> servers;
    const auto take = [](const auto& from, const std::string& name, auto each) {
        if (const auto found = from.find(name); found != from.end())
            for (const auto& [option, value] : found->second) each(option, value);
    };
    for (const Row& row : session
                              .exec(std::string("SELECT s.srvname FROM pg_foreign_server s") +
                                    of_wrapper + " ORDER BY 1")
                              .rows) {
        FdwServer& server = servers.emplace_back();
        server.name = row[0].value();
        for (const auto* from : {&of_wrappers, &of_servers})
            take(*from, server.name,
                 [&](const auto& option, const auto& value) { server.options[option] = value; });
        take(of_users, server.name,
             [&](const auto& option, const auto&) { server.mapped_options.push_back(option); });
    }
    return servers;
}

constexpr const char* tables_of_wrapper =
    "pg_foreign_table t JOIN pg_class c ON c.oid = t.ftrelid JOIN pg_namespace n ON n.oid ="
    " c.relnamespace JOIN pg_foreign_server s ON s.oid = t.ftserver";

/// The import function makes its table wherever the search_path led it to: the foreign table's own
/// schema is asked first.
std::map<std::string, std::string> find_progress_tables(Session& session) {
    const Rows rows = session.exec(
        "SELECT c.oid::text, pn.nspname, p.relname FROM " + std::string(tables_of_wrapper) +
        of_wrapper +
        " JOIN pg_class p ON p.relname = (c.relname || '_import_progress')::name AND p.relkind"
        " IN ('r', 'p') JOIN pg_namespace pn ON pn.oid = p.relnamespace"
        " WHERE (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = p.oid AND NOT"
        " a.attisdropped AND a.attname IN ('part', 'offs')) = 2"
        " ORDER BY 1, pn.nspname <> n.nspname, 2");
    std::map<std::string, std::string> found;
    for (const Row& row : rows.rows)
        found.try_emplace(row[0].value(),
                          quote_identifier(*row[1]) + "." + quote_identifier(*row[2]));
    return found;
}

}  // namespace

FdwCatalogue read_fdw_catalogue(Session& session) {
    FdwCatalogue catalogue;
    catalogue.servers = read_servers(session);
    const auto options = read_options(
        session, options_query("c.oid::text", "t.ftoptions") + tables_of_wrapper + of_wrapper);
    const auto column_options =
        read_options(session, options_query("c.oid::text || '.' || a.attnum", "a.attfdwoptions") +
                                  tables_of_wrapper + of_wrapper +
                                  " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0");
    const auto progress_tables = find_progress_tables(session);
    const Rows columns = session.exec(
        "SELECT c.oid::text, n.nspname, c.relname, s.srvname, a.attname, a.attnum::text FROM " +
        std::string(tables_of_wrapper) + of_wrapper +
        " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
        " ORDER BY n.nspname, c.relname, a.attnum");
    const auto options_of = [](const auto& all, const std::string& key) {
        const auto found = all.find(key);
        return found == all.end() ? FdwOptions{} : found->second;
    };
    std::string latest;
    for (const Row& row : columns.rows) {
        const std::string& oid = row[0].value();
        if (oid != latest) {
            FdwTable& table = catalogue.tables.emplace_back();
            table.schema = row[1].value();
            table.name = row[2].value();
            table.server = row[3].value();
            table.options = options_of(options, oid);
            if (const auto found = progress_tables.find(oid); found != progress_tables.end())
                table.progress_table = found->second;
            latest = oid;
        }
        catalogue.tables.back().columns.push_back(
            {row[4].value(), options_of(column_options, oid + "." + row[5].value())});
    }
    return catalogue;
}

std::map<PartitionNumber, Offset> read_fdw_progress(Session& session,
                                                    const std::string& progress_table) {
    // An import is one transaction that updates its progress last: what a plain read sees while it
    // runs is about to change.
    session.run("SET LOCAL lock_timeout = '5s'");
    try {
        session.run("LOCK TABLE " + progress_table + " IN SHARE MODE");
    } catch (const DatabaseError& error) {
        if (error.sqlstate() != "55P03") throw;
        throw TroubleOfTheWorld("an import is at work on " + progress_table +
                                ", and its progress moves when that has ended; wait until it has, "
                                "let no other begin, and try again");
    }
    const Rows rows = session.exec("SELECT part, offs FROM " + progress_table);
    std::map<PartitionNumber, Offset> positions;
    for (std::size_t row = 0; row < rows.rows.size(); ++row)
        positions[static_cast<PartitionNumber>(rows.number(row, 0))] = rows.number(row, 1);
    return positions;
}

}  // namespace sluice
