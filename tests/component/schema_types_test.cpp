#include "tests/fixture/daemon.h"
#include "tests/fixture/kafka_broker.h"
#include "tests/fixture/postgres.h"
#include "tests/fixture/process.h"
#include "tests/fixture/schema_registry.h"
#include "tests/fixture/source_dir.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <random>
#include <sstream>

/// What fastavro and Google's Protobuf write, as it stands in a table in the end.
namespace sluice {
namespace {

using namespace std::chrono_literals;
using namespace fixture;

std::string script(const std::string& name) {
    return source_dir() + "/tests/registry/" + name;
}

/// A topic, a database called alike, and a configuration.
struct Loading {
    explicit Loading(std::string topic_name) : topic(std::move(topic_name)) {
        shared_broker().admin().create_topic(topic, 3);
        shared_postgres().create_database(topic);
    }
    void configure(const std::string& pipeline, const std::string& registry = "") const {
        write_file(dir.path() / "sluice.toml",
                   "[kafka]\nbrokers = '" + shared_broker().bootstrap() +
                       "'\n[cloudberry]\ndsn = \"" + shared_postgres().dsn(topic) +
                       "\"\n[admin]\nlisten = ''\n" + registry + "[ingest.t]\ntopic = '" + topic +
                       "'\ntable = 't'\nbatch.delay = '50ms'\n" + pipeline);
    }
    /// Until so many records are rows.
    void load(const std::string& count) const {
        Daemon daemon(dir.path() / "sluice.toml");
        try {
            wait_until([&] { return value("select count(*) from t") == count; }, patient(60s),
                       count + " rows");
        } catch (const WaitedTooLong& late) {
            FAIL(late.what() << "\n"
                             << value("select min(reasons::text) from sluice.dead_letter") << "\n"
                             << daemon.log());
        }
    }
    [[nodiscard]] std::string value(const std::string& sql) const {
        return shared_postgres().value(sql, topic);
    }

    const std::string topic;
    TempDir dir{"types"};
};

std::vector<std::string> split(const std::string& text, char at) {
    std::vector<std::string> parts;
    std::istringstream stream(text);
    for (std::string part; std::getline(stream, part, at);) parts.push_back(part);
    return parts;
}

void check_types(const std::string& kind, const std::string& schema) {
    const Loading it("types_" + kind);
    const RunResult written =
        run({.argv = {"python", script("typed_row.py"), shared_broker().bootstrap(), it.topic,
                      it.dir.path().string(), kind}},
            patient(60s));
    REQUIRE_MESSAGE(written.exit_code == 0, written.err);
    std::string columns;
    std::string mapping;
    const auto lines = split(written.out, '\n');
    for (const std::string& line : lines) {
        const auto parts = split(line, '\t');
        columns += (columns.empty() ? "" : ", ") + parts.at(0) + " " + parts.at(2);
        mapping += parts.at(0) + " = '" + parts.at(1) + "'\n";
    }
    shared_postgres().exec("create table t (" + columns + ")", it.topic);
    it.configure("format = '" + kind + "'\nschema = " + schema + "\n[ingest.t.columns]\n" +
                 mapping);
    it.load("1");
    const auto row = shared_postgres().query("set timezone = 'UTC'; select * from t", it.topic);
    REQUIRE(row.size() == 1);
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const auto parts = split(lines[i], '\t');
        CAPTURE(lines[i]);
        std::string found = row[0][i].value_or("NULL");
        if (parts.at(2) == "boolean") found = found == "t" ? "true" : "false";
        CHECK(found == (parts.size() > 3 ? parts[3] : ""));
    }
}

void check_random(const std::string& kind, int schemas) {
    const char* const given = std::getenv("SLUICE_SEED");
    const std::string seed = given != nullptr ? given : std::to_string(std::random_device{}());
    MESSAGE("SLUICE_SEED=" << seed);
    const SchemaRegistry registry;
    const Loading it("random_" + kind);
    const std::filesystem::path expected = it.dir.path() / "expected";
    const RunResult written = run(
        {.argv = {"python", script("random_rows.py"), shared_broker().bootstrap(), registry.url(),
                  it.topic, kind, seed, std::to_string(schemas), expected.string()}},
        patient(60s));
    REQUIRE_MESSAGE(written.exit_code == 0, written.err);
    const std::string count = split(written.out, '\n').at(0);
    std::filesystem::permissions(expected, std::filesystem::perms::all);  // the server reads it
    shared_postgres().exec(
        "create table t (n bigint primary key, v jsonb); "
        "create table e (n bigint primary key, v jsonb); copy e from '" +
            expected.string() + "'",
        it.topic);
    it.configure("format = '" + kind +
                     "'\nschema = 'registry'\n[ingest.t.columns]\nn = '@key'\nv = '@value'\n",
                 "[registry]\nurl = '" + registry.url() + "'\n");
    it.load(count);
    CHECK(it.value("select coalesce(min(n || ': ' || t.v::text || ' instead of ' || e.v::text), "
                   "'none') from t full join e using (n) where t.v is distinct from e.v") ==
          "none");
    CHECK(it.value("select count(*) from t") == count);
}

TEST_CASE("schema types: each type of Avro that formats.md names arrives as it says") {
    check_types("avro", "{ file = 'row.avsc' }");
}

TEST_CASE("schema types: each type of Protobuf that formats.md names arrives as it says") {
    check_types("protobuf", "{ file = 'row.proto', message = 'Row' }");
}

TEST_CASE("schema types: random records of random schemas of fastavro are what was written") {
    check_random("avro", 250);
}

TEST_CASE(
    "schema types: random records of random schemas of Google's Protobuf are what was written") {
    check_random("protobuf", 250);
}

}  // namespace
}  // namespace sluice
