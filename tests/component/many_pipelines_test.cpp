#include "tests/fixture/daemon.h"
#include "tests/fixture/http.h"
#include "tests/fixture/kafka_broker.h"
#include "tests/fixture/kafka_producer.h"
#include "tests/fixture/ports.h"
#include "tests/fixture/postgres.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <map>
#include <sstream>
#include <string>
#include <thread>

using namespace sluice::fixture;
using namespace std::chrono_literals;

namespace {

constexpr int how_many = 100;
constexpr auto token = "0123456789abcdef";

std::string topic_of(int pipeline) {
    return "many_" + std::to_string(pipeline);
}

/// A daemon with as many pipelines as topics, all into one table.
class Stage {
public:
    Stage() {
        postgres.exec("create table orders (topic text, id bigint)");
        for (int i = 0; i < how_many; ++i) shared_broker().admin().create_topic(topic_of(i), 1);
        configure("null");
        daemon = std::make_unique<Daemon>(file());
    }

    /// The last pipeline has this `on_missing`.
    void configure(const std::string& on_missing) const {
        std::string text = "[kafka]\nbrokers = \"" + shared_broker().bootstrap() +
                           "\"\n[cloudberry]\ndsn = \"" + postgres.dsn() +
                           "\"\n[admin]\nlisten = \"127.0.0.1:" + std::to_string(port) +
                           "\"\ntoken = \"" + token + "\"\n";
        for (int i = 0; i < how_many; ++i) {
            text += "[ingest." + topic_of(i) + "]\ntopic = \"" + topic_of(i) +
                    "\"\ntable = \"orders\"\nlanes = 1\nbatch = { delay = \"50ms\" }\n"
                    "columns = { topic = \"@topic\", id = \"id\" }\n";
            if (i == how_many - 1) text += "on_missing = \"" + on_missing + "\"\n";
        }
        write_file(file(), text);
    }
    void produce_one_each() {
        for (int i = 0; i < how_many; ++i) producer.produce(topic_of(i), 0, R"({"id": 1})");
        producer.flush();
        ++each;
    }
    void until_all_arrived() const {
        const std::string sql =
            "select count(*) from (select topic from orders group by topic "
            "having count(*) = " +
            std::to_string(each) + ") arrived";
        until([&] { return postgres.value(sql) == std::to_string(how_many); }, "the records");
    }
    void until(const std::function<bool()>& predicate, const std::string& what) const {
        try {
            wait_until(predicate, patient(60s), what);
        } catch (const WaitedTooLong& late) {
            FAIL(std::string(late.what()) << "\n" << daemon->log());
        }
    }
    /// What each pipeline has counted that a restart or a rebalance would change.
    std::map<std::string, std::string> stands() const {
        std::map<std::string, std::string> values;
        std::istringstream lines(http(port, "GET", "/metrics").body);
        for (std::string line; std::getline(lines, line);) {
            if (line.starts_with("sluice_ingest_rebalances_total{") ||
                line.starts_with("sluice_ingest_partitions{") ||
                line.starts_with("sluice_pipeline_restarts_total{")) {
                const auto space = line.rfind(' ');
                values[line.substr(0, space)] = line.substr(space + 1);
            }
        }
        return values;
    }
    std::filesystem::path file() const { return dir_.path() / "sluice.toml"; }

    const Postgres postgres{{.settings = {{"max_connections", "250"}}}};
    KafkaProducer producer{shared_broker().client()};
    const std::uint16_t port = free_port();
    std::unique_ptr<Daemon> daemon;
    int each = 0;  ///< records produced to each topic

private:
    TempDir dir_{"many"};
};

}  // namespace

TEST_CASE("reload: of 100 pipelines one changes, and the others do not notice") {
    Stage stage;
    stage.until([&] { return http(stage.port, "GET", "/readyz").status == 200; }, "readiness");
    stage.produce_one_each();
    stage.until_all_arrived();
    const auto before = stage.stands();
    CHECK(before.size() == 4 * how_many);

    stage.configure("reject");
    HttpAnswer reloaded;
    const auto began = std::chrono::steady_clock::now();
    std::thread reload([&] { reloaded = http(stage.port, "POST", "/reload", token); });
    // Others are read while the one is stopped, checked and started.
    stage.produce_one_each();
    stage.until_all_arrived();
    reload.join();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    CHECK(reloaded.status == 200);
    CHECK_MESSAGE(reloaded.body.find("1 restarted, 99 unchanged") != std::string::npos,
                  reloaded.body);
    stage.until([&] { return http(stage.port, "GET", "/readyz").status == 200; }, "readiness");
    stage.produce_one_each();
    stage.until_all_arrived();

    const std::string changed = "pipeline=\"" + topic_of(how_many - 1) + "\"";
    std::string differs;
    for (const auto& [series, value] : stage.stands()) {
        if (before.contains(series) && before.at(series) == value) continue;
        if (series.find(changed) == std::string::npos) differs += series + " " + value + "\n";
    }
    CHECK(differs == "");
    const std::string connections = stage.postgres.value(
        "select count(*) from pg_stat_activity where datname = 'test' and pid <> pg_backend_pid()");
    MESSAGE("reload and its records " << took.count() << " s; " << connections << " connections");
    // The process has two: for the ledger, and for open dead letters.
    CHECK(std::stoi(connections) <= 2 * how_many + 2);
    CHECK(stage.daemon->stop() == 0);
}
