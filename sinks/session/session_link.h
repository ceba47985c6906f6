#pragma once

#include "sinks/session/session.h"

#include <libpq-fe.h>

#include <memory>
#include <pqxx/pqxx>
#include <set>
#include <string>
#include <string_view>

// Of session's own .cpp files: the connection as libpqxx and libpq know it.
namespace sluice {

struct ClearResult {
    void operator()(PGresult* result) const { PQclear(result); }
};
using Result = std::unique_ptr<PGresult, ClearResult>;

/// "ERROR:  text\nCONTEXT:  …" → "text": what libpqxx hands out is the whole block.
[[nodiscard]] std::string primary(std::string_view block);
/// A result's error, or why there is none: the connection broke.
[[nodiscard]] DatabaseError::Details details_of(PGconn* connection, const PGresult* result);

/// Receives the connection that libpqxx makes, and lets it make one only: a statement must never
/// run in another session than the one that its transaction began in.
class OnceOnly : public pqxx::connectionpolicy {
public:
    using pqxx::connectionpolicy::connectionpolicy;
    handle do_startconnect(handle original) override {
        // libpqxx asks twice while it connects, and again to revive what broke.
        if (connection == nullptr) connection = normalconnect(original);
        if (connection != original && original != nullptr) throw pqxx::broken_connection();
        if (PQstatus(connection) != CONNECTION_OK) throw pqxx::broken_connection();
        return connection;
    }
    handle connection = nullptr;
};

class Connection : public pqxx::connection_base {
public:
    explicit Connection(const std::string& dsn) : connection_base(policy_), policy_(dsn) {
        init();
        PQsetNoticeReceiver(
            raw(), [](void*, const PGresult*) {}, nullptr);
    }
    ~Connection() { close(); }
    [[nodiscard]] PGconn* raw() const { return policy_.connection; }

private:
    OnceOnly policy_;
};

struct Session::Link {
    /// Connects, with what the DSN leaves open filled in.
    Link(const std::string& dsn, const std::string& application_name);

    [[nodiscard]] PGconn* raw() const { return connection.raw(); }
    /// Reads the answer to its end. Terminates also on a broken connection.
    void drain();
    /// Asks the server to cancel what it does, over a connection of its own.
    void cancel();

    Connection connection;
    pqxx::nontransaction statements;
    std::set<std::string> prepared;
    std::unique_ptr<char, void (*)(void*)> row{nullptr, PQfreemem};  // of a COPY … TO STDOUT
};

}  // namespace sluice
