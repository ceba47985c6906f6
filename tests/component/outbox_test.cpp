#include "kafka/marks.h"
#include "pipeline/errors.h"
#include "sinks/outbox/outbox_store.h"
#include "tests/fixture/daemon.h"
#include "tests/fixture/kafka_broker.h"
#include "tests/fixture/kafka_producer.h"
#include "tests/fixture/kafka_reader.h"
#include "tests/fixture/postgres.h"
#include "tests/fixture/temp_dir.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <thread>

using namespace sluice;
using namespace sluice::fixture;
using namespace std::chrono_literals;

namespace {

/// A database with one outbox table, a topic, and a daemon that sends from the one to the other.
class OutboxSetup {
public:
    /// `table`: columns of CREATE TABLE outbox. `section`: lines of [outbox.events]; TOPIC stands
    /// for the topic's name.
    OutboxSetup(const std::string& table, const std::string& section,
                const KafkaProperties& topic_config = {}) {
        static int count = 0;
        topic = "outbox" + std::to_string(++count);
        database = topic;
        shared_postgres().create_database(database);
        exec("create table outbox (" + table + ")");
        shared_broker().admin().create_topic(topic, 4, topic_config);
        std::string text = "[kafka]\nbrokers = \"" + shared_broker().bootstrap() +
                           "\"\n[cloudberry]\ndsn = \"" + shared_postgres().dsn(database) +
                           "\"\n[admin]\nlisten = \"\"\n[outbox.events]\ntable = \"outbox\"\n"
                           "marks_topic = \"" +
                           topic + ".marks\"\npoll = { idle = \"20ms\" }\n" + section;
        for (auto at = text.find("TOPIC"); at != std::string::npos; at = text.find("TOPIC")) {
            text.replace(at, 5, topic);
        }
        config = dir.path() / "sluice.toml";
        write_file(config, text);
    }
    void exec(const std::string& sql) const { shared_postgres().exec(sql, database); }
    [[nodiscard]] std::string value(const std::string& sql) const {
        return shared_postgres().value(sql, database);
    }
    /// Runs a daemon until the outbox is empty.
    void send() const {
        Daemon daemon(config);
        try {
            wait_until([&] { return value("select count(*) from outbox") == "0"; }, patient(30s),
                       "an empty outbox");
        } catch (const WaitedTooLong& error) {
            FAIL(error.what() << "\n" << daemon.log());
        }
        CHECK(daemon.stop() == 0);
    }
    [[nodiscard]] std::map<std::string, ReadRecord> by_value(const std::string& of = "") const {
        std::map<std::string, ReadRecord> records;
        for (auto& record : read_topic(shared_broker().client(), of.empty() ? topic : of)) {
            const std::string value = record.value.value_or("NULL");
            CHECK(records.emplace(value, std::move(record)).second);
        }
        return records;
    }
    [[nodiscard]] std::string refused() const {
        std::string all;
        for (const auto& row : shared_postgres().query(
                 "select id, reason from sluice.refused_event order by batch, place", database)) {
            all += *row[0] + ":" + *row[1] + " ";
        }
        return all;
    }

    std::string topic;
    std::string database;
    TempDir dir{"outbox"};
    std::filesystem::path config;
};

using Headers = std::vector<std::pair<std::string, std::optional<std::string>>>;

}  // namespace

TEST_CASE("outbox: key, value, headers, partition and time arrive as the row has them") {
    OutboxSetup setup(
        "id bigserial primary key, topic text, \"partition\" int, key bytea, payload jsonb,"
        " headers jsonb, at timestamptz",
        "columns = { timestamp = \"at\" }\n");
    setup.exec("insert into outbox (topic, \"partition\", key, payload, headers, at) values ('" +
               setup.topic +
               "', 3, '\\x00ff01', '{\"a\": 1}', '{\"s\": \"t\\u00e4\", \"n\": null, \"o\": [1]}',"
               " '2026-01-02 03:04:05.678+00'), ('" +
               setup.topic +
               "', null, 'k', null, '[{\"name\": \"x\", \"value\": \"1\"}, {\"name\":"
               " \"x\", \"value\": null}]', null), ('" +
               setup.topic + "', null, null, '\"third\"', null, null)");
    setup.send();
    const auto records = setup.by_value();
    REQUIRE(records.size() == 3);
    const ReadRecord& first = records.at("{\"a\": 1}");
    CHECK(first.partition == 3);
    CHECK(first.key == std::string("\x00\xff\x01", 3));
    CHECK(first.timestamp_ms == 1767323045678);
    Headers headers = first.headers;
    std::ranges::sort(headers);
    CHECK(headers == Headers{{"n", std::nullopt}, {"o", "[1]"}, {"s", "t\u00e4"}});
    CHECK(records.at("NULL").key == "k");
    CHECK(records.at("NULL").headers == Headers{{"x", "1"}, {"x", std::nullopt}});
    CHECK_FALSE(records.at("\"third\"").key.has_value());
}

