#include "tests/fixture/daemon.h"
#include "tests/fixture/http.h"
#include "tests/fixture/kafka_broker.h"
#include "tests/fixture/kafka_reader.h"
#include "tests/fixture/postgres.h"
#include "tests/fixture/process.h"
#include "tests/fixture/schema_registry.h"
#include "tests/fixture/source_dir.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

/// What `sluice produce` and outboxes write by a registry's schemas, as confluent-kafka reads it.
namespace sluice {
namespace {

using namespace std::chrono_literals;
using namespace fixture;

bool holds(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

SchemaRegistry& registry() {
    static SchemaRegistry registry;
    return registry;
}

constexpr const char* avro_order = R"({"type":"record","name":"Order","namespace":"shop","fields":[
    {"name":"id","type":"long"},
    {"name":"city","type":["null","string"],"default":null},
    {"name":"amount","type":{"type":"bytes","logicalType":"decimal","precision":12,"scale":2}},
    {"name":"at","type":{"type":"long","logicalType":"timestamp-micros"}},
    {"name":"tags","type":{"type":"array","items":"string"},"default":[]}]})";

/// A topic, a database with its table, and a configuration that knows the registry.
struct Writing {
    explicit Writing(std::string topic_name, const std::string& pipeline)
        : topic(std::move(topic_name)), config((dir.path() / "sluice.toml").string()) {
        shared_broker().admin().create_topic(topic, 2);
        shared_postgres().create_database(topic);
        write_file(config, "[kafka]\nbrokers = '" + shared_broker().bootstrap() +
                               "'\n[cloudberry]\ndsn = \"" + shared_postgres().dsn(topic) +
                               "\"\n[admin]\nlisten = ''\n[registry]\nurl = '" + registry().url() +
                               "'\n" + pipeline);
    }
    [[nodiscard]] std::string file(const std::string& name, const std::string& content) const {
        write_file(dir.path() / name, content);
        return (dir.path() / name).string();
    }
    [[nodiscard]] RunResult produce(std::vector<std::string> arguments) const {
        arguments.insert(arguments.begin(), {"produce", "-c", config});
        return run_sluice(arguments);
    }
    /// All of the topic, as a client that is not ours reads it.
    [[nodiscard]] std::string read(const std::string& kind) const {
        const RunResult result =
            run({.argv = {"python", source_dir() + "/tests/registry/consume.py",
                          shared_broker().bootstrap(), registry().url(), topic, kind}},
                patient(60s));
        CHECK_MESSAGE(result.exit_code == 0, result.err);
        return result.out;
    }
    [[nodiscard]] std::string value(const std::string& sql) const {
        return shared_postgres().value(sql, topic);
    }

    const std::string topic;
    TempDir dir{"writing"};
    const std::string config;
};

