#include "sinks/session/session.h"

#include "sinks/session/session_link.h"

#include <cstdlib>
#include <utility>

namespace sluice {
namespace {

std::string describe(const DatabaseError::Details& details) {
    std::string text = details.message;
    if (!details.sqlstate.empty()) text += " (SQLSTATE " + details.sqlstate + ")";
    if (const std::string_view what_to_do = remedy(details.sqlstate); !what_to_do.empty())
        text.append("; ").append(what_to_do);
    return text;
}

Rows rows_of(const pqxx::result& result) {
    Rows rows;
    rows.affected = static_cast<std::int64_t>(result.affected_rows());
    rows.rows.reserve(result.size());
    for (const auto& from : result) {
        Row& row = rows.rows.emplace_back();
        for (const auto& field : from)
            row.push_back(field.is_null() ? Cell()
                                          : Cell(std::string(field.c_str(), field.size())));
    }
    return rows;
}

std::vector<const char*> pointers(const Row& parameters) {
    std::vector<const char*> texts;
    texts.reserve(parameters.size());
    for (const Cell& value : parameters) texts.push_back(value ? value->c_str() : nullptr);
    return texts;
}

}  // namespace

DatabaseError::DatabaseError(Details details)
    : runtime_error(describe(details)),
      details_(std::move(details)),
      trouble_(classify(details_.sqlstate, details_.message)) {}

std::int64_t Rows::number(std::size_t row, std::size_t column) const {
    return std::strtoll(text(row, column).c_str(), nullptr, 10);
}

Session::Session(std::string dsn, std::string application_name)
    : dsn_(std::move(dsn)), application_name_(std::move(application_name)) {}

Session::~Session() = default;

void Session::open() {
    if (link_) return;
    try {
        link_ = std::make_unique<Link>(dsn_, application_name_);
    } catch (const pqxx::sql_error& error) {
        throw DatabaseError({error.sqlstate(), primary(error.what()), {}, {}});
    } catch (const pqxx::failure& error) {
        throw DatabaseError(
            {{}, "cannot connect to the database: " + primary(error.what()), {}, {}});
    }
}

void Session::close() {
    link_.reset();
}

Session::Link& Session::link() {
    open();
    return *link_;
}

void Session::fail(DatabaseError::Details details) {
    if (link_ && PQstatus(link_->raw()) == CONNECTION_BAD) close();
    throw DatabaseError(std::move(details));
}

void Session::break_off(DatabaseError::Details details) {
    close();
    throw DatabaseError(std::move(details));
}

int Session::server_version() {
    return link().connection.server_version();
}

template <typename Call>
Rows Session::guarded(Call call) {
    Link& connected = link();
    try {
        return rows_of(call(connected));
    } catch (const pqxx::sql_error& error) {
        fail({error.sqlstate(), primary(error.what()), {}, {}});
    } catch (const pqxx::failure& error) {
        close();
        throw DatabaseError({{}, primary(error.what()), {}, {}});
    }
}

Rows Session::exec(const std::string& sql) {
    return guarded([&](Link& link) { return link.statements.exec(sql); });
}

Rows Session::exec(const std::string& sql, const Row& parameters) {
    return guarded([&](Link& link) {
        return link.statements.exec_params(
            sql, pqxx::prepare::make_dynamic_params(pointers(parameters)));
    });
}

Rows Session::exec_prepared(const std::string& name, const std::string& sql,
                            const Row& parameters) {
    return guarded([&](Link& link) {
        if (link.prepared.insert(name).second) link.connection.prepare(name, sql);
        return link.statements.exec_prepared(
            name, pqxx::prepare::make_dynamic_params(pointers(parameters)));
    });
}

Transaction::Transaction(Session& session, const std::string& settings) : session_(session) {
    try {
        session_.run("BEGIN;" + settings);
    } catch (...) {
        roll_back();
        throw;
    }
}

void Transaction::commit() {
    try {
        const std::string tag = session_.run("COMMIT");
        open_ = false;
        // An error before it, overlooked: the server rolls back and calls that success.
        if (tag != "COMMIT")
            throw DatabaseError({"25P02", "the server answered COMMIT with " + tag, {}, {}});
    } catch (const DatabaseError& error) {
        open_ = false;
        // An error with the session alive is a refusal, e.g. of a deferred constraint. Anything
        // else may have come after the commit took effect.
        const bool refused = session_.is_open() && error.trouble() != Trouble::world;
        if (refused || error.sqlstate() == "25P02") throw;
        session_.close();
        throw OutcomeUnknown(error.what());
    }
}

void Transaction::roll_back() noexcept {
    if (!open_ || !session_.is_open()) return;
    open_ = false;
    try {
        session_.run("ROLLBACK");
    } catch (const std::exception&) {
        session_.close();
    }
}

}  // namespace sluice
