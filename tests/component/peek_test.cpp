#include "kafka/topic_reader.h"
#include "tests/fixture/daemon.h"
#include "tests/fixture/kafka_broker.h"
#include "tests/fixture/kafka_producer.h"
#include "tests/fixture/postgres.h"
#include "tests/fixture/tcp_proxy.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>

using namespace sluice::fixture;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t noon = 1769860800000;  // 2026-01-31T12:00:00Z

struct World {
    World() {
        for (const auto& [topic, partitions] :
             {std::pair{"orders", 3}, std::pair{"large", 2}, std::pair{"transactions", 1},
              std::pair{"gaps", 1}, std::pair{"hostile", 1}, std::pair{"empty", 2},
              std::pair{"judged", 1}}) {
            broker.admin().create_topic(topic, partitions);
        }
        shared_postgres().exec(
            "create table if not exists orders (id int, city varchar(8) not null, raw bytea);"
            "create table if not exists judged (id int, words tsvector)");
        write_file(config, "[kafka]\nbrokers = \"" + broker.bootstrap() +
                               "\"\n[cloudberry]\ndsn = \"" + shared_postgres().dsn() +
                               "\"\n[ingest.orders]\ntopic = \"orders\"\ntable = \"orders\"\n"
                               "[ingest.orders.columns]\nid = \"id\"\n"
                               "city = { from = \"city\", default = \"Rome\" }\nraw = \"@key\"\n"
                               "[ingest.judged]\ntopic = \"judged\"\ntable = \"judged\"\n");
    }

    /// Its standard output; anything but success fails the test.
    [[nodiscard]] std::string peek(std::vector<std::string> arguments) const {
        arguments.insert(arguments.begin(), {"peek", "-c", config.string()});
        RunResult result = run_sluice(arguments);
        notes = result.err;
        INFO(result.err);
        REQUIRE(result.exit_code == 0);
        return result.out;
    }

    /// "partition:offset …" of the records that are shown.
    [[nodiscard]] std::string places(std::vector<std::string> arguments) const {
        arguments.insert(arguments.end(), {"--output", "csv"});
        const std::string csv = peek(std::move(arguments));
        std::string found;
        std::size_t line = csv.find('\n') + 1;
        while (line < csv.size()) {
            const std::size_t comma = csv.find(',', line);
            const std::size_t second = csv.find(',', comma + 1);
            found += (found.empty() ? "" : " ") + csv.substr(line, comma - line) + ":" +
                     csv.substr(comma + 1, second - comma - 1);
            line = csv.find('\n', second) + 1;
        }
        return found;
    }

    KafkaBroker broker{{.proxied = true}};
    TempDir dir{"peek"};
    std::filesystem::path config = dir.path() / "sluice.toml";
    mutable std::string notes;  ///< of the last peek: what it wrote to standard error
};

World& world() {
    static World only;
    return only;
}

std::size_t lines_of(const std::string& text) {
    return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

/// 400 records in each partition, a second apart.
void produce_orders() {
    static bool done = false;
    if (done) return;
    KafkaProducer producer(world().broker.client());
    for (int i = 0; i < 400; ++i) {
        const std::string value = R"({"id": )" + std::to_string(i) + "}";
        for (const int partition : {0, 1, 2}) {
            producer.produce({.topic = "orders",
                              .partition = partition,
                              .key = "k",
                              .value = value,
                              .timestamp_ms = noon + i * 1000});
        }
    }
    producer.flush();
    done = true;
}

}  // namespace

