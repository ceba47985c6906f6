#include "daemon/imports/connect_translation.h"

#include "config/load.h"
#include "pipeline/errors.h"
#include "tests/unit/translation_setup.h"

#include <doctest/doctest.h>

#include <stdlib.h>  // setenv

namespace sluice {
namespace {

using translation_test::configuration_in;
using translation_test::tells;

std::string toml_of(const std::string& json) {
    return to_toml(read_connectors(json, "sink.json"));
}

/// What becomes of it, which has to be a configuration.
config::Config translated(const std::string& json) {
    return configuration_in(toml_of(json));
}

const std::string upsert = R"({
  "name": "orders-sink",
  "config": {
    "connector.class": "io.confluent.connect.jdbc.JdbcSinkConnector",
    "tasks.max": "4",
    "topics": "shop.orders",
    "connection.url": "jdbc:postgresql://db-1:5432,db-2/shop?sslmode=require&loginTimeout=5",
    "connection.user": "loader's",
    "connection.password": "secret",
    "insert.mode": "upsert",
    "pk.mode": "record_key",
    "pk.fields": "id",
    "delete.enabled": "true",
    "fields.whitelist": "id, Amount,created",
    "auto.create": "true",
    "batch.size": 3000,
    "table.name.format": "public.orders",
    "key.converter": "org.apache.kafka.connect.json.JsonConverter",
    "value.converter": "io.confluent.connect.avro.AvroConverter",
    "value.converter.schema.registry.url": "http://registry:8081",
    "value.converter.schema.registry.basic.auth.user.info": "reader:secret",
    "consumer.override.bootstrap.servers": "k1:9092,k2:9092",
    "some.new.option": "7"
  }
})";

}  // namespace

TEST_CASE("import from Connect: an upserting JDBC sink becomes a merge with its key and deletes") {
    setenv("REGISTRY_PASSWORD", "hidden", 1);
    const config::Config config = translated(upsert);
    CHECK(config.kafka.brokers.text == "k1:9092,k2:9092");
    CHECK(config.cloudberry.dsn.text ==
          "host='db-1,db-2' port='5432,5432' dbname='shop' sslmode='require' user='loader\\'s'");
    CHECK(config.registry.user.text == "reader");
    REQUIRE(config.ingest.size() == 1);
    const config::Ingest& ingest = config.ingest.front();
    CHECK(ingest.name == "orders-sink");
    CHECK(ingest.topic == config::Topics{"shop.orders"});
    CHECK(ingest.table == "public.orders");
    CHECK(ingest.format == config::Format::avro);
    CHECK(ingest.mode == config::Mode::merge);
    CHECK(ingest.key == std::vector<std::string>{"id"});
    CHECK(ingest.delete_when == config::DeleteWhen::tombstone);
    CHECK(ingest.lanes == 4);
    REQUIRE(ingest.columns.size() == 3);
    CHECK(ingest.columns[0].source.text == "@key/payload/id");
    CHECK(ingest.columns[1].column == "Amount");
    CHECK(ingest.columns[1].source.text == "Amount");
}

TEST_CASE("import from Connect: what has no equal is told line by line, and no secret") {
    const std::string toml = toml_of(upsert);
    CHECK(tells(toml, "# option some.new.option is not carried over\n"));
    CHECK(tells(toml, "# auto.create is not carried over: of a format with types, create = true"));
    CHECK(tells(toml, "# batch.size is not carried over: "));
    CHECK(tells(toml, "# parameter loginTimeout of the URL is not carried over\n"));
    CHECK(tells(toml, "# The password was left out"));
    CHECK(tells(toml, "the group connect-orders-sink"));
    CHECK_FALSE(tells(toml, "secret"));
    CHECK_FALSE(tells(toml, "TO DO"));
}

TEST_CASE("import from Connect: Debezium's sink reads the envelope, a table for each topic") {
    const config::Config config = translated(R"({
      "name": "changes",
      "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
      "topics": "db.public.customers, db.public.Orders",
      "connection.url": "jdbc:postgresql://db/shop",
      "connection.username": "loader",
      "insert.mode": "upsert",
      "primary.key.mode": "record_key",
      "schema.evolution": "basic",
      "value.converter": "org.apache.kafka.connect.json.JsonConverter",
      "consumer.override.auto.offset.reset": "latest",
      "errors.tolerance": "all"
    })");
    REQUIRE(config.ingest.size() == 2);
    const config::Ingest& customers =
        config.ingest[0].topic == config::Topics{"db.public.customers"} ? config.ingest[0]
                                                                        : config.ingest[1];
    const config::Ingest& orders =
        &customers == &config.ingest[0] ? config.ingest[1] : config.ingest[0];
    CHECK(customers.table == "db_public_customers");
    CHECK(orders.table == "\"db_public_Orders\"");
    CHECK(customers.envelope == config::Envelope::debezium);
    CHECK(customers.mode == config::Mode::merge);
    CHECK(customers.start.kind == config::Start::Kind::latest);
    CHECK(customers.filter.has_value());  // Connect did not delete
    CHECK(customers.name == "changes_db_public_customers");
}

