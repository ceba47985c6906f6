#include "config/load.h"

#include <doctest/doctest.h>
#include <stdlib.h>  // setenv

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

namespace sluice::config {
namespace {

using namespace std::chrono_literals;

const std::string kafka = "[kafka]\nbrokers = 'b:9092'\n";
const std::string cloudberry = "[cloudberry]\ndsn = 'dbname=d'\n";
/// Four lines that every file needs.
const std::string head = kafka + cloudberry;
/// The pipeline's own keys follow from line 8 on.
const std::string pipeline = head + "[ingest.orders]\ntopic = 'orders'\ntable = 'public.orders'\n";

Config accepted(const std::string& toml) {
    Loaded loaded = parse(toml, "sluice.toml");
    for (const Problem& problem : loaded.problems) FAIL_CHECK(to_string(problem));
    return loaded.config;
}

Ingest accepted_pipeline(const std::string& keys) {
    const Config config = accepted(pipeline + keys);
    REQUIRE(config.ingest.size() == 1);
    return config.ingest.front();
}

std::vector<std::string> problems_of(const std::string& toml) {
    std::vector<std::string> texts;
    for (const Problem& problem : parse(toml, "sluice.toml").problems) {
        texts.push_back(to_string(problem));
    }
    return texts;
}

/// The only problem of a file; two are as wrong as none.
std::string problem_of(const std::string& toml) {
    const auto texts = problems_of(toml);
    for (const std::string& text : texts) CAPTURE(text);
    REQUIRE(texts.size() == 1);
    return texts.front();
}

bool contains(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

/// A folder of its own, gone with the test.
class Folder {
public:
    Folder() {
        std::string name =
            (std::filesystem::temp_directory_path() / "sluice-config-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    std::filesystem::path write(const std::string& name, const std::string& content) {
        std::ofstream(path_ / name, std::ios::binary) << content;
        return path_ / name;
    }
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

TEST_CASE("config: the smallest file has the documented defaults") {
    const Config config = accepted(pipeline);
    CHECK(config.kafka.brokers == Secret{"b:9092", false});
    CHECK(config.kafka.instance.empty());
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
        "on_missing = 'reject'\non_extra = 'reject'\non_invalid = 'null'\n"
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
    CHECK(ingest.on_extra == OnExtra::reject);
    CHECK(ingest.on_invalid == OnInvalid::null);
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

TEST_CASE("config: what is wrong with a column is said at its place") {
    const std::string columns = pipeline + "[ingest.orders.columns]\n";
    CHECK(problem_of(columns + "a = 3\n") ==
          "sluice.toml:9:5: column \"a\": 3 is a CSV field number, but the format is \"json\"; "
          "write a field's name or a JSON Pointer");
    CHECK(problem_of(columns + "a = true\n") ==
          "sluice.toml:9:5: \"a\" must be a string, not a boolean; for example: a = \"@value\"");
    CHECK(problem_of(columns + "a = { form = 'x', from = 'y' }\n") ==
          "sluice.toml:9:7: unknown key \"form\"; did you mean \"from\"?");
    CHECK(problem_of(columns + "a = { as = 'hex' }\n") ==
          "sluice.toml:9:1: column \"a\" has no \"from\"; add from = \"field\" (a column with a "
          "dot in its name is written in quotes)");
    CHECK(problem_of(columns + "a = { from = '@offset', as = 'hex' }\n") ==
          "sluice.toml:9:30: column \"a\": as = \"hex\" cannot convert \"@offset\"; remove it");
    CHECK(problem_of(columns + "a = { from = '@offset', default = 1 }\n") ==
          "sluice.toml:9:35: column \"a\": \"@offset\" is never missing; remove the default");
    CHECK(contains(problem_of(columns + "a = { from = 'a', default = [1] }\n"),
                   "9:29: \"default\" must be a string, not an array"));
    CHECK(contains(problem_of(columns + "a = { from = 'a', as = 'epoch' }\n"),
                   "must be one of epoch_s, epoch_ms, epoch_us, base64, hex, json"));
    CHECK(contains(problem_of(columns + "'' = 'a'\n"), "a column's name has 1 to 63 bytes"));
    CHECK(contains(problem_of(columns + std::string(64, 'c') + " = 'a'\n"), "1 to 63 bytes"));
    CHECK(contains(problem_of(columns + "a = 'x'\na = 'y'\n"), "sluice.toml:10:"));
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
}

TEST_CASE("config: kafka properties that Sluice owns are refused with the key to use") {
    const std::pair<std::string, std::string> owned[] = {
        {"bootstrap.servers", "brokers in [kafka]"},
        {"metadata.broker.list", "brokers in [kafka]"},
        {"group.id", "group in [ingest.NAME]"},
        {"group.instance.id", "instance in [kafka]"},
        {"auto.offset.reset", "start and on_offset_lost"},
        {"enable.auto.commit", "remove it"},
        {"auto.commit.enable", "remove it"},
        {"enable.auto.offset.store", "remove it"},
        {"isolation.level", "remove it"},
        {"partition.assignment.strategy", "remove it"},
        {"enable.partition.eof", "remove it"},
        {"queued.min.messages", "memory in [ingest.NAME]"},
        {"queued.max.messages.kbytes", "memory in [ingest.NAME]"}};
    for (const auto& [name, remedy] : owned) {
        const std::string text =
            problem_of(cloudberry + kafka + "[kafka.properties]\n" + name + " = 'x'\n");
        CHECK(contains(text, "sluice.toml:6:"));
        CHECK(contains(text, '"' + name + "\" cannot be set in [kafka.properties]: "));
        CHECK(contains(text, remedy));
    }
}

TEST_CASE("config: a kafka property of another type, or given twice, is a problem") {
    const std::string properties = cloudberry + kafka + "[kafka.properties]\n";
    CHECK(problem_of(properties + "a.b = [1]\n") ==
          "sluice.toml:6:7: \"a.b\" must be a string, not an array; for example: a.b = \"text\"");
    CHECK(problem_of(properties + "'a.b' = 1\na.b = 2\n") ==
          "sluice.toml:7:3: \"a.b\" is set twice; remove one of them");
    CHECK(contains(problem_of(cloudberry + "[kafka]\nbrokers = 'b'\ninstance = 'a b'\n"),
                   "sluice.toml:5:12: \"instance\": \"a b\" is not a name that Kafka takes"));
}

TEST_CASE("config: an unknown key is reported with the nearest known one") {
    CHECK(problem_of(pipeline + "tabel = 'x'\n") ==
          "sluice.toml:8:1: unknown key \"tabel\"; did you mean \"table\"?");
    CHECK(problem_of(pipeline + "batch = { row = 5 }\n") ==
          "sluice.toml:8:11: unknown key \"row\"; did you mean \"rows\"?");
    CHECK(problem_of(head + "[demon]\n") ==
          "sluice.toml:5:2: unknown key \"demon\"; did you mean \"daemon\"?");
    CHECK(problem_of(head + "[daemon]\nxyzzy = 1\n") ==
          "sluice.toml:6:1: unknown key \"xyzzy\"; [daemon] has drain_deadline, log_level, "
          "log_format");
    CHECK(contains(problem_of(head + "xyzzy = 1\n"), "; [cloudberry] has dsn, schema"));
    CHECK(contains(problem_of("xyzzy = 1\n" + head), "; the file has kafka, cloudberry"));
}

TEST_CASE("config: the admin server has an address, or none, and a token that is no word") {
    for (const char* listen : {"", "127.0.0.1:9187", "[::1]:1", "localhost:65535", "0.0.0.0:80"}) {
        const std::string text = head + "[admin]\nlisten = '" + listen + "'\n";
        const Loaded loaded = parse(text, "sluice.toml");
        CHECK(loaded.problems.empty());
        CHECK(loaded.config.admin.listen == listen);
    }
    for (const char* listen :
         {"x", ":9187", "::1:9187", "host:0", "host:65536", "host:1x", "a b:1", "http://host:80"}) {
        CHECK(contains(problem_of(head + "[admin]\nlisten = '" + std::string(listen) + "'\n"),
                       "is not host:port"));
    }
    const std::string problem = problem_of(head + "[admin]\ntoken = 'sesame'\n");
    CHECK(contains(problem, "\"token\" is shorter than 16 characters"));
    CHECK_FALSE(contains(problem, "sesame"));
    const Loaded loaded = parse(head + "[admin]\ntoken = '0123456789abcdef'\n", "sluice.toml");
    CHECK(loaded.config.admin.token == Secret{"0123456789abcdef", true});
}

TEST_CASE("config: what is required and not there is reported with what to add") {
    const auto texts = problems_of("");
    REQUIRE(texts.size() == 2);
    CHECK(texts[0] == "sluice.toml: no [kafka] section; add one with brokers = \"localhost:9092\"");
    CHECK(texts[1] ==
          "sluice.toml: no [cloudberry] section; add one with dsn = \"host=localhost "
          "dbname=demo\"");
    CHECK(problem_of("[kafka]\n" + cloudberry) ==
          "sluice.toml:1:1: [kafka] has no \"brokers\"; add brokers = \"localhost:9092\"");
    CHECK(contains(problem_of(kafka + "[cloudberry]\n"), "3:1: [cloudberry] has no \"dsn\""));
    CHECK(problem_of(head + "[ingest.x]\ntable = 't'\n") ==
          "sluice.toml:5:1: [ingest.x] has no \"topic\"; add topic = \"orders\"");
    CHECK(contains(problem_of(head + "[ingest.x]\ntopic = 't'\n"), "has no \"table\""));
    CHECK(problem_of(head + "[ingest.x]\ntopic = ''\ntable = 't'\n") ==
          "sluice.toml:6:9: \"topic\" is empty; for example: topic = \"orders\"");
}

TEST_CASE("config: a wrong type says what is wanted, with an example") {
    CHECK(problem_of(pipeline + "lanes = '2'\n") ==
          "sluice.toml:8:9: \"lanes\" must be an integer, not a string; for example: lanes = 2");
    CHECK(problem_of(pipeline + "batch = 5\n") ==
          "sluice.toml:8:9: \"batch\" must be a table, not an integer; for example: batch = { "
          "rows = 50000, bytes = \"16MiB\" }");
    CHECK(problem_of(pipeline + "format = 1.5\n") ==
          "sluice.toml:8:10: \"format\" must be a string, not a float; for example: format = "
          "\"json\"");
    CHECK(contains(problem_of(pipeline + "memory = true\n"), "not a boolean"));
    CHECK(contains(problem_of(pipeline + "batch = { delay = 500 }\n"),
                   "\"delay\" must be a string, not an integer; for example: delay = \"500ms\""));
    CHECK(contains(problem_of("kafka = 1\n" + cloudberry), "\"kafka\" must be a table"));
    CHECK(contains(problem_of("cloudberry = 1\n" + kafka), "\"cloudberry\" must be a table"));
    CHECK(contains(problem_of("ingest = 1\n" + head), "\"ingest\" must be a table"));
    CHECK(problem_of(head + "[ingest]\ntopic = 'x'\n") ==
          "sluice.toml:6:1: \"topic\" belongs to a pipeline; give the pipeline a name: "
          "[ingest.NAME]");
    CHECK(contains(problem_of(head + "[[ingest.x]]\ntopic = 'x'\n"),
                   "\"x\" is an array; write single brackets: [ingest.x]"));
}

TEST_CASE("config: ranges are checked") {
    const std::pair<std::string, std::string> cases[] = {
        {"lanes = 0", "\"lanes\" is 0; it must be from 1 to 64"},
        {"lanes = 65", "\"lanes\" is 65; it must be from 1 to 64"},
        {"batch = { rows = 0 }", "\"rows\" is 0; it must be from 1 to 10000000"},
        {"batch = { bytes = 5 }", "\"bytes\" is 5; it must be from 1KiB to 1GiB"},
        {"batch = { bytes = -5 }", "\"bytes\": -5 is not a size"},
        {"batch = { bytes = '16Mb' }", "\"bytes\": \"16Mb\" is not a size; write a whole number"},
        {"batch = { delay = '2h' }", "\"delay\" is \"2h\"; it must be from 1ms to 1h"},
        {"batch = { delay = '2' }", "\"delay\": \"2\" is not a duration; write a whole number"},
        {"group = ''", "\"group\" must be 1 to 249 printable characters"},
        {"format = 'jsn'",
         "\"format\" must be one of json, csv, text, binary, not \"jsn\"; did "
         "you mean \"json\"?"},
        {"on_reject = 'x'", "\"on_reject\" must be one of dead_letter, stop, not \"x\""}};
    for (const auto& wrong : cases) {
        CAPTURE(wrong.first);
        CHECK(contains(problem_of(pipeline + wrong.first + "\n"), wrong.second));
    }
    CHECK(contains(problem_of(head + "ledger_keep = '1s'\n"), "from 1h to 36500d"));
    CHECK(contains(problem_of(head + "[daemon]\ndrain_deadline = '2h'\n"), "from 100ms to 1h"));
}

TEST_CASE("config: memory must hold every lane's batch, and the arithmetic is shown") {
    CHECK(problem_of(pipeline + "lanes = 8\nmemory = '128MiB'\n") ==
          "sluice.toml:9:10: \"memory\" is 128MiB, but 8 lanes x batch.bytes 16MiB + 16MiB = "
          "144MiB; raise memory to that or more, or lower lanes or batch.bytes");
    CHECK(accepted_pipeline("lanes = 8\n").memory == 160u << 20);
    CHECK(contains(problem_of(pipeline + "memory = '20MiB'\n"), "sluice.toml:8:10: \"memory\" is"));
    CHECK(accepted_pipeline("memory = '48MiB'\n").memory == 48u << 20);
}

TEST_CASE("config: names that the database or Kafka would not take are refused") {
    CHECK(contains(problem_of(head + "schema = 'My'\n"), "not a plain identifier"));
    CHECK(contains(problem_of(head + "schema = 'pg_x'\n"), "not a plain identifier"));
    CHECK(contains(problem_of(head + "schema = '1x'\n"), "not a plain identifier"));
    CHECK(contains(problem_of(head + "schema = ''\n"), "not a plain identifier"));
    CHECK(problem_of(head + "[ingest.'a b']\ntopic = 't'\ntable = 't'\n") ==
          "sluice.toml:5:9: a pipeline cannot be called \"a b\"; use up to 63 letters, digits, "
          "\"_\" and \"-\"");
    for (const std::string topic : {"a b", ".", "..", "ä"}) {
        CHECK(contains(problem_of(head + "[ingest.x]\ntable = 't'\ntopic = '" + topic + "'\n"),
                       "is not a name that Kafka takes"));
    }
    const auto with_table = [](const std::string& table) {
        return head + "[ingest.x]\ntopic = 't'\ntable = '" + table + "'\n";
    };
    for (const std::string table : {"t", "s.t", "\"T\"", "s.\"a b\"", "\"a\"\"b\".\"c.d\"", "tä"}) {
        CAPTURE(table);
        CHECK(accepted(with_table(table)).ingest.front().table == table);
    }
    for (const std::string table :
         {"a.b.c", "a b", "1a", ".a", "a.", "\"a", "\"\"", "\"a\"b", "a;b"}) {
        CAPTURE(table);
        CHECK(contains(problem_of(with_table(table)), "is not a table's name"));
    }
}

TEST_CASE("config: CSV characters are what COPY takes") {
    const auto with_csv = [](const std::string& keys) {
        return pipeline + "format = 'csv'\ncsv = { " + keys + " }\n";
    };
    CHECK(accepted(with_csv("delimiter = \"\\t\"")).ingest.front().csv.delimiter == '\t');
    // As in COPY, the escape is the quote unless it is given.
    CHECK(accepted(with_csv("quote = \"'\"")).ingest.front().csv == Csv{',', '\'', '\'', ""});
    CHECK(problem_of(with_csv("delimiter = 'ab'")) ==
          "sluice.toml:9:21: \"delimiter\" must be one ASCII character other than a line break, "
          "not \"ab\"");
    CHECK(contains(problem_of(with_csv("quote = ''")), "must be one ASCII character"));
    CHECK(contains(problem_of(with_csv("quote = 'ä'")), "must be one ASCII character"));
    CHECK(contains(problem_of(with_csv("escape = \"\\n\"")), "must be one ASCII character"));
    CHECK(contains(problem_of(with_csv("delimiter = '\"'")), "\"delimiter\" and \"quote\" are"));
    CHECK(contains(problem_of(with_csv("escape = ','")), "\"delimiter\" and \"escape\" are"));
    CHECK(contains(problem_of(with_csv("null = 'a,b'")), "\"null\" contains the delimiter"));
    CHECK(problem_of(pipeline + "csv = { quote = \"'\" }\n") ==
          "sluice.toml:8:7: \"csv\" is for format = \"csv\", and this pipeline's is \"json\"; "
          "remove it");
}

TEST_CASE("config: keys without an effect are refused, not passed over") {
    CHECK(problem_of(pipeline + "format = 'text'\non_tombstone = 'filter'\n") ==
          "sluice.toml:9:1: \"on_tombstone\" has no meaning for format = \"text\", where a NULL "
          "value is loaded as NULL; remove it");
    CHECK(problem_of(pipeline + "format = 'binary'\non_extra = 'ignore'\n") ==
          "sluice.toml:9:1: \"on_extra\" has no meaning for format = \"binary\", whose records "
          "have no fields; remove it");
}

TEST_CASE("config: a wrong format brings no misleading problems after it") {
    CHECK(contains(
        problem_of(pipeline + "format = 'cvs'\ncsv = { null = 'x' }\ncolumns = { a = 1 }\n"),
        "did you mean \"csv\"?"));
}

TEST_CASE("config: two pipelines in one group are refused") {
    CHECK(
        problem_of(pipeline + "[ingest.z]\ntopic = 't'\ntable = 't'\ngroup = 'sluice.orders'\n") ==
        "sluice.toml:8:1: [ingest.z] has the same group as [ingest.orders]; give each pipeline "
        "its own");
}

TEST_CASE("config: all problems are reported, by line") {
    const auto texts = problems_of("[ingest.x]\ntopic = 1\ntable = 't'\nlanes = 0\nfoo = 1\n" +
                                   cloudberry + "[daemon]\nlog_level = 'x'\n[kafka]\n");
    REQUIRE(texts.size() == 5);
    CHECK(contains(texts[0], "sluice.toml:2:9: "));
    CHECK(contains(texts[1], "sluice.toml:4:9: "));
    CHECK(contains(texts[2], "sluice.toml:5:1: "));
    CHECK(contains(texts[3], "sluice.toml:9:13: "));
    CHECK(contains(texts[4], "sluice.toml:10:1: "));
}

TEST_CASE("config: what is not TOML is one problem with its place") {
    CHECK(contains(problem_of("a = \n"), "sluice.toml:1:5: not valid TOML: error while parsing"));
    CHECK(contains(problem_of("a = \"\xff\"\n"), "sluice.toml:1:"));
    // toml++ asserts that this cannot be.
    CHECK(problem_of("a = 1\nb = 2\n[[.c]]\nd = 3\n") ==
          "sluice.toml:3:1: not valid TOML: unexpected characters in this line");
    CHECK(contains(problem_of("a = 2023-01-31T\u01b3:0"), "sluice.toml:1:"));
    CHECK(contains(problem_of("ä = 1"), "sluice.toml:1:1: not valid TOML"));
    CHECK(contains(problem_of("[[."), "sluice.toml:1:1: not valid TOML"));
    CHECK(contains(problem_of(std::string(5u << 20, ' ')), "is larger than 4194304 bytes"));
}

TEST_CASE("config: strings hold any characters") {
    const Ingest ingest = accepted_pipeline(
        "[ingest.orders.columns]\n'größe' = \"\"\"\\\n  ä\\\n  ö\"\"\"\n'数' = '数量'\n");
    REQUIRE(ingest.columns.size() == 2);
    CHECK(ingest.columns[0].column == "größe");
    CHECK(ingest.columns[0].source.path == std::vector<std::string>{"äö"});
    CHECK(ingest.columns[1].source.path == std::vector<std::string>{"数量"});
}

TEST_CASE("config: deep nesting is refused, not a crash") {
    std::string dots = "a";
    for (int i = 0; i < 100000; ++i) dots += ".a";
    CHECK(problem_of("\n" + dots + " = 1\n") ==
          "sluice.toml:2:1: a key has more than 32 parts; shorten it");
    CHECK(contains(problem_of("a = " + std::string(100000, '[')), "not valid TOML"));
    std::string tables;
    for (int i = 0; i < 100000; ++i) tables += "{a=";
    CHECK(contains(problem_of("a = " + tables), "not valid TOML"));
}

TEST_CASE("config: strings come from the environment, and are secret then") {
    setenv("SLUICE_TEST_VALUE", "dbname=hidden", 1);
    unsetenv("SLUICE_TEST_UNSET");
    const std::string from_env = "{ env = 'SLUICE_TEST_VALUE' }";
    CHECK(accepted(kafka + "[cloudberry]\ndsn = " + from_env + "\n").cloudberry.dsn ==
          Secret{"dbname=hidden", true});
    const Config config =
        accepted(cloudberry + kafka + "[kafka.properties]\na.b = " + from_env + "\n");
    CHECK(config.kafka.properties.at("a.b") == Secret{"dbname=hidden", true});
    CHECK(problem_of(kafka + "[cloudberry]\ndsn = { env = 'SLUICE_TEST_UNSET' }\n") ==
          "sluice.toml:4:15: environment variable \"SLUICE_TEST_UNSET\" is not set; set it for "
          "\"dsn\"");
}

TEST_CASE("config: a plain string from the environment resolves, and is not shown when wrong") {
    setenv("SLUICE_TEST_VALUE", "latest", 1);
    const std::string from_env = "{ env = 'SLUICE_TEST_VALUE' }\n";
    CHECK(accepted_pipeline("start = " + from_env).start.kind == Start::Kind::latest);
    setenv("SLUICE_TEST_VALUE", "hidden text", 1);
    for (const std::string key : {"start", "format", "memory", "on_reject"}) {
        const std::string text = problem_of(pipeline + key + " = " + from_env);
        CAPTURE(text);
        CHECK(contains(text, "the value of environment variable SLUICE_TEST_VALUE"));
        CHECK_FALSE(contains(text, "hidden"));
    }
    setenv("SLUICE_TEST_VALUE", "@hidden", 1);
    const std::string text = problem_of(pipeline + "columns.a = " + from_env);
    CHECK(contains(text, "column \"a\": the value of environment variable SLUICE_TEST_VALUE"));
    CHECK_FALSE(contains(text, "hidden"));
    setenv("SLUICE_TEST_VALUE", "field", 1);
    const Ingest ingest = accepted_pipeline("columns.a = " + from_env);
    CHECK(ingest.columns.at(0).source.path == std::vector<std::string>{"field"});
    CHECK_FALSE(contains(ingest.columns.at(0).source.text, "field"));
}

TEST_CASE("config: strings come from files beside the configuration, without their newline") {
    Folder folder;
    folder.write("dsn", "dbname=hidden\n");
    const auto load_with = [&](const std::string& dsn) {
        return load(folder.write("sluice.toml", kafka + "[cloudberry]\ndsn = " + dsn + "\n"));
    };
    CHECK(load_with("{ file = 'dsn' }").config.cloudberry.dsn == Secret{"dbname=hidden", true});
    folder.write("dsn", "two\nlines\r\n");
    const std::string absolute = (folder.path() / "dsn").string();
    CHECK(load_with("{ file = '" + absolute + "' }").config.cloudberry.dsn ==
          Secret{"two\nlines", true});

    const auto problem_with = [&](const std::string& dsn) {
        const auto loaded = load_with(dsn);
        REQUIRE(loaded.problems.size() == 1);
        CHECK(loaded.problems[0].file == (folder.path() / "sluice.toml").string());
        CHECK(loaded.problems[0].line == 4);
        return loaded.problems[0].text;
    };
    CHECK(contains(problem_with("{ file = 'nope' }"), "nope\": No such file or directory"));
    CHECK(contains(problem_with("{ file = '.' }"), "is not a file"));
    folder.write("dsn", std::string((1u << 20) + 1, 'x'));
    CHECK(contains(problem_with("{ file = 'dsn' }"), "is larger than 1MiB"));
    folder.write("dsn", std::string("a\0b", 3));
    CHECK(contains(problem_with("{ file = 'dsn' }"), "\"dsn\" contains a NUL character"));
    folder.write("dsn", "\n");
    CHECK(contains(problem_with("{ file = 'dsn' }"), "\"dsn\" is empty"));
}

TEST_CASE("config: a reference that is none is a problem") {
    const auto with_dsn = [](const std::string& dsn) {
        return kafka + "[cloudberry]\ndsn = " + dsn + "\n";
    };
    CHECK(contains(problem_of(with_dsn("{ env = 'A', file = 'b' }")), "has both env and file"));
    CHECK(problem_of(with_dsn("{ env = 5 }")) ==
          "sluice.toml:4:15: \"env\" must be a string, not an integer; for example: dsn = { env = "
          "\"NAME\" }");
    CHECK(contains(problem_of(with_dsn("{ file = '' }")), "\"file\" names nothing"));
    CHECK(contains(problem_of(with_dsn("{ var = 'A' }")), "\"dsn\" must be a string, not a table"));
    setenv("SLUICE_TEST_VALUE", "x", 1);
    CHECK(contains(problem_of(with_dsn("{ env = 'SLUICE_TEST_VALUE', fil = 'x' }")),
                   "unknown key \"fil\"; did you mean \"file\"?"));
}

TEST_CASE("config: a password in the file is marked as a secret too") {
    const auto dsn = [](const std::string& text) {
        return accepted(kafka + "[cloudberry]\ndsn = '" + text + "'\n").cloudberry.dsn.secret;
    };
    CHECK(dsn("host=h password=p"));
    CHECK(dsn("postgresql://u:p@h/d"));
    CHECK_FALSE(dsn("host=h"));
    const auto property = [](const std::string& name) {
        return accepted(kafka + "[kafka.properties]\n\"" + name + "\" = 'x'\n" + cloudberry)
            .kafka.properties.at(name)
            .secret;
    };
    for (const char* name :
         {"sasl.password", "ssl.key.password", "ssl.keystore.password", "ssl.key.pem",
          "sasl.oauthbearer.config", "sasl.oauthbearer.client.secret",
          "sasl.oauthbearer.assertion.private.key.passphrase"}) {
        CHECK_MESSAGE(property(name), name);
    }
    CHECK_FALSE(property("sasl.username"));
}

TEST_CASE("config: a file that cannot be read is one problem without a line") {
    const auto loaded = load("/nonexistent/sluice.toml");
    REQUIRE(loaded.problems.size() == 1);
    CHECK(to_string(loaded.problems[0]) ==
          "/nonexistent/sluice.toml: cannot be read: No such file or directory; see --config");
    CHECK(load(std::filesystem::temp_directory_path()).problems.size() == 1);
}

TEST_CASE("config: the revision follows what is configured, not how it is written") {
    const std::string revision = accepted(pipeline + "lanes = 3\ngroup = 'g'\n").revision;
    CHECK(revision.size() == 12);
    CHECK(revision.find_first_not_of("0123456789abcdef") == std::string::npos);
    CHECK(accepted(pipeline + "# a comment\ngroup = \"g\"\n\nlanes=3").revision == revision);
    CHECK(accepted("ingest.orders = { topic = 'orders', group = 'g', table = 'public.orders', "
                   "lanes = 3, memory = '80MiB', batch = { delay = '500ms' } }\n" +
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

TEST_CASE("config: the revision ignores the order of columns and counts secrets") {
    const auto columns = [](const std::string& text) {
        return accepted(pipeline + "columns = " + text + "\n").revision;
    };
    CHECK(columns("{ a = 'x', b = 'y' }") == columns("{ b = 'y', a = 'x' }"));
    CHECK(columns("{ a = 'x', b = 'y' }") != columns("{ a = 'y', b = 'x' }"));
    const std::string secret = kafka + "[cloudberry]\ndsn = { env = 'SLUICE_TEST_VALUE' }\n";
    setenv("SLUICE_TEST_VALUE", "one", 1);
    const std::string one = accepted(secret).revision;
    setenv("SLUICE_TEST_VALUE", "two", 1);
    CHECK(accepted(secret).revision != one);
    CHECK(accepted(kafka + "[cloudberry]\ndsn = 'one'\n").revision == one);
}

}  // namespace
}  // namespace sluice::config
