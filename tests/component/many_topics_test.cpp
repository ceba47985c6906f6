#include "tests/component/topics_stage.h"

#include <atomic>
#include <thread>

using namespace sluice::fixture;

namespace {

constexpr const char* receipts = "receipts = { table = \"receipts\", topic = \"done\" }\n";

}  // namespace

TEST_CASE("topics: of two, whose partitions have the same numbers, nothing is mixed") {
    TopicsStage stage("topics_two");
    const std::string a = stage.topic("a");
    const std::string b = stage.topic("b");
    stage.create("a");
    stage.create("b");
    stage.configure(list({a, b}), receipts);
    const RunResult checked = stage.run({"check"});
    CHECK_MESSAGE(contains(checked.out, "2 topics of " + a + ", " + b + " (4 partitions)"),
                  checked.out);
    stage.start();
    stage.produce("a", 0, 5);
    stage.produce("b", 0, 7);
    stage.produce("a", 0, 1, R"({"id": "x"})");
    stage.produce("b", 0, 1, R"({"id": "y"})");
    stage.until_rows("a", 5);
    stage.until_rows("b", 7);
    CHECK(stage.run({"wait", "events", "--end", "--timeout", "60s"}).exit_code == 0);

    const auto progress = [&] {
        return stage.value(
            "select string_agg(right(topic, 1) || kafka_partition || '=' || next_offset, ' ' order "
            "by topic, kafka_partition) from sluice.progress");
    };
    CHECK(progress() == "a0=6 a1=0 b0=8 b1=0");
    CHECK(stage.value("select string_agg(distinct right(topic, 1) || kafka_offset, ' ') from "
                      "sluice.dead_letter") == "a5 b7");
    CHECK(stage.value("select string_agg(distinct topic || ':' || key, ' ') from receipts") ==
          "done:events/" + a + "/0 done:events/" + b + "/0");
    const std::string metrics = stage.metrics();
    for (const std::string& topic : {a, b})
        CHECK(contains(metrics,
                       "sluice_ingest_progress_offset{partition=\"0\",pipeline=\"events\","
                       "topic=\"" +
                           topic + "\"} "));
    CHECK(contains(metrics, "topic=\"" + a + ", " + b + "\"} 1"));

    // A command that is about one partition is told of which topic.
    const RunResult of_any =
        stage.run({"wait", "events", "--partition", "0", "--offset", "4", "--timeout", "9s"});
    CHECK(of_any.exit_code == 2);
    CHECK_MESSAGE(contains(of_any.err, "[ingest.events] reads several topics: " + a + ", " + b +
                                           "; --topic says whose partition 0 is meant"),
                  of_any.err);
    const RunResult of_b = stage.run(
        {"wait", "events", "--topic", b, "--partition", "0", "--offset", "7", "--timeout", "60s"});
    CHECK(of_b.out == b + "[0]: everything below offset 8 is committed\n");
    CHECK(contains(stage.run({"wait", "events", "--topic", "c", "--end"}).err,
                   "does not read topic \"c\"; it reads " + a + ", " + b));
    CHECK(contains(stage.run({"produce", "events"}).err, "reads several topics"));

    const RunResult peeked = stage.run({"peek", "events", "--output", "json", "--where",
                                        "topic = '" + b + "' and partition = 0 and offset < 2"});
    CHECK(std::ranges::count(peeked.out, '\n') == 2);
    CHECK_FALSE(contains(peeked.out, a));
    const RunResult csv = stage.run({"peek", "events", "--output", "csv"});
    CHECK_MESSAGE(csv.out.starts_with("topic,partition,offset,timestamp,becomes,"), csv.out);
    CHECK_MESSAGE(contains(csv.out, "\n" + b + ",0,7,"), csv.out);
    const RunResult as_table = stage.run({"peek", "events", "--limit", "1"});
    CHECK_MESSAGE(as_table.out.starts_with("topic "), as_table.out);
    const RunResult all = stage.run({"peek", "events", "--output", "json"});
    CHECK(std::ranges::count(all.out, '\n') == 6 + 8);
    stage.check_books();

    // The same offset of the same partition, of which one is settled.
    const RunResult discarded =
        stage.run({"dead-letters", "retry", "events", "--where", "topic = '" + a + "'", "--yes"});
    CHECK_MESSAGE(contains(discarded.out, "0 loaded, 0 filtered, 1 stay dead letters"),
                  (discarded.out + discarded.err));
    stage.exec("alter table events alter id type text");
    stage.stop();
    CHECK(contains(stage.run({"dead-letters", "retry", "events", "--yes"}).out,
                   "2 loaded, 0 filtered, 0 stay dead letters"));
    stage.check_books();

    // Rewinding one partition moves no other of its number.
    const RunResult unnamed =
        stage.run({"progress", "set", "events", "--partition", "0", "--offset", "2", "--yes"});
    CHECK(unnamed.exit_code == 2);
    const RunResult rewound = stage.run(
        {"progress", "set", "events", "--topic", b, "--partition", "0", "--offset", "2", "--yes"});
    CHECK_MESSAGE(rewound.exit_code == 0, rewound.err);
    CHECK(progress() == "a0=6 a1=0 b0=2 b1=0");
    stage.exec("delete from events where topic = '" + b + "' and offs >= 2");
    stage.start();
    stage.until_rows("b", 8);
    CHECK(stage.rows("a") == 6);
    const RunResult verified = stage.run({"verify"});
    CHECK(verified.exit_code == 0);
    for (const std::string& topic : {a, b})
        CHECK_MESSAGE(contains(verified.out, "\n" + topic + "  "), verified.out);
}

