#include "sinks/catalogue/check_growth.h"
#include "sinks/catalogue/grow_table.h"
#include "tests/component/kitchen.h"
#include "tests/component/topics_stage.h"
#include "tests/fixture/http_fake.h"
#include "tests/fixture/pg_connection.h"
#include "tests/fixture/schema_registry.h"
#include "tests/unit/avro_bytes_setup.h"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

/// Tables that follow the schemas of their records, which a real registry has.
namespace sluice {
namespace {

using namespace std::chrono_literals;
using namespace fixture;

SchemaRegistry& shared_registry() {
    static SchemaRegistry registry;
    return registry;
}

/// As Confluent's clients write it.
std::string framed(int schema, const std::string& bytes) {
    std::string record(1, '\0');
    for (int shift = 24; shift >= 0; shift -= 8)
        record += static_cast<char>(static_cast<unsigned>(schema) >> shift & 0xff);
    return record + bytes;
}

std::string record_of(const std::string& fields) {
    return R"({"type":"record","name":"Order","fields":[)" + fields + "]}";
}

/// For values of this topic; the schema's id.
int add_to_registry(const std::string& topic, const std::string& fields) {
    std::string escaped;
    for (const char c : record_of(fields)) escaped += c == '"' ? "\\\"" : std::string(1, c);
    return shared_registry().add(topic + "-value", "{\"schema\":\"" + escaped + "\"}");
}

const std::string id = R"({"name":"id","type":"long"})";
const std::string city = R"({"name":"city","type":"string"})";
const std::string tags = R"({"name":"tags","type":{"type":"array","items":"int"}})";

struct Following : TopicsStage {
    explicit Following(const std::string& name) : TopicsStage(name) { exec("create schema lake"); }

