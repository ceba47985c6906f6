#include "daemon/imports/gpss_translation.h"

#include "config/load.h"
#include "pipeline/errors.h"
#include "tests/unit/translation_setup.h"

#include <doctest/doctest.h>

#include <stdlib.h>  // setenv

namespace sluice {
namespace {

using translation_test::configuration_in;
using translation_test::tells;

std::string toml_of(const std::string& yaml) {
    return to_toml({read_gpss_job(yaml, "job.yaml")});
}

/// What becomes of it, which has to be a configuration.
config::Config translated(const std::string& yaml) {
    setenv("KAFKA_SASL_PASSWORD", "hidden", 1);
    setenv("REGISTRY_PASSWORD", "hidden", 1);
    return configuration_in(toml_of(yaml));
}

const config::ColumnMapping& mapping(const config::Ingest& ingest, const std::string& column) {
    for (const config::ColumnMapping& each : ingest.columns)
        if (each.column == column) return each;
    FAIL("no column " << column);
    return ingest.columns.front();
}

/// Version 2, with keys, changes and nearly all that there is.
const std::string merging = R"(DATABASE: shop
USER: loader
PASSWORD: topsecret
HOST: mdw
PORT: 5433
VERSION: 2
KAFKA:
   INPUT:
     SOURCE:
        BROKERS: k1:9092,k2:9092
        TOPIC: customers
        PARTITIONS: (0, 2...4)
        FALLBACK_OFFSET: earliest
     VALUE:
        COLUMNS:
          - NAME: jdata
            TYPE: json
        FORMAT: avro
        AVRO_OPTION:
          SCHEMA_REGISTRY_ADDR: http://reader:topsecret@r1:8081,http://r2:8081
          BYTES_TO_BASE64: true
     KEY:
        COLUMNS:
          - NAME: k
            TYPE: json
        FORMAT: json
     META:
        COLUMNS:
          - NAME: meta
            TYPE: json
        FORMAT: json
     FILTER: (jdata->>'country')::text = 'AT'
     ERROR_LIMIT: 25
   OUTPUT:
     SCHEMA: crm
     TABLE: customers
     MODE: MERGE
     MATCH_COLUMNS:
       - id
     ORDER_COLUMNS:
       - changed
     UPDATE_COLUMNS:
       - name
       - changed
     UPDATE_CONDITION: customers.locked = false
     DELETE_CONDITION: (jdata->>'op')::text = 'd'
     MAPPING:
       - NAME: id
         EXPRESSION: (k->>'id')::bigint
       - NAME: name
         EXPRESSION: upper(jdata->>'name')
       - NAME: changed
         EXPRESSION: (jdata->>'changed')::timestamp
       - NAME: born
         EXPRESSION: (jdata->'person'->>'born')::date
       - NAME: place
         EXPRESSION: (meta->>'offset')::bigint
   METADATA:
     SCHEMA: gpss
   COMMIT:
     MAX_ROW: 20000
     MINIMAL_INTERVAL: 2000
     CONSISTENCY: strong
   POLL:
     BATCHSIZE: 100
     TIMEOUT: 3000
   TASK:
     POST_BATCH_SQL: ANALYZE crm.customers
     BATCH_INTERVAL: 30
   PROPERTIES:
     security.protocol: sasl_ssl
     sasl.username: loader
     sasl.password: topsecret
     group.id: gpss
     session.timeout.ms: 20000
SCHEDULE:
   MAX_RETRIES: 5
   RUNNING_DURATION: 3h
SOMETHING_NEW: 1
)";

}  // namespace