TEST_CASE("peek: what kafka_fdw's users select is shown, in order, and no more") {
    produce_orders();
    const std::string where =
        "(partition = 0 and offset > 100) or (partition = 1 and offset > 300)";
    const std::string all = world().places({"--topic", "orders", "--where", where});
    CHECK(all.starts_with("0:101 0:102 "));
    CHECK(all.find(" 0:399 1:301 1:302 ") != std::string::npos);
    CHECK(all.ends_with(" 1:399"));
    CHECK(std::ranges::count(all, ':') == 299 + 99);
    CHECK(world().places({"orders", "--where", where, "--limit", "3"}) == "0:101 0:102 0:103");
    CHECK(world().places({"orders", "--where", "partition = 7"}).empty());
    CHECK(world().places({"orders", "--where", "offset in (5, 7, 399, 400) and partition <> 1"}) ==
          "0:5 0:7 0:399 2:5 2:7 2:399");
}

TEST_CASE("peek: --from names where each partition begins") {
    produce_orders();
    CHECK(world().places({"orders", "--from", "-2"}) == "0:398 0:399 1:398 1:399 2:398 2:399");
    CHECK(world().places({"orders", "--from", "2026-01-31T12:06:38.5Z"}) == "0:399 1:399 2:399");
    CHECK(world().places({"orders", "--from", "earliest", "--limit", "2"}) == "0:0 0:1");
    CHECK(world().places({"--topic", "empty"}).empty());
}

TEST_CASE("peek: --follow goes on with what comes, and with that alone unless --from says more") {
    world().broker.admin().create_topic("followed", 2);
    KafkaProducer producer(world().broker.client());
    const auto produce = [&](int partition, const std::string& value) {
        producer.produce("followed", partition, value);
        producer.flush();
    };
    const auto log = world().dir.path() / "followed.csv";
    const auto until_shown = [&](const std::string& text) {
        wait_until([&] { return read_file(log).find(text) != std::string::npos; }, patient(30s),
                   text);
    };
    const auto follow = [&](std::vector<std::string> more) {
        write_file(log, "");
        more.insert(more.begin(), {sluice_program(), "peek", "-c", world().config.string(),
                                   "--topic", "followed", "--follow", "--output", "csv"});
        return ProcessOptions{.argv = std::move(more), .log = log};
    };
    produce(0, "before");
    Process news(follow({"--limit", "2"}));
    until_shown("partition,offset");  // where the partitions end is known by then
    produce(1, "first");
    until_shown("first");
    produce(0, "second");
    CHECK(news.wait(patient(30s)) == 0);
    until_shown("second");
    CHECK(read_file(log).find("before") == std::string::npos);

    Process later(follow({"--from", "-1", "--limit", "3"}));
    until_shown("second");
    until_shown("first");
    produce(0, "third");
    CHECK(later.wait(patient(30s)) == 0);
    until_shown("third");
    CHECK(read_file(log).find("before") == std::string::npos);
}

TEST_CASE("peek: a condition on timestamps begins at the first record of that time") {
    produce_orders();
    CHECK(world().places({"orders", "--where",
                          "timestamp >= '2026-01-31T12:00:10Z' and timestamp < "
                          "'2026-01-31T12:00:12Z' and partition = 2"}) == "2:10 2:11");
    CHECK(world().places({"orders", "--where", "timestamp > '2026-01-31T13:00:00Z'"}).empty());
    CHECK(world().places({"orders", "--where", "timestamp > '2130-01-01T00:00:00Z'"}).empty());
}

TEST_CASE("peek: only the ranges that are asked for are fetched") {
    World& w = world();
    KafkaProducer producer(w.broker.client());
    const std::string value(1000, 'v');
    for (int i = 0; i < 30000; ++i) producer.produce("large", i % 2, value);
    producer.flush();
    TcpProxy proxy(w.broker.proxy_target(), w.broker.proxy_port());
    const auto file = w.dir.path() / "proxied.toml";
    write_file(file, "[kafka]\nbrokers = \"" + w.broker.proxied_bootstrap() +
                         "\"\n[cloudberry]\ndsn = \"" + shared_postgres().dsn() + "\"\n");
    const auto forwarded = [&](const std::vector<std::string>& arguments) {
        const std::int64_t before = proxy.forwarded();
        std::vector<std::string> all = {"peek", "-c", file.string(), "--topic", "large"};
        all.insert(all.end(), arguments.begin(), arguments.end());
        const RunResult result = run_sluice(all);
        INFO(result.err);
        REQUIRE(result.exit_code == 0);
        return std::pair{lines_of(result.out), proxy.forwarded() - before};
    };
    const auto [everything, all_bytes] = forwarded({"--output", "json"});
    CHECK(everything == 30000);
    CHECK(all_bytes > 30'000'000);
    const auto [some, few_bytes] = forwarded(
        {"--output", "json", "--where",
         "partition = 1 and (offset between 100 and 109 or offset between 14000 and 14009)"});
    CHECK(some == 20);
    CHECK(few_bytes < 5'000'000);
    const auto [limited, little] = forwarded({"--output", "json", "--limit", "5"});
    CHECK(limited == 5);
    CHECK(little < 5'000'000);
}

