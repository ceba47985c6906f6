#include "tests/component/topics_stage.h"

#include <map>
#include <random>

using namespace sluice::fixture;

namespace {

/// One topic, "all", whose records go to several tables.
struct Into : TopicsStage {
    explicit Into(const std::string& name) : TopicsStage(name) {
        create("all");
        for (const char* table : {"clicks", "paid"}) create_table(table);
    }
    void create_table(const std::string& table) const {
        exec("create table " + table +
             " (topic text, part int, offs bigint, id int check (id < 1000))");
    }
    [[nodiscard]] std::string of_topic() const { return "topic = '" + topic("all") + "'\n"; }
    static std::string target(const std::string& table, const std::string& filter,
                              const std::string& more = "") {
        return "[[ingest.events.into]]\ntable = '" + table + "'\nfilter = \"" + filter + "\"\n" +
               more + "[ingest.events.into.columns]\n" + origin + "id = \"id\"\n";
    }
    static std::string two() {
        return target("clicks", "kind = 'click'") + target("paid", "amount > 0");
    }

    [[nodiscard]] std::string ids(const std::string& table) const {
        return value("select coalesce(string_agg(id::text, ' ' order by id), '') from " + table);
    }
    void until_ids(const std::string& table, const std::string& expected) const {
        until([&] { return ids(table) == expected; }, table + " with " + expected);
    }
    void wait_for_end() const {
        const RunResult waited = run({"wait", "events", "--end", "--timeout", "60s"});
        CHECK_MESSAGE(waited.exit_code == 0, waited.out << waited.err);
    }
};

}  // namespace

TEST_CASE("into: records go to all tables that want them, or are one dead letter") {
    Into stage("into_all");
    stage.configure_events(stage.of_topic() + stage.two());
    const RunResult checked = stage.run({"check"});
    CHECK_MESSAGE(checked.exit_code == 0, checked.out << checked.err);
    CHECK(contains(checked.out, "public.clicks (4 columns"));
    CHECK(contains(checked.out, "public.paid (4 columns"));
    stage.start();
    stage.produce("all", 0, 1, R"({"id": 1, "kind": "click"})");
    stage.produce("all", 0, 1, R"({"id": 2, "kind": "click", "amount": 7})");
    stage.produce("all", 0, 1, R"({"id": 3, "amount": 7})");
    stage.produce("all", 0, 1, R"({"id": 4})");
    // The mapping, or the database, refuses it for one of the two.
    stage.produce("all", 1, 1, R"({"id": "x", "kind": "click", "amount": 7})");
    stage.produce("all", 1, 1, R"({"id": 5000, "kind": "view", "amount": 7})");
    stage.produce("all", 1, 1, R"({"id": 6, "kind": "click", "amount": 7})");
    stage.wait_for_end();
    CHECK(stage.ids("clicks") == "1 2 6");
    CHECK(stage.ids("paid") == "2 3 6");
    CHECK(stage.value("select count(*) from sluice.dead_letter") == "2");
    CHECK(stage.value("select count(*) from sluice.dead_letter where reasons::text like "
                      "'%into public.paid: %'") == "2");
    CHECK(stage.value("select count(*) from sluice.dead_letter where reasons::text like "
                      "'%into public.clicks: %'") == "1");
    CHECK(stage.value("select sum(loaded) || ' ' || sum(rejected) || ' ' || sum(filtered) from "
                      "sluice.ledger") == "4 2 1");
    CHECK(contains(stage.metrics(),
                   R"(sluice_ingest_table_rows_total{pipeline="events",table="public.clicks"} 3)"));
    CHECK(contains(stage.status(), R"({"table":"public.paid","rows":3})"));
    stage.check_books();
    CHECK_FALSE(contains(stage.run({"verify"}).out, "by the ledger alone"));

    const RunResult peeked = stage.run({"peek", "events", "--output", "json"});
    CHECK(contains(peeked.out, R"("becomes":"row","into":"public.clicks")"));
    CHECK(contains(peeked.out, R"("becomes":"row","into":"public.paid")"));
    CHECK(contains(peeked.out, R"("becomes":"filtered")"));
    CHECK(contains(peeked.out, R"("becomes":"rejected")"));
    CHECK(std::ranges::count(peeked.out, '\n') == 9);
    CHECK(contains(stage.run({"peek", "events", "--output", "csv"}).out, "becomes,into,row"));

    // A row that is gone from one of its tables is missed where no other has the record.
    stage.exec("delete from clicks where id = 2");
    stage.check_books();
    stage.exec("delete from paid where id = 3");
    CHECK(stage.run({"verify"}).exit_code == 1);
}