TEST_CASE("schema writers: produce makes Avro of JSON and of CSV, by a file and by a subject") {
    const Writing it("writers_avro",
                     "[ingest.orders]\ntopic = 'writers_avro'\ntable = 'orders'\n"
                     "format = 'avro'\nschema = 'registry'\n");
    const std::string schema = it.file("order.avsc", avro_order);
    const std::string lines =
        it.file("o.jsonl", R"({"id":1,"amount":12.5,"at":"2026-01-31T12:00:00.25Z"})"
                           "\n"
                           R"({"id":2,"city":"Köln","amount":"-0.01","at":0,"tags":["a"]})"
                           "\n");
    const std::vector<std::string> by_file = {"--topic",  it.topic, "--format", "avro",
                                              "--schema", schema,   lines};
    const RunResult unknown = it.produce(by_file);
    CHECK(unknown.exit_code == 2);
    CHECK_MESSAGE(holds(unknown.err,
                        "does not have this schema under subject "
                        "\"writers_avro-value\"; --register puts it there"),
                  unknown.err);
    CHECK(read_topic(shared_broker().client(), it.topic).empty());

    auto registers = by_file;
    registers.push_back("--register");
    const RunResult first = it.produce(registers);
    REQUIRE_MESSAGE(first.exit_code == 0, first.err);
    // As the pipeline is configured: its subject's latest.
    shared_postgres().exec(
        "create table orders (id bigint, city text, amount numeric, "
        "at timestamptz, tags text[])",
        it.topic);
    const std::string rows = it.file("o.csv",
                                     "id,city,amount,at,tags\n"
                                     "3,Bonn,3.00,2026-01-31 12:00:00+00,\"[\"\"x\"\"]\"\n");
    const RunResult second =
        it.produce({"--topic", it.topic, "--format", "avro", "--json", "tags", rows});
    REQUIRE_MESSAGE(second.exit_code == 0, second.err);
    const RunResult third =
        it.produce({"orders", it.file("p.jsonl", R"({"id":4,"amount":4,"at":4})")});
    REQUIRE_MESSAGE(third.exit_code == 0, third.err);

    CHECK(
        it.read("avro") ==
        R"({"amount": "12.50", "at": "2026-01-31 12:00:00.250000+00:00", "city": null, "id": 1, "tags": []})"
        "\n"
        R"({"amount": "-0.01", "at": "1970-01-01 00:00:00+00:00", "city": "Köln", "id": 2, "tags": ["a"]})"
        "\n"
        R"({"amount": "3.00", "at": "2026-01-31 12:00:00+00:00", "city": "Bonn", "id": 3, "tags": ["x"]})"
        "\n"
        R"({"amount": "4.00", "at": "1970-01-01 00:00:00.000004+00:00", "city": null, "id": 4, "tags": []})"
        "\n");
    const Daemon daemon(it.config);
    wait_until([&] { return it.value("select count(*) from orders") == "4"; }, patient(30s),
               "what produce wrote, loaded");
    CHECK(it.value("select sum(amount) from orders") == "19.49");

    const RunResult wrong =
        it.produce({"orders", it.file("w.jsonl",
                                      "{\"id\":5,\"amount\":5,\"at\":5}\n"
                                      "{\"id\":6,\"amount\":0.001,\"at\":5}\n")});
    CHECK(wrong.exit_code == 1);
    CHECK_MESSAGE(holds(wrong.err,
                        "w.jsonl:2:1: field \"/amount\": \"0.001\" has more digits behind its "
                        "point than the schema has (decimal(12,2))"),
                  wrong.err);
    const RunResult nobody =
        it.produce({"--topic", it.topic, "--format", "avro", "--schema", "nobody", lines});
    CHECK(nobody.exit_code == 2);
    CHECK_MESSAGE(holds(nobody.err, "no subject \"nobody\""), nobody.err);
}