TEST_CASE("peek: markers and aborted transactions are passed over, at the end too") {
    World& w = world();
    KafkaProperties properties = w.broker.client();
    properties["transactional.id"] = "peek";
    KafkaProducer producer(properties);
    producer.begin();
    producer.produce("transactions", 0, "committed");
    producer.commit();
    producer.begin();
    producer.produce("transactions", 0, "aborted");
    producer.flush();
    producer.abort();
    const auto begin = std::chrono::steady_clock::now();
    CHECK(w.places({"--topic", "transactions"}) == "0:0");
    CHECK(w.places({"--topic", "transactions", "--where", "offset > 0"}).empty());
    producer.begin();
    producer.produce("transactions", 0, "open");
    producer.flush();
    CHECK(w.places({"--topic", "transactions"}) == "0:0");
    producer.commit();
    CHECK(w.places({"--topic", "transactions"}) == "0:0 0:4");
    CHECK(w.places({"--topic", "transactions", "--where", "offset between 1 and 3"}).empty());
    CHECK(std::chrono::steady_clock::now() - begin < patient(20s));
}

TEST_CASE("peek: what was deleted at the beginning is passed over") {
    World& w = world();
    KafkaProducer producer(w.broker.client());
    for (int i = 0; i < 20; ++i) producer.produce("gaps", 0, std::to_string(i));
    producer.flush();
    w.broker.admin().delete_records("gaps", 0, 15);
    CHECK(w.places({"--topic", "gaps", "--where", "offset < 17"}) == "0:15 0:16");
    CHECK(w.places({"--topic", "gaps", "--where", "offset < 10"}).empty());
    CHECK(w.places({"--topic", "gaps", "--from", "-3"}) == "0:17 0:18 0:19");
}

TEST_CASE("peek: what is deleted while others are read is passed over, too") {
    World& w = world();
    w.broker.admin().create_topic("waned", 3);
    KafkaProducer producer(w.broker.client());
    std::vector<sluice::kafka::TopicPart> parts;
    for (const int partition : {0, 1, 2}) {
        for (int i = 0; i < 20; ++i) producer.produce("waned", partition, std::to_string(i));
        parts.push_back({partition, {{0, 20}}});
    }
    producer.flush();
    sluice::config::Kafka kafka;
    kafka.brokers.text = w.broker.bootstrap();
    sluice::kafka::TopicReader reader(kafka, "waned", 60);
    std::vector<std::int64_t> of_last;
    reader.read(parts, [&](const sluice::Record& record) {
        // Of three, the last one is fetched only when the second is read.
        if (record.from->number == 0 && record.offset == 0)
            w.broker.admin().delete_records("waned", 2, 15);
        if (record.from->number == 2) of_last.push_back(record.offset);
        return sluice::kafka::TopicReader::Next::record;
    });
    CHECK(of_last == std::vector<std::int64_t>{15, 16, 17, 18, 19});
}

