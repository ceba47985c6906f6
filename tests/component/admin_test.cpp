#include "tests/component/admin_stage.h"
#include "tests/fixture/source_dir.h"

#include <signal.h>

#include <atomic>
#include <optional>
#include <sstream>
#include <thread>

using namespace sluice::fixture;

namespace {

constexpr auto hostile = R"({"id": 1, "amount": "<script>document.title='XSS'</script>"})";

std::string url_encoded(const std::string& text) {
    static constexpr char hex[] = "0123456789ABCDEF";
    std::string encoded;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        encoded += '%';
        encoded += hex[byte >> 4];
        encoded += hex[byte & 15];
    }
    return encoded;
}

/// The lines of the blocks that begin with ```promql.
std::vector<std::string> documented_queries() {
    std::ifstream in(source_dir() + "/docs/operations.md");
    REQUIRE(in);
    std::vector<std::string> queries;
    bool inside = false;
    for (std::string line; std::getline(in, line);) {
        if (line == "```promql") {
            inside = true;
        } else if (line == "```") {
            inside = false;
        } else if (inside && !line.empty() && !line.starts_with('#')) {
            queries.push_back(line);
        }
    }
    return queries;
}

/// Debian's Prometheus, with nothing to do but to look at one daemon.
class Prometheus {
public:
    Prometheus(const std::filesystem::path& folder, std::uint16_t target) {
        write_file(folder / "prometheus.yml",
                   "global: {scrape_interval: 1s}\nscrape_configs:\n- job_name: sluice\n"
                   "  static_configs: [{targets: [\"127.0.0.1:" +
                       std::to_string(target) + "\"]}]\n");
        ProcessOptions options;
        options.argv = {"prometheus", "--config.file=" + (folder / "prometheus.yml").string(),
                        "--storage.tsdb.path=" + (folder / "tsdb").string(),
                        "--web.listen-address=127.0.0.1:" + std::to_string(port_)};
        options.log = folder / "prometheus.log";
        process_.emplace(options);
    }
    std::string ask(const std::string& query) const {
        return http(port_, "GET", "/api/v1/query?query=" + url_encoded(query)).body;
    }

private:
    const std::uint16_t port_ = free_port();
    std::optional<Process> process_;
};

std::string seen_in_chromium(const AdminStage& stage) {
    ProcessOptions options;
    options.argv = {"chromium",
                    "--headless",
                    "--no-sandbox",
                    "--disable-gpu",
                    "--disable-dev-shm-usage",
                    "--user-data-dir=" + (stage.folder() / "chromium").string(),
                    "--virtual-time-budget=9000",
                    "--dump-dom",
                    "http://127.0.0.1:" + std::to_string(stage.port) + "/"};
    return run(std::move(options), patient(90s)).out;
}

}  // namespace

TEST_CASE("admin: Prometheus scrapes a daemon and answers what operations asks") {
    AdminStage stage("prometheus");
    const Prometheus prometheus(stage.folder(), stage.port);
    stage.produce(500);
    stage.produce(3, hostile);
    stage.until([&] { return stage.rows() == 500; }, "the rows");
    stage.until(
        [&] {
            return stage.shows("sluice_ingest_rows_total{pipeline=\"orders\"} 500") &&
                   stage.shows(
                       "sluice_ingest_rejects_total{pipeline=\"orders\",reason="
                       "\"invalid\"} 3");
        },
        "metrics to say so");

    write_file(stage.folder() / "metrics", stage.get("/metrics").body);
    ProcessOptions check;
    check.argv = {"sh", "-c", "promtool check metrics < " + (stage.folder() / "metrics").string()};
    const RunResult checked = run(check, patient(30s));
    CHECK_MESSAGE(checked.exit_code == 0, checked.out << checked.err);

    stage.until(
        [&] {
            return contains(prometheus.ask("sluice_ingest_rows_total{pipeline=\"copies\"} == 500"),
                            "\"copies\"") &&
                   contains(prometheus.ask("sum(sluice_ingest_lag_records) == 0"), "\"0\"");
        },
        "Prometheus to know, and lag to be 0");
    const auto queries = documented_queries();
    CHECK(queries.size() > 8);
    for (const std::string& query : queries) {
        CHECK_MESSAGE(contains(prometheus.ask(query), "\"status\":\"success\""), query);
    }
    CHECK(contains(prometheus.ask("sum(sluice_pipeline_state{state=\"running\"})"), "\"2\""));
    CHECK(stage.daemon->stop() == 0);
}

