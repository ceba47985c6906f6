#include "conformance/certify.h"
#include "tests/fixture/fake_cluster.h"
#include "tests/fixture/mpp_locks.h"
#include "tests/fixture/ports.h"
#include "tests/fixture/postgres.h"
#include "tests/fixture/process.h"
#include "tests/fixture/source_dir.h"
#include "tests/fixture/temp_dir.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <csignal>
#include <set>

/// The suite that certifies a cluster, on PostgreSQL.
namespace sluice::test {
namespace {

using namespace std::chrono_literals;
using conformance::Certificate;
using conformance::certify;
using conformance::Result;
using fixture::shared_postgres;

/// Databases and roles that runs have left behind.
std::string left_behind() {
    return shared_postgres().value(
        "SELECT (SELECT count(*) FROM pg_database WHERE datname LIKE 'sluice\\_conformance\\_%') +"
        " (SELECT count(*) FROM pg_roles WHERE rolname LIKE 'sluice\\_conformance\\_%')");
}

fixture::RunResult run_program(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), SLUICE_CONFORMANCE);
    return fixture::run({.argv = std::move(arguments)}, fixture::patient(120s));
}

TEST_CASE("conformance: PostgreSQL passes, with the locks of an MPP database too") {
    const Certificate certificate =
        certify({.dsn = shared_postgres().dsn(),
                 .on_table = [](const std::string& dsn, const std::string& table) {
                     fixture::PgConnection owner(dsn);
                     fixture::install_mpp_locks(owner, table);
                 }});
    CHECK(certificate.server.starts_with("PostgreSQL "));
    for (const Result& result : certificate.results) {
        CAPTURE(result.group);
        CAPTURE(result.name);
        CHECK_MESSAGE(result.kind != Result::Kind::differs, result.note);
        if (result.kind == Result::Kind::skipped) CHECK(result.note.starts_with("PostgreSQL "));
    }
    CHECK(certificate.left_behind.empty());
    CHECK(left_behind() == "0");
}

TEST_CASE("conformance: rows that segments fetch, by segments of the tests") {
    fixture::FakeCluster cluster(shared_postgres().port());
    const std::string dsn = shared_postgres().dsn("test", "postgres", cluster.port()) +
                            " sslmode=disable gssencmode=disable";
    const Certificate certificate =
        certify({.dsn = dsn,
                 .only = "fetch",
                 .segments = "127.0.0.1:" + std::to_string(fixture::free_port())});
    int passed = 0;
    for (const Result& result : certificate.results) {
        CAPTURE(result.name);
        CHECK_MESSAGE(result.kind != Result::Kind::differs, result.note);
        passed += result.kind == Result::Kind::passed ? 1 : 0;
    }
    CHECK(passed == 4);
    CHECK(cluster.reads() > 6);
    const Certificate untold = certify({.dsn = dsn, .only = "by key, with columns by SQL"});
    REQUIRE(untold.results.size() == 1);
    CHECK(untold.results.front().note == "segments were not told where: see --segments");
    CHECK(run_program({"--segments", "127.0.0.1", dsn}).exit_code == 2);
    cluster.let(fixture::FakeCluster::Segments::find_nobody);
    const auto unreached =
        run_program({"--segments", "127.0.0.1:" + std::to_string(fixture::free_port()), dsn});
    CHECK(unreached.exit_code == 2);
    CHECK_MESSAGE(unreached.err.find("segments do not fetch rows from there: connection with "
                                     "gpfdist failed") != std::string::npos,
                  unreached.err);
    CHECK(left_behind() == "0");
}

TEST_CASE("conformance: rows that get lost are told, and nothing is left behind") {
    const Certificate certificate =
        certify({.dsn = shared_postgres().dsn(),
                 .only = "Targets: heap",
                 .on_table = [](const std::string& dsn, const std::string& table) {
                     if (!table.starts_with("public.")) return;
                     fixture::PgConnection(dsn).exec(
                         "CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS"
                         " $$ BEGIN IF NEW.id = 7 THEN RETURN NULL; END IF; RETURN NEW; END $$;"
                         "CREATE TRIGGER lose BEFORE INSERT ON " +
                         table + " FOR EACH ROW EXECUTE FUNCTION lose()");
                 }});
    REQUIRE(!certificate.results.empty());
    CHECK(certificate.results.front().kind == Result::Kind::differs);
    CHECK(certificate.results.front().note == "rows: \"1998\", not \"1999\"");
    CHECK(left_behind() == "0");
}

