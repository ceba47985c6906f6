#include "sinks/session/session.h"

#include "tests/fixture/postgres.h"

#include <doctest/doctest.h>

namespace sluice::test {
namespace {

/// The error of a statement that has to fail.
DatabaseError failure(Session& session, const std::string& sql, const Row& parameters = {}) {
    try {
        session.exec(sql, parameters);
    } catch (const DatabaseError& error) {
        return error;
    }
    FAIL("it did not fail");
    return DatabaseError({});
}

TEST_CASE("session: what a statement answers is values, NULLs and a count") {
    Session session(fixture::shared_postgres().dsn(), "test");
    const Rows rows = session.exec("SELECT $1::text, $2::text, ''", {"x", std::nullopt});
    CHECK(rows.rows == std::vector<Row>{{Cell("x"), std::nullopt, Cell("")}});
    session.exec("CREATE TEMPORARY TABLE t (id int PRIMARY KEY)");
    CHECK(session.exec("INSERT INTO t SELECT generate_series(1, $1::int)", {"7"}).affected == 7);
    for (const char* id : {"8", "9"}) {
        CHECK(session.exec_prepared("one", "INSERT INTO t VALUES ($1)", {id}).affected == 1);
    }
    CHECK(session.exec("DELETE FROM t WHERE id > 100").affected == 0);
}

TEST_CASE("session: a statement's error is whole, and the session goes on") {
    Session session(fixture::shared_postgres().dsn(), "test");
    session.exec("CREATE TEMPORARY TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
    const DatabaseError refused = failure(session, "INSERT INTO t VALUES ($1)", {"1"});
    CHECK(refused.sqlstate() == "23505");
    CHECK(refused.details().constraint == "t_pkey");
    CHECK(refused.details().message.ends_with("Key (id)=(1) already exists."));
    CHECK_THROWS_AS(session.exec_prepared("bad", "SELECT nothing", {}), DatabaseError);
    CHECK(session.exec_prepared("bad", "SELECT 1", {}).text(0, 0) == "1");
}

TEST_CASE("session: which segment of an MPP database has said it is no part of an error") {
    Session session(fixture::shared_postgres().dsn(), "test");
    const auto said = [&](const std::string& message) {
        return failure(session, "DO $$ BEGIN RAISE EXCEPTION '" + message + "'; END $$")
            .details()
            .message;
    };
    CHECK(said("division by zero  (seg1 slice1 127.0.0.1:15441 pid=4711)") == "division by zero");
    for (const char* const other :
         {"x  (segment)", "x  (seg1", "x  (seg", "x  (seg1)", "(seg1 pid=1)"})
        CHECK(said(other) == other);
}

TEST_CASE("session: a transaction sees what others commit, whatever the database is set to") {
    fixture::Postgres& server = fixture::shared_postgres();
    server.create_database("strict");
    server.exec("ALTER DATABASE strict SET default_transaction_isolation = 'serializable'",
                "strict");
    Session session(server.dsn("strict"), "test");
    CHECK(session.exec("SHOW transaction_isolation").text(0, 0) == "serializable");
    const Transaction transaction(session);
    CHECK(session.exec("SHOW transaction_isolation").text(0, 0) == "read committed");
}

TEST_CASE("session: what is committed lasts, whatever the database is set to") {
    fixture::Postgres& server = fixture::shared_postgres();
    server.create_database("hasty");
    const auto shown = [&](const std::string& setting) {
        server.exec("ALTER DATABASE hasty SET synchronous_commit = " + setting, "hasty");
        Session session(server.dsn("hasty"), "test");
        return session.exec("SHOW synchronous_commit").text(0, 0);
    };
    CHECK(shown("off") == "on");
    CHECK(shown("local") == "local");
    CHECK(shown("remote_apply") == "remote_apply");
}

TEST_CASE("session: a connection that broke is told in words, and the next statement has another") {
    const fixture::Postgres& server = fixture::shared_postgres();
    Session session(server.dsn(), "test");
    const auto kill = [&] {
        const std::string pid = session.exec("SELECT pg_backend_pid()").text(0, 0);
        server.exec("SELECT pg_terminate_backend(" + pid + ", 10000)");
    };
    kill();
    const DatabaseError killed = failure(session, "SELECT 1");
    CHECK(killed.sqlstate() == "57P01");
    CHECK(killed.details().message == "terminating connection due to administrator command");
    CHECK_FALSE(session.is_open());
    CHECK(session.exec("SELECT 1").text(0, 0) == "1");

    SUBCASE("also when a statement is prepared") {
        kill();
        CHECK_THROWS_AS(session.exec_prepared("one", "SELECT 1", {}), DatabaseError);
        CHECK(session.exec_prepared("one", "SELECT 1", {}).text(0, 0) == "1");
    }
    SUBCASE("but in the midst of a transaction nothing follows") {
        session.exec("CREATE TABLE IF NOT EXISTS midst (id int)");
        {
            Transaction transaction(session);
            kill();
            CHECK_THROWS_AS(session.exec("SELECT 1"), DatabaseError);
            CHECK_THROWS_AS(session.exec("INSERT INTO midst VALUES (1)"), DatabaseError);
            CHECK_THROWS_AS(transaction.commit(), DatabaseError);
        }
        CHECK(session.exec("SELECT count(*) FROM midst").text(0, 0) == "0");
    }
    SUBCASE("also when there is no server") {
        Session nowhere("host=127.0.0.1 port=1 password=secret", "test");
        const DatabaseError refused = failure(nowhere, "SELECT 1");
        CHECK(refused.trouble() == Trouble::world);
        CHECK(std::string(refused.what()) ==
              "cannot connect to the database: connection to server at \"127.0.0.1\", port 1 "
              "failed: Connection refused");
    }
}

}  // namespace
}  // namespace sluice::test
