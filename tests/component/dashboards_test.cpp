#include "tests/fixture/daemon.h"
#include "tests/fixture/kafka_broker.h"
#include "tests/fixture/kafka_producer.h"
#include "tests/fixture/ports.h"
#include "tests/fixture/postgres.h"
#include "tests/fixture/source_dir.h"
#include "tests/fixture/temp_dir.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>

/// Dashboard and alert rules of helm/sluice against a real Prometheus that scrapes a real daemon.
namespace sluice {
namespace {

using namespace std::chrono_literals;
using fixture::Process;
using fixture::TempDir;

const std::string tools = fixture::source_dir() + "/tests/helm/run.sh";

/// A daemon that has loaded good records, bad ones, tombstones and aborted transactions and sent
/// events, and goes on getting some of each.
class World {
public:
    World() {
        database_.create_database("dashboards");
        database_.exec(
            "CREATE TABLE orders (id bigint NOT NULL);"
            "CREATE TABLE outbox (id bigserial PRIMARY KEY, key text, partition int,"
            " payload text, headers jsonb)",
            "dashboards");
        broker_.admin().create_topic("dashboards", 2);
        broker_.admin().create_topic("dashboard-events", 1);
        fixture::write_file(config_, "[kafka]\nbrokers = \"" + broker_.bootstrap() +
                                         "\"\n[cloudberry]\ndsn = \"" +
                                         database_.dsn("dashboards") +
                                         "\"\n[admin]\nlisten = \"127.0.0.1:" + port() +
                                         "\"\n[ingest.orders]\ntopic = \"dashboards\"\n"
                                         "table = \"public.orders\"\n"
                                         "batch = { delay = \"20ms\" }\n"
                                         "[outbox.events]\ntable = \"public.outbox\"\n"
                                         "topic = \"dashboard-events\"\n");
        produce();
        daemon_.emplace(config_);
        fixture::wait_until([&] { return rows() > 0; }, 60s, "rows in the table");
    }

    void produce() {
        producer_.begin();
        producer_.produce("dashboards", 0, "{\"id\": 0}");
        producer_.flush();
        producer_.abort();
        producer_.begin();
        for (int id = 0; id < 100; ++id)
            producer_.produce("dashboards", id % 2, "{\"id\": " + std::to_string(id) + "}");
        producer_.produce("dashboards", 0, "{\"id\": \"none\"}");
        producer_.produce({.topic = "dashboards", .partition = 1, .key = "gone"});
        producer_.commit();
        database_.exec("INSERT INTO outbox (payload) VALUES ('an event')", "dashboards");
    }
    [[nodiscard]] std::string port() const { return std::to_string(port_); }

private:
    [[nodiscard]] int rows() const {
        return std::stoi(database_.value("SELECT count(*) FROM orders", "dashboards"));
    }

    fixture::KafkaBroker& broker_ = fixture::shared_broker();
    fixture::Postgres& database_ = fixture::shared_postgres();
    TempDir dir_{"dashboards"};
    std::filesystem::path config_ = dir_.path() / "sluice.toml";
    std::uint16_t port_ = fixture::free_port();
    fixture::KafkaProducer producer_{[this] {
        fixture::KafkaProperties properties = broker_.client();
        properties["transactional.id"] = "dashboards";
        return properties;
    }()};
    std::optional<fixture::Daemon> daemon_;
};

/// Scrapes one daemon every 500 ms and evaluates the chart's rules.
class Prometheus {
public:
    explicit Prometheus(const std::string& target) {
        fixture::write_file(dir_.path() / "prometheus.yml",
                            "global: {scrape_interval: 500ms, evaluation_interval: 1s}\n"
                            "rule_files: [" +
                                fixture::source_dir() +
                                "/helm/sluice/alerts/sluice.rules.yaml]\n"
                                "scrape_configs:\n"
                                "  - job_name: sluice\n"
                                "    static_configs:\n"
                                "      - targets: [\"127.0.0.1:" +
                                target + "\"]\n        labels: {namespace: shop, pod: sluice-0}\n");
        process_.emplace(fixture::ProcessOptions{
            .argv = {tools, "prometheus",
                     "--config.file=" + (dir_.path() / "prometheus.yml").string(),
                     "--storage.tsdb.path=" + (dir_.path() / "data").string(),
                     "--web.listen-address=" + address()},
            .log = dir_.path() / "log"});
    }

    [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
    [[nodiscard]] const std::filesystem::path& folder() const { return dir_.path(); }

private:
    TempDir dir_{"prometheus"};
    std::uint16_t port_ = fixture::free_port();
    std::optional<Process> process_;
};

TEST_CASE("dashboards: every query brings data, every alert is evaluated and none fires") {
    World world;
    const Prometheus prometheus{world.port()};
    const auto output = prometheus.folder() / "queries";
    Process queries{
        {.argv = {tools, "python", fixture::source_dir() + "/tests/helm/queries_test.py",
                  "http://" + prometheus.address()},
         .log = output}};
    // A rate needs something that moves.
    fixture::wait_until(
        [&] {
            world.produce();
            return !queries.running();
        },
        60s, "the queries' end");
    const int exit_code = queries.wait(1s);
    INFO(fixture::read_file(output));
    CHECK(exit_code == 0);
}

}  // namespace
}  // namespace sluice