TEST_CASE("outbox: Debezium's layout works by configuration alone") {
    OutboxSetup setup(
        "id uuid primary key, aggregatetype varchar(255) not null, aggregateid varchar(255) not"
        " null, type varchar(255) not null, payload jsonb",
        "topic = \"TOPIC.${aggregatetype}\"\ncolumns = { key = \"aggregateid\" }\nheaders = { id ="
        " \"id\" }\n");
    shared_broker().admin().create_topic(setup.topic + ".order", 1);
    setup.exec(
        "insert into outbox values ('00000000-0000-0000-0000-000000000007', 'order', '42',"
        " 'created', '{\"id\": 42}')");
    setup.send();
    const auto records = setup.by_value(setup.topic + ".order");
    REQUIRE(records.size() == 1);
    CHECK(records.begin()->second.key == "42");
    CHECK(records.begin()->second.headers ==
          Headers{{"id", "00000000-0000-0000-0000-000000000007"}});
    const auto verified = run_sluice({"verify", "-c", setup.config.string()});
    CHECK_MESSAGE(verified.out.find("1 sent, 1 found in the topic") != std::string::npos,
                  verified.out << verified.err);
}

TEST_CASE("outbox: what Kafka can not take is refused with its reason, in order for the others") {
    OutboxSetup setup(
        "id int primary key, topic text, \"partition\" bigint, key text, payload text, headers "
        "text",
        "", {{"max.message.bytes", "2000"}});
    const std::string& topic = setup.topic;
    setup.exec(
        "insert into outbox (id, topic, \"partition\", key, payload, headers) values"
        " (1, '" +
        topic +
        "', null, 'k', 'one', null), (2, 'no.such.topic', null, 'k', 'x',"
        " null), (3, null, null, 'k', 'x', null), (4, 'b a d', null, 'k', 'x', null),"
        " (5, '" +
        topic + "', 4, 'k', 'x', null), (6, '" + topic +
        "', 99999999999, 'k',"
        " 'x', null), (7, '" +
        topic + "', -1, 'k', 'x', null), (8, '" + topic + "', null, 'k', 'x', '{\"a\": '), (9, '" +
        topic + "', null, 'k', 'x', '7'), (10, '" + topic +
        "', null, 'k', repeat(md5('x'), 100), null), (11, '" + topic +
        "', null, 'k', repeat('y', 2000000), null), (12, '" + topic +
        "', null, 'k', 'two', null), (13, '__consumer_offsets', null, 'k', 'x', null),"
        " (14, '__transaction_state', null, 'k', 'x', null), (15, '" +
        topic + ".marks', null, 'k', '7', null)");
    setup.send();
    CHECK(setup.refused() ==
          "2:unknown_topic 3:no_topic 4:bad_topic 5:bad_partition 6:bad_partition 7:bad_partition"
          " 8:bad_headers 9:bad_headers 10:too_large 11:too_large 13:bad_topic 14:bad_topic"
          " 15:bad_topic ");
    const auto records = setup.by_value();
    CHECK(records.size() == 2);
    CHECK(records.at("one").offset < records.at("two").offset);
    CHECK(setup.value("select headers from sluice.refused_event where id = '9'") == "7");
}

