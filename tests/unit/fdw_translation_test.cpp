#include "daemon/imports/fdw_translation.h"

#include "config/load.h"
#include "tests/unit/translation_setup.h"

#include <doctest/doctest.h>

#include <stdlib.h>  // setenv

namespace sluice {
namespace {

using translation_test::configuration_in;

FdwTable csv_table() {
    return {.schema = "public",
            .name = "kafka_test",
            .server = "kafka_server",
            .options = {{"format", "csv"},
                        {"topic", "contrib_regress_csv"},
                        {"batch_size", "1000"},
                        {"buffer_delay", "250"}},
            .columns = {{"part", {{"partition", "true"}}},
                        {"offs", {{"offset", "true"}}},
                        {"some_int", {}},
                        {"junk", {{"junk", "true"}}},
                        {"Some Text", {}},
                        {"junk_err", {{"junk_error", "true"}}},
                        {"some_date", {}}},
            .progress_table = ""};
}

Table target(const std::vector<std::string>& columns) {
    Table table;
    for (const std::string& name : columns) table.columns.emplace_back().name = name;
    return table;
}

FdwTranslation translation(FdwTable table) {
    const std::string pipeline = pipeline_name(table, {});
    return {.server = {.name = "kafka_server",
                       .options = {{"brokers", "k1:9092,k2:9092"}},
                       .mapped_options = {}},
            .database = "demo",
            .dsn = "dbname=demo",
            .sources = {{.table = std::move(table),
                         .pipeline = pipeline,
                         .target = "public.dest",
                         .into = std::nullopt}}};
}

/// "column=source" of each, in order.
std::string mapping(const config::Ingest& ingest) {
    std::string text;
    for (const config::ColumnMapping& column : ingest.columns)
        text += (text.empty() ? "" : ",") + column.column + "=" + column.source.text;
    return text;
}

bool says(const std::string& toml, const std::string& text) {
    return toml.find(text) != std::string::npos;
}

TEST_CASE("fdw translation: partition, offset and junk columns are not CSV fields") {
    FdwTranslation csv = translation(csv_table());
    csv.sources[0].into = target({"part", "offs", "some_int", "Some Text", "some_date"});
    const config::Config config = configuration_in(to_toml(csv));
    CHECK(config.kafka.brokers.text == "k1:9092,k2:9092");
    CHECK(config.cloudberry.dsn.text == "dbname=demo");
    REQUIRE(config.ingest.size() == 1);
    const config::Ingest& ingest = config.ingest[0];
    CHECK(ingest.name == "kafka_test");
    CHECK(ingest.topic == "contrib_regress_csv");
    CHECK(ingest.table == "public.dest");
    CHECK(ingest.format == config::Format::csv);
    CHECK(ingest.batch.rows == 1000);
    CHECK(ingest.batch.delay == std::chrono::milliseconds(250));
    CHECK(ingest.columns.size() == 5);
    CHECK(ingest.columns[2].column == "some_int");
    CHECK(ingest.columns[2].source.position == 1);
    CHECK(ingest.columns[3].column == "Some Text");
    CHECK(ingest.columns[3].source.position == 2);
    CHECK(ingest.columns[4].source.position == 3);
    CHECK(ingest.on_missing == config::OnMissing::null);
    CHECK(ingest.on_invalid == config::OnInvalid::reject);
}

TEST_CASE("fdw translation: columns that the target lacks keep their place in the record") {
    FdwTranslation csv = translation(csv_table());
    csv.sources[0].table.options["strict"] = "true";
    csv.sources[0].into = target({"some_int", "some_date"});
    const std::string toml = to_toml(csv);
    const config::Ingest ingest = configuration_in(toml).ingest.at(0);
    REQUIRE(ingest.columns.size() == 2);
    CHECK(ingest.columns[1].source.position == 3);
    CHECK(ingest.on_missing == config::OnMissing::reject);
    CHECK(ingest.on_extra == config::OnExtra::ignore);
    CHECK(says(toml, "# part = \"@partition\"   the target has no such column"));
}

TEST_CASE("fdw translation: JSON names, also such as look like sources of Sluice's own") {
    FdwTable table = csv_table();
    table.options = {{"format", "json"}, {"topic", "t"}, {"strict", "on"}, {"ignore_junk", ""}};
    table.columns = {{"a", {{"json", "int_val"}}},
                     {"b", {}},
                     {"c", {{"json", "@type"}}},
                     {"d", {{"json", "/x~y"}}},
                     {"e\n\"", {{"json", "with \"quotes\" \\ and\nmore"}}}};
    FdwTranslation json = translation(table);
    const config::Ingest ingest = configuration_in(to_toml(json)).ingest.at(0);
    CHECK(ingest.format == config::Format::json);
    CHECK(mapping(ingest) == "a=int_val,b=b,c=/@type,d=/~1x~0y,e\n\"=with \"quotes\" \\ and\nmore");
    CHECK(ingest.columns[3].source.path == std::vector<std::string>{"/x~y"});
    CHECK(ingest.on_missing == config::OnMissing::reject);
    CHECK(ingest.on_extra == config::OnExtra::reject);
    CHECK(ingest.on_invalid == config::OnInvalid::null);
    CHECK(says(to_toml(json), "# ignore_junk: a value that its column cannot hold becomes NULL"));
}

TEST_CASE("fdw translation: what ended a read of 30 rows does not end a transaction") {
    FdwTable table = csv_table();
    table.options["batch_size"] = "30";
    const std::string toml = to_toml(translation(table));
    const config::Ingest ingest = configuration_in(toml).ingest.at(0);
    CHECK(ingest.batch.rows == config::BatchLimits{}.rows);
    CHECK(ingest.batch.delay == std::chrono::milliseconds(250));
    CHECK(says(toml, "# batch_size 30 ended a read there"));
    CHECK(says(toml, "# this line they have 500 ms."));
}

TEST_CASE("fdw translation: how CSV is written") {
    FdwTable table = csv_table();
    table.options = {{"format", "CSV"}, {"topic", "t"},   {"delimiter", "\t"},
                     {"quote", "'"},    {"escape", "\\"}, {"null", "\\N"}};
    const config::Ingest ingest = configuration_in(to_toml(translation(table))).ingest.at(0);
    CHECK(ingest.csv == config::Csv{'\t', '\'', '\\', "\\N"});
}

TEST_CASE("fdw translation: without a target the file loads and says what is to do") {
    FdwTranslation csv = translation(csv_table());
    csv.sources[0].target.clear();
    const std::string toml = to_toml(csv);
    CHECK(configuration_in(toml).ingest.at(0).table == "target_of_kafka_test");
    CHECK(says(toml, "# TO DO: the table that the import function was given"));
    CHECK(says(toml, "# part = \"@partition\"   if the target has this column"));
}

TEST_CASE("fdw translation: what cannot be carried over is said, secrets are not") {
    FdwTable table = csv_table();
    table.options["num_partitions"] = "4";
    table.options["encoding"] = "latin1";
    table.options["group_id"] = "g";
    table.columns[2].options["force_null"] = "true";
    FdwTranslation csv = translation(table);
    csv.needs_password = true;
    csv.server.options = {{"brokers", "b:9092"},
                          {"mpp_execute", "all segments"},
                          {"security_protocol", "SASL_SSL"},
                          {"sasl_mechanisms", "PLAIN"},
                          {"sasl_username", "me"},
                          {"sasl_password", "very secret"}};
    csv.server.mapped_options = {"user"};
    ::setenv("KAFKA_PASSWORD", "from outside", 1);
    const std::string toml = to_toml(csv);
    const config::Config config = configuration_in(toml);
    ::unsetenv("KAFKA_PASSWORD");
    CHECK(config.kafka.properties.at("security.protocol").text == "SASL_SSL");
    CHECK(config.kafka.properties.at("sasl.password").text == "from outside");
    CHECK_FALSE(says(toml, "secret"));
    for (const char* text : {"# mpp_execute", "# num_partitions", "# encoding latin1",
                             "# option group_id", "# some_int: force_null",
                             "# option user of a user mapping", "# The password was left out"})
        CHECK_MESSAGE(says(toml, text), text);
}

TEST_CASE("fdw translation: a format of its own is left out, and the rest loads") {
    FdwTable table = csv_table();
    table.options["format"] = "protobuf";
    const std::string toml = to_toml(translation(table));
    CHECK(configuration_in(toml).ingest.empty());
    CHECK(says(toml, "\"protobuf\" is not one of Sluice's"));
}

TEST_CASE("fdw translation: pipelines' names are allowed and differ") {
    FdwTable table;
    table.schema = "s";
    table.name = "Bestellungen für \"mich\"";
    CHECK(pipeline_name(table, {}) == "Bestellungen_f__r__mich_");
    table.name = std::string(63, 'x');
    CHECK(pipeline_name(table, {}) == table.name);
    const std::string second = pipeline_name(table, {table.name});
    CHECK(second == "s_" + std::string(61, 'x'));
    CHECK(pipeline_name(table, {table.name, second}).size() == 61);
}

}  // namespace
}  // namespace sluice
