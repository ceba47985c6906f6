#include "tests/component/documented_blocks.h"
#include "tests/fixture/daemon.h"
#include "tests/fixture/fake_cluster.h"
#include "tests/fixture/kafka_broker.h"
#include "tests/fixture/kafka_producer.h"
#include "tests/fixture/pg_connection.h"
#include "tests/fixture/ports.h"
#include "tests/fixture/postgres.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

using namespace sluice::fixture;
using namespace std::chrono_literals;

namespace {

constexpr auto database = "from_kafka_fdw";
constexpr int in_each = 100;

DocumentedBlocks below(const std::string& heading) {
    return {"from-kafka-fdw.md", heading};
}

/// Words as a shell makes them of a line without anything but double quotes.
std::vector<std::string> words_of(const std::string& line) {
    std::vector<std::string> words(1);
    bool quoted = false;
    for (const char c : line) {
        if (c == '"')
            quoted = !quoted;
        else if ((c == ' ' || c == '\n') && !quoted)
            words.emplace_back();
        else
            words.back() += c;
    }
    std::erase(words, "");
    return words;
}

/// A cluster, as far as external tables go, whose daemon reads what the page configures.
class Site {
public:
    Site() : cluster_(shared_postgres().port()) {
        shared_broker().admin().create_topic("readings", 4);
        shared_postgres().create_database(database);
        shared_postgres().exec(
            "CREATE FUNCTION public.version() RETURNS text LANGUAGE sql AS"
            " $$ SELECT 'PostgreSQL 12.12 (Greenplum Database 7.1.0)'::text $$",
            database);
        DocumentedBlocks page = below("A topic and its table");
        std::string pipelines = page.next("toml");
        const auto put = [&](const std::string& what, const std::string& instead) {
            const std::size_t at = pipelines.find(what);
            REQUIRE(at != std::string::npos);
            pipelines.replace(at, what.size(), instead);
        };
        put("0.0.0.0:9188", "127.0.0.1:" + std::to_string(port_));
        put("loader-1", "127.0.0.1");
        configure("daemon.toml", shared_postgres().dsn(database), pipelines);
        configure("sluice.toml", mpp_dsn(), pipelines);
        sql(page.next("sql"));
        CHECK(page.is_over());
        sluice({"schema", "--apply"}, "daemon.toml");
    }

    void produce() {
        KafkaProducer producer(shared_broker().client());
        for (int i = 0; i < in_each; ++i)
            for (const int partition : {0, 1, 2, 3})
                producer.produce(
                    "readings", partition,
                    std::to_string(i) + ",\"some, text\",2026-01-31,2026-01-31 12:00:00");
        producer.flush();
    }
    void start() {
        daemon_ = std::make_unique<Daemon>(dir_.path() / "daemon.toml", env_);
        wait_until([&] { return daemon_->log().find("segments: listening") != std::string::npos; },
                   patient(30s), "the server for segments");
    }
    std::string sluice(std::vector<std::string> words, const std::string& file) const {
        words.insert(words.end(), {"-c", (dir_.path() / file).string()});
        const RunResult result = run_sluice(words, env_, patient(90s));
        REQUIRE_MESSAGE(result.exit_code == 0, words[0] << "\n" << result.out << result.err);
        return result.out;
    }
    [[nodiscard]] std::string refusal(std::vector<std::string> words) const {
        words.insert(words.end(), {"-c", (dir_.path() / "sluice.toml").string()});
        const RunResult result = run_sluice(words, env_, patient(90s));
        CHECK(result.exit_code == 2);
        return result.err;
    }
    /// A line of the page. `sluice sql` makes a table, which only the cluster can.
    std::string shell(const std::string& line) const {
        std::vector<std::string> words = words_of(line);
        REQUIRE(words.front() == "sluice");
        words.erase(words.begin());
        if (words.back() == "rows.csv") words.back() = (dir_.path() / words.back()).string();
        const bool makes = words.front() == "sql";
        return sluice(words, makes ? "sluice.toml" : "daemon.toml");
    }
    void sql(const std::string& text) const { shared_postgres().exec(text, database); }
    [[nodiscard]] std::string value(const std::string& text) const {
        return shared_postgres().value(text, database);
    }
    /// As a session of the cluster's.
    [[nodiscard]] SqlRows ask(const std::string& text) const {
        return PgConnection(mpp_dsn()).query(text);
    }
    void write(const std::string& name, const std::string& text) const {
        write_file(dir_.path() / name, text);
    }
    [[nodiscard]] const FakeCluster& cluster() const { return cluster_; }

private:
    [[nodiscard]] std::string mpp_dsn() const {
        return shared_postgres().dsn(database, "postgres", cluster_.port()) +
               " sslmode=disable gssencmode=disable"
               " options='-c search_path=public,pg_catalog'";
    }
    void configure(const std::string& file, const std::string& dsn,
                   const std::string& pipelines) const {
        write_file(dir_.path() / file, "[kafka]\nbrokers = \"" + shared_broker().bootstrap() +
                                           "\"\n[cloudberry]\ndsn = \"" + dsn +
                                           "\"\n[admin]\nlisten = \"\"\n" + pipelines);
    }

