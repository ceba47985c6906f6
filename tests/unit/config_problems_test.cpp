#include "config/pipeline.h"
#include "tests/unit/config_setup.h"

#include <doctest/doctest.h>

#include <set>
#include <sstream>

namespace sluice::config {
namespace {

using namespace std::chrono_literals;
using namespace test;

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
                   "must be one of epoch_s, epoch_ms, epoch_us, epoch_ns, epoch_days, "
                   "time_ms, time_us, time_ns, base64, hex, json"));
    CHECK(contains(problem_of(columns + "'' = 'a'\n"), "a column's name has 1 to 63 bytes"));
    CHECK(contains(problem_of(columns + std::string(64, 'c') + " = 'a'\n"), "1 to 63 bytes"));
    CHECK(contains(problem_of(columns + "a = 'x'\na = 'y'\n"), "sluice.toml:10:"));
}

TEST_CASE(
    "config: what is for changes is refused where rows are appended, and a key that is none") {
    CHECK(contains(problem_of(pipeline + "key = ['id']\n"),
                   "8:7: \"key\" has no meaning where rows are appended; add mode = \"merge\""));
    CHECK(contains(problem_of(pipeline + "delete_when = '@tombstone'\n"),
                   "\"delete_when\" has no meaning where rows are appended"));
    const std::string merge = pipeline + "mode = 'merge'\n";
    CHECK(contains(problem_of(merge + "key = 'id'\n"),
                   "\"key\" must be a list of strings, not a string; for example: key = "
                   "[\"id\"]"));
    CHECK(contains(problem_of(merge + "key = []\n"), "must be a list of strings, not empty"));
    CHECK(contains(problem_of(merge + "key = ['id', 'id']\n"),
                   "9:14: \"key\" names column \"id\" twice"));
    CHECK(contains(problem_of(merge + "key = ['it']\n[ingest.orders.columns]\nid = 'a'\n"),
                   "fills column \"it\"; did you mean \"id\"?"));
    CHECK(contains(problem_of(merge + "order = 'at'\n[ingest.orders.columns]\nid = 'a'\n"),
                   "9:9: \"order\": no line of [ingest.orders.columns] fills column \"at\""));
    CHECK(contains(problem_of(pipeline + "order = 'at'\n"),
                   "\"order\" has no meaning where rows are appended"));
    CHECK(contains(problem_of(merge + "delete_when = 'op ='\n"),
                   "9:15: \"delete_when\": character 5: expected"));
    CHECK(contains(problem_of(merge + "delete_when = \"@value is null or op = 'd'\"\n"),
                   "write delete_when = \"@tombstone\""));
    CHECK(contains(problem_of(merge + "delete_when = '@op = 1'\n"),
                   "\"@op\" is of a change event; add envelope"));
    CHECK(contains(problem_of(merge + "delete_when = '@tombstone'\non_tombstone = 'reject'\n"),
                   "\"on_tombstone\" has no meaning with delete_when"));
}

TEST_CASE("config: brokers are host:port, with or without a protocol") {
    const auto with = [](const std::string& brokers) {
        return "[kafka]\nbrokers = \"" + brokers + "\"\n[cloudberry]\ndsn = \"host=db\"\n";
    };
    for (const char* wrong : {"http://k:9092", "k:abc", "k:", "k:99999", ":9092", "k:9092/x"}) {
        CHECK(problem_of(with(std::string("kafka-1:9092, ") + wrong)) ==
              "sluice.toml:2:11: \"brokers\": \"" + std::string(wrong) +
                  "\" is not host:port; write \"kafka-1:9092\", several separated by commas");
    }
    for (const char* right : {"k", "k:9092", "[::1]:9092", "[::1]", "SASL_SSL://k:9092, ssl://l",
                              "k:9092,", "10.0.0.1:9092,10.0.0.2:9092"})
        CHECK(problems_of(with(right)).empty());
}

