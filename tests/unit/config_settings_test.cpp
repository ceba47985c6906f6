#include "config/load.h"
#include "config/revision.h"
#include "config/settings.h"
#include "tests/fixture/source_dir.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>

namespace sluice::config {
namespace {

Config loaded(const std::string& toml) {
    const Loaded loaded = parse(toml, "sluice.toml");
    for (const Problem& problem : loaded.problems) FAIL(to_string(problem));
    return loaded.config;
}

const std::string head = "[kafka]\nbrokers = 'b:1'\n[cloudberry]\ndsn = 'dbname=d password=one'\n";

Pipeline orders(const std::string& keys, const std::string& before = head) {
    const Config config = loaded(before + "[ingest.orders]\ntopic = 'o'\ntable = 't'\n" + keys);
    return pipelines_of(config).at("ingest.orders");
}

std::vector<std::string> texts(const Pipeline& from, const Pipeline& to) {
    std::vector<std::string> texts;
    for (const SettingChange& change : changes_between(settings_of(from), settings_of(to))) {
        texts.push_back(to_string(change));
    }
    return texts;
}

bool restarts(const Pipeline& from, const Pipeline& to) {
    return needs_restart(changes_between(settings_of(from), settings_of(to)));
}

using Texts = std::vector<std::string>;

/// The first cells of the table behind a headline of the documentation: "`batch.rows`".
Texts documented_keys(const std::string& headline) {
    std::ifstream in(sluice::fixture::source_dir() + "/docs/configuration.md");
    Texts keys;
    bool inside = false;
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with('#')) inside = line == headline;
        if (inside && line.starts_with("| `"))
            keys.push_back(line.substr(3, line.find('`', 3) - 3));
    }
    REQUIRE_FALSE(keys.empty());
    return keys;
}

bool has(const Settings& settings, const std::string& key) {
    return std::ranges::any_of(settings, [&](const Setting& setting) {
        return setting.key == key || setting.key.starts_with(key + ".");
    });
}

TEST_CASE("settings: a change names its key, and both values") {
    CHECK(texts(orders(""), orders("")).empty());
    CHECK(texts(orders("batch = { rows = 10, delay = '2s' }"), orders("batch.rows = 20")) ==
          Texts{"batch.delay: 2s → 500ms", "batch.rows: 10 → 20"});
    CHECK(
        texts(orders("columns = { a = 'x', b = 'y' }"), orders("columns = { b = 'z', c = 'y' }")) ==
        Texts{"columns.a: /x → none", "columns.b: /y → /z", "columns.c: none → /y"});
}

TEST_CASE("settings: what is written otherwise and means the same is no change") {
    CHECK(texts(orders("columns = { a = 'x', b = '/y' }\nlanes = 2"),
                orders("columns = { b = { from = 'y' }, a = 'x' }"))
              .empty());
}

TEST_CASE("settings: limits of batches apply in place, what decides about records does not") {
    const Pipeline before = orders("");
    CHECK_FALSE(restarts(before, orders("batch = { rows = 1, bytes = '1KiB', delay = '1s' }")));
    CHECK_FALSE(restarts(before, orders("memory = '1GiB'")));
    CHECK(restarts(before, orders("on_missing = 'reject'")));
    CHECK(restarts(before, orders("", "[kafka]\nbrokers = 'c:1'\n[cloudberry]\ndsn = 'd=1'\n")));
    CHECK_FALSE(restarts(before, orders("", head + "ledger_keep = '2h'\n")));
}

TEST_CASE("settings: a secret is compared and never shown") {
    const Pipeline before = orders("");
    const Pipeline after = orders("",
                                  "[kafka]\nbrokers = 'b:1'\n[cloudberry]\n"
                                  "dsn = 'dbname=d password=two'\n");
    CHECK(texts(before, after) == Texts{"cloudberry.dsn (not shown)"});
    const Settings masked = with_fingerprints(settings_of(before), "salt");
    for (const Setting& setting : masked) {
        CHECK(setting.value.find("password") == std::string::npos);
    }
    CHECK(changes_between(masked, with_fingerprints(settings_of(before), "salt")).empty());
    CHECK(changes_between(masked, with_fingerprints(settings_of(after), "salt")).size() == 1);
}

TEST_CASE("settings: a pipeline's revision follows what decides about its records") {
    const std::string revision = revision_of(orders(""));
    CHECK(revision_of(orders("batch.rows = 3")) == revision);
    CHECK(revision_of(orders("columns = { a = 'x' }")) != revision);
    CHECK(revision_of(orders("", head + "ledger_keep = '2h'\n")) == revision);
}

TEST_CASE("settings: every documented key is there") {
    const Config config =
        loaded(head +
               "[registry]\nurl = 'http://r'\n[segments]\nlisten = '0.0.0.0:1'\nadvertise = 'h'\n"
               "[kafka.properties]\na = 1\n[ingest.orders]\ntopic = 'o'\n"
               "table = 't'\nformat = 'avro'\nschema = 'registry'\ncolumns = { a = 'x' }\n"
               "receipts = { table = 'r' }\nwhere = 'f'\nfields = { f = 'f' }\n"
               "after_commit = { sql = 'ANALYZE' }\nschedule = { run = '02:00-06:00' }\n");
    const Settings pipeline = settings_of(pipelines_of(config).at("ingest.orders"));
    const Settings process = process_settings_of(config);
    for (const std::string& key : documented_keys("## [ingest.NAME]")) {
        CHECK_MESSAGE(has(pipeline, key), key);
    }
    for (const std::string& key : documented_keys("### after_commit")) {
        CHECK_MESSAGE(has(pipeline, "after_commit." + key), key);
    }
    const Config of_several = loaded(head +
                                     "[ingest.orders]\ntopic = 'o'\n"
                                     "[[ingest.orders.into]]\ntable = 't'\n");
    const Settings several = settings_of(pipelines_of(of_several).at("ingest.orders"));
    for (const std::string& key : documented_keys("### Several targets")) {
        // Each of the tables is a target.
        CHECK_MESSAGE((has(several, key) || key == "tables"), key);
    }
    for (const std::string& key : documented_keys("### csv")) {
        CHECK_MESSAGE(has(pipeline, "csv." + key), key);
    }
    for (const std::string& key : documented_keys("### receipts")) {
        CHECK_MESSAGE(has(pipeline, "receipts." + key), key);
    }
    for (const std::string section :
         {"kafka", "cloudberry", "daemon", "admin", "registry", "segments"}) {
        for (const std::string& key : documented_keys("## [" + section + "]")) {
            CHECK_MESSAGE((has(pipeline, section + "." + key) || has(process, section + "." + key)),
                          section << "." << key);
        }
    }
}

}  // namespace
}  // namespace sluice::config
