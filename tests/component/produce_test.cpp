#include "tests/fixture/daemon.h"
#include "tests/fixture/kafka_broker.h"
#include "tests/fixture/kafka_reader.h"
#include "tests/fixture/postgres.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <set>
#include <string>
#include <vector>

using namespace sluice::fixture;
using namespace std::chrono_literals;

namespace {

/// A folder with a configuration and input files, and `sluice produce` in it.
struct Producing {
    explicit Producing(const std::string& pipelines = "") {
        write_file(config(), "[kafka]\nbrokers = \"" + shared_broker().bootstrap() +
                                 "\"\n[cloudberry]\ndsn = \"" + shared_postgres().dsn() + "\"\n" +
                                 pipelines);
    }
    [[nodiscard]] std::string config() const { return (dir.path() / "sluice.toml").string(); }
    [[nodiscard]] std::string file(const std::string& name, const std::string& content) const {
        write_file(dir.path() / name, content);
        return (dir.path() / name).string();
    }
    [[nodiscard]] RunResult produce(std::vector<std::string> arguments) const {
        arguments.insert(arguments.begin(), {"produce", "-c", config()});
        return run_sluice(arguments);
    }

    TempDir dir{"produce"};
};

/// A topic's records as "partition:key=value"; a set for what has no order across partitions.
std::multiset<std::string> content(const std::string& topic) {
    std::multiset<std::string> found;
    for (const ReadRecord& record : read_topic(shared_broker().client(), topic)) {
        found.insert(record.key.value_or("NULL") + "=" + record.value.value_or("NULL"));
    }
    return found;
}

std::string first_line(const std::string& text) {
    return text.substr(0, text.find('\n'));
}

constexpr const char* source_table =
    "create table source (id bigint, city text, paid boolean, doc jsonb, at timestamptz(3),"
    " raw bytea, tags text[], amount numeric, buyer text, trace text, ktime timestamptz(3));"
    "insert into source select i,"
    " (array['Köln', 'a,b', 'say \"hi\"', E'two\\nlines', '', null, 'NULL', '\\N'])[1 + i % 8],"
    " i % 3 = 0, case when i % 5 > 0 then jsonb_build_object('n', i, 'a', array[1, 2]) end,"
    " timestamptz '2026-01-31 12:00:00.25+00' + i * interval '1 second',"
    " decode(lpad(to_hex(i), 6, '0'), 'hex'), array['x', 'y ' || i], i / 8.0, 'buyer ' || i % 7,"
    " case when i % 4 > 0 then 'trace ' || i end,"
    " timestamptz '2020-01-01 00:00:00+00' + i * interval '1 millisecond'"
    " from generate_series(1, 1000) i; create table target (like source);";

constexpr const char* difference =
    "select count(*) from ((table source except all table target) union all"
    " (table target except all table source)) d";

/// Writes `source` to a file, produces it, loads it into `target`, and compares.
void check_round_trip(const std::string& topic, const std::string& pipeline) {
    shared_postgres().create_database("produce");
    shared_postgres().exec(source_table, "produce");
    shared_broker().admin().create_topic(topic, 3);
    Producing it;
    write_file(it.config(), "[kafka]\nbrokers = \"" + shared_broker().bootstrap() +
                                "\"\n[cloudberry]\ndsn = \"" + shared_postgres().dsn("produce") +
                                "\"\n" + pipeline);
    const std::string csv = it.file("source.csv", "");
    std::filesystem::permissions(csv, std::filesystem::perms::all);  // the server writes it
    shared_postgres().exec("copy source to '" + csv + "' (format csv, header)", "produce");
    const RunResult result = it.produce({"p", csv});
    REQUIRE_MESSAGE(result.exit_code == 0, result.err);
    CHECK(result.out == csv + ": 1000 messages to topic " + topic + "\n");
    Daemon daemon(it.config());
    wait_until(
        [&] { return shared_postgres().value("select count(*) from target", "produce") == "1000"; },
        patient(60s), "the rows");
    CHECK(shared_postgres().value(difference, "produce") == "0");
    CHECK(daemon.stop() == 0);
}

}  // namespace

TEST_CASE("produce: a table's CSV, sent through a JSON pipeline, is loaded as it was") {
    check_round_trip("produce-json", R"([ingest.p]
topic = "produce-json"
table = "target"
[ingest.p.columns]
id = "id"
city = "/to/city"
paid = "paid"
doc = "doc"
at = { from = "ts", as = "epoch_ms" }
raw = { from = "/to/raw", as = "base64" }
tags = "tags"
amount = "amount"
buyer = "@key"
trace = "@headers/trace-id"
ktime = "@timestamp"
)");
}