TEST_CASE("import from GPSS: version 2 merges by its match columns, with order and deletes") {
    const config::Config config = translated(merging);
    CHECK(config.kafka.brokers.text == "k1:9092,k2:9092");
    CHECK(config.kafka.properties.at("sasl.password").text == "hidden");
    CHECK(config.kafka.properties.at("session.timeout.ms").text == "20000");
    CHECK_FALSE(config.kafka.properties.contains("group.id"));
    CHECK(config.cloudberry.dsn.text == "host='mdw' port='5433' dbname='shop' user='loader'");
    CHECK(config.registry.urls.size() == 2);
    CHECK(config.registry.user.text == "reader");
    REQUIRE(config.ingest.size() == 1);
    const config::Ingest& ingest = config.ingest.front();
    CHECK(ingest.name == "customers");
    CHECK(ingest.topic == config::Topics{"customers"});
    CHECK(ingest.table == "crm.customers");
    CHECK(ingest.format == config::Format::avro);
    CHECK(ingest.schema.from == config::Schema::From::registry);
    CHECK(ingest.mode == config::Mode::merge);
    CHECK(ingest.key == std::vector<std::string>{"id"});
    CHECK(ingest.order == "changed");
    REQUIRE(ingest.deletes.has_value());
    CHECK(ingest.deletes->text == "op = 'd'");
    REQUIRE(ingest.filter.has_value());
    CHECK(ingest.filter->text == "(@partition in (0, 2, 3, 4)) and (country = 'AT')");
    CHECK(ingest.batch.rows == 20000);
    CHECK(ingest.batch.delay == std::chrono::milliseconds(2000));
    REQUIRE(ingest.max_rejects.has_value());
    CHECK(ingest.max_rejects->most == 25);
    CHECK(ingest.on_offset_lost == config::OnOffsetLost::earliest);
    REQUIRE(ingest.after_commit.has_value());
    CHECK(ingest.after_commit->sql == "ANALYZE crm.customers");
    CHECK(ingest.after_commit->every == std::chrono::minutes(1));
    CHECK(mapping(ingest, "id").source.text == "@key/id");
    CHECK(mapping(ingest, "born").source.text == "/person/born");
    CHECK(mapping(ingest, "place").source.text == "@offset");
    REQUIRE(ingest.computed.size() == 1);
    CHECK(ingest.computed[0].sql == "upper(jdata->>'name')");
    REQUIRE(ingest.fields.size() == 1);
    CHECK(ingest.fields[0].mapping.column == "jdata");
    CHECK(ingest.fields[0].mapping.source.text == "@value");
    CHECK(ingest.fields[0].type == "json");
}

TEST_CASE("import from GPSS: what has no equal is told with its line, and no secret") {
    const std::string toml = toml_of(merging);
    CHECK_FALSE(tells(toml, "topsecret"));
    CHECK(tells(toml, "# line 3: the password is left out"));
    CHECK(tells(toml, "# line 20: the registry's password is left out"));
    CHECK(tells(toml, "# line 45: TO DO: UPDATE_CONDITION is not carried over: "));
    CHECK(tells(toml, "# line 54: TO DO: column born is not in UPDATE_COLUMNS"));
    CHECK(tells(toml, "# line 58: KAFKA.METADATA is not carried over: Sluice's own tables"));
    CHECK(tells(toml, "# line 63: KAFKA.COMMIT.CONSISTENCY is not carried over: it is exactly"));
    CHECK(tells(toml, "# line 64: KAFKA.POLL is not carried over: "));
    CHECK(tells(toml,
                "# line 73: sasl.password is left out: have it in the environment, as "
                "KAFKA_SASL_PASSWORD"));
    CHECK(tells(toml, "# line 74: \"group.id\" cannot be set in [kafka.properties]: "));
    CHECK(tells(toml, "# line 78: SCHEDULE.RUNNING_DURATION is not carried over: schedule"));
    CHECK(tells(toml, "# line 79: SOMETHING_NEW is not carried over\n"));
}