    void follow(const std::string& keys = "", const std::string& into = "") {
        configure_events("topic = { regex = '" + topic("") +
                         "(.+)' }\nformat = 'avro'\nschema = 'registry'\ncreate = true\n"
                         "on_extra = 'add_column'\n" +
                         (into.empty() ? "table = \"lake.{1}\"\n" : "") + keys +
                         "[registry]\nurl = '" + shared_registry().url() + "'\n" + into);
    }
    [[nodiscard]] int add_schema(const std::string& last, const std::string& fields) const {
        return add_to_registry(topic(last), fields);
    }
    [[nodiscard]] std::string columns(const std::string& table) const {
        return value(
            "select string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' order by "
            "attnum) from pg_attribute where attnum > 0 and not attisdropped and attrelid = "
            "to_regclass('lake." +
            table + "')");
    }
    void until_count(const std::string& table, const std::string& where, int count) const {
        until(
            [&] {
                return value("select to_regclass('lake." + table + "') is not null") == "t" &&
                       columns(table).find(where.substr(0, where.find(' '))) != std::string::npos &&
                       value("select count(*) from lake." + table + " where " + where) ==
                           std::to_string(count);
            },
            std::to_string(count) + " rows in " + table + " where " + where);
    }
    void check_all_accounted_for() const {
        const RunResult verified = run({"verify"});
        CHECK_MESSAGE(verified.exit_code == 0, verified.out << verified.err);
    }
};

}  // namespace

TEST_CASE("schema growth: tables are made and get columns while records arrive") {
    Following stage("grow_live");
    stage.create("orders");
    stage.create("clicks");
    const int v1 = stage.add_schema("orders", id);
    const int clicks = stage.add_schema("clicks", id + "," + city);
    stage.follow("lanes = 4\n");
    const RunResult checked = stage.run({"check"});
    CHECK_MESSAGE(checked.exit_code == 0, checked.out << checked.err);
    stage.start();
    int n = 0;
    const auto order = [&](int schema, const std::string& rest) {
        stage.produce("orders", n % 2, 1, framed(schema, avro::number(n) + rest));
        ++n;
    };
    for (int i = 0; i < 50; ++i) order(v1, "");
    stage.produce("clicks", 0, 20, framed(clicks, avro::number(1) + avro::sized("x")));
    stage.until_count("orders", "id >= 0", 50);
    stage.until_count("clicks", "city = 'x'", 20);
    CHECK(stage.columns("orders") == "id bigint");

    const int v2 = stage.add_schema("orders", id + "," + city);
    for (int i = 0; i < 100; ++i) i % 3 == 0 ? order(v1, "") : order(v2, avro::sized("Bern"));
    stage.until_count("orders", "id >= 0", 150);
    CHECK(stage.columns("orders") == "id bigint, city text");
    CHECK(stage.value("select count(*) from lake.orders where city = 'Bern'") == "66");

    // A type is nobody's to change but the owner's.
    const int v3 =
        stage.add_schema("orders", R"({"name":"id","type":"string"},)" + city + "," + tags);
    const std::string list_of_two =
        avro::number(2) + avro::number(7) + avro::number(8) + avro::number(0);
    stage.produce("orders", 0, 3,
                  framed(v3, avro::sized("77") + avro::sized("Bern") + list_of_two));
    stage.produce("orders", 1, 1,
                  framed(v3, avro::sized("A-1") + avro::sized("Bern") + list_of_two));
    stage.until_count("orders", "tags = '{7,8}'", 3);
    stage.until([&] { return stage.value("select count(*) from sluice.dead_letter") == "1"; },
                "the dead letter");
    CHECK(stage.columns("orders") == "id bigint, city text, tags integer[]");
    CHECK_MESSAGE(contains(stage.log(), "ALTER TABLE \"lake\".\"orders\" ALTER \"id\" TYPE text"),
                  stage.log());
    stage.exec("alter table lake.orders alter id type text");
    const RunResult retried = stage.run({"dead-letters", "retry", "events", "--yes"});
    CHECK_MESSAGE(retried.exit_code == 0, retried.out << retried.err);
    CHECK(stage.value("select tags from lake.orders where id = 'A-1'") == "{7,8}");
    stage.stop();
    stage.start();
    stage.produce("orders", 0, 1,
                  framed(v3, avro::sized("B-2") + avro::sized("Bern") + list_of_two));
    stage.until_count("orders", "id = 'B-2'", 1);
    stage.check_all_accounted_for();
}

TEST_CASE("recipes: tables follow schemas that change late") {
    Recipe recipe("Late schema changes");
    Kitchen kitchen("late");
    shared_broker().admin().create_topic("lake.orders", 1);
    const auto send = [](int schema, const std::string& bytes) {
        KafkaProducer producer(shared_broker().client());
        producer.produce("lake.orders", 0, framed(schema, bytes));
        producer.flush();
    };
    const auto until_value = [&](const std::string& sql, const std::string& value) {
        kitchen.until([&] { return kitchen.value(sql) == value; }, sql);
    };
    kitchen.sql("create schema landing");
    std::string toml = recipe.next("toml");
    const std::string url = "http://localhost:8081";
    kitchen.configure(toml.replace(toml.find(url), url.size(), shared_registry().url()));
    send(add_to_registry("lake.orders", id), avro::number(1));
    kitchen.start();
    until_value("select to_regclass('landing.orders') is not null", "t");
    kitchen.until_rows("landing.orders", 1);
    send(add_to_registry("lake.orders", id + "," + city), avro::number(2) + avro::sized("Ulm"));
    kitchen.until_rows("landing.orders", 2);
    CHECK(kitchen.value("select city from landing.orders where id = 2") == "Ulm");

    // A type is not taken over; what does not fit waits.
    const int by_name = add_to_registry("lake.orders", R"({"name":"id","type":"string"})");
    send(by_name, avro::sized("A-3"));
    until_value("select count(*) from sluice.open_dead_letter", "1");
    const std::string ddl = kitchen.sluice({"plan", "--ddl"});
    CHECK_MESSAGE(contains(ddl, "ALTER TABLE \"landing\".\"orders\" ALTER \"id\" TYPE text"), ddl);
    kitchen.sql("alter table landing.orders alter id type text");
    kitchen.sluice({"restart", "lake"});
    kitchen.sluice({"dead-letters", "retry", "lake", "--yes"});
    CHECK(kitchen.value("select string_agg(id, ' ' order by id) from landing.orders") == "1 2 A-3");
    kitchen.stop();
    kitchen.sluice({"verify"});
}

TEST_CASE("schema growth: a locked table holds up its topic, and no other") {
    Following stage("grow_locked");
    stage.create("orders");
    stage.create("clicks");
    const int v1 = stage.add_schema("orders", id);
    const int v2 = stage.add_schema("orders", id + "," + city);
    const int clicks = stage.add_schema("clicks", id);
    stage.exec("create table lake.orders (id bigint)");
    stage.follow();
    stage.start();
    stage.produce("orders", 0, 5, framed(v1, avro::number(1)));
    stage.until_count("orders", "id = 1", 5);
    {
        PgConnection reader = shared_postgres().connect("grow_locked");
        reader.exec("begin; select count(*) from lake.orders");
        stage.produce("orders", 0, 5, framed(v2, avro::number(2) + avro::sized("Bern")));
        stage.until([&] { return contains(stage.status(), "is to get columns for new fields"); },
                    "the reason on status");
        stage.produce("clicks", 0, 5, framed(clicks, avro::number(1)));
        stage.until_count("clicks", "id = 1", 5);
        CHECK(stage.value("select count(*) from lake.orders where id = 2") == "0");
        reader.exec("commit");
    }
    stage.until_count("orders", "city = 'Bern'", 5);
    CHECK(stage.value("select count(*) from sluice.dead_letter") == "0");
    stage.check_all_accounted_for();
}

TEST_CASE("schema growth: a role that may not is told beforehand, and its records wait") {
    Following stage("grow_rights");
    stage.create("orders", 1);
    const int v1 = stage.add_schema("orders", id);
    const int v2 = stage.add_schema("orders", id + "," + city);
    stage.exec("create table lake.orders (id bigint)");
    {
        Session weak(shared_postgres().dsn("grow_rights"), "growth");
        weak.exec("create role grow_rights_weak");
        weak.exec("grant usage on schema lake to grow_rights_weak");
        weak.exec("set role grow_rights_weak");
        config::Ingest target;
        target.create = true;
        target.on_extra = config::OnExtra::add_column;
        target.table = "lake.orders";
        const auto warned =
            check_growth_rights(weak, "ingest.x", target, table_if_any(weak, target));
        REQUIRE(warned.size() == 1);
        CHECK(contains(warned[0].remedy, "OWNER TO \"grow_rights_weak\""));
        target.table = "lake.\"No Table\"";
        CHECK(contains(to_string(check_growth_rights(weak, "ingest.x", target, {}).at(0)),
                       "GRANT CREATE ON SCHEMA \"lake\" TO \"grow_rights_weak\""));
        target.table = "\"No.Schema\".t";
        CHECK(contains(to_string(check_growth_rights(weak, "ingest.x", target, {}).at(0)),
                       "CREATE SCHEMA \"No.Schema\""));
        weak.exec("reset role");
        weak.exec("drop owned by grow_rights_weak");
        weak.exec("drop role grow_rights_weak");
    }
    stage.follow();
    stage.start();
    stage.produce("orders", 0, 5, framed(v1, avro::number(1)));
    stage.until_count("orders", "id = 1", 5);
    // The role that the daemon has owns everything here: a trigger stands for the missing right.
    stage.exec(
        "create function no_ddl() returns event_trigger language plpgsql as $$ begin raise "
        "insufficient_privilege using message = 'must be owner of table orders'; end $$");
    stage.exec(
        "create event trigger no_ddl on ddl_command_start when tag in ('ALTER TABLE') "
        "execute procedure no_ddl()");
    stage.produce("orders", 0, 5, framed(v2, avro::number(2) + avro::sized("Bern")));
    const std::string sql = "ALTER TABLE \\\"lake\\\".\\\"orders\\\" ADD COLUMN \\\"city\\\" text";
    stage.until([&] { return contains(stage.status(), sql); }, "the SQL on status");
    CHECK(contains(stage.status(), "must be owner"));
    stage.exec("drop event trigger no_ddl");
    stage.exec("alter table lake.orders add city text");
    stage.until_count("orders", "city = 'Bern'", 5);
    stage.check_all_accounted_for();
}

TEST_CASE("schema growth: merged tables get the key, and only the targets that want a field") {
    Following stage("grow_into");
    stage.create("orders");
    const int v1 = stage.add_schema("orders", id + "," + city);
    stage.follow("",
                 "[[ingest.events.into]]\ntable = 'lake.orders'\nmode = 'merge'\nkey = ['id']\n"
                 "[[ingest.events.into]]\ntable = 'lake.bern'\nfilter = \"city = 'Bern'\"\n"
                 "[[ingest.events.into]]\ntable = 'lake.plain'\non_extra = 'ignore'\n");
    stage.start();
    for (int i = 0; i < 20; ++i)
        stage.produce("orders", i % 2, 1, framed(v1, avro::number(i % 10) + avro::sized("Basel")));
    stage.until_count("plain", "city = 'Basel'", 20);
    CHECK(stage.value("select count(*) from lake.orders") == "10");
    CHECK(stage.value("select attname from pg_index join pg_attribute on attrelid = indrelid and "
                      "attnum = indkey[0] where indrelid = 'lake.orders'::regclass and "
                      "indisprimary") == "id");
    const int v2 = stage.add_schema("orders", id + "," + city + "," + tags);
    const std::string none = avro::number(0);
    for (int i = 0; i < 20; ++i)
        stage.produce("orders", i % 2, 1,
                      framed(v2, avro::number(i % 10) + avro::sized("Basel") + none));
    stage.until_count("plain", "city = 'Basel'", 40);
    CHECK(stage.columns("orders") == "id bigint, city text, tags integer[]");
    CHECK(stage.value("select count(*) from lake.orders where tags = '{}'") == "10");
    CHECK(stage.columns("bern") == "id bigint, city text");
    CHECK(stage.columns("plain") == "id bigint, city text");
    stage.check_all_accounted_for();
}

TEST_CASE("schema growth: a table that is taken away is not made anew, but to be read again") {
    Following stage("grow_gone");
    stage.create("orders");
    const std::string no_column = R"({"name":"ctid","type":"string"})";
    const int v1 = stage.add_schema("orders", id + "," + no_column);
    stage.follow("", "[[ingest.events.into]]\ntable = 'lake.whole'\n");
    stage.start();
    const auto order = [&](int partition, int number) {
        stage.produce("orders", partition, 5, framed(v1, avro::number(number) + avro::sized("x")));
    };
    order(0, 1);
    stage.until_count("whole", "id = 1", 5);
    CHECK_MESSAGE(contains(stage.log(), ": CREATE TABLE lake.whole ( \"id\" bigint )"),
                  stage.log());
    const std::string why =
        "table lake.whole is not there, and topic grow_gone.orders has been read "
        "up to offset ";
    stage.exec("alter table lake.whole rename to aside");
    order(1, 2);
    stage.until([&] { return contains(stage.status(), why + "5 of partition 0"); }, "the reason");
    // A topic whose first record is still to be read would fill the same table.
    stage.create("clicks", 1);
    const int clicks = stage.add_schema("clicks", id);
    stage.produce("clicks", 0, 5, framed(clicks, avro::number(3)));
    stage.until(
        [&] {
            return contains(stage.status(),
                            R"("topic":"grow_gone.clicks","why":"table lake.whole is not there)");
        },
        "the other topic");
    CHECK(stage.value("select to_regclass('lake.whole') is null") == "t");
    stage.exec("alter table lake.aside rename to whole");
    stage.until_count("whole", "id = 1", 5);
    stage.until_count("whole", "id = 2", 5);
    stage.until_count("whole", "id = 3", 5);
    stage.check_all_accounted_for();

    stage.exec("drop table lake.whole");
    order(0, 4);
    stage.until([&] { return contains(stage.status(), why); }, "the reason once more");
    stage.stop();
    for (const char* topic : {"orders", "clicks"}) {
        const RunResult set = stage.run({"progress", "set", "events", "--topic", stage.topic(topic),
                                         "--partition", "all", "--offset", "earliest", "--yes"});
        CHECK_MESSAGE(set.exit_code == 0, set.out << set.err);
    }
    stage.start();
    stage.until_count("whole", "id > 0", 20);
    stage.check_all_accounted_for();
}

TEST_CASE("schema growth: a key that the values do not have makes no table") {
    Following stage("grow_key");
    stage.follow("mode = 'merge'\n");
    const auto plans = [&](const std::string& text) {
        const RunResult planned = stage.run({"plan", "--ddl"});
        CHECK_MESSAGE(contains(planned.out, text), planned.out << planned.err);
    };
    plans("no topic's whole name fits \"grow_key.(.+)\" yet");
    stage.create("orders", 1);
    plans("topic grow_key.orders: the registry has no subject \"grow_key.orders-value\" yet");
    const int v1 = stage.add_schema("orders", id + "," + city);
    static_cast<void>(shared_registry().add(
        stage.topic("orders") + "-key",
        R"({"schema":"{\"type\":\"record\",\"name\":\"K\",\"fields\":[{\"name\":\"tenant\",)"
        R"(\"type\":\"int\"},{\"name\":\"id\",\"type\":\"long\"}]}"})"));
    stage.start();
    stage.produce("orders", 0, 1, framed(v1, avro::number(1) + avro::sized("Bern")));
    stage.until([&] { return contains(stage.status(), R"(tenant = \"@key/tenant\")"); },
                "what to map");
    CHECK(stage.value("select to_regclass('lake.orders') is null") == "t");
    plans("-- not made by itself: its rows are told apart by");
}

TEST_CASE("schema growth: a registry that hangs holds up topics without a table, and no other") {
    HttpFake registry;
    registry.hang();
    TopicsStage stage("grow_hang");
    stage.exec("create schema lake");
    stage.exec("create table lake.there (id int)");
    const std::vector<std::string> waiting = {"a", "b", "c", "y", "z"};
    for (const std::string& last : waiting) stage.create(last, 1);
    stage.create("there", 1);
    stage.produce("there", 0, 3);
    const auto follow = [&](const std::string& timeout) {
        stage.configure_events("topic = { regex = '" + stage.topic("") +
                               "(.+)' }\nschema = 'registry'\ncreate = true\n"
                               "table = \"lake.{1}\"\n[registry]\nurl = '" +
                               registry.url() + "'\ntimeout = '" + timeout + "'\n");
    };
    const auto asked = [&] {
        int count = 0;
        for (const std::string& last : waiting)
            count += registry.count("/subjects/" + stage.topic(last) + "-value/versions/latest");
        return count;
    };
    follow("3s");
    stage.start();
    stage.until([&] { return stage.value("select count(*) from lake.there") == "3"; }, "the rows");
    CHECK(asked() <= 2);
    stage.until([&] { return contains(stage.status(), R"(\"lake\".\"z\" is to be made: )"); },
                "the reason");
    stage.stop();
    // Nor does it hold up the end.
    follow("10m");
    const int before = asked();
    stage.start();
    stage.until([&] { return asked() > before; }, "a question");
    stage.stop();
}

TEST_CASE("schema growth: many who want the same at the same time") {
    const std::string name = "grow_race";
    shared_postgres().create_database(name);
    config::Ingest target;
    target.name = "orders";
    target.table = "public.orders";
    target.create = true;
    target.on_extra = config::OnExtra::add_column;
    for (int round = 0; round < 5; ++round) {
        shared_postgres().exec("drop table if exists orders", name);
        std::vector<std::thread> daemons;
        std::atomic<int> failures = 0;
        for (int daemon = 0; daemon < 4; ++daemon)
            daemons.emplace_back([&, daemon] {
                Session session(shared_postgres().dsn(name), "growth");
                schemas::RowFields rows;
                for (int column = 0; column < 8; ++column) {
                    const int number = daemon % 2 == 0 ? column : 8 - column;
                    rows.fields.push_back({.name = "c" + std::to_string(number),
                                           .type = schemas::RowField::Type::text});
                    // Of two who wait for each other's end, neither is wrong.
                    for (int tries = 0;; ++tries) try {
                            grow_table(session, {.target = target, .rows = rows});
                            break;
                        } catch (const std::exception&) {
                            if (tries < 20) continue;
                            ++failures;
                            break;
                        }
                }
            });
        for (std::thread& daemon : daemons) daemon.join();
        CHECK(failures == 0);
        CHECK(shared_postgres().value("select count(*) from information_schema.columns where "
                                      "table_name = 'orders'",
                                      name) == "9");
    }
}

}  // namespace sluice