TEST_CASE("schema writers: produce makes Protobuf and JSON that a registry's clients read") {
    const Writing it("writers_protobuf", "");
    const std::string schema =
        it.file("order.proto",
                "syntax = \"proto3\"; package shop; import \"google/protobuf/timestamp.proto\";\n"
                "message Other { int32 x = 1; }\n"
                "message Order { int64 id = 1; string city = 2; repeated string tags = 3;\n"
                "                google.protobuf.Timestamp at = 4; }\n");
    const std::string lines = it.file(
        "o.jsonl", R"({"id":1,"city":"Köln","tags":["a","b"],"at":"2026-01-31T12:00:00.25Z"})");
    const RunResult result = it.produce({"--topic", it.topic, "--format", "protobuf", "--schema",
                                         schema, "--message", "Order", "--register", lines});
    REQUIRE_MESSAGE(result.exit_code == 0, result.err);
    const RunResult again = it.produce({"--topic", it.topic, "--format", "protobuf", "--message",
                                        "Order", it.file("p.jsonl", R"({"id":2})")});
    REQUIRE_MESSAGE(again.exit_code == 0, again.err);
    CHECK(it.read("protobuf") ==
          R"({"at": "2026-01-31T12:00:00.250Z", "city": "Köln", "id": "1", "tags": ["a", "b"]})"
          "\n{\"id\": \"2\"}\n");
    const RunResult several = it.produce({"--topic", it.topic, "--format", "protobuf", lines});
    CHECK(several.exit_code == 2);
    CHECK_MESSAGE(holds(several.err, "shop.Other, shop.Order; --message names a message"),
                  several.err);

    const Writing json("writers_json", "");
    const std::string of_json =
        json.file("order.json", R"({"$schema":"http://json-schema.org/draft-07/schema#"})");
    const RunResult written =
        json.produce({"--topic", json.topic, "--format", "json", "--schema", of_json, "--register",
                      json.file("o.jsonl", R"({"id":1})")});
    REQUIRE_MESSAGE(written.exit_code == 0, written.err);
    const auto records = read_topic(shared_broker().client(), json.topic);
    REQUIRE(records.size() == 1);
    CHECK(records[0].value->substr(0, 2) == std::string(2, '\0'));
    CHECK(records[0].value->substr(5) == "{\"id\":1}");
}

/// Makes the table that the topic's schema asks for, and loads what the topic holds.
void load_into_made_table(const Writing& it, const std::string& count) {
    const RunResult ddl = run_sluice({"schema", "--from-topic", it.topic, "-c", it.config});
    REQUIRE_MESSAGE(ddl.exit_code == 0, ddl.err);
    shared_postgres().exec(ddl.out, it.topic);
    const Daemon daemon(it.config);
    wait_until([&] { return it.value("select count(*) from t") == count; }, patient(30s), "rows");
}

TEST_CASE(
    "schema writers: a table made by a Protobuf schema, or a JSON Schema, takes its records") {
    const std::string pipeline = "table = 't'\nschema = 'registry'\nsubject = 'shop.${topic}'\n";
    const Writing of_protobuf(
        "ddl_protobuf", "[ingest.t]\ntopic = 'ddl_protobuf'\nformat = 'protobuf'\n" + pipeline);
    const std::string schema = of_protobuf.file(
        "row.proto",
        "syntax = \"proto3\"; import \"google/protobuf/timestamp.proto\";\n"
        "message Row { uint64 id = 1; double amount = 2; bool paid = 3; bytes raw = 4;\n"
        "repeated int32 counts = 5; map<string, string> labels = 6;\n"
        "google.protobuf.Timestamp at = 7; Row inner = 8; }");
    const RunResult written = of_protobuf.produce(
        {"--topic", of_protobuf.topic, "--format", "protobuf", "--schema", schema, "--subject",
         "shop.ddl_protobuf", "--register",
         of_protobuf.file("o.jsonl", R"({"id":"18446744073709551615","amount":0.5,"paid":true,)"
                                     R"("raw":"\\x00","counts":[1,2],"labels":{"a":"b"},)"
                                     R"("at":"2026-01-31T12:00:00Z","inner":{"id":7}})")});
    REQUIRE_MESSAGE(written.exit_code == 0, written.err);
    load_into_made_table(of_protobuf, "1");
    CHECK(of_protobuf.value("select concat_ws(' ', id, amount, paid, raw, counts, labels, "
                            "at at time zone 'UTC', \"inner\"->>'id') from t") ==
          "18446744073709551615 0.5 t \\x00 {1,2} {\"a\": \"b\"} 2026-01-31 12:00:00 7");

    const Writing of_json("ddl_json", "[ingest.t]\ntopic = 'ddl_json'\n" + pipeline);
    const RunResult lines = of_json.produce(
        {"--topic", of_json.topic, "--format", "json", "--schema",
         of_json.file("row.json", R"({"$schema":"http://json-schema.org/draft-07/schema#",
             "type":"object","properties":{"id":{"type":"integer"},
             "amount":{"type":"number"},"paid":{"type":["boolean","null"]},
             "at":{"type":"string","format":"date-time"},"doc":{"type":"object"},
             "tags":{"type":"array","items":{"type":"string"}}}})"),
         "--subject", "shop.ddl_json", "--register",
         of_json.file("o.jsonl", R"({"id":5,"amount":0.5,"paid":null,"at":"2026-01-31T12:00:00Z",)"
                                 R"("doc":{"a":1},"tags":["x"]})")});
    REQUIRE_MESSAGE(lines.exit_code == 0, lines.err);
    load_into_made_table(of_json, "1");
    CHECK(of_json.value("select concat_ws(' ', id, amount, coalesce(paid::text, 'null'), "
                        "at at time zone 'UTC', doc, tags) from t") ==
          "5 0.5 null 2026-01-31 12:00:00 {\"a\": 1} {x}");
}

