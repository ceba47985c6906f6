#include "config/load.h"
#include "tests/fixture/source_dir.h"
#include "tests/fixture/temp_dir.h"

#include <doctest/doctest.h>
#include <stdlib.h>  // setenv

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::config {
namespace {

struct Example {
    int line;  ///< of its first line in the document
    std::string toml;
};

/// The blocks that begin with this line.
std::vector<Example> examples_in(const std::string& document, const std::string& begin) {
    std::ifstream in(sluice::fixture::source_dir() + "/" + document);
    REQUIRE_MESSAGE(in, "cannot read " << document);
    std::vector<Example> examples;
    bool inside = false;
    int number = 0;
    for (std::string line; std::getline(in, line);) {
        ++number;
        if (inside && line.starts_with("```")) {
            inside = false;
        } else if (inside) {
            examples.back().toml += line + '\n';
        } else if (line == begin) {
            inside = true;
            examples.push_back({.line = number + 1, .toml = {}});
        }
    }
    return examples;
}

std::vector<Loaded> load_examples(const std::string& document) {
    setenv("POD_NAME", "sluice-0", 1);
    setenv("KAFKA_PASSWORD", "hidden", 1);
    setenv("REGISTRY_PASSWORD", "hidden", 1);
    setenv("SLUICE_TOKEN", "long enough for a token", 1);
    setenv("SLUICE_SQL_SECRET", "long enough for a secret, as it has to be", 1);
    std::vector<Loaded> all;
    for (const Example& example : examples_in(document, "```toml complete")) {
        all.push_back(parse(example.toml, document + ":" + std::to_string(example.line)));
        for (const Problem& problem : all.back().problems) FAIL_CHECK(to_string(problem));
    }
    return all;
}

TEST_CASE("documentation: its complete examples load without a problem") {
    CHECK(load_examples("docs/configuration.md").size() == 2);
}

TEST_CASE("documentation: each recipe's pipelines load without a problem") {
    const std::vector<Example> recipes = examples_in("docs/recipes.md", "```toml");
    CHECK(recipes.size() >= 14);
    for (const Example& recipe : recipes) {
        const Loaded loaded =
            parse("kafka.brokers = \"localhost:9092\"\ncloudberry.dsn = \"host=localhost\"\n" +
                      recipe.toml,
                  "docs/recipes.md:" + std::to_string(recipe.line));
        for (const Problem& problem : loaded.problems) FAIL_CHECK(to_string(problem));
    }
}

TEST_CASE("documentation: each recipe is run by a test") {
    const std::filesystem::path root = sluice::fixture::source_dir();
    std::string tests;
    for (const auto& file : std::filesystem::directory_iterator(root / "tests/component"))
        if (file.path().extension() == ".cpp") tests += sluice::fixture::read_file(file.path());
    std::istringstream recipes(sluice::fixture::read_file(root / "docs/recipes.md"));
    std::string heading;
    for (std::string line; std::getline(recipes, line);) {
        if (line.starts_with("## ")) heading = line.substr(3);
        if (line == "```toml")
            CHECK_MESSAGE(tests.find("Recipe recipe(\"" + heading + "\")") != std::string::npos,
                          heading);
    }
}

TEST_CASE("documentation: the full example says what it means to") {
    const auto examples = load_examples("docs/configuration.md");
    const Config& config = examples.at(1).config;
    CHECK(config.kafka.instance == "sluice-0");
    CHECK(config.kafka.properties.at("sasl.password") == Secret{"hidden", true});
    CHECK(config.kafka.properties.at("security.protocol") == Secret{"sasl_ssl", false});
    REQUIRE(config.ingest.size() == 2);

    // Everything that the example spells out is the default, save start, columns and
    // receipts.
    Ingest orders;
    orders.topic = orders.name = "orders";
    orders.table = "public.orders";
    orders.group = "sluice.orders";
    orders.start = {.kind = Start::Kind::time, .time_ms = 1767225600000};
    orders.columns = config.ingest[0].columns;
    orders.receipts = Receipts{.table = "public.outbox", .topic = "orders.committed"};
    CHECK(config.ingest[0] == orders);
    CHECK(orders.columns.size() == 9);

    const Ingest& readings = config.ingest[1];
    CHECK(readings.table == "iot.\"Readings\"");
    CHECK(readings.csv == Csv{';', '"', '"', "NULL"});
    REQUIRE(readings.columns.size() == 3);
    CHECK(readings.columns[2].source.position == 2);
    CHECK(readings.columns[2].as == Conversion::epoch_s);

    // The same holds for the outbox, save what it reads.
    REQUIRE(config.outbox.size() == 1);
    Outbox events;
    events.name = "events";
    events.table = "public.outbox";
    events.order = "created_at";
    events.columns = config.outbox[0].columns;
    events.headers = {{.header = "id", .column = "id"}};
    CHECK(config.outbox[0] == events);
    CHECK(events.columns.timestamp == "created_at");
}

}  // namespace
}  // namespace sluice::config