TEST_CASE("outbox: a refused event that is claimed anew is sent as it was, once") {
    OutboxSetup setup(
        "id int primary key, topic text, key text, payload text, headers jsonb, b bytea",
        "headers = { bytes = \"b\" }\n");
    setup.exec(
        "insert into outbox values (1, 'TOPIC.late', 'k', 'v', '{\"h\": \"x\"}', '\\x00ff')");
    setup.send();
    CHECK(setup.refused() == "1:unknown_topic ");
    setup.exec("update sluice.refused_event set topic = '" + setup.topic + "'");
    const auto retry = [&] {
        return run_sluice({"outbox", "retry", "events", "--yes", "-c", setup.config.string()});
    };
    setup.exec("update sluice.outbox_batch set batch = batch - 1");  // as an older backup has it
    const auto too_early = retry();
    CHECK(too_early.exit_code == 1);
    CHECK_MESSAGE(too_early.err.find("the books end at 0") != std::string::npos, too_early.err);
    setup.exec("update sluice.outbox_batch set batch = batch + 1");
    const auto wait_until_empty = [&] {
        wait_until([&] { return setup.value("select count(*) from outbox") == "0"; }, patient(30s),
                   "an empty outbox");
    };
    Daemon daemon(setup.config);
    setup.exec("insert into outbox values (3, '" + setup.topic + "', 'k', 'before', null)");
    wait_until_empty();  // the relay is at work
    CHECK(retry().exit_code == 0);
    wait_until([&] { return setup.refused().empty(); }, patient(30s), "the retry");
    setup.exec("insert into outbox values (2, '" + setup.topic + "', 'k', 'w', null)");
    wait_until_empty();
    const auto records = setup.by_value();
    REQUIRE(records.size() == 3);
    CHECK(records.at("v").key == "k");
    CHECK(records.at("v").headers == Headers{{"bytes", std::string("\x00\xff", 2)}, {"h", "x"}});
}

TEST_CASE("outbox: verify compares claims with the mark and the topic") {
    OutboxSetup setup("id int primary key, key text, payload text",
                      "topic = \"TOPIC\"\nheaders = { id = \"id\" }\n");
    setup.exec("insert into outbox select i, 'k' || i, i from generate_series(1, 100) i");
    setup.send();
    const auto verify = [&] { return run_sluice({"verify", "-c", setup.config.string()}); };
    const auto fine = verify();
    CHECK_MESSAGE(fine.exit_code == 0, fine.out << fine.err);
    CHECK_MESSAGE(fine.out.find("100 sent, 100 found in the topic") != std::string::npos, fine.out);
    // Ids may come again once their rows are deleted; books before the latest are gone some day.
    setup.exec("insert into outbox select i, 'k' || i, i from generate_series(1, 10) i");
    setup.send();
    const auto again = verify();
    CHECK_MESSAGE(again.exit_code == 0, again.out << again.err);
    CHECK_MESSAGE(again.out.find("110 sent, 110 found in the topic") != std::string::npos,
                  again.out);
    KafkaProducer producer(shared_broker().client());
    producer.produce({.topic = setup.topic, .value = "again", .headers = {{"id", "7"}}});
    producer.flush();
    const auto doubled = verify();
    CHECK(doubled.exit_code == 1);
    CHECK(doubled.out.find("more than once in the topic: 1 (7)") != std::string::npos);
}

TEST_CASE("outbox: verify finds events whose topic's name has an empty part") {
    OutboxSetup setup("id int primary key, kind text, payload text",
                      "topic = \"TOPIC.${kind}\"\nheaders = { id = \"id\" }\n");
    for (const char* kind : {".", ".made"}) {
        shared_broker().admin().create_topic(setup.topic + kind, 1);
    }
    setup.exec("insert into outbox values (1, '', 'a'), (2, 'made', 'b')");
    setup.send();
    const auto verify = run_sluice({"verify", "-c", setup.config.string()});
    CHECK_MESSAGE(verify.exit_code == 0, verify.out << verify.err);
    CHECK_MESSAGE(verify.out.find("2 sent, 2 found in the topic") != std::string::npos, verify.out);
}

TEST_CASE("outbox: verify and status only read, and make nothing of what never ran") {
    OutboxSetup setup("id int primary key, payload text", "topic = \"TOPIC\"\n");
    REQUIRE(run_sluice({"schema", "--apply", "-c", setup.config.string()}).exit_code == 0);
    setup.exec("insert into outbox values (1, 'x')");
    setup.exec("create role reader_of_" + setup.database +
               " login; grant usage on schema sluice to public; grant select on all tables in"
               " schema sluice to public; grant select on outbox to public");
    std::string config = read_file(setup.config);
    const std::string dsn = shared_postgres().dsn(setup.database);
    config.replace(config.find(dsn), dsn.size(),
                   shared_postgres().dsn(setup.database, "reader_of_" + setup.database));
    write_file(setup.config, config);
    const auto verify = run_sluice({"verify", "-c", setup.config.string()});
    CHECK_MESSAGE(verify.exit_code == 0, verify.out << verify.err);
    const auto status =
        run_sluice({"status", "events", "-c", setup.config.string(), "--output", "json"});
    CHECK_MESSAGE(status.out.find("\"unclaimed\":1,") != std::string::npos, status.out);
    CHECK(setup.value("select count(*) from sluice.outbox_relay") == "0");
}