TEST_CASE("produce: a table's CSV, sent through a CSV pipeline, is loaded as it was") {
    check_round_trip("produce-csv", R"([ingest.p]
topic = "produce-csv"
table = "target"
format = "csv"
csv = { delimiter = ",", null = "" }
)");
}

TEST_CASE("produce: lines of JSON go to the partitions that their fields name, NULL to Kafka's") {
    shared_broker().admin().create_topic("produce-lines", 4);
    const Producing it;
    std::string lines;
    for (int i = 0; i < 100; ++i) {
        const std::string partition = i % 2 == 0 ? std::to_string(i % 4) : "null";
        lines += R"({"id":)" + std::to_string(i) + R"(,"p":)" + partition + "}\n";
    }
    const RunResult result = it.produce({"--topic", "produce-lines", "--key", "id", "--partition",
                                         "p", "--output", "json", it.file("lines", lines)});
    REQUIRE_MESSAGE(result.exit_code == 0, result.err);
    CHECK(result.out == R"({"topic":"produce-lines","messages":100,"transactional":false})"
                        "\n");
    int given = 0;
    const auto records = read_topic(shared_broker().client(), "produce-lines");
    CHECK(records.size() == 100);
    for (const ReadRecord& record : records) {
        const int id = std::stoi(record.key.value());
        if (id % 2 == 0) {
            ++given;
            CHECK(record.partition == id % 4);
        }
    }
    CHECK(given == 50);
}

TEST_CASE("produce: a bad line stops it, and it goes on behind what was delivered") {
    shared_broker().admin().create_topic("produce-bad", 3);
    const Producing it;
    const std::vector<std::string> rest = {"--topic", "produce-bad", "--format",    "csv",
                                           "--key",   "id",          "--partition", "part"};
    const auto produce = [&](const std::string& file, const std::vector<std::string>& more = {}) {
        std::vector<std::string> arguments = rest;
        arguments.insert(arguments.end(), more.begin(), more.end());
        arguments.push_back(file);
        return it.produce(arguments);
    };
    const std::string head = "id,part,text\n1,0,one\n2,,\"two\nlines\"\n3,1,three\n";
    const std::string bad = it.file("bad.csv", head + "4,7,four\n5,2,five\n");
    const RunResult first = produce(bad);
    CHECK(first.exit_code == 1);
    CHECK(first.err == bad +
                           ":6:3: part: \"7\" is no partition of the topic; it has 0 to 2, and "
                           "NULL lets Kafka choose\n"
                           "3 lines before it are delivered; go on with --skip-lines 3\n");
    const RunResult second =
        produce(it.file("mended.csv", head + "4,2,four\n5,2,five\n"), {"--skip-lines", "3"});
    CHECK_MESSAGE(second.exit_code == 0, second.err);
    CHECK(content("produce-bad") ==
          std::multiset<std::string>{
              R"(1={"id":"1","text":"one"})", R"(2={"id":"2","text":"two\u000alines"})",
              R"(3={"id":"3","text":"three"})", R"(4={"id":"4","text":"four"})",
              R"(5={"id":"5","text":"five"})"});
}

TEST_CASE("produce: a message that Kafka refuses is named, and the others are delivered") {
    shared_broker().admin().create_topic("produce-refused", 2);
    const Producing it;
    const std::string large(2u << 20, 'x');
    const RunResult result = it.produce({"--topic", "produce-refused", "--format", "text",
                                         it.file("lines", "a\nb\n" + large + "\nc\nd\n")});
    CHECK(result.exit_code == 1);
    CHECK(result.err.find("lines: line 3: Broker: Message size too large") != std::string::npos);
    CHECK(result.err.find("2 of 3 lines sent are delivered, all but those named here; produce "
                          "these by themselves, and go on with --skip-lines 3") !=
          std::string::npos);
    CHECK(content("produce-refused") == std::multiset<std::string>{"NULL=a", "NULL=b"});
}

TEST_CASE("produce: a partition that the topic does not have is named by its line") {
    shared_broker().admin().create_topic("produce-partition", 2);
    const Producing it;
    std::string lines;
    for (const char* partition : {"0", "1", "7", "1"})
        lines += std::string(R"({"p":)") + partition + "}\n";
    const RunResult result = it.produce({"--topic", "produce-partition", "--partition", "p",
                                         "--value", "p", it.file("lines.jsonl", lines)});
    CAPTURE(result.err);
    CHECK(result.exit_code == 1);
    CHECK(
        result.err.find("lines.jsonl:3:6: p: \"7\" is no partition of the topic; it has 0 to 1") !=
        std::string::npos);
    const auto arrived = content("produce-partition");
    CHECK(arrived.count("NULL=7") == 0);
    CHECK(arrived.count("NULL=0") == 1);
}