TEST_CASE("config: kafka properties that Sluice owns are refused with the key to use") {
    const std::pair<std::string, std::string> owned[] = {
        {"bootstrap.servers", "brokers in [kafka]"},
        {"metadata.broker.list", "brokers in [kafka]"},
        {"group.id", "group in [ingest.NAME]"},
        {"group.instance.id", "instance in [kafka]"},
        {"group.protocol", "has its partitions back at once with the classic protocol"},
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

TEST_CASE("config: what only Kafka's Java clients know is translated") {
    const std::pair<std::string, std::string> translated[] = {
        {"sasl.jaas.config", "sasl.username and sasl.password"},
        {"ssl.truststore.location", "ssl.ca.location, a file in PEM"},
        {"ssl.truststore.password", "remove it"},
        {"ssl.keystore.type", "always PKCS#12"},
        {"value.deserializer", "format in [ingest.NAME]"},
        {"max.poll.records", "batch.rows in [ingest.NAME]"},
        {"fetch.max.wait.ms", "fetch.wait.max.ms"},
        {"schema.registry.url", "url in [registry]"}};
    for (const auto& [name, instead] : translated) {
        const std::string text =
            problem_of(cloudberry + kafka + "[kafka.properties]\n" + name + " = 'x'\n");
        CHECK_MESSAGE(contains(text, '"' + name + "\" is of Kafka's Java clients; here it is "),
                      text);
        CHECK_MESSAGE(contains(text, instead), text);
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

TEST_CASE("config: of the keys that there are each is told once") {
    const std::string outbox = head + "[outbox.events]\ntable = 'o'\ntopic = 't'\n";
    for (const std::string& file :
         {"xyzzy_xyzzy = 1\n" + head, pipeline + "xyzzy_xyzzy = 1\n", outbox + "xyzzy_xyzzy = 1\n",
          head + "[registry]\nurl = 'http://r'\nxyzzy_xyzzy = 1\n",
          head + "[segments]\nxyzzy_xyzzy = 1\n", head + "[admin]\nxyzzy_xyzzy = 1\n"}) {
        std::string problem;
        for (const Problem& each : parse(file, "sluice.toml").problems)
            if (contains(each.text, "xyzzy")) problem = each.text;
        const std::size_t list = problem.find(" has ");
        REQUIRE(list != std::string::npos);
        std::set<std::string> seen;
        std::istringstream keys(problem.substr(list + 5));
        for (std::string key; keys >> key;) {
            while (!key.empty() && key.back() == ',') key.pop_back();
            CHECK_MESSAGE(seen.insert(key).second, key << " in: " << problem);
        }
    }
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
         "\"format\" must be one of json, csv, text, binary, avro, protobuf, not \"jsn\"; did "
         "you mean \"json\"?"},
        {"on_reject = 'x'", "\"on_reject\" must be one of dead_letter, stop, not \"x\""},
        {"reject_after = 'soon'", "\"reject_after\" must be \"never\" or a duration up to 365d"}};
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
    // What a batch holds is not known: one problem, not another that follows from a guess.
    for (const char* bytes : {"{ env = 'SLUICE_TEST_UNSET' }", "'1 heap'"}) {
        const auto problem =
            problem_of(pipeline + "memory = '32MiB'\nbatch = { bytes = " + bytes + " }\n");
        CHECK(!contains(problem, "memory"));
        CHECK(contains(problem, "bytes"));
    }
    CHECK(accepted_pipeline("lanes = 8\n").memory == 288u << 20);
    CHECK(contains(problem_of(pipeline + "memory = '20MiB'\n"), "sluice.toml:8:10: \"memory\" is"));
    CHECK(accepted_pipeline("memory = '48MiB'\n").memory == 48u << 20);
}

TEST_CASE("config: a lane reads on while its batch is committed where memory has room for two") {
    CHECK(config::reads_on(accepted_pipeline("")));
    CHECK(config::fetch_budget(accepted_pipeline("")) == 32u << 20);
    CHECK(config::reads_on(accepted_pipeline("memory = '80MiB'\n")));
    CHECK(config::fetch_budget(accepted_pipeline("memory = '80MiB'\n")) == 16u << 20);
    CHECK_FALSE(config::reads_on(accepted_pipeline("memory = '79MiB'\n")));
    CHECK(config::fetch_budget(accepted_pipeline("memory = '79MiB'\n")) == 47u << 20);
}

TEST_CASE("config: names that the database or Kafka would not take are refused") {
    CHECK(contains(problem_of(head + "schema = 'My'\n"), "not a plain identifier"));
    CHECK(contains(problem_of(head + "schema = 'pg_x'\n"), "not a plain identifier"));
    CHECK(contains(problem_of(head + "schema = '1x'\n"), "not a plain identifier"));
    CHECK(contains(problem_of(head + "schema = ''\n"), "not a plain identifier"));
    CHECK(problem_of(head + "[ingest.'a b']\ntopic = 't'\ntable = 't'\n") ==
          "sluice.toml:5:9: a pipeline cannot be called \"a b\"; use up to 63 letters, digits, "
          "\"_\" and \"-\"");
    CHECK(
        problem_of(head + "[ingest.my.orders]\ntopic = 't'\ntable = 't'\n") ==
        "sluice.toml:5:9: [ingest.my.orders] is a table within a pipeline; write the name without "
        "a dot: [ingest.my_orders]");
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
    CHECK(contains(problem_of("topic = orders\n"), "text is written in quotes: topic = "));
    CHECK(contains(problem_of("topic = \"orders\ntable = \"t\"\n"), "may lack its closing quote"));
    CHECK(contains(problem_of("ä = 1"), "sluice.toml:1:1: not valid TOML"));
    CHECK(contains(problem_of("[[."), "sluice.toml:1:1: not valid TOML"));
    CHECK(contains(problem_of(std::string(5u << 20, ' ')), "is larger than 4194304 bytes"));
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

}  // namespace
}  // namespace sluice::config
