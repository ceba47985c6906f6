#include "tests/fixture/debezium.h"
#include "tests/fixture/daemon.h"
#include "tests/fixture/http.h"
#include "tests/fixture/kafka_broker.h"
#include "tests/fixture/ports.h"
#include "tests/fixture/postgres.h"
#include "tests/fixture/schema_registry.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <optional>

/// Change events of a real Debezium, from a database that applications write to.
namespace sluice {
namespace {

using namespace std::chrono_literals;
using namespace fixture;

constexpr const char* columns =
    "(id int primary key, name text, balance numeric(10,2), born date, at timestamp(6), "
    "seen timestamptz, doc jsonb, token uuid, blob bytea, score double precision, ok boolean, "
    "big text, raw bytea, words text[], numbers int[], longs bigint[], ids uuid[])";

std::string large_array(const std::string& of_each, int elements) {
    return "case when i % 5 = 0 then array(select " + of_each + " from generate_series(1, " +
           std::to_string(elements) + ") g) end";
}

/// The state of customers `first` to `last`.
std::string insert(int first, int last) {
    return "insert into customers select i, 'name ' || i, i * 1.25 - 100, "
           "date '1960-01-01' + i * 17, timestamp '2026-01-01' + i * interval '1.000001 s', "
           "timestamptz '2026-01-01T00:00:00Z' + i * interval '61.5 s', "
           "jsonb_build_object('i', i, 'ä', array['x', 'y']), md5(i::text)::uuid, "
           "decode(md5(i::text), 'hex'), i / 7.0, i % 2 = 0, "
           "case when i % 5 = 0 then repeat(md5(i::text), 200) end, "
           "case when i % 5 = 0 then decode(repeat(md5(i::text), 200), 'hex') end, " +
           large_array("md5(g::text)", 100) + ", " + large_array("i * g", 1000) + ", " +
           large_array("(i * g)::bigint << 31", 500) + ", " +
           large_array("md5((i * g)::text)::uuid", 250) + " from generate_series(" +
           std::to_string(first) + ", " + std::to_string(last) + ") i;";
}

/// So that an update leaves what it does not touch out of the log.
constexpr const char* stored_apart =
    "alter table customers alter big set storage external, alter raw set storage external, "
    "alter words set storage external, alter numbers set storage external, "
    "alter longs set storage external, alter ids set storage external; ";

/// Days and moments that PostgreSQL has and that no number is, of this customer and the next.
std::string without_end(int id) {
    return "update customers set born = 'infinity', at = 'infinity', seen = 'infinity' where id "
           "= " +
           std::to_string(id) +
           "; update customers set born = '-infinity', at = '-infinity', seen = '-infinity' where "
           "id = " +
           std::to_string(id + 1) + ";";
}

std::string state_of(const Postgres& server, const std::string& database,
                     const std::string& table) {
    return server.value(
        "select count(*) || ' ' || md5(coalesce(string_agg(t::text, '|' order by id), '')) from " +
            table + " t",
        database);
}

class Stage {
public:
    Stage() {
        source_.exec(std::string("create table customers ") + columns + "; " + stored_apart +
                     insert(1, 100) + without_end(91));
        shared_postgres().create_database(database);
        for (const char* table : {"plain", "whole", "avro"})
            shared_postgres().exec("create table " + std::string(table) + " " + columns, database);
        shared_postgres().exec("create table history (id int, op text, name text, was int)",
                               database);
        for (const char* prefix : {"plain", "whole", "avro"})
            shared_broker().admin().create_topic(prefix + std::string(".public.customers"), 2);
        write_file(file(), configuration());
    }

    /// What applications do.
    void write(const std::string& sql) const { source_.exec(sql); }
    [[nodiscard]] std::string source() const { return state_of(source_, "test", "customers"); }
    [[nodiscard]] static std::string target(const std::string& table) {
        return state_of(shared_postgres(), database, table);
    }
    [[nodiscard]] static std::string value(const std::string& sql) {
        return shared_postgres().value(sql, database);
    }
    [[nodiscard]] std::filesystem::path file() const { return dir_.path() / "sluice.toml"; }

    void connect() {
        const std::string json = "org.apache.kafka.connect.json.JsonConverter";
        std::map<std::string, std::string> of_avro;
        for (const std::string part : {"key.converter.", "value.converter."}) {
            std::string url = registry_.url();
            url.replace(url.find("/apis/"), std::string::npos, "/apis/registry/v2");
            of_avro[part + "apicurio.registry.url"] = url;
            of_avro[part + "apicurio.registry.auto-register"] = "true";
        }
        debezium_.emplace(
            shared_broker().bootstrap(),
            std::vector{
                connector("plain", json,
                          {{"key.converter.schemas.enable", "false"},
                           {"value.converter.schemas.enable", "false"}}),
                connector("whole", json, {}),
                connector("avro", "io.apicurio.registry.utils.converter.AvroConverter", of_avro)});
    }

