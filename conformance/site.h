#pragma once

#include "sinks/session/server_family.h"
#include "sinks/session/session.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace sluice::segments {
class Server;
}

namespace sluice::conformance {

/// Where the cases build: a database that this made for itself on a server, with Sluice's tables in
/// the schema "sluice", and a role without any rights. One per run, used by its thread.
class Site {
public:
    /// Told of each table that was made, with the database's connection string.
    using OnTable = std::function<void(const std::string& dsn, const std::string& table)>;

    /// Throws DatabaseError, and TroubleOfTheWorld where Sluice's tables cannot be made; nothing is
    /// left behind then.
    explicit Site(std::string dsn, OnTable on_table = {});
    /// Cleans up, if that was not done before.
    ~Site();
    Site(const Site&) = delete;
    Site& operator=(const Site&) = delete;

    /// Drops what was made. Returns statements, with the reasons, for what it had to leave behind.
    [[nodiscard]] std::vector<std::string> clean_up();

    /// What would drop it, as SQL.
    [[nodiscard]] std::vector<std::string> made() const;

    [[nodiscard]] Family family() const { return family_; }
    [[nodiscard]] bool is_mpp() const { return sluice::is_mpp(family_); }
    /// As the server tells it, without its compiler: "PostgreSQL 15.14".
    [[nodiscard]] const std::string& server() const { return server_; }
    /// As PostgreSQL counts.
    [[nodiscard]] int server_version() const { return server_version_; }
    [[nodiscard]] const std::string& name() const { return database_; }

    /// Of the database, as who runs this.
    [[nodiscard]] const std::string& dsn() const { return dsn_; }
    /// The same with no more rights than the role has. Throws Skipped where there is none.
    [[nodiscard]] std::string dsn_of_role() const;
    /// The same as who runs this, with a setting: "lock_timeout=500ms".
    [[nodiscard]] std::string dsn_with_setting(const std::string& setting) const;
    [[nodiscard]] const std::string& role() const { return role_; }

    /// Several statements, as who runs this.
    void exec(const std::string& sql);
    [[nodiscard]] std::string value(const std::string& sql);
    /// Rows of a query, values joined by "|", rows by " ".
    [[nodiscard]] std::string list(const std::string& sql);

    /// Makes a table of these columns and constraints; its name. `clause` is what follows them.
    [[nodiscard]] std::string make_table(const std::string& columns,
                                         const std::string& clause = "");
    /// One that nothing else has: "rows7".
    [[nodiscard]] std::string fresh_name(const std::string& of);
    /// The server's segments find us at "host:port". Throws TroubleOfTheWorld where nobody can
    /// listen on that port, or its segments do not come there.
    void serve_segments(const std::string& address);
    /// Throws Skipped where there are none, or they do not know where we are.
    [[nodiscard]] segments::Server& segments();

    /// For tables that the case made in another way.
    void announce(const std::string& table);

private:
    void make_database();
    void make_role();
    [[nodiscard]] bool has_external_tables();

    const std::string server_dsn_;
    const OnTable on_table_;
    std::string database_;
    std::string role_;  ///< empty: there is none
    std::string why_no_role_;
    std::string dsn_;
    Family family_ = Family::postgresql;
    std::string server_;
    int server_version_ = 0;
    int names_ = 0;
    bool made_ = false;
    struct Serving;
    std::unique_ptr<Serving> serving_;  ///< null: segments do not know where we are
    Session session_;
};

}  // namespace sluice::conformance
