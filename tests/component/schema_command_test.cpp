#include "sinks/outbox/outbox_ddl.h"
#include "tests/fixture/daemon.h"
#include "tests/fixture/postgres.h"
#include "tests/fixture/temp_dir.h"

#include <doctest/doctest.h>

/// `sluice schema`, the command, against a real database.
namespace sluice {
namespace {

using fixture::RunResult;

/// A database without Sluice's tables, and a configuration whose role may be any.
class Setup {
public:
    Setup() { server_.create_database(database); }

    [[nodiscard]] RunResult schema_command(const std::string& role,
                                           const std::vector<std::string>& options = {}) const {
        const auto config = dir_.path() / (role + ".toml");
        fixture::write_file(config, "[kafka]\nbrokers = \"127.0.0.1:1\"\n\n[cloudberry]\ndsn = \"" +
                                        server_.dsn(database, role) + "\"\n" + outboxes);
        std::vector<std::string> arguments{"schema", "-c", config.string()};
        arguments.insert(arguments.end(), options.begin(), options.end());
        return fixture::run_sluice(arguments);
    }
    [[nodiscard]] std::string tables() const {
        return server_.value("SELECT count(*) FROM pg_tables WHERE schemaname = 'sluice'",
                             database);
    }
    [[nodiscard]] const fixture::Postgres& server() const { return server_; }

