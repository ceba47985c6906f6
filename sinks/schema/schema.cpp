#include "sinks/schema/schema.h"

#include "pipeline/errors.h"
#include "sinks/schema/own_tables.h"
#include "sinks/session/sql_text.h"

namespace sluice {

std::string schema_ddl(Family family, const std::string& schema) {
    return filled_in("CREATE SCHEMA IF NOT EXISTS @s@;\n\n", schema, family) +
           filled_in(own_tables(), schema, family);
}

std::string upgrade_ddl(Family family, const std::string& schema, int installed,
                        std::span<const Migration> migrations) {
    std::string ddl;
    for (const Migration& migration : migrations) {
        if (migration.to <= installed) continue;
        ddl += filled_in(migration.sql, schema, family);
        ddl += filled_in("INSERT INTO @s@.schema_version (version) VALUES (@version@);\n", schema,
                         family, migration.to);
    }
    return ddl;
}

bool has_own_table(Session& session, const std::string& schema, const std::string& table) {
    // By the catalogue: to_regclass() wants USAGE on the schema.
    return session
               .exec(
                   "SELECT EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n"
                   " ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2)",
                   {schema, table})
               .text(0, 0) == "t";
}

int installed_schema_version(Session& session, const std::string& schema) {
    if (!has_own_table(session, schema)) return 0;
    const Rows version = session.exec("SELECT coalesce(max(version), 0) FROM " +
                                      quote_identifier(schema) + ".schema_version");
    return static_cast<int>(version.number(0, 0));
}

std::string complaint_of_encoding(Session& session) {
    const Rows rows = session.exec("SELECT current_setting('server_encoding'), current_database()");
    if (rows.text(0, 0) == "UTF8") return "";
    return "database " + quote_identifier(rows.text(0, 1)) + ": its encoding is " +
           rows.text(0, 0) +
           ", which cannot hold every text that a record brings; use one made with ENCODING 'UTF8'";
}

std::string newer_than_program(const std::string& schema, int installed, int known) {
    return "schema " + quote_identifier(schema) + ": its tables have version " +
           std::to_string(installed) + ", which a newer sluice has made; this one knows versions " +
           "up to " + std::to_string(known) + ": run the newer one";
}

namespace {

/// Creates the tables, or brings them up to `known`. Of two daemons that start at the same time the
/// second one finds it done.
void install(Session& session, const std::string& schema, std::span<const Migration> migrations) {
    const Family family = session.family();
    // CREATE SCHEMA IF NOT EXISTS asks for a right on the database even if the schema is there.
    const Rows there =
        session.exec("SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1)", {schema});
    Transaction transaction(session);
    if (installed_schema_version(session, schema) == 0) {
        if (there.text(0, 0) != "t") session.run("CREATE SCHEMA " + quote_identifier(schema));
        session.run(filled_in(own_tables(), schema, family));
    } else {
        session.run("LOCK TABLE " + quote_identifier(schema) +
                    ".schema_version IN ACCESS EXCLUSIVE MODE");
        const int installed = installed_schema_version(session, schema);
        const std::string ddl = upgrade_ddl(family, schema, installed, migrations);
        if (!ddl.empty()) session.run(ddl);
    }
    transaction.commit();
}

}  // namespace

void ensure_schema(Session& session, const std::string& schema,
                   std::span<const Migration> migrations) {
    if (const std::string why = complaint_of_encoding(session); !why.empty())
        throw WrongConfiguration(why);
    const int known = migrations.empty() ? schema_version : migrations.back().to;
    const auto installed = [&] {
        const int version = installed_schema_version(session, schema);
        if (version > known) throw TroubleOfTheWorld(newer_than_program(schema, version, known));
        return version;
    };
    const int before = installed();
    if (before == known) return;
    try {
        install(session, schema, migrations);
    } catch (const DatabaseError& error) {
        // Another daemon that starts at the same time may have been faster.
        if (error.trouble() != Trouble::world && installed() == known) return;
        throw TroubleOfTheWorld(
            "schema " + quote_identifier(schema) +
            (before == 0 ? ": sluice's tables are missing and cannot be created: "
                         : ": its tables have version " + std::to_string(before) +
                               " and cannot be upgraded to " + std::to_string(known) + ": ") +
            error.details().message + "; let their owner run: sluice schema" +
            (before == 0 ? " | psql" : " --apply"));
    } catch (const OutcomeUnknown& error) {
        throw TroubleOfTheWorld(error.what());
    }
}

}  // namespace sluice