TEST_CASE("import from GPSS: version 1 maps CSV's columns by their names") {
    const config::Config config = translated(R"(
DATABASE: ops
USER: gpadmin
HOST: mdw
PORT: 5432
KAFKA:
  INPUT:
    SOURCE:
      BROKERS: localhost:9092
      TOPIC: expenses
    COLUMNS:
      - NAME: cust_id
        TYPE: int
      - NAME: __IGNORED__
        TYPE: int
      - NAME: "Amount"
        TYPE: decimal(9,2)
    FORMAT: csv
    ERROR_LIMIT: 5%
  OUTPUT:
    TABLE: '"Expenses"'
  COMMIT:
    MINIMAL_INTERVAL: 500
)");
    const config::Ingest& ingest = config.ingest.at(0);
    CHECK(ingest.table == "public.\"Expenses\"");
    CHECK(ingest.format == config::Format::csv);
    CHECK(ingest.on_missing == config::OnMissing::reject);
    REQUIRE(ingest.columns.size() == 2);
    CHECK(mapping(ingest, "cust_id").source.position == 1);
    CHECK(mapping(ingest, "amount").source.position == 3);
    REQUIRE(ingest.max_rejects.has_value());
    CHECK(ingest.max_rejects->text == "5%");
}

TEST_CASE("import from GPSS: a number that is none is said by its line") {
    const std::string toml = toml_of(R"(
DATABASE: ops
HOST: mdw
KAFKA:
  INPUT:
    SOURCE:
      BROKERS: k:9092
      TOPIC: t
    COLUMNS:
      - NAME: jdata
        TYPE: json
    FORMAT: json
    ERROR_LIMIT: 5
  OUTPUT:
    TABLE: t
  COMMIT:
    MAX_ROW: many
    MINIMAL_INTERVAL: 5s
  TASK:
    POST_BATCH_SQL: ANALYZE t
    BATCH_INTERVAL: often
)");
    CHECK(tells(toml, "17: TO DO: max_row many is not understood"));
    CHECK(tells(toml, "18: TO DO: minimal_interval 5s is not understood"));
    CHECK(tells(toml, "21: TO DO: batch_interval often is not understood"));
}

TEST_CASE("import from GPSS: version 3 reads delimited text, with SQL over its fields") {
    const config::Config config = translated(R"(
version: v3
targets:
- gpdb:
    host: mdw
    port: 15432
    user: gpadmin
    password: topsecret
    database: ops
    work_schema: gpss
    error_limit: 0
    filter_expression: length(name) > 2
    tables:
      - table: lines
        schema: landing
        mode:
          update:
            match_columns: [id]
            update_columns: [name, total]
        mapping:
          id: id
          name: name
          total: price * 2
          city: city
        filter: price > 1
sources:
- kafka:
    topic: lines
    brokers: k1:9092
    value_content:
      delimited:
        columns:
          - name: id
            type: int
          - name: name
            type: text
          - name: price
            type: numeric(9,2)
          - name: city
            type: text
        delimiter: "\t"
    rdkafka_prop:
      fetch.wait.max.ms: 100
    task:
      batch_size:
        max_count: 0
        interval_ms: 3000
    consistency: at-least
    fallback_offset: latest
option:
  schedule:
    max_retries: 3
  alert:
    command: /bin/mail
)");
    const config::Ingest& ingest = config.ingest.at(0);
    CHECK(ingest.table == "landing.lines");
    CHECK(ingest.mode == config::Mode::update);
    CHECK(ingest.csv.delimiter == '\t');
    CHECK(ingest.csv.quote == '\x01');
    CHECK(ingest.on_reject == config::OnReject::stop);
    CHECK(ingest.where == "length(name) > 2");
    REQUIRE(ingest.filter.has_value());
    CHECK(ingest.filter->text == "\"3\" > 1");
    CHECK(ingest.columns.size() == 2);  // city is not updated
    REQUIRE(ingest.computed.size() == 1);
    CHECK(ingest.computed[0].sql == "price * 2");
    REQUIRE(ingest.fields.size() == 1);
    CHECK(ingest.fields[0].mapping.source.position == 3);
    CHECK(ingest.fields[0].type == "numeric(9,2)");
    CHECK(ingest.batch.delay == std::chrono::seconds(3));
    CHECK(ingest.batch.rows == 50000);
    CHECK(config.kafka.properties.at("fetch.wait.max.ms").text == "100");
}