TEST_CASE("conformance: the program prints a table, and its exit code says whether all passed") {
    const auto passed = run_program({"--only", "whatever text", shared_postgres().socket_dsn()});
    CHECK_MESSAGE(passed.exit_code == 0, passed.err);
    CHECK(passed.out.starts_with("| | PostgreSQL "));
    CHECK(passed.out.find("\n| the database holds whatever text records bring | passed |\n") !=
          std::string::npos);
    const auto relayed = run_program({"--only", "rolled back", shared_postgres().dsn()});
    CHECK_MESSAGE(relayed.out.starts_with("| | PostgreSQL "), relayed.out);
    CHECK(run_program({"--list"}).out.find("Targets: heap\n") != std::string::npos);
    CHECK(run_program({"--help"}).out.find("--only TEXT") != std::string::npos);
    CHECK(run_program({"--manual"}).out.starts_with(".TH \"SLUICE\\-CONFORMANCE\" 1"));
    const auto nowhere = run_program({"postgresql://127.0.0.1:1/postgres"});
    CHECK(nowhere.exit_code == 2);
    CHECK(nowhere.err.find("cannot connect") != std::string::npos);
    CHECK(run_program({}).exit_code == 2);
    const auto none = run_program({"--only", "no such case", shared_postgres().dsn()});
    CHECK(none.exit_code == 2);
    CHECK(none.err.find("--only no such case: no case has that in its name") != std::string::npos);
    CHECK(none.err.find("\n  Rows that segments fetch\n") != std::string::npos);
    CHECK(run_program({"--onyl", "x", "dbname=postgres"}).exit_code == 2);
}

TEST_CASE("conformance: who may not create roles goes on without, and says so") {
    shared_postgres().create_role("maker");
    shared_postgres().exec("ALTER ROLE maker CREATEDB");
    const auto passed =
        run_program({"--only", "whatever text", shared_postgres().dsn("test", "maker")});
    CHECK_MESSAGE(passed.exit_code == 0, passed.err);
    CHECK(left_behind() == "0");
}

TEST_CASE("conformance: a run that is told to stop cleans up first") {
    const fixture::TempDir dir("conformance");
    fixture::Process run(
        {.argv = {SLUICE_CONFORMANCE, shared_postgres().dsn()}, .log = dir.path() / "out"});
    fixture::wait_until([] { return left_behind() == "2"; }, fixture::patient(10s),
                        "a database and a role");
    run.signal(SIGINT);
    CHECK(run.wait(fixture::patient(60s)) == 1);
    CHECK(left_behind() == "0");
}

TEST_CASE("conformance: a run that is told twice ends at once, and says what it leaves") {
    const fixture::TempDir dir("conformance");
    fixture::Process run(
        {.argv = {SLUICE_CONFORMANCE, shared_postgres().dsn()}, .log = dir.path() / "out"});
    // The first case has begun, so the run knows what it has made.
    fixture::wait_until(
        [&] { return fixture::read_file(dir.path() / "out").find(" ms)") != std::string::npos; },
        fixture::patient(10s), "a case");
    run.signal(SIGINT);
    run.signal(SIGTERM);
    CHECK(run.wait(fixture::patient(60s)) == 2);
    const std::string said = fixture::read_file(dir.path() / "out");
    const std::string name = shared_postgres().value(
        "SELECT datname FROM pg_database WHERE datname LIKE 'sluice\\_conformance\\_%'");
    for (const std::string what : {"DATABASE", "ROLE"}) {
        const std::string statement = "DROP " + what + " \"" + name + "\"";
        CHECK_MESSAGE(said.find("\n  " + statement + ";\n") != std::string::npos, said);
        fixture::wait_until(
            [&] {
                try {
                    shared_postgres().exec(statement);
                    return true;
                } catch (const std::exception&) {
                    return false;  // its sessions have not all ended yet
                }
            },
            fixture::patient(20s), statement);
    }
}

TEST_CASE("conformance: docs/compatibility.md has each case, and no other") {
    const std::string page = fixture::read_file(fixture::source_dir() + "/docs/compatibility.md");
    std::set<std::string> told;
    const std::string begins = "\n| ";
    for (auto at = page.find("## On your own cluster"); at != std::string::npos;
         at = page.find(begins, at + 1)) {
        const auto from = at + begins.size();
        if (page.compare(at, begins.size(), begins) != 0 || page[from] == '|') continue;
        told.insert(page.substr(from, page.find(" |", from) - from));
    }
    std::set<std::string> known;
    for (const conformance::Case& one : conformance::all_cases()) {
        known.insert(one.name);
        known.insert("**" + one.group + "**");
    }
    for (const std::string& name : known) CHECK_MESSAGE(told.contains(name), name);
    for (const std::string& name : told) CHECK_MESSAGE(known.contains(name), name);
}

}  // namespace
}  // namespace sluice::test