TEST_CASE("into: a dead letter that is retried goes to all of its tables, or stays") {
    Into stage("into_retried");
    stage.exec("alter table paid add check (id <> 7)");
    stage.configure_events(stage.of_topic() + stage.two());
    stage.start();
    stage.produce("all", 0, 1, R"({"id": 7, "kind": "click", "amount": 1})");
    stage.produce("all", 1, 1, R"({"id": 2000, "kind": "click", "amount": 1})");
    stage.wait_for_end();
    stage.stop();
    stage.exec("alter table paid drop constraint paid_id_check1");
    const auto retry = [&] { return stage.run({"dead-letters", "retry", "events", "--yes"}).out; };
    CHECK(contains(retry(), "1 loaded, 0 filtered, 1 stay"));
    CHECK((stage.ids("clicks") == "7" && stage.ids("paid") == "7"));
    // What the second refuses has no row in the first.
    stage.exec("alter table clicks drop constraint clicks_id_check");
    CHECK(contains(retry(), "0 loaded, 0 filtered, 1 stay"));
    CHECK(stage.ids("clicks") == "7");
    stage.exec("alter table paid drop constraint paid_id_check");
    CHECK(contains(retry(), "1 loaded, 0 filtered, 0 stay"));
    CHECK((stage.ids("clicks") == "7 2000" && stage.ids("paid") == "7 2000"));
    stage.check_books();
}

TEST_CASE("into: a table that is changed is one target, whatever it is called") {
    Into stage("into_shared");
    stage.exec("create unique index on clicks (id)");
    const std::string merge = "mode = 'merge'\nkey = ['id']\n";
    stage.configure_events(stage.of_topic() + stage.target("clicks", "kind = 'click'", merge) +
                           stage.target("public.clicks", "amount > 0"));
    const RunResult checked = stage.run({"check"});
    CHECK(checked.exit_code == 1);
    CHECK(contains(checked.out + checked.err,
                   "ingest.events: two targets are one table, public.clicks and clicks, and"));
    stage.start();
    stage.produce("all", 0, 1, R"({"id": 1, "kind": "click", "amount": 7})");
    stage.until([&] { return contains(stage.status(), "two targets are one table"); },
                "a pipeline that says so");
    CHECK(stage.ids("clicks").empty());
    // Where both append, a record that both want has two rows.
    stage.stop();
    stage.exec("drop index clicks_id_idx");
    stage.configure_events(stage.of_topic() + stage.target("clicks", "kind = 'click'") +
                           stage.target("public.clicks", "amount > 0"));
    CHECK(stage.run({"check"}).exit_code == 0);
    stage.start();
    stage.until_ids("clicks", "1 1");
}

TEST_CASE("into: rows come behind those that they refer to, whatever their tables are called") {
    Into stage("into_refers");
    for (const char* also : {"", " deferrable initially deferred"}) {
        CAPTURE(also);
        stage.exec("drop table if exists a_part, whole");
        stage.exec("create table whole (id int primary key check (id < 1000))");
        stage.exec(std::string("create table a_part (id int references whole") + also + ")");
        const auto target = [](const std::string& table) {
            return "[[ingest.events.into]]\ntable = '" + table +
                   "'\n[ingest.events.into.columns]\nid = 'id'\n";
        };
        stage.configure_events(stage.of_topic() + target("a_part") + target("whole"));
        stage.start();
        stage.produce("all", 0, 1, R"({"id": 1})");
        stage.wait_for_end();
        stage.produce("all", 0, 1, R"({"id": 2000})");
        stage.produce("all", 0, 1, R"({"id": 2})");
        stage.wait_for_end();
        CHECK(stage.ids("a_part") == stage.ids("whole"));
        CHECK(stage.ids("whole").ends_with("2"));
        stage.stop();
    }
    CHECK(stage.value("select string_agg(kafka_offset::text, ' ') from sluice.dead_letter") ==
          "1 4");
}