TEST_CASE("outbox: check finds what is missing, and what fits") {
    OutboxSetup setup("id uuid not null, key text, payload text", "topic = \"TOPIC\"\n");
    const auto check = [&] { return run_sluice({"check", "-c", setup.config.string()}); };
    const auto warned = check();
    CHECK_MESSAGE(warned.exit_code == 0, warned.out);
    CHECK(warned.out.find("public.outbox → " + setup.topic + " (4 partitions)") !=
          std::string::npos);
    CHECK(warned.out.find("no index begins with \"id\"") != std::string::npos);
    CHECK(warned.out.find("UUIDs may be random") != std::string::npos);
    shared_broker().admin().create_topic(setup.topic + ".marks", 1);
    const auto deletes = check();
    CHECK(deletes.exit_code == 1);
    CHECK_MESSAGE(deletes.out.find(".marks has cleanup.policy=delete, and would lose marks") !=
                      std::string::npos,
                  deletes.out);
    setup.exec("alter table outbox alter id drop not null");
    const auto refused = check();
    CHECK(refused.exit_code == 1);
    CHECK(refused.out.find("may hold NULL") != std::string::npos);
}

TEST_CASE("outbox: check sees two pipelines on one table, and ids that come again") {
    OutboxSetup setup("id smallserial primary key, key text, payload text",
                      "topic = \"TOPIC\"\n[outbox.twin]\ntable = \"public.outbox\"\ntopic = "
                      "\"TOPIC\"\n");
    setup.exec("alter sequence outbox_id_seq cycle cache 20");
    const auto check = run_sluice({"check", "events", "-c", setup.config.string()});
    CHECK(check.exit_code == 1);
    CHECK_MESSAGE(check.out.find("is also that of outbox.twin") != std::string::npos, check.out);
    CHECK(check.out.find("sequence of \"id\" cycles") != std::string::npos);
    CHECK(check.out.find("sequence of \"id\" has a cache") != std::string::npos);
    setup.exec(
        "create sequence drawn cache 20; alter table outbox alter id set default nextval('drawn');"
        "drop sequence outbox_id_seq");
    const auto of_other = run_sluice({"check", "events", "-c", setup.config.string()});
    CHECK(of_other.out.find("sequence of \"id\" cycles") == std::string::npos);
    CHECK_MESSAGE(of_other.out.find("sequence of \"id\" has a cache") != std::string::npos,
                  of_other.out);
}

TEST_CASE("outbox: a table is one pipeline's, whichever daemon runs the other") {
    OutboxSetup setup("id int primary key, payload text", "topic = \"TOPIC\"\n");
    setup.exec("insert into outbox values (1, 'x')");
    setup.send();
    Session session{shared_postgres().dsn(setup.database), "test"};
    const std::string table = "\"public\".\"outbox\"";
    CHECK_NOTHROW(take_table(session, {.relay = "events"}, table));
    CHECK_THROWS_AS(take_table(session, {.relay = "twin"}, table), WrongConfiguration);
    std::string renamed = read_file(setup.config);
    renamed.replace(renamed.find("outbox.events"), 13, "outbox.twin");
    write_file(setup.config, renamed);
    const auto check = run_sluice({"check", "-c", setup.config.string()});
    CHECK(check.exit_code == 1);
    CHECK_MESSAGE(check.out.find("is that of outbox.events") != std::string::npos, check.out);
}

TEST_CASE("marks: one behind the open transaction of another relay is found") {
    const std::string topic = "marks.shared";
    const config::Kafka kafka{
        .brokers = {shared_broker().bootstrap(), false}, .properties = {}, .instance = ""};
    KafkaProperties properties = shared_broker().client();
    shared_broker().admin().create_topic(topic, 1, {{"cleanup.policy", "compact"}});
    CHECK(kafka::read_mark(kafka, topic, "us") == std::nullopt);
    properties["transactional.id"] = "them";
    // Nobody ends it but the broker, after this: long after the reader stands before it.
    properties["transaction.timeout.ms"] = "3000";
    KafkaProducer them(properties);
    them.begin();
    them.produce({.topic = topic, .key = "them", .value = "1"});
    them.flush();
    properties["transactional.id"] = "us";
    properties.erase("transaction.timeout.ms");
    KafkaProducer us(properties);
    us.begin();
    us.produce({.topic = topic, .key = "us", .value = "7"});
    us.commit();
    CHECK(kafka::read_mark(kafka, topic, "us") == 7);
    CHECK(kafka::read_mark(kafka, topic, "them") == std::nullopt);
}