/// FlowServer's, with two tables.
const std::string flow = R"(version: v1.0
source:
  kafka:
    brokers:
      - k1:9092
      - k2:9092
    topic: orders
    partitions: [1, 2]
    value:
      json:
        column:
          name: value
          type: jsonb
    control:
      consistency: exactly-once
      fallback_offset: earliest
    metadata:
      columns: [x]
    task:
      batch_size:
        interval_ms: 1000
      prepare_statement: SELECT 1
target:
  database:
    host: localhost
    dbname: shop
    staging_schema: public
    error_limit: "5"
    tables:
    - table: orders_detail
      mapping:
        name: (value->>'name')::text
        qty: (value->>'qty')::int
    - table: orders_summary
      schema: public
      mode:
        merge:
          match_columns:
            - name
          delete_condition: value is null
      mapping:
        name: value->>'name'
        body: value
        qty: (value->>'qty')::int + 1
)";

TEST_CASE("import from GPSS: FlowServer's tables are targets of one pipeline") {
    const config::Config config = translated(flow);
    CHECK(config.kafka.brokers.text == "k1:9092,k2:9092");
    const config::Ingest& ingest = config.ingest.at(0);
    REQUIRE(ingest.into.size() == 2);
    CHECK(ingest.into[0].table == "public.orders_detail");
    CHECK(ingest.into[0].mode == config::Mode::append);
    CHECK(ingest.into[0].columns.size() == 2);
    CHECK(ingest.into[0].fields.empty());
    CHECK(ingest.into[0].filter->text == "@partition in (1, 2)");
    CHECK(ingest.into[1].mode == config::Mode::merge);
    CHECK(ingest.into[1].delete_when == config::DeleteWhen::tombstone);
    CHECK(ingest.into[1].computed.at(0).sql == "(value->>'qty')::int + 1");
    CHECK(ingest.into[1].fields.at(0).mapping.column == "value");
    CHECK(ingest.into[1].fields.at(0).type == "jsonb");
    const std::string toml = toml_of(flow);
    CHECK(tells(toml, "# line 40: TO DO: a tombstone has only its record's key"));
    CHECK(tells(toml, "# line 17: TO DO: metadata of records: "));
    CHECK(tells(toml, "# line 22: source.kafka.task.prepare_statement is not carried over: "));
}

TEST_CASE("import from GPSS: a column that has the name of another field is SQL itself") {
    const config::Config config = translated(R"(
version: v1.0
source: {kafka: {brokers: [b], topic: t, value: {csv: {columns: [{name: a, type: int},
  {name: b, type: int}], force_not_null: b, fill_missing_fields: true}}}}
target: {database: {dbname: d, tables: [{table: t, mapping: {a: b, c: a + 1}}]}}
)");
    const config::Ingest& ingest = config.ingest.at(0);
    CHECK(ingest.columns.empty());
    REQUIRE(ingest.computed.size() == 2);
    CHECK(ingest.computed[0].sql == "b");
    REQUIRE(ingest.fields.size() == 2);
    CHECK(ingest.fields[1].mapping.default_value == "");
    CHECK(ingest.on_missing == config::OnMissing::null);
}