TEST_CASE("schema writers: the subject of the keys gives a table its primary key") {
    const Writing it("ddl_key",
                     "[ingest.t]\ntopic = 'ddl_key'\ntable = 't'\nformat = 'avro'\n"
                     "schema = 'registry'\nmode = 'merge'\n");
    const auto registers = [&](const std::string& subject, const std::string& fields) {
        const RunResult result = it.produce(
            {"--topic", it.topic, "--format", "avro", "--subject", subject, "--register",
             "--schema",
             it.file("s.avsc", R"({"type":"record","name":"r","fields":[)" + fields + "]}"),
             it.file("none.jsonl", "")});
        REQUIRE_MESSAGE(result.exit_code == 0, result.err);
    };
    const std::string key = R"({"name":"shop","type":"string"},{"name":"id","type":"long"})";
    registers("ddl_key-value", key + R"(,{"name":"city","type":"string"})");
    registers("ddl_key-key", key);
    const RunResult ddl = run_sluice({"schema", "--from-topic", it.topic, "-c", it.config});
    REQUIRE_MESSAGE(ddl.exit_code == 0, ddl.err);
    shared_postgres().exec(ddl.out, it.topic);
    CHECK(it.value("select pg_get_constraintdef(oid) from pg_constraint where conrelid = "
                   "'t'::regclass and contype = 'p'") == "PRIMARY KEY (shop, id)");
    CHECK(run_sluice({"check", "-c", it.config}).exit_code == 0);
    const RunResult by_subject = run_sluice(
        {"schema", "--from-topic", "other", "--subject", "ddl_key-value", "-c", it.config});
    CHECK_MESSAGE(holds(by_subject.out, "city"), by_subject.err);
}

TEST_CASE("schema writers: check goes on without the registry, and says so") {
    const Writing it("away", "");
    shared_postgres().exec("create table t (id int)", it.topic);
    write_file(it.config, "[kafka]\nbrokers = '" + shared_broker().bootstrap() +
                              "'\n[cloudberry]\ndsn = \"" + shared_postgres().dsn(it.topic) +
                              "\"\n[registry]\nurl = 'http://127.0.0.1:1'\n[ingest.t]\n"
                              "topic = 'away'\ntable = 't'\nformat = 'avro'\n"
                              "schema = 'registry'\n");
    const RunResult check = run_sluice({"check", "-c", it.config});
    CHECK_MESSAGE(check.exit_code == 0, check.err);
    CHECK_MESSAGE(holds(check.out + check.err, "127.0.0.1:1 cannot be reached"), check.out);
    CHECK(holds(check.out, "topic away (2 partitions)"));
}

TEST_CASE(
    "schema writers: an outbox writes Avro of a row's columns, and refuses what does not fit") {
    const Writing it("writers_outbox",
                     "[outbox.events]\ntable = 'outbox'\ntopic = 'writers_outbox'\n"
                     "marks_topic = 'writers_outbox.marks'\npoll = { idle = '20ms' }\n"
                     "value_format = 'avro'\nvalue_subject = 'shop.Order'\n"
                     "value_columns = ['id', 'city', 'amount', 'at']\n");
    shared_postgres().exec(
        "create table outbox (id bigserial primary key, city text, "
        "amount numeric, at timestamptz, created_at timestamptz default now())",
        it.topic);
    const Daemon daemon(it.config);
    shared_postgres().exec(
        "insert into outbox (city, amount, at) values ('Köln', 12.5, "
        "'2026-01-31T12:00:00.25Z'), (null, 0.001, 'epoch'), (null, -3, 'epoch')",
        it.topic);
    wait_until([&] { return holds(daemon.log(), "the registry has no subject \"shop.Order\""); },
               patient(30s), "a relay that waits for the schema");
    CHECK(it.value("select count(*) from outbox") == "3");
    const RunResult check = run_sluice({"check", "-c", it.config});
    CHECK_MESSAGE(holds(check.out, "the registry has no subject \"shop.Order\""), check.out);

    // Nothing is sent by it: it is registered alone.
    const std::string none = it.file("none.jsonl", "");
    const RunResult registered = it.produce({"--topic", it.topic, "--format", "avro", "--schema",
                                             it.file("order.avsc", avro_order), "--subject",
                                             "shop.Order", "--register", none});
    REQUIRE_MESSAGE(registered.exit_code == 0, registered.err);
    wait_until([&] { return it.value("select count(*) from outbox") == "0"; }, patient(30s),
               "an empty outbox");
    CHECK(
        it.read("avro") ==
        R"({"amount": "12.50", "at": "2026-01-31 12:00:00.250000+00:00", "city": "Köln", "id": 1, "tags": []})"
        "\n"
        R"({"amount": "-3.00", "at": "1970-01-01 00:00:00+00:00", "city": null, "id": 3, "tags": []})"
        "\n");
    CHECK(it.value("select id || reason || detail from sluice.refused_event") ==
          "2bad_valuevalue: field \"/amount\": \"0.001\" has more digits behind its point than the "
          "schema has (decimal(12,2)); by shop.Order, version 1");
}

}  // namespace
}  // namespace sluice
