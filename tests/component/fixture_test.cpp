#include "tests/fixture/kafka_admin.h"
#include "tests/fixture/kafka_broker.h"
#include "tests/fixture/kafka_producer.h"
#include "tests/fixture/kafka_reader.h"
#include "tests/fixture/mpp_locks.h"
#include "tests/fixture/postgres.h"
#include "tests/fixture/process.h"
#include "tests/fixture/tcp_proxy.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>
#include <signal.h>

#include <atomic>
#include <thread>

using namespace sluice::fixture;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

std::string sqlstate_of(PgConnection& session, const std::string& sql) {
    try {
        session.exec(sql);
    } catch (const SqlError& error) {
        return error.sqlstate();
    }
    return "";
}

}  // namespace

TEST_CASE("process: exit code, output and signals arrive") {
    const RunResult result = run({.argv = {"sh", "-c", "echo $A; echo b >&2; exit 3"},
                                  .env = {{"A", "from the environment"}}},
                                 seconds(10));
    CHECK(result.exit_code == 3);
    CHECK(result.out == "from the environment\n");
    CHECK(result.err == "b\n");

    Process sleeper({.argv = {"sleep", "60"}});
    CHECK(sleeper.running());
    CHECK_THROWS_AS(sleeper.wait(milliseconds(20)), WaitedTooLong);
    sleeper.signal(SIGTERM);
    CHECK(sleeper.wait(seconds(10)) == 128 + SIGTERM);
    CHECK_FALSE(sleeper.running());
}

TEST_CASE("process: the whole group dies with its owner, not with the thread that started it") {
    std::optional<Process> parent;
    const TempDir dir;
    const auto file = dir.path() / "pid";
    std::thread([&] {
        parent.emplace(
            ProcessOptions{.argv = {"sh", "-c", "sleep 60 & echo $!; wait"}, .log = file});
    }).join();
    const auto child_pid = [&] { return std::filesystem::exists(file) ? read_file(file) : ""; };
    wait_until([&] { return child_pid().ends_with('\n'); }, seconds(10), "the child's pid");
    CHECK(parent->running());
    const pid_t child = std::stoi(child_pid());
    parent.reset();
    // Reparented, so somebody else reaps it: only that it does not run any more can be seen.
    const std::string stat = "/proc/" + std::to_string(child) + "/stat";
    wait_until(
        [&] {
            return !std::filesystem::exists(stat) ||
                   read_file(stat).find(") Z ") != std::string::npos;
        },
        seconds(10), "the end of the child");
}

TEST_CASE("broker: a record comes back as it was produced") {
    KafkaBroker& broker = shared_broker();
    broker.admin().create_topic("there", 2);
    CHECK(broker.admin().partition_count("there") == 2);
    CHECK(broker.admin().end_offsets("there") == std::vector<std::int64_t>{0, 0});

    KafkaProducer producer(broker.client());
    producer.produce({.topic = "there",
                      .partition = 1,
                      .key = "k",
                      .value = "v",
                      .headers = {{"a", "1"}, {"none", std::nullopt}},
                      .timestamp_ms = 1700000000000});
    producer.produce({.topic = "there", .partition = 1, .key = "k", .value = std::nullopt});
    producer.produce("there", 1, "");
    producer.flush();

    CHECK(broker.admin().end_offsets("there") == std::vector<std::int64_t>{0, 3});
    const auto records = read_topic(broker.client(), "there");
    REQUIRE(records.size() == 3);
    CHECK(records[0].partition == 1);
    CHECK(records[0].offset == 0);
    CHECK(records[0].timestamp_ms == 1700000000000);
    CHECK(records[0].key == "k");
    CHECK(records[0].value == "v");
    REQUIRE(records[0].headers.size() == 2);
    CHECK(records[0].headers[0].second == "1");
    CHECK_FALSE(records[0].headers[1].second.has_value());
    CHECK_FALSE(records[1].value.has_value());
    CHECK(records[2].value == "");
}