TEST_CASE("peek: records appear as the pipeline would map them, rejects with their reasons") {
    World& w = world();
    w.broker.admin().create_topic("mapped", 1);
    const auto file = w.dir.path() / "mapped.toml";
    std::string text = read_file(w.config);
    text.replace(text.find("topic = \"orders\""), 16, "topic = \"mapped\"");
    write_file(file, text);
    KafkaProducer producer(w.broker.client());
    producer.produce({.topic = "mapped",
                      .partition = 0,
                      .key = "\x01\xff",
                      .value = R"({"id": 1, "city": "\u001b[2J\"a,b"})",
                      .timestamp_ms = noon});
    producer.produce({.topic = "mapped", .value = R"({"id": "x", "city": "much too long"})"});
    producer.produce({.topic = "mapped", .key = "k"});
    producer.flush();
    const auto shown = [&](std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), {"peek", "mapped", "-c", file.string()});
        arguments[1] = "orders";
        const RunResult result = run_sluice(arguments);
        REQUIRE(result.exit_code == 0);
        return result.out;
    };
    const std::string table = shown({});
    CAPTURE(table);
    CHECK(table.find("becomes") != std::string::npos);
    CHECK(table.find("\\x1b[2J\"a,b") != std::string::npos);
    CHECK(table.find('\x1b') == std::string::npos);
    CHECK(table.find("\\x01ff") != std::string::npos);
    CHECK(table.find("filtered") != std::string::npos);
    CHECK(table.find("mapped[0]@1: column \"id\": \"x\" is not") != std::string::npos);
    CHECK(table.find("column \"city\": \"much too long\"") != std::string::npos);

    const std::string json = shown({"--output", "json", "--where", "offset = 0"});
    CHECK(json == R"({"topic":"mapped","partition":0,"offset":0,)"
                  R"("timestamp":"2026-01-31T12:00:00.000Z","becomes":"row","columns":)"
                  R"({"id":"1","city":"\u001b[2J\"a,b","raw":"\\x01ff"}})"
                  "\n");
    const std::string reject = shown({"--output", "json", "--where", "offset = 1"});
    CHECK(reject.find(R"("becomes":"rejected","reasons":[{"column":"id","reason":")") !=
          std::string::npos);
    CHECK(reject.find(R"("value":"{\"id\": \"x\")") != std::string::npos);
    const std::string csv = shown({"--output", "csv", "--where", "key is not null"});
    CHECK(
        csv.starts_with("partition,offset,timestamp,becomes,id,city,raw,reasons\n"
                        "0,0,2026-01-31T12:00:00.000Z,row,1,\"\x1b[2J\"\"a,b\",\\x01ff,\n"
                        "0,2,"));
}

TEST_CASE("peek: columns that no record fills are named") {
    World& w = world();
    w.broker.admin().create_topic("named_otherwise", 1);
    const auto file = w.dir.path() / "named_otherwise.toml";
    const std::string text = read_file(w.config);
    write_file(file, text.substr(0, text.find("[ingest.")) +
                         "[ingest.named]\ntopic = \"named_otherwise\"\ntable = \"judged\"\n"
                         "[ingest.named.columns]\nid = \"id\"\nwords = \"words\"\n");
    KafkaProducer producer(w.broker.client());
    producer.produce({.topic = "named_otherwise", .value = R"({"id": 1, "Words": "a"})"});
    producer.flush();
    const std::vector<std::string> peek = {"peek", "named", "-c", file.string()};
    const RunResult never = run_sluice(peek);
    CHECK(never.err.starts_with("of 1 row none has a value for \"words\"\n"));
    producer.produce({.topic = "named_otherwise", .value = R"({"id": 2, "words": null})"});
    producer.produce({.topic = "named_otherwise", .value = R"({"id": 3, "words": "a"})"});
    producer.flush();
    CHECK(run_sluice(peek).err.find("none has a value") == std::string::npos);
}