    const std::map<std::string, std::string> env_{{"SLUICE_SQL_SECRET", "0123456789abcdef"}};
    const std::uint16_t port_ = free_port();
    TempDir dir_{"fdw"};
    FakeCluster cluster_;
    std::unique_ptr<Daemon> daemon_;
};

}  // namespace

TEST_CASE("from kafka_fdw: what the page shows does what it says") {
    Site site;
    site.produce();
    {
        DocumentedBlocks page = below("Produce");
        site.shell(page.next("sh"));
        site.start();
        site.sql(page.next("sql"));
        site.write("rows.csv", "some_int,some_text,some_date,some_time\n1,a,2026-01-31,\n");
        // Its five are committed, and in the topic as soon as the outbox has come to them.
        wait_until(
            [&] {
                return site.value("SELECT count(*) FROM readings WHERE some_int = 5464565") == "5";
            },
            patient(60s), "the messages of the outbox");
        CHECK(site.value("SELECT count(*) FROM readings WHERE some_text LIKE '%partition 0' AND "
                         "part = 0") == "2");
        CHECK(site.value("SELECT count(*) FROM readings WHERE some_text LIKE '%partition 3' AND "
                         "part = 3") == "1");
        site.shell(page.next("sh"));
        CHECK(page.is_over());
    }
    DocumentedBlocks import = below("Import");
    site.shell(import.next("sh"));
    CHECK(site.value("SELECT count(*) FROM readings") == std::to_string(4 * in_each + 6));
    CHECK(site.ask(import.next("sql")).size() == 4);
    CHECK(import.is_over());

    DocumentedBlocks query = below("Query");
    site.shell(query.next("sh"));
    CHECK(site.ask(query.next("sql")).size() == 60);
    site.shell(query.next("sh"));
    CHECK(site.cluster().tables() == 2);
    const SqlRows counts = site.ask(query.next("sql"));
    REQUIRE(counts.size() == 3);
    const std::string late = site.value(
        "SELECT count(*) FROM readings WHERE (part = 0 AND offs > 10) OR (part = 1 AND offs > 30)"
        " OR (part = 3 AND offs > 70)");
    CHECK(site.ask(query.next("sql")) == SqlRows{{late}});
    const std::string shown = site.shell(query.next("sh"));
    CHECK(std::ranges::count(shown, '\n') >= 60);
    CHECK(query.is_over());

    const std::string twice = site.refusal({"sql", "readings", "--apply"});
    CHECK_MESSAGE(twice.find("\"public\".\"readings_topic\" is there already") != std::string::npos,
                  twice);
    CHECK(twice.find("DROP EXTERNAL TABLE \"public\".\"readings_topic\"") != std::string::npos);

    const std::string closed =
        site.refusal({"sql", "readings", "--apply", "--table", "pg_catalog.closed"});
    CHECK_MESSAGE(closed.find("; pg_catalog.closed takes CREATE on its schema, and ALTER ROLE ") !=
                      std::string::npos,
                  closed);
    CHECK(closed.find("CREATEEXTTABLE (type='readable', protocol='gpfdist')") != std::string::npos);

    DocumentedBlocks insert = below("Insert into the topic itself");
    site.shell(insert.next("sh"));
    static_cast<void>(site.ask(insert.next("sql")));
    const auto until_loaded = [&](int rows) {
        wait_until(
            [&] { return site.value("SELECT count(*) FROM readings") == std::to_string(rows); },
            patient(60s), "the rows that were inserted");
    };
    until_loaded(4 * in_each + 6 + 5);
    CHECK(site.value("SELECT count(*) FROM readings WHERE some_int = 5464565 AND some_date IS NULL "
                     "AND some_text LIKE '%partition 0' AND part = 0") == "2");
    // The row of the file has no key: it may be in partition 2 as well.
    const int found =
        std::stoi(site.value("SELECT count(*) FROM readings WHERE part = 2 AND some_int < 10"));
    CHECK(found >= 10);
    static_cast<void>(site.ask(insert.next("sql")));
    until_loaded(4 * in_each + 6 + 5 + found);
    CHECK(site.value("SELECT count(DISTINCT part) FROM readings WHERE some_text = 'SOME, TEXT'") ==
          "1");
    CHECK(insert.is_over());
}