TEST_CASE("import from Connect: JSON with its schema, and keys that are positions") {
    const config::Config config = translated(R"([{
      "name": "lines", "config": {
      "connector.class": "io.aiven.connect.jdbc.JdbcSinkConnector",
      "topics.regex": "lines\\..*",
      "connection.url": "jdbc:postgresql:///shop",
      "pk.mode": "kafka",
      "fields.whitelist": "text",
      "table.name.format": "landing.lines",
      "value.converter": "org.apache.kafka.connect.json.JsonConverter",
      "transforms": "route",
      "transforms.route.type": "org.apache.kafka.connect.transforms.RegexRouter",
      "transforms.route.regex": "x"}}])");
    const config::Ingest& ingest = config.ingest.at(0);
    CHECK(ingest.topic.regex == "lines\\..*");
    CHECK(ingest.table == "landing.lines");
    CHECK(ingest.mode == config::Mode::append);
    REQUIRE(ingest.columns.size() == 4);
    CHECK(ingest.columns[1].column == "__connect_partition");
    CHECK(ingest.columns[1].source.text == "@partition");
    CHECK(ingest.columns[3].source.text == "/payload/text");
}

TEST_CASE("import from Connect: what a person has to say is marked") {
    const std::string toml = toml_of(R"({"a": {"info": {"name": "a", "config": {
      "connector.class": "io.confluent.connect.jdbc.JdbcSinkConnector",
      "topics.regex": "shop\\..*",
      "connection.url": "jdbc:oracle:thin:@db"}}},
      "b": {"info": {"name": "b", "config": {"connector.class": "S3SinkConnector"}}}})");
    CHECK(tells(toml, "# TO DO: the brokers are the worker's (bootstrap.servers)."));
    CHECK(tells(toml, "# TO DO: connection.url is none of PostgreSQL's"));
    CHECK(tells(toml, "table = \"{topic}\""));
    CHECK(tells(toml, "# TO DO: value.converter is not in the file"));
    CHECK(tells(toml, "# Connector b (S3SinkConnector) is no JDBC sink"));
    CHECK(config::parse(toml, "made.toml").problems.empty());
}

