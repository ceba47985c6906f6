#include "conformance/site.h"

#include "conformance/check_list.h"
#include "conformance/dsn.h"
#include "pipeline/errors.h"
#include "segments/server.h"
#include "sinks/load/segments/check_segments.h"
#include "sinks/schema/schema.h"
#include "sinks/session/sql_text.h"

#include <chrono>
#include <random>
#include <thread>
#include <utility>

namespace sluice::conformance {
namespace {

constexpr const char* application = "sluice-conformance";

/// Two runs on one server must not meet.
std::string random_name() {
    constexpr const char* digits = "0123456789abcdef";
    std::random_device random;
    std::string name = "sluice_conformance_";
    for (int i = 0; i < 8; ++i) name += digits[random() % 16];
    return name;
}

/// "PostgreSQL 15.14 (Debian 15.14-0+deb12u1) on x86_64-pc-linux-gnu, compiled by …".
std::string without_compiler(const std::string& version) {
    return version.substr(0, version.find(" on "));
}

/// Those of connections that were cut may be busy with a last COMMIT.
void drop_database(Session& session, const std::string& database) {
    using Clock = std::chrono::steady_clock;
    const auto until = Clock::now() + std::chrono::seconds(30);
    for (;;) {
        try {
            session.exec("DROP DATABASE " + quote_identifier(database));
            return;
        } catch (const DatabaseError& error) {
            constexpr const char* in_use = "55006";
            if (error.sqlstate() != in_use || Clock::now() > until) throw;
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
        }
    }
}

}  // namespace

struct Site::Serving {
    metrics::Registry registry;
    segments::Server server{registry};
};

Site::Site(std::string dsn, OnTable on_table)
    : server_dsn_(std::move(dsn)),
      on_table_(std::move(on_table)),
      database_(random_name()),
      dsn_(with_options(server_dsn_, {{"dbname", database_}})),
      session_(dsn_, application) {
    make_database();
    try {
        make_role();
        ensure_schema(session_, "sluice");
        for (const char* const table : {"anchor", "ledger", "dead_letter", "dead_letter_history",
                                        "outbox_batch", "refused_event", "removed_row"})
            announce("sluice." + std::string(table));
    } catch (...) {
        static_cast<void>(clean_up());
        throw;
    }
}

Site::~Site() {
    if (made_) static_cast<void>(clean_up());
}

void Site::make_database() {
    Session server(server_dsn_, application);
    const std::string version = server.exec("SELECT version()").text(0, 0);
    family_ = family_of(version);
    server_ = without_compiler(version);
    server_version_ = server.server_version();
    server.exec("CREATE DATABASE " + quote_identifier(database_) +
                " ENCODING 'UTF8' TEMPLATE template0");
    made_ = true;
}

void Site::make_role() {
    const std::string role = quote_identifier(database_);
    try {
        exec("CREATE ROLE " + role + " NOLOGIN");
        role_ = database_;
        // Whoever is no superuser may take on only roles that were given to it.
        exec("GRANT " + role + " TO " + value("SELECT quote_ident(current_user)"));
    } catch (const DatabaseError& error) {
        if (error.sqlstate() != "42501") throw;
        why_no_role_ = error.details().message;
    }
}

std::vector<std::string> Site::clean_up() {
    made_ = false;
    session_.close();
    std::vector<std::string> left;
    Session server(server_dsn_, application);
    const auto attempt = [&](const std::string& what, const auto& drop) {
        try {
            drop();
        } catch (const std::exception& error) {
            left.push_back(what + ";  -- " + error.what());
        }
    };
    const std::vector<std::string> statements = made();
    attempt(statements.front(), [&] { drop_database(server, database_); });
    if (role_.empty()) return left;
    attempt(statements.back(), [&] { server.exec(statements.back()); });
    return left;
}

std::string Site::dsn_of_role() const {
    if (!why_no_role_.empty()) throw Skipped("no role could be made: " + why_no_role_);
    return with_options(dsn_, {{"options", "-c role=" + role_}});
}

std::string Site::dsn_with_setting(const std::string& setting) const {
    return with_options(dsn_, {{"options", "-c " + setting}});
}

void Site::exec(const std::string& sql) {
    session_.run(sql);
}

std::string Site::value(const std::string& sql) {
    return session_.exec(sql).text(0, 0);
}

std::string Site::list(const std::string& sql) {
    std::string text;
    for (const Row& row : session_.exec(sql).rows) {
        if (!text.empty()) text += ' ';
        for (std::size_t i = 0; i < row.size(); ++i)
            text += (i == 0 ? "" : "|") + row[i].value_or("NULL");
    }
    return text;
}

std::string Site::make_table(const std::string& columns, const std::string& clause) {
    std::string table = "public." + fresh_name("rows");
    exec("CREATE TABLE " + table + " (" + columns + ") " + clause);
    announce(table);
    return table;
}

std::string Site::fresh_name(const std::string& of) {
    return of + std::to_string(++names_);
}

void Site::serve_segments(const std::string& address) {
    auto serving = std::make_unique<Serving>();
    const auto colon = address.rfind(':');
    if (colon == std::string::npos)
        throw TroubleOfTheWorld("--segments " + address + ": it has no port; write HOST:PORT");
    std::string problem = serving->server.adopt({.advertised = address});
    if (problem.empty()) problem = serving->server.move_to("0.0.0.0" + address.substr(colon));
    if (!problem.empty()) throw TroubleOfTheWorld("--segments " + address + ": " + problem);
    serving_ = std::move(serving);
    if (!has_external_tables()) return;
    try {
        if (send_one_row(session_, serving_->server) == 1) return;
        problem = "a row was fetched, and not inserted";
    } catch (const DatabaseError& error) {
        problem = error.what();
    }
    throw TroubleOfTheWorld("--segments " + address +
                            ": segments do not fetch rows from there: " + problem +
                            "; each segment's host must reach that address: look at NetworkPolicy "
                            "and firewalls. Without --segments the other cases can be tried");
}

std::vector<std::string> Site::made() const {
    std::vector<std::string> statements{"DROP DATABASE " + quote_identifier(database_)};
    if (!role_.empty()) statements.push_back("DROP ROLE " + quote_identifier(role_));
    return statements;
}

segments::Server& Site::segments() {
    if (!has_external_tables()) throw Skipped("PostgreSQL has no segments that could fetch rows");
    if (!serving_) throw Skipped("segments were not told where: see --segments");
    return serving_->server;
}

bool Site::has_external_tables() {
    const Transaction undone(session_);
    try {
        session_.run(
            "CREATE READABLE EXTERNAL TEMP TABLE sluice_probe (id int) LOCATION"
            " ('gpfdist://127.0.0.1:1/none') FORMAT 'TEXT' ENCODING 'UTF8'");
        return true;
    } catch (const DatabaseError& error) {
        constexpr const char* no_such_syntax = "42601";
        if (error.sqlstate() != no_such_syntax) throw;
        return false;
    }
}

void Site::announce(const std::string& table) {
    if (on_table_) on_table_(dsn_, table);
}

}  // namespace sluice::conformance
