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

void append_rows(Rows& rows, const PGresult* result) {
    for (int number = 0; number < PQntuples(result); ++number) {
        Row& row = rows.rows.emplace_back();
        for (int column = 0; column < PQnfields(result); ++column) {
            if (PQgetisnull(result, number, column) != 0) {
                row.emplace_back();
            } else {
                row.emplace_back(std::in_place, PQgetvalue(result, number, column),
                                 PQgetlength(result, number, column));
            }
        }
    }
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
    if (in_transaction_)
        throw DatabaseError(
            {"08003", "the connection broke in the midst of a transaction", {}, {}});
    link_ = std::make_unique<Link>(dsn_, application_name_);
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
    if (link_ && may_be_the_datas(details.sqlstate)) note_step();
    throw DatabaseError(std::move(details));
}

void Session::break_off(DatabaseError::Details details) {
    close();
    throw DatabaseError(std::move(details));
}

int Session::server_version() {
    return PQserverVersion(link().raw());
}

Family Session::family() {
    Link& connected = link();
    if (!connected.family) connected.family = family_of(exec("SELECT version()").text(0, 0));
    return *connected.family;
}

Rows Session::answer(bool sent) {
    PGconn* const connection = link_->raw();
    if (!sent) break_off(details_of(connection, nullptr));
    Rows rows;
    while (const Result result{PQgetResult(connection)}) {
        const auto status = PQresultStatus(result.get());
        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
            auto details = details_of(connection, result.get());
            link_->drain();
            fail(std::move(details));
        }
        rows.affected = std::strtoll(PQcmdTuples(result.get()), nullptr, 10);
        append_rows(rows, result.get());
    }
    if (PQstatus(connection) == CONNECTION_BAD) fail(details_of(connection, nullptr));
    note_step();
    return rows;
}

Rows Session::exec(const std::string& sql) {
    return answer(PQsendQuery(link().raw(), sql.c_str()) == 1);
}

Rows Session::exec(const std::string& sql, const Row& parameters) {
    return answer(PQsendQueryParams(link().raw(), sql.c_str(), static_cast<int>(parameters.size()),
                                    nullptr, pointers(parameters).data(), nullptr, nullptr,
                                    0) == 1);
}

Rows Session::exec_binary(const std::string& sql, const std::vector<std::string_view>& parameters) {
    std::vector<const char*> values;
    std::vector<int> sizes;
    for (const std::string_view value : parameters) {
        values.push_back(value.data());
        sizes.push_back(static_cast<int>(value.size()));
    }
    const std::vector<int> binary(parameters.size(), 1);
    return answer(PQsendQueryParams(link().raw(), sql.c_str(), static_cast<int>(parameters.size()),
                                    nullptr, values.data(), sizes.data(), binary.data(), 0) == 1);
}

Rows Session::exec_prepared(const std::string& name, const std::string& sql,
                            const Row& parameters) {
    Link& connected = link();
    if (!connected.prepared.contains(name)) {
        answer(PQsendPrepare(connected.raw(), name.c_str(), sql.c_str(), 0, nullptr) == 1);
        connected.prepared.insert(name);
    }
    return answer(PQsendQueryPrepared(connected.raw(), name.c_str(),
                                      static_cast<int>(parameters.size()),
                                      pointers(parameters).data(), nullptr, nullptr, 0) == 1);
}

Transaction::Transaction(Session& session, const std::string& settings) : session_(session) {
    try {
        session_.run("BEGIN ISOLATION LEVEL READ COMMITTED;" + settings);
        session_.in_transaction_ = true;
    } catch (...) {
        roll_back();
        throw;
    }
}

void Transaction::end() {
    open_ = false;
    session_.in_transaction_ = false;
}

void Transaction::commit() {
    session_.open();  // throws where the connection is gone: nothing was asked of it
    try {
        const std::string tag = session_.run("COMMIT");
        end();
        // An error before it, overlooked: the server rolls back and calls that success.
        if (tag != "COMMIT")
            throw DatabaseError({"25P02", "the server answered COMMIT with " + tag, {}, {}});
    } catch (const DatabaseError& error) {
        end();
        // An error with the session alive is a refusal, e.g. of a deferred constraint. Anything
        // else, a segment's internal trouble (XX) too, may have come after the commit took effect.
        const bool refused =
            session_.is_open() &&
            (error.trouble() != Trouble::world ||
             (may_be_the_datas(error.sqlstate()) && !error.sqlstate().starts_with("XX")));
        if (refused || error.sqlstate() == "25P02") throw;
        session_.close();
        throw OutcomeUnknown(error.what());
    }
}

void Transaction::roll_back() noexcept {
    if (!open_) return;
    end();
    if (!session_.is_open()) return;
    try {
        session_.run("ROLLBACK");
    } catch (const std::exception&) {
        session_.close();
    }
}

}  // namespace sluice