TEST_CASE("broker: transactions, new partitions, deleted records and topics") {
    KafkaBroker& broker = shared_broker();
    KafkaAdmin& admin = broker.admin();
    admin.create_topic("changing", 1);
    KafkaProperties properties = broker.client();
    properties["transactional.id"] = "fixture";
    KafkaProducer producer(properties);
    producer.begin();
    producer.produce("changing", 0, "aborted");
    producer.abort();
    producer.begin();
    producer.produce("changing", 0, "committed");
    producer.commit();
    // A marker ends each transaction.
    CHECK(admin.end_offsets("changing")[0] == 4);
    const auto records = read_topic(broker.client(), "changing");
    REQUIRE(records.size() == 1);
    CHECK(records[0].offset == 2);

    admin.add_partitions("changing", 3);
    CHECK(admin.end_offsets("changing").size() == 3);
    admin.delete_records("changing", 0, 3);
    CHECK(admin.begin_offsets("changing")[0] == 3);
    admin.delete_topic("changing");
    CHECK(admin.partition_count("changing") == 0);
}

TEST_CASE("broker: killed and started again, it has its data, port and identity") {
    KafkaBroker broker;
    broker.admin().create_topic("kept", 1);
    const std::string id = broker.admin().cluster_id();
    KafkaProducer producer(broker.client());
    producer.produce("kept", 0, "one");
    producer.flush();
    broker.kill();
    broker.start();
    CHECK(broker.admin().cluster_id() == id);
    CHECK(read_topic(broker.client(), "kept").size() == 1);
    producer.produce("kept", 0, "two");
    producer.flush();
    broker.stop();
    broker.start();
    CHECK(broker.admin().end_offsets("kept")[0] == 2);
}

TEST_CASE("broker: over TLS with a password, and through a proxy that cuts") {
    KafkaBroker broker({.proxied = true, .secured = true});
    broker.admin().create_topic("far", 1);

    KafkaProperties secured = broker.secured_client();
    KafkaProducer producer(secured);
    producer.produce("far", 0, "secret");
    producer.flush();
    CHECK(read_topic(secured, "far").size() == 1);
    secured["sasl.password"] = "wrong";
    secured["message.timeout.ms"] = "1000";
    KafkaProducer stranger(secured);
    stranger.produce("far", 0, "refused");
    CHECK_THROWS(stranger.flush());

    TcpProxy proxy(broker.proxy_target(), broker.proxy_port());
    const KafkaProperties proxied{{"bootstrap.servers", broker.proxied_bootstrap()}};
    CHECK(read_topic(proxied, "far").size() == 1);
    CHECK(proxy.forwarded() > 0);
    proxy.cut();
    KafkaProperties impatient = proxied;
    impatient["message.timeout.ms"] = "500";
    KafkaProducer cut_off(impatient);
    cut_off.produce("far", 0, "lost");
    CHECK_THROWS(cut_off.flush());
    proxy.resume();
    CHECK(read_topic(proxied, "far").size() == 1);
}

TEST_CASE("database: an immediate stop keeps what was committed, and only that") {
    Postgres postgres;
    postgres.exec("create table kept (a int)");
    postgres.exec("insert into kept values (1), (2)");
    PgConnection open = postgres.connect();
    open.exec("begin");
    open.exec("insert into kept values (3)");
    postgres.stop_immediate();
    CHECK_THROWS_AS(postgres.exec("select 1"), SqlError);
    CHECK_THROWS_AS(open.exec("commit"), SqlError);
    postgres.start();
    CHECK(postgres.query("select a from kept order by a") == SqlRows{{"1"}, {"2"}});
    postgres.stop_fast();
    postgres.start();
    CHECK(postgres.value("select count(*) from kept") == "2");
}

TEST_CASE("database: TLS, and roles with a password") {
    Postgres postgres({.tls = true, .password_roles = {"loader"}});
    postgres.create_role("loader", "s3'cret");
    const std::string tls =
        postgres.dsn("test", "loader") + " sslmode=verify-full sslrootcert=" + postgres.ca_file();
    CHECK_THROWS_AS(PgConnection(tls + " password=wrong"), SqlError);
    PgConnection session(tls + " password='s3\\'cret'");
    CHECK(session.value("select ssl from pg_stat_ssl where pid = pg_backend_pid()") == "t");
    CHECK(session.value("select current_user") == "loader");
}