TEST_CASE("admin: the status page shows pipelines as they go on, and records as text") {
    AdminStage stage("page");
    stage.add_outbox();
    stage.produce(200);
    stage.produce(1, hostile);
    stage.until([&] { return stage.rows() == 230; }, "the rows");
    stage.until([&] { return !contains(stage.get("/status").body, R"("activity":"working")"); },
                "calm, which a pipeline that has just committed does not claim");
    const std::string page = seen_in_chromium(stage);
    CHECK(contains(page, "data-pipeline=\"ingest.orders\""));
    CHECK(contains(page, "data-pipeline=\"ingest.copies\""));
    CHECK(contains(page, "data-pipeline=\"outbox.events\""));
    CHECK(contains(page, "public.outbox → admin_page"));
    CHECK(contains(page, "events a second"));
    CHECK(contains(page, "30 events · 0 refused and open"));
    CHECK(contains(page, "All 3 pipelines are fine"));
    CHECK(contains(page, "waiting for data"));
    CHECK(contains(page, "230 rows"));
    CHECK(contains(page, "&lt;script&gt;document.title="));
    CHECK(contains(page, "<title>Sluice</title>"));
    CHECK_FALSE(contains(page, "data-polls=\"0\""));
    CHECK(page.find("data-polls=\"") != std::string::npos);
    CHECK_FALSE(contains(page, "data-polls=\"1\""));  // it asked again
    CHECK(contains(stage.get("/history").body, R"("ingest.orders":{"rate":[0)"));
}

TEST_CASE("admin: a failed pipeline shows its lag, and a refused reload is in the headline") {
    AdminStage stage("failed");
    stage.produce(10);
    for (const std::string table : {"orders", "copies"})
        stage.until([&] { return stage.value("select count(*) from " + table) == "10"; },
                    "the rows of " + table);
    stage.exec("alter table copies rename to gone");
    CHECK(stage.post("/pipelines/copies/restart") == 200);
    stage.produce(20);
    stage.until([&] { return stage.rows() == 30; }, "the rows of the other one");
    stage.until([&] { return contains(stage.get("/status").body, R"("lag":20,)"); },
                "what is to be read, from progress to the end");
    for (const char* const partition : {"0", "1"})
        CHECK(stage.shows("sluice_ingest_lag_records{partition=\"" + std::string(partition) +
                          "\",pipeline=\"copies\",topic=\"" + stage.topic() + "\"} 10"));
    write_file(stage.file(), "nonsense");
    CHECK(stage.post("/reload") == 422);
    const RunResult status = run_sluice({"status", "--daemon", address(stage.port)});
    CHECK_MESSAGE(status.out.starts_with("the latest configuration was refused, the one before it "
                                         "is in force: " +
                                         stage.file().string() + ":1:"),
                  status.out);
    const std::string page = seen_in_chromium(stage);
    CHECK(contains(page, "1 of 2 pipelines needs attention; the latest configuration was refused"));
    CHECK(contains(page, "<dd>20 <small></small></dd>"));
}

TEST_CASE("admin: what waits for a lock is stuck, with the reason, and ready again afterwards") {
    AdminStage stage("stuck", "1s");
    stage.produce(10);
    stage.until([&] { return stage.rows() == 10; }, "the rows");
    std::thread locked([&] {
        stage.exec("begin; lock table orders in access exclusive mode; select pg_sleep(8); commit");
    });
    stage.until(
        [&] {
            return stage.value(
                       "select count(*) from pg_locks where granted and relation = "
                       "'orders'::regclass and mode = 'AccessExclusiveLock'") == "1";
        },
        "the lock");
    stage.produce(10);
    // The records have waited a little longer than their batch: first it only makes no progress.
    std::string why;
    stage.until(
        [&] {
            why = stage.get("/readyz").body;
            return contains(why, "on its way to the database") &&
                   contains(why, "it waits for a lock of the session of postgres (pid ");
        },
        "it to be stuck, for this reason");
    CHECK(stage.get("/readyz").status == 503);
    CHECK(contains(why, "ingest.orders"));
    CHECK_FALSE(contains(why, "ingest.copies"));
    CHECK(stage.shows("sluice_pipeline_stuck{kind=\"ingest\",pipeline=\"orders\"} 1"));
    locked.join();
    stage.until([&] { return stage.get("/readyz").status == 200; }, "it to go on");
    CHECK(stage.rows() == 20);
    CHECK(stage.shows("sluice_pipeline_stuck{kind=\"ingest\",pipeline=\"orders\"} 0"));
}

