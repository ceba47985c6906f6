#include "tests/unit/config_setup.h"

#include <doctest/doctest.h>

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace sluice::config::test {
namespace {

const std::string order_schema =
    R"({"type":"record","name":"order","fields":[{"name":"id","type":"long"}]})";

/// A folder with a configuration's files.
struct Folder {
    Folder() {
        std::filesystem::create_directories(path / "protos/shop");
        write("order.avsc", order_schema);
        write("bad.avsc", R"({"type":"lang"})");
        write("protos/shop/order.proto",
              "syntax = 'proto3'; package shop; import 'shop/item.proto'; "
              "message Order { Item item = 1; } message Other {}");
        write("protos/shop/item.proto", "syntax = 'proto3'; package shop; message Item {}");
    }
    ~Folder() { std::filesystem::remove_all(path); }
    void write(const std::string& name, const std::string& content) const {
        std::ofstream(path / name) << content;
    }
    [[nodiscard]] Loaded load(const std::string& lines) const {
        return parse(pipeline + lines, (path / "sluice.toml").string());
    }
    [[nodiscard]] std::string problem(const std::string& lines) const {
        const Loaded loaded = load(lines);
        REQUIRE(loaded.problems.size() == 1);
        return loaded.problems[0].text;
    }

    std::filesystem::path path = std::filesystem::temp_directory_path() /
                                 ("sluice_schema_test_" + std::to_string(::getpid()));
};

TEST_CASE("config: a schema comes from a file, which is watched and counts by its content") {
    const Folder folder;
    const std::string lines =
        "format = 'avro'\nschema = { file = 'order.avsc', wire = 'registry' }\n";
    const Loaded loaded = folder.load(lines);
    REQUIRE(loaded.problems.empty());
    const Schema& schema = loaded.config.ingest.at(0).schema;
    CHECK(schema.from == Schema::From::file);
    CHECK(schema.wire == Schema::Wire::registry);
    CHECK(schema.files.at(0).text == order_schema);
    CHECK(std::ranges::find(loaded.files, folder.path / "order.avsc") != loaded.files.end());
    folder.write("order.avsc", order_schema + " ");
    CHECK(folder.load(lines).config.revision != loaded.config.revision);
}

TEST_CASE("config: a proto file brings its imports, from its folder or one around it") {
    const Folder folder;
    const std::string file = "format = 'protobuf'\nschema = { file = 'protos/shop/order.proto'";
    const Loaded loaded = folder.load(file + ", message = 'Order' }\n");
    REQUIRE(loaded.problems.empty());
    const Schema& schema = loaded.config.ingest.at(0).schema;
    REQUIRE(schema.files.size() == 2);
    CHECK(schema.files[1].name == "shop/item.proto");
    CHECK(schema.message == "Order");
    CHECK(contains(folder.problem(file + " }\n"), "Order"));
    CHECK(contains(folder.problem(file + ", message = 'Item' }\n"), "Item"));
    std::filesystem::remove(folder.path / "protos/shop/item.proto");
    CHECK(contains(folder.problem(file + ", message = 'Order' }\n"), "item.proto\": No such file"));
}

TEST_CASE("config: keys have a format and a schema of their own") {
    const Folder folder;
    const std::string lines =
        "key_format = 'avro'\nkey_schema = 'registry'\non_unknown_schema = 'dead_letter'\n";
    CHECK(contains(folder.problem(lines), "none is configured; add [registry] with its url"));
    const Loaded loaded = folder.load(lines + "[registry]\nurl = 'http://registry:8081'\n");
    REQUIRE(loaded.problems.empty());
    const Ingest& ingest = loaded.config.ingest.at(0);
    CHECK(ingest.key_format == Format::avro);
    CHECK(ingest.key_schema.from == Schema::From::registry);
    CHECK(ingest.on_unknown_schema == OnUnknownSchema::dead_letter);
    CHECK(ingest.schema.from == Schema::From::none);
}

TEST_CASE("config: schemas that are missing, wrong or without a meaning are told") {
    const Folder folder;
    CHECK(folder.problem("format = 'avro'\n") ==
          "format = \"avro\" needs a schema; add schema = \"registry\", or schema = { file = "
          "\"customer.avsc\" }");
    CHECK(folder.problem("key_format = 'protobuf'\n") ==
          "key_format = \"protobuf\" needs a schema; add key_schema = \"registry\", or key_schema "
          "= { file = \"shop.proto\", message = \"shop.Customer\" }");
    CHECK(folder.problem("format = 'avro'\nschema = 'order.avsc'\n") ==
          "\"schema\" must be \"registry\", or a file: { file = \"customer.avsc\" }");
    CHECK(contains(folder.problem("schema = { file = 'order.avsc' }\n"),
                   "JSON is read without a schema"));
    CHECK(folder.problem("format = 'csv'\nschema = 'registry'\n") ==
          "\"schema\" has no meaning for format = \"csv\"; remove it");
    CHECK(contains(folder.problem("format = 'avro'\nschema = { file = 'none.avsc' }\n"),
                   "none.avsc\": No such file"));
    CHECK(contains(folder.problem("format = 'avro'\nschema = { file = 'bad.avsc' }\n"),
                   "schema \"bad.avsc\": not an Avro schema: "));
    CHECK(contains(folder.problem("on_unknown_schema = 'stop'\n"), "remove it"));
    CHECK(
        contains(folder.problem("schema = 'registry'\non_unknown_schema = 'stop'\n"), "remove it"));
    CHECK(contains(
        folder.problem("format = 'avro'\nschema = { file = 'order.avsc', message = 'x' }\n"),
        "\"message\" is for Protobuf"));
}

TEST_CASE("config: an envelope brings sources and conversions of its own") {
    const std::string columns =
        "[ingest.orders.columns]\nid = 'id'\nop = '@op'\nold = '@before/id'\n"
        "lsn = '@source/lsn'\nprice = { from = 'price', as = { decimal = 2 } }\n"
        "day = { from = 'day', as = 'epoch_days' }\n";
    const Ingest ingest = accepted_pipeline("envelope = 'debezium'\n" + columns);
    CHECK(ingest.envelope == Envelope::debezium);
    CHECK(ingest.columns.at(1).source.path == std::vector<std::string>{"op"});
    CHECK(ingest.columns.at(2).source.path == std::vector<std::string>{"before", "id"});
    CHECK(ingest.columns.at(4).as == Conversion::decimal);
    CHECK(ingest.columns.at(4).scale == 2);
    CHECK(contains(problem_of(pipeline + "[ingest.orders.columns]\nop = '@op'\n"),
                   "\"@op\" is of a change event; add envelope = \"debezium\""));
    CHECK(contains(problem_of(pipeline + "format = 'csv'\nenvelope = 'debezium'\n"),
                   "\"envelope\" is for JSON and Avro"));
    CHECK(contains(problem_of(pipeline + "envelope = 'debezium'\non_extra = 'reject'\n"),
                   "cannot be told of rows within an envelope"));
    CHECK(contains(problem_of(pipeline + "[ingest.orders.columns]\na = { from = 'a', as = { } }\n"),
                   "decimal"));
}

}  // namespace
}  // namespace sluice::config::test
