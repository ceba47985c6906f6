#pragma once

#include "sinks/session/session.h"

#include <libpq-fe.h>

#include <memory>
#include <optional>
#include <set>
#include <string>

// Of session's own .cpp files: the connection as libpq knows it.
namespace sluice {

struct ClearResult {
    void operator()(PGresult* result) const { PQclear(result); }
};
using Result = std::unique_ptr<PGresult, ClearResult>;

struct CloseConnection {
    void operator()(PGconn* connection) const { PQfinish(connection); }
};

/// A result's error, or why there is none: the connection broke.
[[nodiscard]] DatabaseError::Details details_of(PGconn* connection, const PGresult* result);

struct Session::Link {
    /// Connects, with what the DSN leaves open filled in. Throws DatabaseError.
    Link(const std::string& dsn, const std::string& application_name);

    [[nodiscard]] PGconn* raw() const { return connection.get(); }
    /// Reads the answer to its end. Terminates also on a broken connection.
    void drain();
    /// Asks the server to cancel what it does, over a connection of its own.
    void cancel();

    std::unique_ptr<PGconn, CloseConnection> connection;
    std::set<std::string> prepared;
    std::optional<Family> family;                                    // once it was asked
    std::unique_ptr<char, void (*)(void*)> row{nullptr, PQfreemem};  // of a COPY … TO STDOUT
};

}  // namespace sluice
