#include "config/text/address.h"
#include "config/text/names.h"
#include "config/text/sql_names.h"
#include "config/text/words.h"
#include "config/topics.h"
#include "daemon/commands/commands.h"
#include "daemon/commands/named_pipelines.h"
#include "daemon/commands/peek/peek_where.h"
#include "daemon/commands/peek/topic_columns.h"
#include "daemon/commands/produce/message_columns.h"
#include "pipeline/errors.h"
#include "registry/registry_client.h"
#include "segments/table_path.h"
#include "sinks/catalogue/catalogue.h"
#include "sinks/session/server_family.h"
#include "sinks/session/session.h"
#include "sinks/session/sql_text.h"

#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

namespace sluice {
namespace {

void refuse_without_secret(const config::Segments& segments) {
    if (segments.listen.empty())
        throw WrongConfiguration(
            "tables of SQL are read by the database's segments, which nothing says where to find a "
            "daemon; add [segments] with listen, advertise and sql_secret");
    if (segments.sql_secret.text.empty())
        throw WrongConfiguration(
            "[segments] has no sql_secret, of which tables' tokens are made; take a random one, "
            "such as openssl rand -hex 32 prints, and reload the daemon");
}

/// As SQL names it: as it was asked for, or else like this.
std::string name_of_table(const CommandLine& line, const std::string& otherwise) {
    const auto asked = line.option("--table");
    if (!asked) return otherwise;
    if (!config::is_table_name(*asked))
        throw WrongConfiguration("--table takes table or schema.table, not " +
                                 config::in_quotes(*asked));
    return *asked;
}

std::string named_after(const Table& target, const std::string& suffix) {
    return quote_identifier(target.schema) + "." + quote_identifier(target.name + suffix);
}

std::string url_of(const config::Segments& segments, const CommandLine& line) {
    const std::string at = line.option("--at").value_or(segments.advertise);
    if (!config::is_address(at))
        throw WrongConfiguration("--at takes HOST:PORT, not " + config::in_quotes(at));
    return (segments.certificate.empty() ? "gpfdist://" : "gpfdists://") + at;
}

std::string query_of(const CommandLine& line, const TopicColumns& columns) {
    std::string query = "?columns=" + columns.fingerprint();
    if (const auto where = line.option("--where"))
        query += "&where=" + segments::percent_encoded(*where);
    return query;
}

struct Readable {
    std::string table;  ///< as SQL names it
    std::string ddl;
};

Readable readable_of(const config::Config& config, const CommandLine& line, Session& session) {
    const auto registry = registry::client_of(config.registry);
    const config::Ingest ingest = as_topic(ingest_named(config, line.words[0]));
    const Table target = read_target(session, ingest);
    const TopicColumns columns(ingest, target, RowMapper(ingest, target, registry));
    if (const auto where = line.option("--where"))
        static_cast<void>(PeekWhere(*where, ingest, registry));
    const std::string table = name_of_table(line, named_after(target, "_topic"));
    const std::string location =
        url_of(config.segments, line) +
        segments::table_path(config.segments.sql_secret.text, ingest.name, table) +
        query_of(line, columns);
    return {table, "CREATE READABLE EXTERNAL TABLE " + table + " (" + columns.definition() +
                       ") LOCATION (" + quote_literal(location) +
                       ") FORMAT 'TEXT' ENCODING 'UTF8'"};
}

/// A table whose rows become messages.
struct Writable {
    std::string topic;
    const config::Ingest* ingest = nullptr;  ///< null: of no pipeline's columns
    std::string table;                       ///< as SQL names it
    std::vector<MessageColumn> columns;
};

std::string topic_to_write(const config::Ingest* ingest, const CommandLine& line) {
    const auto asked = line.option("--topic");
    if (ingest == nullptr) return *asked;
    if (!asked && ingest->topic.only() == nullptr)
        throw WrongConfiguration("[ingest." + ingest->name +
                                 "] reads several topics: " + config::to_string(ingest->topic) +
                                 "; --topic says which one the table writes to");
    if (!asked) return *ingest->topic.only();
    if (!config::TopicMatcher(ingest->topic).matches(*asked))
        throw WrongConfiguration("[ingest." + ingest->name + "] does not read topic " +
                                 config::in_quotes(*asked) + ", but " +
                                 config::to_string(ingest->topic));
    return *asked;
}

Writable writable_of(const config::Config& config, const CommandLine& line, Session& session) {
    Writable made;
    if (!line.words.empty()) made.ingest = &ingest_named(config, line.words[0]);
    made.topic = topic_to_write(made.ingest, line);
    const auto& permitted = config.segments.sql_writable;
    if (std::ranges::find(permitted, made.topic) == permitted.end())
        throw WrongConfiguration("sql_writable of [segments] does not name topic " +
                                 config::in_quotes(made.topic) +
                                 ", so that no table may write to it; add it, and reload the "
                                 "daemon");
    if (made.ingest == nullptr) {
        made.table = name_of_table(line, quote_identifier(made.topic + "_messages"));
        made.columns = message_columns();
        return made;
    }
    if (made.ingest->routes())
        throw WrongConfiguration("[ingest." + made.ingest->name +
                                 "] has several tables, and a table of SQL has the columns of "
                                 "one; leave NAME out and name the topic (--topic " +
                                 made.topic +
                                 "), for a table with key, value and headers, or add a pipeline "
                                 "with one topic and one table, which need not run: schedule keeps "
                                 "it from doing so");
    const Table target = read_target(session, *made.ingest);
    made.table = name_of_table(line, named_after(target, "_messages"));
    made.columns = message_columns_for(*made.ingest, target);
    return made;
}

/// Newer servers have external tables as foreign ones.
std::string comment_on(const Writable& writable, Session& session) {
    const bool as_foreign =
        !session
             .exec(
                 "SELECT 1 FROM pg_catalog.pg_foreign_server WHERE srvname = 'gp_exttable_server'")
             .rows.empty();
    return std::string("COMMENT ON ") + (as_foreign ? "FOREIGN " : "") + "TABLE " + writable.table +
           " IS " +
           quote_literal("Rows inserted here become messages of topic " + writable.topic +
                         " at once, at least once, and no ROLLBACK takes them back. For exactly "
                         "once insert into an outbox table of Sluice.");
}

std::string writable_ddl(const config::Config& config, const CommandLine& line,
                         const Writable& writable) {
    std::vector<std::string> names;
    std::string definition;
    for (const MessageColumn& column : writable.columns) {
        names.push_back(column.name);
        definition +=
            (definition.empty() ? "" : ", ") + quote_identifier(column.name) + " " + column.type;
    }
    const std::string location =
        url_of(config.segments, line) +
        segments::writable_path(config.segments.sql_secret.text, writable.topic, writable.table) +
        segments::writing_query(writable.ingest == nullptr ? "" : writable.ingest->name, names);
    return "CREATE WRITABLE EXTERNAL TABLE " + writable.table + " (" + definition + ") LOCATION (" +
           quote_literal(location) + ") FORMAT 'CSV' ENCODING 'UTF8'";
}

/// What is to be run, in this order, and what is told of it.
struct Tables {
    std::string name;  ///< as SQL names it
    std::vector<std::string> ddl;
    std::string warning;
    std::string created;
    std::string type;  ///< readable or writable
};

Tables tables_of(const config::Config& config, const CommandLine& line, Session& session) {
    if (!line.has("--writable")) {
        const Readable readable = readable_of(config, line, session);
        return {.name = readable.table,
                .ddl = {readable.ddl},
                .warning = "Whoever can read this can read the topic: the token is in it.",
                .created = "created; SELECT from it reads the topic, and nothing else notices",
                .type = "readable"};
    }
    const Writable writable = writable_of(config, line, session);
    const std::string promise =
        "at least once, and no ROLLBACK takes it back; for exactly once "
        "insert into an outbox table";
    return {.name = writable.table,
            .ddl = {writable_ddl(config, line, writable), comment_on(writable, session)},
            .warning = "Whoever can read this can write to topic " + writable.topic +
                       ": the token is in it.\n-- INSERT sends at once, " + promise + ".",
            .created =
                "created; INSERT into it sends to topic " + writable.topic + " at once, " + promise,
            .type = "writable"};
}

/// Nothing that `sluice check` could know: a table is for whoever reads it, not for a pipeline.
std::string rights_to_create(const Tables& tables, Session& session) {
    const std::string role = quote_identifier(session.exec("SELECT current_user").text(0, 0));
    return "; " + tables.name + " takes CREATE on its schema, and ALTER ROLE " + role +
           " CREATEEXTTABLE (type='" + tables.type +
           "', protocol='gpfdist'); without --apply the statement is printed, for who may run it";
}

void apply(const Tables& tables, Session& session) {
    try {
        Transaction transaction(session);
        for (const std::string& statement : tables.ddl) session.run(statement);
        transaction.commit();
    } catch (const DatabaseError& error) {
        constexpr const char* duplicate_table = "42P07";
        constexpr const char* no_right = "42501";
        if (error.sqlstate() == no_right)
            throw WrongConfiguration(error.details().message + rights_to_create(tables, session));
        if (error.sqlstate() != duplicate_table) throw;
        throw WrongConfiguration(tables.name +
                                 " is there already, perhaps with other columns or another token; "
                                 "DROP EXTERNAL TABLE " +
                                 tables.name + ", and run this again, or give another --table");
    }
}

void refuse_options(const CommandLine& line) {
    if (line.words.empty() && !line.has("--topic"))
        throw WrongConfiguration("\"sql\" needs NAME, or --topic T with --writable");
    if (line.has("--topic") && !line.has("--writable"))
        throw WrongConfiguration(
            "--topic goes with --writable: what is read of a topic, its pipeline says");
    if (line.has("--where") && line.has("--writable"))
        throw WrongConfiguration("--where is about what is read, and --writable writes");
}

}  // namespace

int print_tables(const config::Config& config, const CommandLine& line) {
    try {
        refuse_options(line);
        refuse_without_secret(config.segments);
        Session session{config.cloudberry.dsn.text, "sluice sql"};
        const Tables tables = tables_of(config, line, session);
        if (!line.has("--apply")) {
            std::cout << "-- " << tables.warning << '\n';
            for (const std::string& statement : tables.ddl) std::cout << statement << ";\n";
            return fine;
        }
        if (!is_mpp(session.family()))
            throw WrongConfiguration(
                "the database has no external tables, as Cloudberry and Greenplum have; sluice "
                "peek reads topics anywhere, and sluice produce writes to them");
        apply(tables, session);
        std::cout << tables.created << '\n';
        return fine;
    } catch (const WrongConfiguration& wrong) {
        std::cerr << "sluice sql: " << wrong.what() << '\n';
        return used_or_configured_wrongly;
    }
}

}  // namespace sluice