TEST_CASE("produce: in a transaction a file arrives as a whole or not at all") {
    shared_broker().admin().create_topic("produce-all", 3);
    const Producing it;
    std::string lines;
    for (int i = 0; i < 2000; ++i) lines += "{\"n\":" + std::to_string(i) + "}\n";
    const auto produce = [&](const std::string& content) {
        return it.produce({"--topic", "produce-all", "--transactional", it.file("lines", content)});
    };
    const RunResult bad = produce(lines + "{oops}\n");
    CHECK(bad.exit_code == 1);
    CHECK(bad.err.find("lines:2001:2: not valid JSON") != std::string::npos);
    CHECK(bad.err.find("the transaction is aborted: nothing is delivered") != std::string::npos);
    CHECK(content("produce-all").empty());
    const RunResult good = produce(lines);
    CHECK_MESSAGE(good.exit_code == 0, good.err);
    CHECK(content("produce-all").size() == 2000);
}

TEST_CASE("produce: a file whose transaction was killed is produced again, and is there once") {
    shared_broker().admin().create_topic("produce-killed", 2);
    const Producing it;
    std::string lines;
    for (int i = 0; i < 500; ++i) lines += "{\"n\":" + std::to_string(i) + "}\n";
    // A pipe under the file's own name: the first run waits for more, and has sent what came.
    const std::string file = (it.dir.path() / "lines").string();
    write_file(it.dir.path() / "half", lines);
    Process first({.argv = {"/bin/sh", "-c",
                            "mkfifo " + file + " && exec 3<>" + file + " && cat " +
                                (it.dir.path() / "half").string() + " >&3 && exec \"$0\" \"$@\"",
                            sluice_program(), "produce", "-c", it.config(), "--topic",
                            "produce-killed", "--transactional", file}});
    KafkaProperties open_ones = shared_broker().client();
    open_ones["isolation.level"] = "read_uncommitted";
    KafkaAdmin admin(open_ones);
    wait_until(
        [&] {
            const auto ends = admin.end_offsets("produce-killed");
            return ends[0] + ends[1] == 500;
        },
        patient(30s), "the first run to have sent its lines");
    first.kill();
    std::filesystem::remove(file);
    const RunResult second =
        it.produce({"--topic", "produce-killed", "--transactional", it.file("lines", lines)});
    CHECK_MESSAGE(second.exit_code == 0, second.err);
    CHECK(content("produce-killed").size() == 500);
}

TEST_CASE("produce: wrong use is told before anything is sent") {
    shared_broker().admin().create_topic("produce-wrong", 1);
    shared_postgres().exec("create table if not exists produce_wrong (id bigint, city text)");
    const Producing it(
        "[ingest.p]\ntopic = \"produce-wrong\"\ntable = \"produce_wrong\"\n"
        "[ingest.c]\ntopic = \"produce-wrong\"\ntable = \"produce_wrong\"\nformat = \"csv\"\n");
    const std::string csv = it.file("x.csv", "id,ctiy\n1,x\n");
    const auto complaint = [&](const std::vector<std::string>& arguments) {
        const RunResult result = it.produce(arguments);
        CHECK(result.exit_code == 2);
        return first_line(result.err);
    };
    CHECK(complaint({"q"}) ==
          "sluice: there is no [ingest.q]; did you mean \"c\"?; a topic without a pipeline is "
          "named with --topic");
    CHECK(complaint({"p", "--format", "csv", csv}) ==
          "sluice: [ingest.p] loads no column \"ctiy\"; did you mean \"city\"?; name the file's "
          "columns with --columns, \"-\" for one to leave out");
    CHECK(complaint({"p", "--columns", "id", "x.json"}) == "sluice: --columns is for CSV");
    CHECK(complaint({"c", "--format", "json", csv}).find("reads CSV") != std::string::npos);
    CHECK(complaint({"p", "nowhere.json"}) ==
          "sluice: nowhere.json: cannot be read: No such file or directory");
    CHECK(complaint({"--topic", "produce-wrong", "--format", "csv", "--key", "no", csv})
              .find("the file has no column \"no\"") != std::string::npos);
    const RunResult nowhere = it.produce({"--topic", "produce-nowhere", csv});
    CHECK(nowhere.exit_code == 1);
    CHECK(nowhere.err.find("there is no topic \"produce-nowhere\"") != std::string::npos);
    CHECK(content("produce-wrong").empty());
}
