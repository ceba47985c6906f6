#include "tests/fixture/daemon.h"
#include "tests/fixture/http.h"
#include "tests/fixture/kafka_broker.h"
#include "tests/fixture/kafka_producer.h"
#include "tests/fixture/ports.h"
#include "tests/fixture/postgres.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <functional>
#include <string_view>

using namespace sluice::fixture;
using namespace std::chrono_literals;

namespace {

constexpr const char* database_password = "d4tabase pa'ss";

/// A broker and a database that talk TLS only to those who know a password.
struct Secured {
    explicit Secured(KafkaBrokerOptions kafka) : broker(std::move(kafka)) {
        postgres.create_role("loader", database_password);
        postgres.exec(
            "create schema sluice authorization loader; create table lines (line text);"
            "grant insert on lines to loader");
        broker.admin().create_topic("lines", 2);
        KafkaProducer producer(broker.client());
        for (int i = 0; i < 100; ++i) producer.produce("lines", i % 2, std::to_string(i));
        producer.flush();
        write_file(dir.path() / "password", broker.password() + "\n");
        write_file(dir.path() / "ca.pem", read_file(broker.ca_file()));
    }

    /// { env = "DSN" } and { file = "password" } hold the secrets.
    std::filesystem::path configure(const std::string& password_file = "password",
                                    const std::string& ca_file = "ca.pem") {
        const auto file = dir.path() / "sluice.toml";
        write_file(file, "[kafka]\nbrokers = \"" + broker.secured_bootstrap() +
                             "\"\n[kafka.properties]\nsecurity.protocol = \"sasl_ssl\"\n"
                             "sasl.mechanism = \"" +
                             broker.sasl_mechanism() + "\"\nsasl.username = \"" + broker.user() +
                             "\"\nsasl.password = { file = \"" + password_file +
                             "\" }\n"
                             "ssl.ca.location = \"" +
                             (dir.path() / ca_file).string() +
                             "\"\nreconnect.backoff.max.ms = 500\n"
                             "[cloudberry]\ndsn = { env = \"DSN\" }\n"
                             "[daemon]\nlog_level = \"trace\"\n[admin]\nlisten = \"127.0.0.1:" +
                             std::to_string(port) +
                             "\"\n"
                             "[ingest.lines]\ntopic = \"lines\"\ntable = \"lines\"\n"
                             "format = \"text\"\n[ingest.lines.columns]\nline = \"@value\"\n");
        return file;
    }
    [[nodiscard]] std::string dsn(const std::string& password) const {
        return postgres.dsn("test", "loader") +
               " sslmode=verify-full sslrootcert=" + postgres.ca_file() + " password=" + password;
    }
    [[nodiscard]] std::string right_dsn() const { return dsn("'d4tabase pa\\'ss'"); }

    void wait_for_rows(Daemon& daemon) const {
        wait(daemon, "the rows",
             [&] { return postgres.value("select count(*) from lines") == "100"; });
    }
    /// Until the daemon says that of its pipeline.
    void wait_for_status(Daemon& daemon, const std::string& text) const {
        wait(daemon, text,
             [&] { return http(port, "GET", "/status").body.find(text) != std::string::npos; });
    }
    /// Until it has failed, for that reason, and tried again.
    void wait_for_failures(Daemon& daemon, const std::string& text) const {
        wait_for_status(daemon, text);
        const int before = failures();
        wait(daemon, "another try", [&] { return failures() > before; });
        wait_for_status(daemon, text);
    }

    [[nodiscard]] int failures() const {
        constexpr std::string_view key = "\"failures\":";
        const std::string status = http(port, "GET", "/status").body;
        const auto at = status.find(key);
        return at == std::string::npos ? 0 : std::stoi(status.substr(at + key.size()));
    }

    static void wait(Daemon& daemon, const std::string& what, const std::function<bool()>& state) {
        try {
            wait_until(state, patient(60s), what);
        } catch (const WaitedTooLong& late) {
            FAIL(std::string(late.what()) << "\n" << daemon.log());
        }
    }

