#include "tests/component/topics_stage.h"

using namespace sluice::fixture;

namespace {

/// With tables called as topics are, in a schema of their own.
struct Tables : TopicsStage {
    explicit Tables(const std::string& name, const std::string& schema = "landing")
        : TopicsStage(name), schema_(schema + ".") {
        exec("create schema " + schema);
    }

    void create_table(const std::string& last, const std::string& as = columns) const {
        exec("create table " + table(last) + " " + as);
    }
    [[nodiscard]] int landed(const std::string& last) const {
        return std::stoi(value("select count(*) from " + table(last)));
    }
    void until_landed(const std::string& last, int count) const {
        until([&] { return landed(last) == count; },
              std::to_string(count) + " rows in the table of " + topic(last));
    }
    void until_lag(const std::string& last, int partition, int lag) const {
        const std::string line = "sluice_ingest_lag_records{partition=\"" +
                                 std::to_string(partition) + "\",pipeline=\"events\",topic=\"" +
                                 topic(last) + "\"} " + std::to_string(lag) + "\n";
        until([&] { return contains(metrics(), line); }, line);
    }
    void until_says(const std::string& text) const {
        until([&] { return contains(status(), text); }, text);
    }
    [[nodiscard]] std::string table(const std::string& last) const {
        return schema_ + '"' + topic(last) + '"';
    }

private:
    const std::string schema_;
};

}  // namespace

TEST_CASE("topic tables: each topic goes to its own, in one transaction") {
    Tables stage("tables_own", R"("My ""lake""")");
    for (const char* last : {"a", "b-c.D"}) {
        stage.create(last);
        stage.create_table(last);
    }
    stage.configure(R"({ regex = 'tables_own\.(.+)' })", "", R"("My ""lake""".{topic})");
    const RunResult checked = stage.run({"check"});
    CHECK_MESSAGE(contains(checked.out, "{topic} (2 topics)"), (checked.out + checked.err));
    stage.start();
    stage.produce("a", 0, 5);
    stage.produce("b-c.D", 0, 7);
    stage.produce("b-c.D", 1, 1, R"({"id": "x"})");
    stage.until_landed("a", 5);
    stage.until_landed("b-c.D", 7);
    CHECK(stage.value("select count(distinct topic) from " + stage.table("a")) == "1");
    CHECK(stage.run({"wait", "events", "--end", "--timeout", "60s"}).exit_code == 0);
    stage.check_books();
    CHECK_FALSE(contains(stage.run({"verify"}).out, "by the ledger alone"));

    const RunResult peeked = stage.run({"peek", "events", "--output", "json"});
    CHECK(std::ranges::count(peeked.out, '\n') == 5 + 8);

    // A topic that comes has its table, or waits for it.
    stage.create("late");
    stage.produce("late", 1, 3);
    stage.until_says("topic \\\"tables_own.late\\\": ");
    CHECK(contains(stage.status(), R"("ready":true)"));
    stage.create_table("late");
    stage.until_landed("late", 3);
    stage.until_says(R"("fine":true)");

    stage.exec("alter table " + stage.table("b-c.D") + " alter id type text");
    stage.produce("b-c.D", 0, 1);
    stage.until_landed("b-c.D", 8);
    stage.stop();
    CHECK(contains(stage.run({"dead-letters", "retry", "events", "--yes"}).out,
                   "1 loaded, 0 filtered, 0 stay dead letters"));
    stage.check_books();
}