TEST_CASE("database: COPY, parameters and a fresh database") {
    Postgres& postgres = shared_postgres();
    postgres.create_database("fresh");
    postgres.create_database("fresh");
    PgConnection session = postgres.connect("fresh");
    session.exec("create table t (a int, b text)");
    session.copy_in("copy t from stdin", "1\tone\n2\t\\N\n");
    CHECK(session.query("select b from t where a = $1", {"2"}) == SqlRows{{std::nullopt}});
    CHECK_THROWS_AS(session.copy_in("copy t from stdin", "x\ty\n"), SqlError);
    CHECK(session.value("select count(*) from t") == "2");
}

TEST_CASE("mpp locks: inserts run side by side, an update is alone") {
    Postgres& postgres = shared_postgres();
    postgres.create_database("locks");
    PgConnection one = postgres.connect("locks");
    PgConnection two = postgres.connect("locks");
    one.exec("create table t (a int)");
    one.exec("insert into t values (1), (2)");
    install_mpp_locks(one, "t");
    two.exec("set lock_timeout = '100ms'");

    one.exec("begin; insert into t values (3)");
    CHECK(sqlstate_of(two, "insert into t values (4)") == "");
    CHECK(sqlstate_of(two, "copy t from program 'echo 5'") == "");
    CHECK(sqlstate_of(two, "update t set a = 20 where a = 2") == "55P03");
    one.exec("commit");

    // Another row altogether, and yet.
    one.exec("begin; update t set a = 10 where a = 1");
    CHECK(sqlstate_of(two, "insert into t values (6)") == "55P03");
    CHECK(sqlstate_of(two, "copy t from program 'echo 6'") == "55P03");
    CHECK(sqlstate_of(two, "update t set a = 20 where a = 2") == "55P03");
    CHECK(two.value("select count(*) from t") == "5");
    one.exec("commit");
    CHECK(sqlstate_of(two, "insert into t values (6)") == "");
}

TEST_CASE("proxy: cuts, delays, half-closes and holds back") {
    Postgres& postgres = shared_postgres();
    TcpProxy proxy(postgres.port());
    const std::string dsn = postgres.dsn("test", "postgres", proxy.port()) + " connect_timeout=2";
    PgConnection session(dsn);
    CHECK(session.value("select 1") == "1");
    CHECK(proxy.connections() == 1);

    SUBCASE("cut") {
        proxy.cut();
        CHECK_THROWS_AS(session.exec("select 1"), SqlError);
        CHECK_THROWS_AS(PgConnection{dsn}, SqlError);
        proxy.resume();
        CHECK(PgConnection(dsn).value("select 2") == "2");
    }
    SUBCASE("reset") {
        proxy.reset_connections();
        CHECK_THROWS_AS(session.exec("select 1"), SqlError);
        CHECK(PgConnection(dsn).value("select 2") == "2");
    }
    SUBCASE("delay") {
        proxy.delay(milliseconds(100));
        const auto begin = std::chrono::steady_clock::now();
        CHECK(session.value("select 1") == "1");
        CHECK(std::chrono::steady_clock::now() - begin >= milliseconds(200));
    }
    SUBCASE("half close") {
        // The server sees the end of its client, and ends too.
        proxy.half_close(TcpProxy::Direction::to_server);
        CHECK_THROWS_AS(session.exec("select 1"), SqlError);
        wait_until([&] { return proxy.connections() == 0; }, seconds(10), "no connection");
    }
    SUBCASE("blackhole of the answers") {
        postgres.exec("drop table if exists behind; create table behind (a int)");
        proxy.blackhole(TcpProxy::Direction::to_client);
        std::atomic<bool> answered = false;
        std::thread client([&] {
            session.exec("insert into behind values (1)");
            answered = true;
        });
        wait_until([&] { return postgres.value("select count(*) from behind") == "1"; },
                   seconds(10), "the row");
        CHECK_FALSE(answered);
        proxy.resume();
        client.join();
        CHECK(answered);
    }
}