TEST_CASE("import from GPSS: a key by SQL is left to a person, and does not pass as done") {
    const std::string toml = toml_of(R"yaml(
version: v1.0
source: {kafka: {brokers: [b], topic: t, value: {json: {column: {name: v, type: json}}}}}
target: {database: {dbname: d, tables: [{table: t,
  mode: {merge: {match_columns: [id], delete_condition: "v->>'name' > 'm'"}},
  mapping: {id: "lower(v->>'id')", n: "v->>'n'"}}]}}
)yaml");
    CHECK(tells(toml, "TO DO: column id = lower(v->>'id') is SQL"));
    CHECK(tells(toml, "TO DO: DELETE_CONDITION is not carried over, and nothing is deleted"));
    const auto problems = config::parse(toml, "made.toml").problems;
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].text.find("\"key\"") != std::string::npos);
}

TEST_CASE("import from GPSS: templates are marked, and several files share what they can") {
    const std::string job = R"(
version: v1.0
source: {kafka: {brokers: [b], topic: TOPIC, value: {binary: {source_column_name: raw}}}}
target: {database: {dbname: NAME, password: {{pw}}, tables: [{table: '{{ table }}'}]}}
)";
    const auto with = [&](std::string yaml, const std::string& topic, const std::string& name) {
        yaml.replace(yaml.find("TOPIC"), 5, topic);
        yaml.replace(yaml.find("NAME"), 4, name);
        return read_gpss_job(yaml, topic + ".yaml");
    };
    const std::string toml =
        to_toml({with(job, "a", "d"), with(job, "a", "d"), with(job, "c", "elsewhere")});
    CHECK(
        tells(toml, "# line 4: TO DO: to_do_table stands for {{table}}, which gpsscli filled in"));
    CHECK(tells(toml, "# TO DO: c.yaml has another database and is left out"));
    const config::Config config = config::parse(toml, "made.toml").config;
    REQUIRE(config.ingest.size() == 2);
    CHECK(config.ingest[1].name == "a_to_do_table");
    CHECK(config.ingest[0].format == config::Format::binary);
    CHECK(config.ingest[0].columns.at(0).column == "raw");
    CHECK(config.ingest[0].columns.at(0).source.text == "@value");
}

TEST_CASE("import from GPSS: what is no such file is refused, with its place") {
    const auto refused = [](const std::string& yaml) {
        try {
            return toml_of(yaml);
        } catch (const WrongConfiguration& wrong) {
            return std::string(wrong.what());
        }
    };
    CHECK(refused("a: [1").starts_with("job.yaml:1:"));
    CHECK(refused("a: [1").find(": is no YAML: ") != std::string::npos);
    CHECK(refused("").starts_with("job.yaml: is no load configuration file"));
    CHECK(refused("- 1").starts_with("job.yaml: is no load configuration file"));
    CHECK(refused("RABBITMQ: {}").starts_with("job.yaml: is no load configuration file"));
    CHECK(refused("[a]: b").find("a key is not a plain text") != std::string::npos);
    CHECK(refused("version: v1.0\nsource:\n  rabbitmq: {queue: q}\ntarget: {database: {}}") ==
          "job.yaml:2: its source is not Kafka: not read");
    CHECK(refused("KAFKA: {INPUT: {SOURCE: {TOPIC: t}}}") == "job.yaml:1: names no table");
    CHECK(refused("KAFKA:\n  INPUT:\n    SOURCE: {TOPIC: t}\n    FORMAT: custom\n"
                  "    CUSTOM_OPTION: {NAME: f}\n  OUTPUT: {TABLE: t}")
              .starts_with("job.yaml:4: format \"custom\" is a formatter of the database's own"));
    std::string bomb = "a: &a [1,1,1,1,1,1,1,1,1,1]\n";
    for (char c = 'b'; c < 'i'; ++c)
        bomb += std::string(1, c) + ": &" + c + " [*" + std::string(1, c - 1) + std::string(",*") +
                std::string(1, c - 1) + ",*" + std::string(1, c - 1) + ",*" +
                std::string(1, c - 1) + ",*" + std::string(1, c - 1) + "]\n";
    CHECK(refused(bomb) == "job.yaml: is too large, or nested too deeply");
}

}  // namespace sluice