    TempDir dir{"tls"};
    std::uint16_t port = free_port();
    KafkaBroker broker;
    Postgres postgres{{.tls = true, .password_roles = {"loader"}}};
};

Secured& secured() {
    static Secured both({.secured = true});
    return both;
}

void start_anew(Postgres& postgres) {
    postgres.exec(
        "truncate lines; drop schema sluice cascade; create schema sluice authorization "
        "loader");
}

}  // namespace

TEST_CASE("tls: Kafka by SASL and the database by verify-full; nobody gets to see a secret") {
    Secured& world = secured();
    start_anew(world.postgres);
    Daemon daemon(world.configure(), {{"DSN", world.right_dsn()}});
    world.wait_for_rows(daemon);
    CHECK(world.postgres.value("select bool_and(ssl) from pg_stat_ssl join pg_stat_activity "
                               "using (pid) where usename = 'loader'") == "t");
    const std::string arguments = read_file("/proc/" + std::to_string(daemon.pid()) + "/cmdline");
    const std::string log = daemon.log();
    for (const std::string& secret : {world.broker.password(), std::string("d4tabase")}) {
        CHECK(arguments.find(secret) == std::string::npos);
        CHECK(log.find(secret) == std::string::npos);
    }
    CHECK(daemon.stop() == 0);
    CHECK(daemon.log().find("d4tabase") == std::string::npos);
}

TEST_CASE("tls: SCRAM, with a broker that Debian's librdkafka can do it with") {
    Secured world({.secured = true, .old = true});
    REQUIRE(world.broker.sasl_mechanism() == "SCRAM-SHA-256");
    Daemon daemon(world.configure(), {{"DSN", world.right_dsn()}});
    world.wait_for_rows(daemon);
    CHECK(daemon.stop() == 0);
}

TEST_CASE("tls: a wrong password for the database is said, and tried again") {
    Secured& world = secured();
    start_anew(world.postgres);
    Daemon daemon(world.configure(), {{"DSN", world.dsn("wr0ng-word")}});
    world.wait_for_failures(daemon, "password authentication failed for user");
    CHECK(daemon.running());
    CHECK(daemon.log().find("wr0ng-word") == std::string::npos);
    world.postgres.exec("alter role loader password 'wr0ng-word'");
    world.wait_for_rows(daemon);
    world.postgres.exec("alter role loader password 'd4tabase pa''ss'");
}

TEST_CASE("tls: a wrong password for Kafka is said, and tried again") {
    Secured& world = secured();
    start_anew(world.postgres);
    write_file(world.dir.path() / "wrong", "wr0ng-word");
    Daemon daemon(world.configure("wrong"), {{"DSN", world.right_dsn()}});
    world.wait_for_failures(daemon, "uthentication failed");
    CHECK(daemon.running());
    CHECK(daemon.log().find("wr0ng-word") == std::string::npos);
}

TEST_CASE("tls: a server whose certificate is nobody's is not talked to") {
    Secured& world = secured();
    start_anew(world.postgres);
    SUBCASE("the database") {
        const std::string dsn = world.postgres.dsn("test", "loader") +
                                " sslmode=verify-full sslrootcert=" + world.broker.ca_file() +
                                " password=unused";
        Daemon daemon(world.configure(), {{"DSN", dsn}});
        world.wait_for_status(daemon, "certificate verify failed");
        CHECK(daemon.running());
    }
    SUBCASE("the broker") {
        write_file(world.dir.path() / "stranger.pem", read_file(world.postgres.ca_file()));
        Daemon daemon(world.configure("password", "stranger.pem"), {{"DSN", world.right_dsn()}});
        world.wait_for_status(daemon, "certificate verify failed");
        CHECK(daemon.running());
    }
    CHECK(world.postgres.value("select count(*) from lines") == "0");
}