TEST_CASE("topic tables: one that is locked or gone holds up its topic, and no other") {
    Tables stage("tables_held");
    for (const char* last : {"a", "b"}) {
        stage.create(last);
        stage.create_table(last);
    }
    stage.configure(list({stage.topic("a"), stage.topic("b")}), "lanes = 1\n", "landing.{topic}");
    stage.start();
    stage.produce("a", 0, 3);
    stage.produce("b", 0, 3);
    stage.until_landed("a", 3);
    stage.until_landed("b", 3);

    auto locker = shared_postgres().connect("tables_held");
    locker.exec("begin; lock table landing.\"tables_held.b\" in access exclusive mode");
    stage.produce("b", 0, 2);
    stage.until_lag("b", 0, 2);
    stage.produce("b", 0, 3);
    stage.until_lag("b", 0, 5);
    int others = 3;
    for (int round = 0; round < 5; ++round) {
        stage.produce("a", 1, 1);
        stage.until_landed("a", ++others);
    }
    stage.until_says("\"held_up\":\"topic \\\"tables_held.b\\\": table ");
    CHECK(contains(stage.status(), R"("ready":true)"));
    CHECK(contains(stage.metrics(), "sluice_ingest_topics_held_up{pipeline=\"events\"} 1"));
    CHECK(contains(stage.run({"status"}).out, "partly held up"));
    locker.exec("rollback");
    stage.until_landed("b", 8);
    stage.until_says(R"("fine":true)");
    stage.until([&] { return contains(stage.log(), "topic \"tables_held.b\" goes on"); },
                "the word of it");

    stage.exec("alter table landing.\"tables_held.b\" rename to elsewhere");
    stage.produce("b", 1, 2);
    stage.produce("a", 1, 1);
    stage.until_landed("a", ++others);
    stage.until_says("\"held_up\":\"topic \\\"tables_held.b\\\": table ");
    stage.produce("a", 0, 1);
    stage.until_landed("a", ++others);
    stage.exec("alter table landing.elsewhere rename to \"tables_held.b\"");
    stage.until_landed("b", 10);
    stage.until_says(R"("fine":true)");
    CHECK(contains(stage.status(), R"("restarts":0)"));
    stage.check_books();
}

TEST_CASE("topic tables: a topic whose table is locked or lacking from the start has its lag") {
    Tables stage("tables_lag");
    for (const char* last : {"a", "b", "c"}) {
        stage.create(last);
        if (last[0] != 'c') stage.create_table(last);
        stage.produce(last, 0, 4);
    }
    stage.configure(R"({ regex = 'tables_lag\.(.+)' })", "", "landing.{topic}");
    auto locker = shared_postgres().connect("tables_lag");
    locker.exec("begin; lock table landing.\"tables_lag.b\" in access exclusive mode");
    stage.start();
    stage.until_landed("a", 4);
    for (const char* held : {"b", "c"}) stage.until_lag(held, 0, 4);
    for (const char* held : {"b", "c"}) stage.produce(held, 1, 3);
    for (const char* held : {"b", "c"}) stage.until_lag(held, 1, 3);
    locker.exec("rollback");
    stage.create_table("c");
    for (const char* held : {"b", "c"}) stage.until_landed(held, 7);
    for (const char* held : {"b", "c"}) stage.until_lag(held, 1, 0);
    stage.check_books();
}

TEST_CASE("topic tables: what nobody maps may come, change and go") {
    Tables stage("tables_altered");
    stage.exec("alter database tables_altered set timezone = 'UTC'");
    for (const char* last : {"a", "b"}) {
        stage.create(last);
        stage.create_table(last, "(topic text, part int, offs bigint, id int primary key)");
    }
    stage.configure(list({stage.topic("a"), stage.topic("b")}), "mode = 'merge'\n",
                    "landing.{topic}");
    stage.start();
    int rows = 0;
    const auto land = [&] {
        stage.produce("a", 0, 1, R"({"id": )" + std::to_string(++rows) + "}");
        stage.until_landed("a", rows);
    };
    land();
    const std::string alter = "alter table " + stage.table("a");
    for (const char* change : {" add extra int", " alter extra type text", " drop extra"}) {
        stage.exec(alter + change);
        land();
    }
    stage.exec("alter database tables_altered set timezone = 'Asia/Tokyo'");
    stage.exec(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'tables_altered'"
        " and application_name = 'sluice/events' and pid <> pg_backend_pid()");
    land();
    CHECK_MESSAGE(contains(stage.status(), R"("restarts":0)"), stage.log());
    CHECK(stage.run({"verify"}).exit_code == 0);
}

TEST_CASE("topic tables: check sees that another pipeline changes one of them") {
    Tables stage("tables_shared");
    stage.create("a");
    stage.create_table("a", "(id int primary key)");
    const auto pipeline = [&](const std::string& topic, const std::string& table) {
        return "topic = " + topic + "\ntable = '" + table +
               "'\nmode = 'merge'\ncolumns.id = 'id'\n";
    };
    stage.configure_events(pipeline("{ regex = 'tables_shared\\..+' }", "landing.{topic}") +
                           "[ingest.other]\n" +
                           pipeline("'tables_shared.a'", "landing.\"tables_shared.a\""));
    const RunResult checked = stage.run({"check"});
    const std::string told = checked.out + checked.err;
    CHECK_MESSAGE(contains(told, "is also changed by ingest.other: they take turns"), told);
    CHECK_MESSAGE(contains(told, "is also changed by ingest.events: they take turns"), told);
}