TEST_CASE("peek: a record that removes a row is told from one that makes it") {
    World& w = world();
    w.broker.admin().create_topic("removed", 1);
    const auto file = w.dir.path() / "removed.toml";
    const std::string text = read_file(w.config);
    write_file(file, text.substr(0, text.find("[ingest.")) +
                         "[ingest.removed]\ntopic = \"removed\"\ntable = \"public.orders\"\n"
                         "mode = \"merge\"\nkey = [\"id\"]\ndelete_when = \"@tombstone\"\n"
                         "[ingest.removed.columns]\nid = \"@key\"\ncity = \"/city\"\n");
    KafkaProducer producer(w.broker.client());
    producer.produce({.topic = "removed", .key = "1", .value = R"({"city": "Ulm"})"});
    producer.produce({.topic = "removed", .key = "1"});
    producer.flush();
    const RunResult result =
        run_sluice({"peek", "removed", "-c", file.string(), "--output", "json"});
    REQUIRE_MESSAGE(result.exit_code == 0, result.err);
    CHECK(result.out.find(R"("becomes":"row","columns":{"id":"1","city":"Ulm"})") !=
          std::string::npos);
    CHECK(result.out.find(R"("becomes":"delete","columns":{"id":"1","city":null})") !=
          std::string::npos);
}

TEST_CASE("peek: a truncation is told from a row of nothing") {
    World& w = world();
    w.broker.admin().create_topic("emptied", 1);
    const auto file = w.dir.path() / "emptied.toml";
    const std::string text = read_file(w.config);
    write_file(
        file,
        text.substr(0, text.find("[ingest.")) +
            "[ingest.emptied]\ntopic = \"emptied\"\ntable = \"public.orders\"\n"
            "mode = \"merge\"\nkey = [\"id\"]\nenvelope = \"debezium\"\n"
            "on_truncate = \"apply\"\n[ingest.emptied.columns]\nid = \"id\"\ncity = \"city\"\n");
    KafkaProducer producer(w.broker.client());
    producer.produce(
        {.topic = "emptied", .value = R"({"before": null, "after": null, "op": "t"})"});
    producer.flush();
    const RunResult result =
        run_sluice({"peek", "emptied", "-c", file.string(), "--output", "json"});
    REQUIRE_MESSAGE(result.exit_code == 0, result.err);
    CHECK(result.out.find(R"("becomes":"truncate")") != std::string::npos);
    CHECK(result.err.find("none has a value") == std::string::npos);
}

TEST_CASE("peek: raw shows key, headers and bytes, and nothing that a terminal would obey") {
    World& w = world();
    KafkaProducer producer(w.broker.client());
    producer.produce({.topic = "hostile",
                      .key = "plain",
                      .value = "two\nlines",
                      .headers = {{"trace", "7"}, {"none", std::nullopt}},
                      .timestamp_ms = noon});
    producer.produce({.topic = "hostile", .value = "\x1b]0;owned\x07"});
    producer.produce({.topic = "hostile",
                      .value = "\xc2\x9b"
                               "2J\xe2\x80\xae"});
    producer.flush();
    const std::string table = w.peek({"--topic", "hostile"});
    CAPTURE(table);
    CHECK(table.find("two\\nlines") != std::string::npos);
    CHECK(table.find(R"([{"name":"trace","value":"7"},{"name":"none","value":null}])") !=
          std::string::npos);
    CHECK(table.find("\\x1b5d303b6f776e656407") != std::string::npos);
    CHECK(table.find("\xc2\x9b") == std::string::npos);
    const std::string json = w.peek({"--topic", "hostile", "--output", "json"});
    CHECK(json.find(R"("key":"plain","headers":[{"name":"trace","value":"7"},)"
                    R"({"name":"none","value":null}],"value":"two\u000alines"})") !=
          std::string::npos);
    CHECK(json.find(R"("key":null,"headers":[],"value_hex":"1b5d303b6f776e656407"})") !=
          std::string::npos);
    CHECK(json.find('\x1b') == std::string::npos);
}