    static constexpr const char* database = "schema_command";
    std::string outboxes;  ///< in the configuration

private:
    fixture::Postgres& server_ = fixture::shared_postgres();
    fixture::TempDir dir_{"schema"};
};

TEST_CASE("schema: prints the DDL and changes nothing") {
    const Setup setup;
    const RunResult result = setup.schema_command("postgres");
    CHECK(result.exit_code == 0);
    CHECK(result.out.find("CREATE SCHEMA IF NOT EXISTS") != std::string::npos);
    CHECK(setup.tables() == "0");
}

TEST_CASE("schema: --history prints a view of each state, from when and until when it was") {
    Setup setup;
    setup.outboxes =
        "[ingest.people]\ntopic = \"p\"\ntable = \"people\"\nenvelope = \"debezium\"\n"
        "columns = { id = \"id\", city = \"city\", op = \"@op\", at = \"@source/ts_ms\", "
        "k = \"@offset\" }\n[ingest.rows]\ntopic = \"r\"\ntable = \"rows\"\n";
    const RunResult result =
        setup.schema_command("postgres", {"--history", "people", "--key", "id"});
    REQUIRE(result.exit_code == 0);
    setup.server().exec("CREATE TABLE people (id int, city text, op text, at int, k int)",
                        Setup::database);
    setup.server().exec(result.out, Setup::database);
    setup.server().exec(
        "INSERT INTO people VALUES (1, 'a', 'c', 10, 0), (2, 'b', 'c', 11, 1), (1, 'c', 'u', 12, "
        "2),"
        " (1, NULL, 'd', 15, 3), (1, 'd', 'c', 20, 4)",
        Setup::database);
    CHECK(setup.server().value(
              "SELECT string_agg(concat_ws(',', id, city, valid_from, coalesce(valid_to, 0)), ' '"
              " ORDER BY id, valid_from) FROM people_history",
              Setup::database) == "1,a,10,12 1,c,12,15 1,d,20,0 2,b,11,0");

    const auto several = [&](const std::string& topic) {
        setup.outboxes =
            "[ingest.all]\ntopic = { regex = '^p.*' }\ntable = \"people\"\nenvelope = "
            "\"debezium\"\n"
            "columns = { id = \"id\", op = \"@op\", at = \"@source/ts_ms\", k = \"@offset\"" +
            topic + " }\n[ingest.rows]\ntopic = \"r\"\ntable = \"rows\"\n";
        return setup.schema_command("postgres", {"--history", "all", "--key", "id"});
    };
    CHECK(several("").err.find("map a column to \"@topic\"") != std::string::npos);
    CHECK(
        several(", city = \"@topic\"").out.find("(PARTITION BY \"id\", \"city\" ORDER BY \"k\")") !=
        std::string::npos);

    const RunResult none = setup.schema_command("postgres", {"--history", "rows"});
    CHECK(none.exit_code == 2);
    for (const char* lacks : {"\"@op\"", "\"@offset\"", "envelope = \"debezium\"", "--key id"})
        CHECK(none.err.find(lacks) != std::string::npos);
}

TEST_CASE("schema: --apply creates the tables, and finds them the next time") {
    const Setup setup;
    for (int time = 0; time < 2; ++time) {
        const RunResult result = setup.schema_command("postgres", {"--apply"});
        INFO(result.err);
        CHECK(result.exit_code == 0);
        CHECK(result.out.find("tables are there, version ") != std::string::npos);
        CHECK(setup.tables() != "0");
    }
}

TEST_CASE("schema: --apply by a role that may not says so and exits with 1") {
    const Setup setup;
    setup.server().create_role("visitor");
    const RunResult result = setup.schema_command("visitor", {"--apply"});
    CHECK(result.exit_code == 1);
    CHECK(result.err.find("permission denied") != std::string::npos);
    CHECK(result.err.find("let their owner run") != std::string::npos);
    CHECK(setup.tables() == "0");
}

TEST_CASE("schema: makes a table that suits an outbox for who names it, and for nobody else") {
    Setup setup;
    setup.outboxes =
        "[outbox.plain]\ntable = \"public.outbox\"\n"
        "[outbox.odd]\ntable = 'public.\"Odd\"'\ntopic = \"events.${kind}\"\norder = \"at\"\n"
        "columns = { id = \"Number\", partition = \"\", value = \"body\", timestamp = \"at\" }\n"
        "headers = { number = \"Number\", trace = \"trace\" }\n";
    const auto tables = [&] {
        return setup.server().value(
            "SELECT coalesce(string_agg(tablename, ',' ORDER BY 1), '') FROM pg_tables"
            " WHERE schemaname = 'public'",
            Setup::database);
    };
    CHECK(setup.schema_command("postgres", {"--apply"}).exit_code == 0);
    const RunResult all = setup.schema_command("postgres");
    CHECK(all.out.find("\n-- CREATE TABLE IF NOT EXISTS public.outbox (") != std::string::npos);
    setup.server().exec(all.out, Setup::database);
    CHECK(tables().empty());
    const RunResult printed = setup.schema_command("postgres", {"odd"});
    CHECK(printed.out.find("SEQUENCE public.\"Odd_Number_seq\" TO") != std::string::npos);
    setup.server().exec(printed.out, Setup::database);
    CHECK(tables() == "Odd");
    CHECK(setup.server().value("SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_attribute"
                               " WHERE attrelid = '\"Odd\"'::regclass AND attnum > 0",
                               Setup::database) == "Number,kind,key,body,headers,at,trace");
    const RunResult applied = setup.schema_command("postgres", {"odd", "plain", "--apply"});
    CHECK(applied.out ==
          "table public.\"Odd\" is there already, and stays as it is\n"
          "table public.outbox was created\n");
    const RunResult wrong = setup.schema_command("postgres", {"plan"});
    CHECK(wrong.exit_code == 2);
    CHECK(wrong.err.find("there is no [outbox.plan]") != std::string::npos);
}

TEST_CASE("schema: on Cloudberry an outbox draws its ids one by one") {
    config::Outbox outbox;
    outbox.table = "public.\"Odd\"";
    outbox.columns.id = "Number";
    const std::string asks = "ALTER SEQUENCE IF EXISTS public.\"Odd_Number_seq\" CACHE 1;";
    CHECK(outbox_ddl(outbox, Family::cloudberry).find(asks) != std::string::npos);
    CHECK(outbox_ddl(outbox, Family::postgresql).find("CACHE") == std::string::npos);
}

}  // namespace
}  // namespace sluice