TEST_CASE(
    "admin: an outbox that hangs in the database is stuck, with the reason, until it goes on") {
    AdminStage stage("stuck_outbox", "1s");
    stage.add_outbox();
    const auto sends = [&](const std::string& count) {
        return stage.shows("sluice_outbox_events_total{pipeline=\"events\"} " + count);
    };
    const auto reason = [&] { return stage.get("/readyz").body; };
    const auto is_stuck = [&](const std::string& why) {
        stage.until([&] { return contains(reason(), why); }, "it to be stuck, for this reason");
        CHECK(contains(reason(), "outbox.events"));
        CHECK(stage.get("/readyz").status == 503);
        CHECK(stage.shows("sluice_pipeline_stuck{kind=\"outbox\",pipeline=\"events\"} 1"));
        stage.until([&] { return contains(stage.daemon->log(), why); }, "a line in the log");
    };
    const auto goes_on = [&](const std::string& count) {
        stage.exec("insert into outbox (payload) values ('{\"id\": 8}')");
        stage.until([&] { return sends(count) && stage.get("/readyz").status == 200; },
                    "it to go on");
        CHECK(stage.shows("sluice_pipeline_stuck{kind=\"outbox\",pipeline=\"events\"} 0"));
    };
    SUBCASE("its table is locked") {
        std::thread locked([&] {
            stage.exec("begin; lock table outbox in access exclusive mode; select pg_sleep(8)");
        });
        is_stuck("the relay reads the outbox table, for ");
        is_stuck("it waits for a lock of the session of postgres (pid ");
        locked.join();
        goes_on("31");
    }
    SUBCASE("the database is frozen") {
        const std::string backends = stage.value(
            "select string_agg(pid::text, ' ') from pg_stat_activity where application_name like "
            "'sluice/events%'");
        struct Frozen {
            explicit Frozen(const std::string& pids) : pids_(pids) { all(SIGSTOP); }
            ~Frozen() { all(SIGCONT); }
            void all(int signal) const {
                std::istringstream pids(pids_);
                for (pid_t pid = 0; pids >> pid;) ::kill(pid, signal);
            }
            const std::string pids_;
        };
        std::optional<Frozen> frozen(backends);
        is_stuck("is a table locked, or the database frozen or overloaded?");
        frozen.reset();
        goes_on("31");
    }
}

TEST_CASE("admin: pipelines pause, resume and restart by request; removed, their metrics go") {
    AdminStage stage("commands");
    CHECK(http(stage.port, "POST", "/pipelines/orders/pause", "another token 00").status == 401);
    CHECK(stage.post("/pipelines/nobody/pause") == 404);
    CHECK(stage.post("/pipelines/orders/pause") == 200);
    CHECK(stage.shows(
        "sluice_pipeline_state{kind=\"ingest\",pipeline=\"orders\",state=\"paused\"} 1"));
    CHECK(stage.post("/pipelines/orders/restart") == 409);
    stage.produce(10);
    // It reads nothing, and tells all the same how much waits for it.
    stage.until([&] { return contains(stage.get("/status").body, R"("lag":10,)"); }, "its lag");
    // That is no lag to be woken by.
    CHECK_FALSE(stage.shows("sluice_ingest_lag_records{"));
    CHECK(stage.post("/pipelines/orders/resume") == 200);
    stage.until([&] { return stage.rows() == 10; }, "the rows");
    CHECK(stage.post("/pipelines/orders/restart") == 200);
    stage.until([&] { return stage.get("/readyz").status == 200; }, "it to be back");

    const RunResult status = run_sluice({"status", "-c", stage.file().string()});
    CHECK_MESSAGE(status.exit_code == 0, status.out << status.err);
    CHECK(contains(status.out, "ingest.orders"));
    CHECK(contains(status.out, "running"));  // it has just committed

    stage.configure({"orders"});
    CHECK(stage.post("/reload") == 200);
    stage.until([&] { return !contains(stage.metrics(), "copies"); }, "its metrics to go");
    CHECK(contains(stage.metrics(), "pipeline=\"orders\""));
    write_file(stage.file(), "nonsense");
    CHECK(stage.post("/reload") == 422);

    stage.configure({"orders"});
    CHECK(stage.daemon->stop() == 0);
    const RunResult without =
        run_sluice({"status", "--output", "json", "-c", stage.file().string()});
    CHECK(without.exit_code == 1);
    CHECK(contains(without.out, R"("source":"database")"));
    CHECK(contains(without.out, R"("partition":0,"progress":5,"end":5,"lag":0)"));
}

// AddressSanitizer keeps what was freed, to notice who uses it still.
#ifdef __SANITIZE_ADDRESS__
constexpr double memory_to_spare = 512e6;
#else
constexpr double memory_to_spare = 48e6;
#endif

