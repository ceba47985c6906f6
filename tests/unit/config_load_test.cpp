#include "config/instance.h"
#include "tests/unit/config_setup.h"

#include <doctest/doctest.h>
#include <stdlib.h>  // setenv

#include <algorithm>

namespace sluice::config {
namespace {

using namespace std::chrono_literals;
using namespace test;

TEST_CASE("config: the smallest file has the documented defaults") {
    const Config config = accepted(pipeline);
    CHECK(config.kafka.brokers == Secret{"b:9092", false});
    CHECK(config.kafka.instance == of_the_host);
    CHECK(config.cloudberry.dsn == Secret{"dbname=d", false});
    CHECK(config.cloudberry.schema == "sluice");
    CHECK(config.cloudberry.ledger_keep == 24h * 30);
    CHECK(config.daemon == Daemon{});
    Ingest expected;
    expected.name = "orders";
    expected.topic = "orders";
    expected.table = "public.orders";
    expected.group = "sluice.orders";
    CHECK(config.ingest == std::vector{expected});
}

TEST_CASE("config: no pipeline at all is fine") {
    CHECK(accepted(head).ingest.empty());
}

TEST_CASE("config: every key of [cloudberry] and [daemon]") {
    const Config config = accepted(kafka +
                                   "[cloudberry]\ndsn = 'host=h'\nschema = 's_1'\n"
                                   "ledger_keep = '2h'\n[daemon]\ndrain_deadline = '5s'\n"
                                   "log_level = 'debug'\nlog_format = 'json'\n");
    CHECK(config.cloudberry == Cloudberry{{"host=h", false}, "s_1", 2h});
    CHECK(config.daemon == Daemon{5s, "debug", "json"});
}

TEST_CASE("config: every key of a pipeline") {
    const Ingest ingest = accepted_pipeline(
        "format = 'csv'\nstart = 'latest'\nlanes = 3\nmemory = '1GiB'\ngroup = 'g'\n"
        "batch = { rows = 7, bytes = '1MiB', delay = '2s' }\non_reject = 'stop'\n"
        "on_missing = 'reject'\non_empty = 'load'\non_extra = 'reject'\non_invalid = 'null'\n"
        "reject_after = 'never'\n"
        "on_tombstone = 'reject'\non_offset_lost = 'earliest'\n"
        "csv = { delimiter = ';', quote = \"'\", escape = '\\', null = 'NULL' }\n"
        "columns = { b = 2, a = '@key' }\nreceipts = { table = 'o', topic = 't' }\n");
    CHECK(ingest.receipts == Receipts{"o", "t"});
    CHECK(ingest.format == Format::csv);
    CHECK(ingest.start == Start{Start::Kind::latest, 0});
    CHECK(ingest.lanes == 3);
    CHECK(ingest.memory == 1u << 30);
    CHECK(ingest.group == "g");
    CHECK(ingest.batch == BatchLimits{7, 1u << 20, 2s});
    CHECK(ingest.on_reject == OnReject::stop);
    CHECK(ingest.on_missing == OnMissing::reject);
    CHECK(ingest.on_empty == OnEmpty::load);
    CHECK(ingest.on_extra == OnExtra::reject);
    CHECK(ingest.on_invalid == OnInvalid::null);
    CHECK_FALSE(ingest.reject_after);
    CHECK(ingest.on_tombstone == OnTombstone::reject);
    CHECK(ingest.on_offset_lost == OnOffsetLost::earliest);
    CHECK(ingest.csv == Csv{';', '\'', '\\', "NULL"});
    REQUIRE(ingest.columns.size() == 2);
    CHECK(ingest.columns[0].column == "b");  // the file's order
    CHECK(ingest.columns[0].source.position == 2);
    CHECK(ingest.columns[1].source.kind == Source::Kind::key);
}

TEST_CASE("config: pipelines come by name, columns in the order of the file") {
    const Config config =
        accepted(head +
                 "[ingest.b]\ntopic = 't'\ntable = 't'\n[ingest.a]\ntopic = 't'\ntable = 't'\n"
                 "[ingest.a.columns]\nz = 'z'\ny = 'y'\n[ingest.a.columns.x]\nfrom = 'x'\n");
    REQUIRE(config.ingest.size() == 2);
    CHECK(config.ingest[0].name == "a");
    CHECK(config.ingest[1].name == "b");
    REQUIRE(config.ingest[0].columns.size() == 3);
    CHECK(config.ingest[0].columns[0].column == "z");
    CHECK(config.ingest[0].columns[1].column == "y");
    CHECK(config.ingest[0].columns[2].column == "x");
}

TEST_CASE("config: start is a word or a time, as a string or as TOML's own") {
    const auto start_of = [](const std::string& value) {
        return accepted_pipeline("start = " + value + "\n").start;
    };
    const Start noon{Start::Kind::time, 1769860800000};
    CHECK(start_of("'earliest'") == Start{});
    CHECK(start_of("'2026-01-31T12:00:00Z'") == noon);
    CHECK(start_of("2026-01-31T12:00:00Z") == noon);
    CHECK(start_of("2026-01-31 13:00:00+01:00") == noon);
    CHECK(problem_of(pipeline + "start = 2026-01-31T12:00:00\n") ==
          "sluice.toml:8:9: \"start\" must be earliest, latest or a time since 1970 with its "
          "offset from UTC, such as \"2026-01-31T12:00:00Z\", not 2026-01-31T12:00:00");
    CHECK(contains(problem_of(pipeline + "start = 12:00:00\n"), "not 12:00:00"));
    CHECK(contains(problem_of(pipeline + "start = '1969-12-31T00:00:00Z'\n"), "since 1970"));
    CHECK(contains(problem_of(pipeline + "start = 5\n"), "\"start\" must be a string"));
}

TEST_CASE("config: max_rejects is a number or a share") {
    using Unit = MaxRejects::Unit;
    CHECK_FALSE(accepted_pipeline("").max_rejects);
    CHECK(accepted_pipeline("max_rejects = 1000").max_rejects ==
          MaxRejects{.unit = Unit::records, .most = 1000, .text = "1000"});
    CHECK(accepted_pipeline("max_rejects = '0.5%'").max_rejects ==
          MaxRejects{.unit = Unit::percent, .most = 0.5, .text = "0.5%"});
    for (const std::string wrong : {"-1", "'1000'", "'0%'", "'100%'", "'1 %'", "'%'"})
        CHECK(contains(problem_of(pipeline + "max_rejects = " + wrong + "\n"),
                       "\"max_rejects\" must be a number of records, such as 1000, or a share of "
                       "them between 0% and 100%, such as \"1%\", not "));
    CHECK(contains(problem_of(pipeline + "on_reject = 'stop'\nmax_rejects = 5\n"),
                   "on_reject = \"stop\" permits none"));
}

TEST_CASE("config: the long form of a column") {
    const Ingest ingest = accepted_pipeline(
        "[ingest.orders.columns]\na = { from = '/ts', as = 'epoch_ms', default = 'now' }\n"
        "b = { from = 'b', default = 5 }\nc = { from = 'c', default = 1.5 }\n"
        "d = { from = 'd', default = true }\ne = { from = '@value', as = 'base64' }\n"
        "f = { from = 'f', default = 2026-01-31 }\ng = { from = 'g' }\n");
    REQUIRE(ingest.columns.size() == 7);
    CHECK(ingest.columns[0].source.path == std::vector<std::string>{"ts"});
    CHECK(ingest.columns[0].as == Conversion::epoch_ms);
    CHECK(ingest.columns[0].default_value == "now");
    CHECK(ingest.columns[1].default_value == "5");
    CHECK(ingest.columns[2].default_value == "1.5");
    CHECK(ingest.columns[3].default_value == "true");
    CHECK(ingest.columns[4].as == Conversion::base64);
    CHECK(ingest.columns[5].default_value == "2026-01-31");
    CHECK_FALSE(ingest.columns[6].default_value);
    const std::pair<std::string, Conversion> words[] = {{"epoch_s", Conversion::epoch_s},
                                                        {"epoch_us", Conversion::epoch_us},
                                                        {"hex", Conversion::hex},
                                                        {"json", Conversion::json}};
    for (const auto& [word, conversion] : words) {
        const auto one = accepted_pipeline("columns = { a = { from = 'a', as = '" + word + "' } }");
        CHECK(one.columns.at(0).as == conversion);
    }
}

TEST_CASE("config: after_commit is SQL, once a minute unless it says otherwise") {
    CHECK(accepted_pipeline("after_commit = { sql = 'ANALYZE t' }").after_commit ==
          AfterCommit{.sql = "ANALYZE t", .every = std::chrono::minutes(1)});
    CHECK(accepted_pipeline("after_commit = { sql = 'ANALYZE t', every = '5m' }")
              .after_commit->every == std::chrono::minutes(5));
    CHECK(contains(problem_of(pipeline + "after_commit = { every = '5m' }\n"), "sql"));
    CHECK(
        contains(problem_of(pipeline + "after_commit = { sql = 'x', every = '10ms' }\n"), "every"));
}

TEST_CASE("config: what columns hide") {
    setenv("CONFIG_TEST_SALT", "grain", 1);
    const Ingest ingest = accepted_pipeline(
        "[ingest.orders.columns]\n"
        "a = { from = 'a', as = 'sha256', salt = { env = 'CONFIG_TEST_SALT' } }\n"
        "b = { from = '@key', mask = 4 }\n");
    CHECK(ingest.columns.at(0).as == Conversion::sha256);
    CHECK(ingest.columns.at(0).salt == "grain");
    CHECK(ingest.columns.at(1).as == Conversion::mask);
    CHECK(ingest.columns.at(1).scale == 4);
    const auto problem_of_column = [](const std::string& long_form) {
        return problem_of(pipeline + "columns = { a = { " + long_form + " } }\n");
    };
    CHECK(contains(problem_of_column("from = 'a', as = 'sha256'"),
                   "as = \"sha256\" has no salt, and short values could be found by trying"));
    CHECK(contains(problem_of_column("from = 'a', as = 'sha256', salt = ''"), "has no salt"));
    CHECK(contains(problem_of_column("from = 'a', salt = 'x'"),
                   "\"salt\" is for as = \"sha256\"; remove it"));
    CHECK(contains(problem_of_column("from = 'a', mask = 4, as = 'hex'"), "two ways"));
    CHECK(contains(problem_of_column("from = '@offset', mask = 4"),
                   "mask cannot convert \"@offset\"; remove it"));
}

TEST_CASE("config: kafka properties of every type become text, dotted keys are joined") {
    const Config config = accepted(
        "[kafka]\nbrokers = 'b'\ninstance = 'node-1'\n[kafka.properties]\n"
        "security.protocol = 'ssl'\n'sasl.username' = 'u'\nfetch.wait.max.ms = 50\n"
        "enable.ssl.certificate.verification = true\nx.ratio = 0.5\n"
        "sasl.password = 'p'\nssl = { key = { location = '/k' } }\n" +
        cloudberry);
    CHECK(config.kafka.instance == "node-1");
    const std::map<std::string, Secret> expected{
        {"security.protocol", {"ssl", false}}, {"sasl.username", {"u", false}},
        {"fetch.wait.max.ms", {"50", false}},  {"enable.ssl.certificate.verification", {"true"}},
        {"x.ratio", {"0.5", false}},           {"sasl.password", {"p", true}},
        {"ssl.key.location", {"/k", false}}};
    CHECK(config.kafka.properties == expected);
    CHECK(accepted("[kafka]\nbrokers = 'b'\ninstance = ''\n" + cloudberry).kafka.instance == "");
}

TEST_CASE("config: strings hold any characters") {
    const Ingest ingest = accepted_pipeline(
        "[ingest.orders.columns]\n'größe' = \"\"\"\\\n  ä\\\n  ö\"\"\"\n'数' = '数量'\n");
    REQUIRE(ingest.columns.size() == 2);
    CHECK(ingest.columns[0].column == "größe");
    CHECK(ingest.columns[0].source.path == std::vector<std::string>{"äö"});
    CHECK(ingest.columns[1].source.path == std::vector<std::string>{"数量"});
}

TEST_CASE("config: the revision follows what is configured, not how it is written") {
    const std::string revision = accepted(pipeline + "lanes = 3\ngroup = 'g'\n").revision;
    CHECK(revision.size() == 12);
    CHECK(revision.find_first_not_of("0123456789abcdef") == std::string::npos);
    CHECK(accepted(pipeline + "# a comment\ngroup = \"g\"\n\nlanes=3").revision == revision);
    CHECK(accepted("ingest.orders = { topic = 'orders', group = 'g', table = 'public.orders', "
                   "lanes = 3, memory = '128MiB', batch = { delay = '500ms' } }\n" +
                   cloudberry + kafka)
              .revision == revision);

    const std::string differing[] = {"lanes = 4\ngroup = 'g'",
                                     "lanes = 3\ngroup = 'h'",
                                     "lanes = 3\ngroup = 'g'\nstart = 'latest'",
                                     "lanes = 3\ngroup = 'g'\non_missing = 'reject'",
                                     "lanes = 3\ngroup = 'g'\ncolumns = { a = 'a' }",
                                     "lanes = 3\ngroup = 'g'\n[daemon]\nlog_level = 'debug'",
                                     "lanes = 3\ngroup = 'g'\n[kafka.properties]\na = 1"};
    std::vector<std::string> seen{revision};
    for (const std::string& keys : differing) {
        seen.push_back(accepted(pipeline + keys + "\n").revision);
    }
    std::sort(seen.begin(), seen.end());
    CHECK(std::adjacent_find(seen.begin(), seen.end()) == seen.end());
}

TEST_CASE("config: the revision ignores the order of columns, and what lets in") {
    const auto columns = [](const std::string& text) {
        return accepted(pipeline + "columns = " + text + "\n").revision;
    };
    CHECK(columns("{ a = 'x', b = 'y' }") == columns("{ b = 'y', a = 'x' }"));
    CHECK(columns("{ a = 'x', b = 'y' }") != columns("{ a = 'y', b = 'x' }"));
    const std::string secret = kafka + "[cloudberry]\ndsn = { env = 'SLUICE_TEST_VALUE' }\n";
    setenv("SLUICE_TEST_VALUE", "one", 1);
    const std::string one = accepted(secret).revision;
    setenv("SLUICE_TEST_VALUE", "two", 1);
    // For all to see, it would tell who guesses that he is right.
    CHECK(accepted(secret).revision == one);
    CHECK(accepted(kafka + "[cloudberry]\ndsn = 'one'\n").revision != one);
    CHECK(accepted(kafka + "[cloudberry]\ndsn = 'two'\n").revision !=
          accepted(kafka + "[cloudberry]\ndsn = 'one'\n").revision);
}

}  // namespace
}  // namespace sluice::config