TEST_CASE("peek: --where has the grammar of filter, over what records hold as well") {
    produce_orders();
    const auto places = [](const std::string& where) {
        return world().places({"orders", "--where", where});
    };
    CHECK(places("id in (3, 5.0) and partition < 2") == "0:3 0:5 1:3 1:5");
    CHECK(places("(\"id\" = '7' or @offset = 9) and @partition = 1") == "1:7 1:9");
    CHECK(places("/id >= 398 and timestamp > '2026-01-31T12:06:38Z' and partition = 0") == "0:399");
    CHECK(places("@headers/region is null and /no/such is null and offset = 4 and partition <> 0 "
                 "and key = 'k' and value like '%4%'") == "1:4 2:4");
    CHECK(world().places({"--topic", "orders", "--where", "/id = 11 and partition = 2"}) == "2:11");
    CHECK(places("/id > true and offset < 2 and partition = 0").empty());
    CHECK(world().notes.find("of 2 records nobody can tell whether --where holds") !=
          std::string::npos);
}

TEST_CASE("peek: what cannot be is said, with exit code 2 where the user can mend it") {
    const std::string config = world().config.string();
    for (const auto& [arguments, code, text] :
         std::vector<std::tuple<std::vector<std::string>, int, std::string>>{
             {{}, 2, "name of a pipeline"},
             {{"orders", "--topic", "orders"}, 2, "name of a pipeline"},
             {{"order"}, 2, "did you mean \"orders\"?"},
             {{"orders", "--where", "ofset > 1"}, 2, "--where, character 1: there is no field"},
             {{"orders", "--limit", "0"}, 2, "--limit takes a whole number"},
             {{"orders", "--from", "latest"}, 2, "--from takes earliest"},
             {{"--topic", "nothing"}, 1, "there is no topic \"nothing\""}}) {
        std::vector<std::string> all = {"peek", "-c", config};
        all.insert(all.end(), arguments.begin(), arguments.end());
        const RunResult result = run_sluice(all);
        CAPTURE(result.err);
        CHECK(result.exit_code == code);
        CHECK(result.err.find(text) != std::string::npos);
        CHECK(result.out.empty());
    }
}

TEST_CASE("peek: of which rows only the database can judge the values is said") {
    World& w = world();
    KafkaProducer producer(w.broker.client());
    producer.produce("judged", 0, R"({"id": "x", "words": "a"})");
    for (const char* words : {"a:0", "fine", "b:0"})
        producer.produce("judged", 0, std::string(R"({"id": 1, "words": ")").append(words) + "\"}");
    producer.flush();
    CHECK(w.places({"judged", "--limit", "2"}) == "0:0 0:1");
    CHECK(w.notes ==
          "judged[0]@1 holds a value that only the database can judge: it may become a dead "
          "letter\n");
    CHECK(w.places({"judged"}) == "0:0 0:1 0:2 0:3");
    CHECK(w.notes.starts_with("judged[0]@1 and 2 more of these rows hold a value"));
    static_cast<void>(w.peek({"orders"}));
    CHECK(w.notes.empty());
}

TEST_CASE("peek: a time that ends is believed after many later records, and this is said") {
    World& w = world();
    w.broker.admin().create_topic("late", 1);
    KafkaProducer producer(w.broker.client());
    const auto produce = [&](std::int64_t seconds) {
        producer.produce(
            {.topic = "late", .partition = 0, .value = "v", .timestamp_ms = noon + seconds * 1000});
    };
    produce(0);
    produce(1'000'000);  // a clock that is far off
    produce(1);
    for (int i = 0; i < 1500; ++i) produce(100);
    produce(2);
    producer.flush();
    const std::string where = "timestamp < '2026-01-31T12:00:50Z'";
    CHECK(w.places({"--topic", "late", "--where", where}) == "0:0 0:2");
    CHECK(w.notes.find("late[0]: 1000 records in a row") != std::string::npos);
    CHECK(w.notes.find("offset < 1504") != std::string::npos);
    CHECK(w.places({"--topic", "late", "--where", where + " and offset < 1504"}) ==
          "0:0 0:2 0:1503");
    CHECK(w.notes.empty());
}
