#include "tests/fixture/daemon.h"
#include "tests/fixture/http.h"
#include "tests/fixture/kafka_broker.h"
#include "tests/fixture/kafka_producer.h"
#include "tests/fixture/ports.h"
#include "tests/fixture/postgres.h"
#include "tests/fixture/process.h"
#include "tests/fixture/schema_registry.h"
#include "tests/fixture/source_dir.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <functional>
#include <optional>

/// Records of confluent-kafka's own serializers, schemas from a real registry.
namespace sluice {
namespace {

using namespace std::chrono_literals;
using namespace fixture;

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

SchemaRegistry& registry() {
    static SchemaRegistry registry;
    return registry;
}

/// One topic of two partitions, its table, and a daemon that loads it.
class Stage {
public:
    Stage(std::string name, const std::string& columns) : name_(std::move(name)) {
        shared_postgres().create_database(name_);
        shared_postgres().exec("create table t (" + columns + ")", name_);
        shared_broker().admin().create_topic(name_, 2);
    }

    void produce(const std::string& kind, int first, int count) const {
        run_or_throw(producer(kind, first, count), patient(60s));
    }
    [[nodiscard]] ProcessOptions producer(const std::string& kind, int first, int count) const {
        ProcessOptions options;
        options.argv = {"python",
                        source_dir() + "/tests/registry/produce.py",
                        shared_broker().bootstrap(),
                        registry().url(),
                        name_,
                        kind,
                        std::to_string(first),
                        std::to_string(count)};
        return options;
    }
    void configure(const std::string& keys) const {
        write_file(file(), "[kafka]\nbrokers = '" + shared_broker().bootstrap() +
                               "'\n[cloudberry]\ndsn = \"" + shared_postgres().dsn(name_) +
                               "\"\n[admin]\nlisten = '127.0.0.1:" + std::to_string(port_) +
                               "'\n[registry]\nurl = '" + registry().url() +
                               "'\ntimeout = '2s'\n[ingest.t]\ntopic = '" + name_ +
                               "'\ntable = 't'\nbatch.delay = '50ms'\nschema = 'registry'\n" +
                               keys);
    }
    void load(const std::string& keys) {
        configure(keys);
        daemon_.emplace(file());
    }
    [[nodiscard]] std::filesystem::path file() const { return folder() / "sluice.toml"; }
    [[nodiscard]] const std::filesystem::path& folder() const { return dir_.path(); }
    [[nodiscard]] const std::string& topic() const { return name_; }
    [[nodiscard]] std::string value(const std::string& sql) const {
        return shared_postgres().value(sql, name_);
    }
    [[nodiscard]] std::string get(const std::string& target) const {
        return http(port_, "GET", target).body;
    }
    void until(const std::function<bool()>& predicate, const std::string& what) const {
        try {
            wait_until(predicate, patient(30s), what);
        } catch (const WaitedTooLong& late) {
            FAIL(std::string(late.what()) << "\n" << get("/status") << "\n" << daemon_->log());
        }
    }
    void until_rows(int count) const {
        until([&] { return value("select count(*) from t") == std::to_string(count); },
              std::to_string(count) + " rows");
    }

private:
    const std::string name_;
    TempDir dir_{"clients"};
    const std::uint16_t port_ = free_port();
    std::optional<Daemon> daemon_;
};

/// Rows that are not as produce.py made them.
constexpr const char* wrong_rows =
    "select count(*) from t where city is distinct from "
    "case when id % 3 = 0 then null else 'city ' || id || ' ä' end "
    "or amount <> (id * 7 - 1000) / 100.0 or day <> date '2026-01-01' + (id % 365)::int "
    "or at <> timestamptz '2026-01-01T00:00:00Z' + id * 1001 * interval '1 microsecond' "
    "or token <> lpad(to_hex(id), 32, '0')::uuid or tags <> array[id::text, 'x, y'] "
    "or note is distinct from case when id >= 2000 then 'note ' || id end";

TEST_CASE("registry clients: Avro of two versions, and the registry killed under load") {
    Stage stage("clients_avro",
                "id bigint, city text, amount numeric(12,2), day date, at timestamptz, token uuid, "
                "tags text[], note text");
    stage.produce("avro1", 0, 1000);
    stage.load("format = 'avro'\n");
    stage.until_rows(1000);

    ProcessOptions options = stage.producer("avro2", 2000, 1000);
    const std::filesystem::path gate = stage.folder() / "gate";
    options.argv.push_back(gate.string());
    Process later(options);
    wait_until([&] { return std::filesystem::exists(gate.string() + ".ready"); }, patient(30s),
               "records of the new version");
    registry().kill();
    write_file(gate, "");
    CHECK(later.wait(patient(30s)) == 0);
    stage.until([&] { return contains(stage.get("/status"), "cannot be reached: Connection"); },
                "a pipeline that says what it waits for");
    CHECK(contains(stage.get("/status"), registry().url()));
    CHECK(stage.value("select count(*) from t where note is not null") == "0");
    CHECK(contains(stage.get("/metrics"), "\nsluice_registry_schemas 1\n"));

    registry().start();
    stage.until_rows(2000);
    CHECK(stage.value(wrong_rows) == "0");
    CHECK(stage.value("select count(distinct id) from t") == "2000");
    CHECK(stage.value("select count(*) from sluice.dead_letter") == "0");
    CHECK(contains(stage.get("/metrics"), "\nsluice_registry_schemas 2\n"));
}

TEST_CASE("registry clients: a table made by its topic's schema takes all records") {
    Stage stage("clients_schema", "id text");
    stage.produce("avro2", 0, 100);
    stage.configure("format = 'avro'\n");
    const RunResult check = run_sluice({"check", "-c", stage.file().string()});
    CHECK_MESSAGE(contains(check.out, "no column takes \"city\", \"amount\", \"day\""), check.out);
    CHECK(contains(check.out, "of clients_schema-value, version 1"));
    const RunResult ddl =
        run_sluice({"schema", "--from-topic", stage.topic(), "-c", stage.file().string()});
    REQUIRE_MESSAGE(ddl.exit_code == 0, ddl.err);
    shared_postgres().exec("drop table t; " + ddl.out, stage.topic());
    const RunResult again = run_sluice({"check", "-c", stage.file().string()});
    CHECK_MESSAGE(!contains(again.out, "clients_schema-value"), again.out);
    stage.load("format = 'avro'\n");
    stage.until_rows(100);
    CHECK(stage.value("select count(*) from t where amount <> (id * 7 - 1000) / 100.0 or day <> "
                      "date '2026-01-01' + (id % 365)::int or tags <> array[id::text, 'x, y']") ==
          "0");
    CHECK(stage.value("select count(*) from sluice.dead_letter") == "0");

    const RunResult peeked =
        run_sluice({"peek", "--topic", stage.topic(), "-c", stage.file().string(), "--limit", "1",
                    "--output", "json"});
    CHECK_MESSAGE(contains(peeked.out, R"(\"tags\":)"), peeked.out << peeked.err);
    const RunResult raw = run_sluice({"peek", "--topic", stage.topic(), "--raw", "-c",
                                      stage.file().string(), "--limit", "1", "--output", "json"});
    CHECK(contains(raw.out, "\"value_hex\":\"00"));

    const RunResult other =
        run_sluice({"schema", "--from-topic", "nobody's", "-c", stage.file().string()});
    CHECK(other.exit_code == 1);
    CHECK(contains(other.err, "no schema called nobody's-value"));
}

TEST_CASE("registry clients: Protobuf, and a schema that the registry does not know") {
    Stage stage("clients_protobuf", "id bigint, city text, at timestamptz, tags text[]");
    stage.produce("protobuf", 0, 1000);
    KafkaProducer stranger(shared_broker().client());
    stranger.produce(stage.topic(), 0, std::string("\0\x7f\0\0\1\0x", 7));
    stranger.flush();
    stage.load("format = 'protobuf'\n");
    stage.until([&] { return contains(stage.get("/status"), "does not know schema 2130706433"); },
                "a pipeline that stops at what the registry does not know");
    CHECK(stage.value("select count(*) from sluice.dead_letter") == "0");

    stage.load("format = 'protobuf'\non_unknown_schema = 'dead_letter'\n");
    stage.until_rows(1000);
    stage.until([&] { return stage.value("select count(*) from sluice.dead_letter") == "1"; },
                "a dead letter");
    CHECK(stage.value("select count(*) from t where city <> 'city ' || id || ' ä' or at <> "
                      "timestamptz '2026-01-01T00:00:00Z' + id * 1001 * interval '1 microsecond' "
                      "or tags <> array[id::text, 'x, y']") == "0");
    const RunResult peeked =
        run_sluice({"peek", "t", "-c", stage.file().string(), "--limit", "3", "--output", "json"});
    CHECK(peeked.exit_code == 0);
    CHECK(contains(peeked.out, "ä"));
}

}  // namespace
}  // namespace sluice