TEST_CASE("into: what goes in the end goes before what it refers to, in one batch") {
    Into stage("into_removes");
    stage.exec("create table whole (id int primary key)");
    stage.exec("create table a_part (id int primary key, of int references whole)");
    stage.exec("create table elsewhere (of int references whole)");
    for (const char* table : {"whole (id)", "elsewhere (of)"})
        stage.exec(std::string("insert into ") + table + " values (9)");
    const auto target = [](const std::string& table, const std::string& columns) {
        return "[[ingest.events.into]]\ntable = '" + table + "'\nfilter = \"kind = '" + table +
               "'\"\nmode = 'merge'\ndelete_when = \"op = 'd'\"\ncolumns = { " + columns + " }\n";
    };
    stage.configure_events(stage.of_topic() + target("whole", "id = 'id'") +
                           target("a_part", "id = 'id', of = 'of'"));
    const auto send = [&](const std::string& record) { stage.produce("all", 0, 1, record); };
    const auto parts = [&] {
        return stage.value(
            "select coalesce(string_agg(id || ':' || of, ' ' order by id), '') from a_part");
    };
    for (int id = 1; id <= 4; ++id) {
        const std::string number = std::to_string(id);
        send(R"({"kind": "whole", "id": )" + number + "}");
        send(R"({"kind": "a_part", "id": )" + number + R"(, "of": )" + number + "}");
    }
    stage.start();
    stage.wait_for_end();
    CHECK(parts() == "1:1 2:2 3:3 4:4");
    stage.stop();

    // A part and its whole, neither of which the database refuses.
    send(R"({"kind": "a_part", "op": "d", "id": 1})");
    send(R"({"kind": "whole", "op": "d", "id": 1})");
    stage.start();
    stage.wait_for_end();
    CHECK(stage.ids("whole") == "2 3 4 9");
    CHECK(contains(stage.metrics(), "sluice_ingest_table_rows_total"));
    CHECK(stage.value("select count(*) from sluice.dead_letter") == "0");
    stage.stop();

    // A part that goes elsewhere, a whole that others still need, and one more of each.
    send(R"({"kind": "a_part", "id": 2, "of": 3})");
    send(R"({"kind": "whole", "op": "d", "id": 2})");
    send(R"({"kind": "whole", "op": "d", "id": 9})");
    send(R"({"kind": "a_part", "op": "d", "id": 4})");
    send(R"({"kind": "whole", "op": "d", "id": 4})");
    send(R"({"kind": "whole", "id": 5})");
    send(R"({"kind": "a_part", "id": 5, "of": 5})");
    stage.start();
    stage.wait_for_end();
    CHECK(parts() == "2:3 3:3 5:5");
    CHECK(stage.ids("whole") == "3 5 9");
    CHECK(stage.value("select string_agg(kafka_offset::text, ' ') from sluice.dead_letter") ==
          "12");
    CHECK(stage.run({"verify"}).exit_code == 0);
}

TEST_CASE("into: many go and come, by SQL, where one is refused") {
    Into stage("into_computes");
    stage.exec("create table whole (id int primary key)");
    stage.exec(
        "create table a_part (id int primary key, of int references whole check (of > 0),"
        " twice int)");
    stage.exec("insert into whole select generate_series(-1, 1)");
    const std::string common = "mode = 'merge'\ndelete_when = \"op = 'd'\"\n";
    stage.configure_events(
        stage.of_topic() +
        "[[ingest.events.into]]\ntable = 'whole'\nfilter = \"kind = 'whole'\"\n" + common +
        "columns = { id = 'id' }\n[[ingest.events.into]]\ntable = 'a_part'\n" +
        "filter = \"kind = 'part'\"\n" + common +
        "columns = { id = 'id', of = 'of', twice = { sql = 'id * 2' } }\n");
    const auto send = [&](int id, int of, bool goes) {
        return R"({"kind": "part", "id": )" + std::to_string(id) + R"(, "of": )" +
               std::to_string(of) + (goes ? R"(, "op": "d"})" : "}");
    };
    constexpr int many = 600;  // more than are found without an index
    std::vector<std::string> records;
    for (int id = 0; id < many; ++id) records.push_back(send(id, 1, false));
    stage.produce("all", 0, records);
    stage.start();
    stage.wait_for_end();
    stage.stop();
    for (int round = 1; round <= 2; ++round) {
        records.clear();
        for (int i = 0; i < many; ++i) {
            records.push_back(send((round - 1) * many + i, 1, true));
            records.push_back(send(round * many + i, i == 7 ? -1 : 1, false));
        }
        stage.produce("all", 0, records);
        stage.start();
        stage.wait_for_end();
        stage.stop();
    }
    CHECK(stage.value("select count(*) || ' ' || (sum(twice) = 2 * sum(id)) || ' ' || min(id) "
                      "from a_part") == "599 true 1200");
    CHECK(stage.value("select count(*) from sluice.dead_letter") == "2");
}

TEST_CASE("into: a table that is locked holds up what goes there, whole") {
    Into stage("into_locked");
    stage.configure_events(stage.of_topic() + "lanes = 1\n" + stage.two());
    stage.start();
    auto locker = shared_postgres().connect("into_locked");
    locker.exec("begin; lock table paid in access exclusive mode");
    stage.produce("all", 0, 1, R"({"id": 1, "kind": "click"})");
    stage.produce("all", 0, 1, R"({"id": 2, "kind": "click", "amount": 7})");
    stage.until([&] { return contains(stage.status(), "public\\\".\\\"paid"); },
                "the table's name");
    stage.produce("all", 1, 1, R"({"id": 3, "kind": "click"})");
    locker.exec("rollback");
    stage.until_ids("clicks", "1 2 3");
    CHECK(stage.ids("paid") == "2");
    stage.check_books();
}