TEST_CASE("topics: a list may change, and each keeps its progress") {
    TopicsStage stage("topics_list");
    for (const char* last : {"a", "b"}) {
        stage.create(last);
        stage.produce(last, 1, 4);
    }
    stage.configure("\"" + stage.topic("a") + "\"", receipts);
    stage.start();
    stage.until_rows("a", 4);
    CHECK(stage.value("select distinct key from receipts") == "events/1");
    CHECK(stage.rows("b") == 0);
    stage.stop();

    stage.configure(list({stage.topic("a"), stage.topic("b")}));
    stage.start();
    stage.until_rows("b", 4);
    stage.produce("a", 1, 2);
    stage.until_rows("a", 6);
    stage.stop();

    stage.configure(list({stage.topic("b")}));
    stage.start();
    stage.produce("a", 1, 3);
    stage.produce("b", 1, 1);
    stage.until_rows("b", 5);
    CHECK(stage.rows("a") == 6);
    stage.stop();

    stage.configure(R"({ regex = 'topics_list\.[ab]' })");
    stage.start();
    stage.until_rows("a", 9);
    stage.produce("b", 1, 1);
    stage.until_rows("b", 6);
    stage.check_books();
}

TEST_CASE("topics: what comes to fit an expression is read from its beginning, under load") {
    TopicsStage stage("topics_regex");
    stage.create("old");
    stage.produce("old", 0, 50);
    stage.configure(R"({ regex = 'topics_regex\.(.+)' })", "start = \"latest\"\n");
    stage.start();
    stage.until(
        [&] {
            return stage.value("select to_regclass('sluice.progress') is not null") == "t" &&
                   stage.value("select count(*) from sluice.progress") == "2";
        },
        "the anchors");
    std::atomic<bool> enough = false;
    int produced = 0;
    std::thread load([&] {
        KafkaProducer producer(shared_broker().client());
        while (!enough) {
            producer.produce(stage.topic("old"), produced++ % 2, R"({"id": 1})");
            if (produced % 100 == 0) producer.flush();
            std::this_thread::sleep_for(1ms);
        }
        producer.flush();
    });
    const std::vector<std::string> come = {"new1", "new2", "new3"};
    for (const std::string& last : come) {
        stage.create(last, 3);
        stage.produce(last, 2, 20);
        stage.until_rows(last, 20);
    }
    shared_broker().admin().create_topic("other.topics_regex.x", 1);
    enough = true;
    load.join();
    CHECK(stage.run({"wait", "events", "--end", "--timeout", "60s"}).exit_code == 0);
    CHECK(stage.rows("old") == produced);
    CHECK(contains(stage.log(), "topic \"topics_regex.new3\" is there now, and will be read"));
    stage.check_books();
}

TEST_CASE("topics: one that is not there, or is deleted, is said, and holds up no other") {
    TopicsStage stage("topics_gone");
    stage.create("a");
    stage.create("b");
    stage.configure(list({stage.topic("a"), stage.topic("b"), stage.topic("c")}),
                    "on_offset_lost = \"earliest\"\n");
    CHECK(contains(stage.run({"check"}).out + stage.run({"check"}).err,
                   "there is no topic \"topics_gone.c\""));
    stage.start();
    stage.produce("a", 0, 3);
    stage.produce("b", 0, 3);
    stage.until_rows("a", 3);
    stage.until_rows("b", 3);
    const auto says = [&](const std::string& text) {
        stage.until([&] { return contains(stage.status(), text); }, text);
    };
    says(R"("held_up":"topic \"topics_gone.c\": it is not there; it is read as soon as it is")");
    CHECK(contains(stage.status(), R"("ready":true)"));
    CHECK(contains(stage.status(), R"("fine":false)"));
    CHECK(contains(stage.run({"status"}).out, "partly held up"));
    CHECK(contains(stage.metrics(), "sluice_ingest_topics_missing{pipeline=\"events\"} 1"));

    stage.create("c");
    stage.produce("c", 1, 2);
    stage.until_rows("c", 2);
    says(R"("fine":true)");

    shared_broker().admin().delete_topic(stage.topic("b"));
    says(R"("held_up":"topic \"topics_gone.b\": it is gone; it is read again if it comes back")");
    for (int round = 1; round <= 3; ++round) {
        stage.produce("a", 0, 1);
        stage.until_rows("a", 3 + round);
    }
    CHECK(contains(stage.status(), R"("restarts":0)"));
    stage.create("b");
    stage.produce("b", 0, 2);
    stage.until_rows("b", 5);
    says(R"("fine":true)");

    // As soon as it is missed it is back, and longer than what was read.
    const auto times_unseen = [&] {
        const std::string log = stage.log();
        int times = 0;
        for (std::size_t at = 0;
             (at = log.find("\"topics_gone.b\" is not seen", at)) != std::string::npos; ++at)
            ++times;
        return times;
    };
    const int before = times_unseen();
    shared_broker().admin().delete_topic(stage.topic("b"));
    stage.until([&] { return times_unseen() > before; }, "that it is missed");
    stage.create("b");
    stage.produce("b", 0, 9);
    stage.until_rows("b", 5 + 9);
    says(R"("fine":true)");
}
