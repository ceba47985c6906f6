#include "tests/fixture/pg_connection.h"
#include "tests/fixture/ports.h"
#include "tests/fixture/process.h"
#include "tests/fixture/wait.h"
#include "tests/package/root.h"

#include <doctest/doctest.h>

#include <chrono>
#include <csignal>
#include <optional>
#include <string>

/// Debian 13's PostgreSQL, in a Debian 13, and what certifies it from outside.
namespace sluice {
namespace {

using namespace std::chrono_literals;

constexpr const char* programs = "/usr/lib/postgresql/17/bin/";

/// A server there, on loopback.
class NewerServer {
public:
    NewerServer() : root_("trixie") {
        // Debian would start a cluster of its own.
        static_cast<void>(root_.in({"sh", "-c",
                                    "mkdir -p /etc/postgresql-common; echo create_main_cluster ="
                                    " false >/etc/postgresql-common/createcluster.conf"}));
        root_.apt_install("postgresql-17");
        static_cast<void>(root_.in({"install", "-d", "-o", "postgres", "/srv/database"}));
        fixture::run_or_throw(
            root_.by("postgres", {programs + std::string("initdb"), "--no-sync", "--auth=trust",
                                  "--encoding=UTF8", "--locale=C.UTF-8", "-D", "/srv/database"}),
            60s);
        port_ = fixture::free_port();  // others may take it before long
        server_.emplace(
            root_.by("postgres", {programs + std::string("postgres"), "-D", "/srv/database", "-p",
                                  std::to_string(port_), "-c", "listen_addresses=127.0.0.1", "-c",
                                  "unix_socket_directories=", "-c", "fsync=off"}));
        fixture::wait_until([&] { return serves(); }, 60s, "PostgreSQL 17");
    }
    ~NewerServer() {
        server_->signal(SIGINT);
        server_->wait(60s);
    }
    NewerServer(const NewerServer&) = delete;
    NewerServer& operator=(const NewerServer&) = delete;

    [[nodiscard]] std::string dsn() const {
        return "host=127.0.0.1 user=postgres dbname=postgres port=" + std::to_string(port_);
    }

private:
    [[nodiscard]] bool serves() const {
        try {
            fixture::PgConnection(dsn()).exec("SELECT 1");
            return true;
        } catch (const fixture::SqlError&) {
            return false;
        }
    }

    const Root root_;
    std::uint16_t port_ = 0;
    std::optional<fixture::Process> server_;
};

TEST_CASE("postgresql 17: sluice-conformance finds nothing that differs") {
    const NewerServer server;
    const fixture::RunResult certified =
        fixture::run({.argv = {SLUICE_CONFORMANCE, server.dsn()}}, 300s);
    CHECK_MESSAGE(certified.exit_code == 0, certified.err);
    CHECK_MESSAGE(certified.out.starts_with("| | PostgreSQL 17."), certified.out);
}

}  // namespace
}  // namespace sluice