TEST_CASE("import from Connect: what Connect has hidden or renamed does not slip in") {
    const auto sink = [](const std::string& name, const std::string& options) {
        return "{\"name\": \"" + name + R"(", "config": {
          "connector.class": "io.confluent.connect.jdbc.JdbcSinkConnector",
          "topics": "orders", "consumer.override.bootstrap.servers": "k:9092",
          "key.converter": "org.apache.kafka.connect.storage.StringConverter",
          "value.converter": "io.confluent.connect.avro.AvroConverter",
          "value.converter.schema.registry.url": "http://registry:8081", )" +
               options + "}}";
    };
    const std::string shop = R"("connection.url": "jdbc:postgresql://[::1]:5433/shop")";
    const std::string masked =
        R"(, "transforms": "hide", "transforms.hide.fields": "card",
           "transforms.hide.type": "org.apache.kafka.connect.transforms.MaskField$Value")";
    const config::Config named = translated(
        sink("a", shop + masked + R"(, "fields.whitelist": "id,card,city", "pk.mode": "record_key",
                                       "pk.fields": "id")"));
    CHECK(named.cloudberry.dsn.text == "host='::1' port='5433' dbname='shop'");
    const auto& columns = named.ingest.at(0).columns;
    REQUIRE(columns.size() == 2);
    CHECK(columns[0].source.text == "@key");
    CHECK(columns[1].column == "city");
    CHECK(tells(toml_of(sink("a", shop + masked)), "# TO DO: transform hide hid card; name the"));

    const std::string routed =
        toml_of(sink("a", shop + R"(, "transforms": "route", "transforms.route.type":
                 "org.apache.kafka.connect.transforms.RegexRouter")"));
    CHECK(tells(routed, "table = \"to_do\""));
    CHECK(tells(routed, "# TO DO: transform route ("));

    const std::string two =
        toml_of("[" + sink("a", shop) + "," +
                sink("b", R"("connection.url": "jdbc:postgresql://elsewhere/shop")") + "]");
    CHECK(tells(two, "# TO DO: connector b has another database and is left out"));
    CHECK_FALSE(tells(two, "[ingest.b]"));
}

TEST_CASE("import from Connect: options of transforms and converters are told one by one") {
    const std::string toml = toml_of(R"({"name": "a", "config": {
      "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector", "topics": "orders",
      "connection.url": "jdbc:postgresql:///shop",
      "consumer.override.auto.offset.reset": "none",
      "value.converter": "io.confluent.connect.avro.AvroConverter",
      "value.converter.schema.registry.url": "http://r:8081",
      "value.converter.basic.auth.credentials.source": "USER_INFO",
      "value.converter.schema.registry.ssl.truststore.location": "/trust.jks",
      "key.converter": "org.apache.kafka.connect.json.JsonConverter",
      "key.converter.decimal.format": "NUMERIC",
      "errors.deadletterqueue.topic.name": "dead",
      "errors.deadletterqueue.context.headers.enable": "true",
      "predicates": "p", "predicates.p.type": "TopicNameMatches",
      "transforms": "unwrap,hide,late",
      "transforms.unwrap.type": "io.debezium.transforms.ExtractNewRecordState",
      "transforms.unwrap.delete.tombstone.handling.mode": "rewrite",
      "transforms.unwrap.add.fields": "op,source.ts_ms",
      "transforms.unwrap.route.by.field": "kind",
      "transforms.unwrap.predicate": "p",
      "transforms.unwrap.new.one": "1",
      "transforms.hide.type": "org.apache.kafka.connect.transforms.MaskField$Value",
      "transforms.hide.fields": "card", "transforms.hide.replacement": "x",
      "transforms.late.type": "org.apache.kafka.connect.transforms.Filter",
      "transforms.late.condition": "y"}})");
    for (const char* told :
         {"# option value.converter.schema.registry.ssl.truststore.location is not carried over\n",
          "# option key.converter.decimal.format is", "# consumer.override.auto.offset.reset none",
          "# option errors.deadletterqueue.context.headers.enable is",
          "# option predicates.p.type is",
          "# transforms.unwrap.delete.tombstone.handling.mode is not carried over: where changes",
          "# transforms.unwrap.add.fields is not carried over: columns may be",
          "# TO DO: transforms.unwrap.route.by.field named the tables by kind: say the table",
          "# transforms.unwrap.predicate is not", "# option transforms.unwrap.new.one is not",
          "# transforms.hide.replacement is not", "# TO DO: transform late (",
          "# option transforms.late.condition is not"})
        CHECK(tells(toml, told));
    for (const char* quiet : {"credentials.source", "option transforms.hide.fields",
                              "option value.converter.schema.registry.url"})
        CHECK_FALSE(tells(toml, quiet));
}

TEST_CASE("import from Connect: a registry's password is no part of its URL") {
    setenv("REGISTRY_PASSWORD", "hidden", 1);
    const std::string json = R"({"name": "a", "config": {
      "connector.class": "io.confluent.connect.jdbc.JdbcSinkConnector", "topics.regex": "shop-.*",
      "table.name.format": "landing.${topic}", "connection.url": "jdbc:postgresql:///shop",
      "value.converter": "io.confluent.connect.avro.AvroConverter",
      "value.converter.schema.registry.url": "http://u:secret@r1:8081,http://u:secret@r2:8081"}})";
    CHECK_FALSE(tells(toml_of(json), "secret"));
    const config::Config config = translated(json);
    CHECK(config.registry.user.text == "u");
    CHECK(config.ingest.at(0).table == "landing.{topic}");
    CHECK(tells(toml_of(R"({"name": "a", "config": {
      "connector.class": "io.confluent.connect.jdbc.JdbcSinkConnector", "topics": "orders",
      "connection.url": "jdbc:postgresql:///shop",
      "key.converter.schema.registry.url": "http://r1:8081, http://r2:8081"}})"),
                "url = \"http://r1:8081,http://r2:8081\""));
}

TEST_CASE("import from Connect: what stands around the topic in a table's name is kept") {
    const auto table_of = [](const std::string& pattern) {
        return translated(R"({"connector.class": "JdbcSink", "topics.regex": "shop-.*",
          "connection.url": "jdbc:postgresql:///shop", "table.name.format": ")" +
                          pattern + "\"}")
            .ingest.at(0);
    };
    CHECK(table_of("kafka_${topic}").table == "kafka_{topic}");
    CHECK(table_of("dw.${topic}_raw").table == "dw.{topic}_raw");
    CHECK(table_of("Kafka_${topic}").table == "\"Kafka_{topic}\"");
    CHECK(table_of("${topic}").name == "connector");
}

TEST_CASE("import from Connect: what is no connector is refused") {
    for (const char* wrong : {"", "{", "{}", "[1]", R"({"a": {"b": 1}})", "7"})
        CHECK_THROWS_AS(static_cast<void>(read_connectors(wrong, "sink.json")), WrongConfiguration);
    CHECK_THROWS_WITH_AS(
        static_cast<void>(toml_of(R"({"connector.class": "S3SinkConnector"})")),
        "there is no JDBC sink of Confluent's, Aiven's or Debezium's among the connectors",
        WrongConfiguration);
}

}  // namespace sluice
