#include "sinks/catalogue/catalogue.h"
#include "pipeline/errors.h"
#include "sinks/books/schema.h"
#include "sinks/catalogue/check.h"
#include "tests/component/sink_setup.h"

#include <doctest/doctest.h>

namespace sluice::test {
namespace {

/// What read_table() says against this table; "" when it takes it.
std::string complaint(const SinkSetup& setup, const std::string& table) {
    Session session(setup.dsn, "test");
    try {
        static_cast<void>(read_table(session, table));
        return "";
    } catch (const WrongConfiguration& wrong) {
        return wrong.what();
    }
}

bool says(const std::string& text, const std::string& what) {
    return text.find(what) != std::string::npos;
}

TEST_CASE(
    "catalogue: tables that commit apart from progress, or that a crash empties, are refused") {
    const SinkSetup setup("id bigint, city text");
    setup.exec(
        "CREATE EXTENSION postgres_fdw;"
        "CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw;"
        "CREATE FOREIGN TABLE far (id bigint) SERVER elsewhere;"
        "CREATE UNLOGGED TABLE quick (id bigint);"
        "CREATE TABLE parts (id bigint) PARTITION BY LIST (id);"
        "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1) PARTITION BY LIST (id);"
        "CREATE TABLE fine PARTITION OF parts FOR VALUES IN (2);"
        "CREATE FOREIGN TABLE far_part PARTITION OF parts_1 FOR VALUES IN (1) SERVER elsewhere;"
        "CREATE TABLE quick_parts (id bigint) PARTITION BY LIST (id);"
        "CREATE UNLOGGED TABLE quick_part PARTITION OF quick_parts FOR VALUES IN (1);"
        "CREATE SEQUENCE numbers; CREATE MATERIALIZED VIEW seen AS SELECT 1 AS id;"
        "CREATE VIEW shown AS SELECT * FROM t; CREATE INDEX by_id ON t (id)");
    CHECK(complaint(setup, "t") == "");
    CHECK(says(complaint(setup, "shown"), "table shown: a view takes no rows by COPY"));
    setup.exec(
        "CREATE FUNCTION into_t() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO t VALUES"
        " (NEW.*); RETURN NEW; END $$;"
        "CREATE TRIGGER instead INSTEAD OF INSERT ON shown FOR EACH ROW EXECUTE FUNCTION into_t()");
    CHECK(complaint(setup, "shown") == "");
    setup.exec("COPY shown (id) FROM PROGRAM 'echo 1'");
    CHECK(complaint(setup, "fine") == "");
    CHECK(says(complaint(setup, "far"), "table far: a foreign or external table"));
    CHECK(says(complaint(setup, "quick"), "table quick: a temporary or unlogged table"));
    CHECK(says(complaint(setup, "parts"), "its partition \"far_part\": a foreign"));
    CHECK(says(complaint(setup, "quick_parts"), "its partition \"quick_part\": a temporary"));
    for (const char* other : {"numbers", "seen", "by_id"})
        CHECK(says(complaint(setup, other), "not a table that rows can be copied into"));
    CHECK(says(complaint(setup, "nowhere"), "not found in database"));

    fixture::PgConnection other = fixture::shared_postgres().connect(setup.database);
    other.exec("CREATE TEMPORARY TABLE passing (id bigint)");
    const std::string temporary = setup.value(
        "SELECT relnamespace::regnamespace || '.passing' FROM pg_class WHERE relname = 'passing'");
    CHECK(says(complaint(setup, temporary), "a temporary or unlogged table"));
}

TEST_CASE("catalogue: a database that is not UTF8 is refused, and check says so") {
    const fixture::Postgres& server = fixture::shared_postgres();
    server.exec("DROP DATABASE IF EXISTS latin");
    server.exec("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
    Session session(server.dsn("latin"), "test");
    CHECK_THROWS_WITH_AS(ensure_schema(session, "sluice"),
                         "database \"latin\": its encoding is LATIN1, which cannot hold every text "
                         "that a record brings; use one made with ENCODING 'UTF8'",
                         WrongConfiguration);
    CHECK(check_own_tables(session, "sluice").front().severity == Finding::Severity::error);
    session.close();
    server.exec("DROP DATABASE latin");
}

}  // namespace
}  // namespace sluice::test