    void until_equal() {
        const std::string wanted = source();
        const auto equal = [&] {
            debezium_->expect_running();
            return target("plain") == wanted && target("whole") == wanted &&
                   target("avro") == wanted;
        };
        try {
            wait_until(equal, patient(120s), "equal tables");
        } catch (const WaitedTooLong& late) {
            FAIL(std::string(late.what())
                 << ": " << wanted << ", plain " << target("plain") << ", whole " << target("whole")
                 << ", avro " << target("avro") << "\n"
                 << http(admin_, "GET", "/status").body << "\n"
                 << value("select coalesce(string_agg(pipeline || reasons::text, E'\\n'), '') from "
                          "(select * "
                          "from sluice.dead_letter limit 5) d")
                 << debezium_->log());
        }
    }

    void start() { daemon_.emplace(file()); }
    void kill() { daemon_->kill(); }

private:
    static constexpr const char* database = "debezium";

    [[nodiscard]] Debezium::Connector connector(const std::string& name,
                                                const std::string& converter,
                                                std::map<std::string, std::string> more) const {
        more.insert({{"connector.class", "io.debezium.connector.postgresql.PostgresConnector"},
                     {"database.hostname", "127.0.0.1"},
                     {"database.port", std::to_string(source_.port())},
                     {"database.user", "postgres"},
                     {"database.password", "none"},
                     {"database.dbname", "test"},
                     {"topic.prefix", name},
                     {"table.include.list", "public.customers"},
                     {"plugin.name", "pgoutput"},
                     {"slot.name", name},
                     {"publication.name", name},
                     {"key.converter", converter},
                     {"value.converter", converter}});
        return {name, std::move(more)};
    }

    [[nodiscard]] std::string configuration() const {
        const auto pipeline = [](const std::string& name, const std::string& topic,
                                 const std::string& rest) {
            return "[ingest." + name + "]\ntopic = '" + topic + ".public.customers'\ntable = '" +
                   name + "'\nenvelope = 'debezium'\nbatch.delay = '50ms'\n" + rest;
        };
        return "[kafka]\nbrokers = '" + shared_broker().bootstrap() + "'\n[cloudberry]\ndsn = \"" +
               shared_postgres().dsn(database) +
               "\"\n[admin]\nlisten = '127.0.0.1:" + std::to_string(admin_) +
               "'\n[registry]\nurl = '" + registry_.url() + "'\n" +
               pipeline("whole", "whole", "mode = 'merge'\n") +
               pipeline("avro", "avro", "mode = 'merge'\nformat = 'avro'\nschema = 'registry'\n") +
               pipeline("plain", "plain",
                        "mode = 'merge'\n[ingest.plain.columns]\nid = 'id'\nname = 'name'\n"
                        "balance = { from = 'balance', as = { decimal = 2 } }\n"
                        "born = { from = 'born', as = 'epoch_days' }\n"
                        "at = { from = 'at', as = 'epoch_us' }\nseen = 'seen'\n"
                        "doc = { from = 'doc', as = 'json' }\ntoken = 'token'\n"
                        "blob = { from = 'blob', as = 'base64' }\nscore = 'score'\nok = 'ok'\n"
                        "big = 'big'\nraw = { from = 'raw', as = 'base64' }\nwords = 'words'\n"
                        "numbers = 'numbers'\nlongs = 'longs'\nids = 'ids'\n") +
               pipeline("history", "plain",
                        "[ingest.history.columns]\nid = 'id'\nop = '@op'\nname = 'name'\n"
                        "was = '@before/id'\n");
    }

    const Postgres source_{{.settings = {{"wal_level", "logical"}}}};
    SchemaRegistry registry_;
    TempDir dir_{"debezium"};
    const std::uint16_t admin_ = free_port();
    std::optional<Debezium> debezium_;
    std::optional<Daemon> daemon_;
};

TEST_CASE("debezium: tables equal the source's, whatever applications do, and through a kill") {
    Stage stage;
    stage.connect();
    stage.start();
    stage.until_equal();  // what was there before

    stage.write(insert(101, 300));
    stage.write(without_end(192));
    stage.write(
        "update customers set name = name || ' new', balance = -balance where id % 3 = 0;"
        "update customers set big = null, doc = null where id % 50 = 0;"
        "update customers set id = id + 1000 where id % 10 = 3;"
        "delete from customers where id % 7 = 0");
    stage.kill();
    // So that a large value moves along with its key.
    stage.write("alter table customers replica identity full");
    stage.write("update customers set id = id + 2000 where id % 10 = 5");
    stage.write(
        "insert into customers (id) values (7); update customers set name = 'back' where id = 7;"
        "update customers set born = '0001-01-01', at = '9999-12-31 23:59:59.999999', "
        "score = 1e300 where id % 11 = 0;"
        "delete from customers where id = 8; insert into customers (id, name) values (8, '');"
        "begin; update customers set id = -id where id in (1, 2); "
        "update customers set id = 3 - (-id) where id in (-1, -2); commit");
    stage.start();
    stage.until_equal();
    CHECK(Stage::value("select count(*) from sluice.dead_letter") == "0");
    CHECK(Stage::value("select count(*) from history where op = 'r'") == "100");
    CHECK(Stage::value("select count(distinct op) from history") == "4");
    CHECK(Stage::value("select count(*) from history where op = 'd' and id is distinct from was") ==
          "0");
}

}  // namespace
}  // namespace sluice