TEST_CASE("into: a reload adds a target, and takes one away") {
    Into stage("into_reload");
    const std::string clicks = stage.of_topic() + stage.target("clicks", "kind = 'click'");
    stage.configure_events(clicks);
    stage.start();
    stage.produce("all", 0, 1, R"({"id": 1, "kind": "click", "amount": 1})");
    stage.until_ids("clicks", "1");
    // The file's own change is what reloads it.
    stage.configure_events(clicks + stage.target("nowhere", "amount > 0"));
    stage.until([&] { return contains(stage.log(), "ingest.events.into.2: table nowhere"); },
                "the reload to be refused");
    const RunResult checked = stage.run({"check"});
    CHECK_MESSAGE(contains(checked.out + checked.err, "sluice.toml:22:"),
                  checked.out << checked.err);

    const auto until_restarted = [&](const std::string& times, const std::string& why) {
        stage.until([&] { return contains(stage.status(), "\"restarts\":" + times); },
                    "the reload");
        stage.until([&] { return contains(stage.log(), why); }, "why, in the log");
    };
    stage.configure_events(clicks + stage.target("paid", "amount > 0"));
    until_restarted("1", "into.2: target added, table paid (line ");
    CHECK_MESSAGE(!contains(stage.log(), "none → none"), stage.log());
    stage.produce("all", 0, 1, R"({"id": 2, "kind": "click", "amount": 1})");
    stage.until_ids("paid", "2");
    stage.configure_events(stage.of_topic() + stage.target("paid", "amount > 0"));
    until_restarted("2", "into.1: target removed, table clicks");
    stage.produce("all", 0, 1, R"({"id": 3, "kind": "click", "amount": 1})");
    stage.until_ids("paid", "2 3");
    CHECK(stage.ids("clicks") == "1 2");
    CHECK(stage.run({"verify"}).exit_code == 1);  // the first is in no table that it has now
}

TEST_CASE("into: merges and rows, of random records, are as a model says") {
    Into stage("into_random");
    stage.exec("create table latest (id int primary key, n int)");
    stage.exec("create table parts (id int, part_no int not null)");
    stage.configure_events(
        stage.of_topic() + "batch.rows = 50\n" + stage.target("clicks", "kind = 'click'") +
        "[[ingest.events.into]]\ntable = 'latest'\nmode = 'merge'\nwhere = 'n <> 13'\n"
        "[ingest.events.into.columns]\nid = 'id'\nn = 'n'\n"
        "[[ingest.events.into]]\ntable = 'parts'\nexplode = '/parts'\n"
        "[ingest.events.into.columns]\nid = 'id'\npart_no = '/parts'\n");
    std::mt19937 random(7);
    std::map<int, int> latest;
    int clicks = 0;
    int parts = 0;
    int rejects = 0;
    constexpr int records = 2000;
    for (int n = 0; n < records; ++n) {
        const int id = static_cast<int>(random() % 100);
        const bool click = random() % 2 == 0;
        const int count = static_cast<int>(random() % 3);
        const bool bad = random() % 20 == 0;
        std::string list;
        for (int i = 0; i < count; ++i) list += (i > 0 ? ", " : "") + std::to_string(i);
        if (bad) list = "null";  // the database, or the mapping, takes no such part
        const int value = random() % 50 == 0 ? 13 : n;
        stage.produce("all", id % 2, 1,
                      "{\"id\": " + std::to_string(id) + ", \"n\": " + std::to_string(value) +
                          ", \"kind\": \"" + (click ? "click" : "view") + "\", \"parts\": [" +
                          list + "]}");
        if (bad) {
            ++rejects;
            continue;
        }
        clicks += click;
        parts += count;
        if (value != 13) latest[id] = n;
    }
    stage.start();
    stage.wait_for_end();
    CHECK(stage.value("select count(*) from clicks") == std::to_string(clicks));
    CHECK(stage.value("select count(*) from parts") == std::to_string(parts));
    CHECK(stage.value("select count(*) from sluice.dead_letter") == std::to_string(rejects));
    std::string expected;
    for (const auto& [id, n] : latest)
        expected += std::to_string(id) + "=" + std::to_string(n) + " ";
    CHECK(stage.value("select string_agg(id || '=' || n || ' ', '' order by id) from latest") ==
          expected);
    const RunResult verified = stage.run({"verify"});
    CHECK_MESSAGE(verified.exit_code == 0, verified.out << verified.err);
    CHECK(contains(verified.out, "by the ledger alone"));
}