TEST_CASE("admin: hostile clients do not disturb a pipeline at work") {
    AdminStage stage("flood");
    stage.produce(200);
    stage.until([&] { return stage.rows() == 200; }, "the first rows");
    for (int i = 0; i < 20; ++i) CHECK(stage.get("/").status == 200);
    const double memory = stage.number("process_resident_memory_bytes");
    std::atomic<bool> attacking = true;
    std::vector<std::thread> attackers;
    for (int i = 0; i < 4; ++i) {
        attackers.emplace_back([&, i] {
            std::vector<TcpClient> held;
            while (attacking) {
                try {
                    held.emplace_back(stage.port);
                } catch (const std::system_error&) {
                    held.clear();
                    continue;
                }
                held.back().send(i == 0   ? "GET /metr"
                                 : i == 1 ? "GET / HTTP/1.1\r\nX: " + std::string(20000, 'a')
                                 : i == 2
                                     ? std::string(1000, '\0')
                                     : "POST /reload HTTP/1.1\r\nContent-Length: 99999\r\n\r\n");
                if (held.size() == 125) held.clear();
                std::this_thread::sleep_for(2ms);
            }
        });
    }
    for (int round = 1; round <= 5; ++round) {
        stage.produce(200);
        stage.until([&] { return stage.rows() == 200 + 200 * round; }, "rows under attack");
    }
    attacking = false;
    for (std::thread& attacker : attackers) attacker.join();
    stage.until([&] { return stage.get("/readyz").status == 200; }, "the server to answer");
    CHECK(stage.shows("sluice_pipeline_restarts_total{kind=\"ingest\",pipeline=\"orders\"} 0"));
    for (int i = 0; i < 200; ++i)
        CHECK(stage.get(i % 2 == 0 ? "/metrics" : "/status").status == 200);
    CHECK(stage.number("process_resident_memory_bytes") < memory + memory_to_spare);
    CHECK(stage.daemon->stop() == 0);
}

TEST_CASE("admin: token and address change by a reload, and no pipeline notices") {
    AdminStage stage("moves");
    const std::uint16_t before = stage.port;
    write_file(stage.folder() / "token", "another token 00\n");  // as a mounted Secret changes
    stage.until([&] { return stage.post("/pipelines/nobody/pause") == 401; }, "the old one to end");
    CHECK(http(before, "POST", "/pipelines/nobody/pause", "another token 00").status == 404);

    stage.port = port_of(shared_broker().bootstrap());
    stage.configure({"orders", "copies"});
    const HttpAnswer refused = http(before, "POST", "/reload", "another token 00");
    CHECK(refused.status == 422);
    CHECK_MESSAGE(
        contains(refused.body, "cannot listen on " + address(stage.port) +
                                   ": Address already in use; set another address as listen"),
        refused.body);

    const std::uint16_t after = free_port();
    std::string next = read_file(stage.file());
    next.replace(next.find(address(stage.port)), address(stage.port).size(), address(after));
    // Of another file, since the daemon takes over a change of its own at once.
    const auto next_file = stage.folder() / "next.toml";
    write_file(next_file, next);
    const RunResult planned =
        run_sluice({"plan", "-c", next_file.string(), "--daemon", address(before)});
    CHECK_MESSAGE(contains(planned.out, "admin.listen: " + address(before) + " → "), planned.out);
    stage.port = after;
    stage.configure({"orders", "copies"});
    stage.until([&] { return stage.get("/readyz").status == 200; }, "the new address to answer");
    CHECK_THROWS_AS(TcpClient{before}, std::system_error);
    for (const char* pipeline : {"orders", "copies"}) {
        const std::string label = "pipeline=\"" + std::string(pipeline) + "\"";
        CHECK(stage.shows("sluice_ingest_rebalances_total{event=\"assigned\"," + label + "} 1"));
        CHECK(stage.shows("sluice_pipeline_restarts_total{kind=\"ingest\"," + label + "} 0"));
    }
    CHECK_FALSE(contains(stage.daemon->log(), "another token"));
    CHECK(stage.daemon->stop() == 0);
}

TEST_CASE("admin: a daemon whose address is taken says so and loads, until it gets another one") {
    AdminStage stage("taken");
    CHECK(stage.daemon->stop() == 0);
    stage.port = port_of(shared_broker().bootstrap());
    stage.configure({"orders"});
    stage.daemon->start();
    stage.produce(10);
    stage.until([&] { return stage.rows() == 10; }, "the rows");
    CHECK(contains(stage.daemon->log(),
                   "admin server: cannot listen on " + address(stage.port) +
                       ": Address already in use; set another address as listen in [admin], or "
                       "\"\" for none; trying again"));
    const RunResult status = run_sluice({"status", "-c", stage.file().string()});
    CHECK(status.exit_code == 1);
    CHECK_MESSAGE(contains(status.out, "no daemon answers at " + address(stage.port)), status.out);
    stage.port = free_port();
    stage.configure({"orders"});
    stage.until([&] { return stage.get("/readyz").status == 200; }, "the new address to answer");
    CHECK(stage.daemon->stop() == 0);
}
