#include "tests/crash/kills.h"
#include "tests/crash/scenario.h"
#include "tests/fixture/http.h"
#include "tests/fixture/pg_connection.h"
#include "tests/fixture/ports.h"
#include "tests/fixture/temp_dir.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <random>
#include <thread>

using namespace sluice::crash;
using namespace sluice::fixture;

namespace {

std::string content_of(const std::filesystem::path& file) {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
}

int times(const std::string& text, const std::string& part) {
    int count = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
    return count;
}

void replace(std::string& text, const std::string& from, const std::string& to) {
    const auto at = text.find(from);
    REQUIRE_MESSAGE(at != std::string::npos, from << " is not in " << text);
    text.replace(at, from.size(), to);
}

/// Of a configuration, the part of one pipeline.
struct Section {
    std::size_t begin;
    std::size_t end;
};
Section section_of(const std::string& config, const std::string& pipeline) {
    const auto begin = config.find("[ingest." + pipeline + "]");
    const auto columns = config.find("[ingest." + pipeline + ".columns]", begin);
    return {begin, std::min(config.find("[ingest.", columns + 1), config.size())};
}

void change(std::string& config, const std::string& pipeline, const std::string& from,
            const std::string& to) {
    const Section section = section_of(config, pipeline);
    std::string text = config.substr(section.begin, section.end - section.begin);
    replace(text, from, to);
    config.replace(section.begin, section.end - section.begin, text);
}

void remove(std::string& config, const std::string& pipeline) {
    const Section section = section_of(config, pipeline);
    config.erase(section.begin, section.end - section.begin);
}

int outcomes(const std::string& log) {
    return times(log, " in force: ") + times(log, "; nothing changed, ") +
           times(log, "nothing differs from what runs");
}

/// How often this pipeline's assignment changed.
int assignments(const std::string& log, const std::string& pipeline) {
    return times(log, " " + pipeline + ": assigned ") +
           times(log, " " + pipeline + ": handing over ");
}

/// What goes on beside the reloads: an application that writes to an outbox, and a Prometheus that
/// scrapes, and by which the daemon's memory is known.
class Surroundings {
public:
    explicit Surroundings(Scenario& scenario) : scenario_(scenario) {
        const std::string topic = scenario.topic() + ".events";
        world().broker->admin().create_topic(topic, 2);
        scenario.exec(
            "create table outbox (id bigserial primary key, key text, payload text, created_at "
            "timestamptz not null default clock_timestamp())");
        std::string config = content_of(scenario.config());
        replace(config, "[daemon]",
                "[admin]\nlisten = \"127.0.0.1:" + std::to_string(port_) +
                    "\"\n[outbox.events]\ntable = \"public.outbox\"\ntopic = \"" + topic +
                    "\"\nmarks_topic = \"" + topic + ".marks\"\n[daemon]");
        write_file(scenario.config(), config);
    }
    ~Surroundings() { end(); }
    Surroundings(const Surroundings&) = delete;
    Surroundings& operator=(const Surroundings&) = delete;

    void begin() {
        writer_ = std::thread([this] { write(); });
        scraper_ = std::thread([this] { scrape(); });
    }
    void end() {
        going_on_ = false;
        if (writer_.joinable()) writer_.join();
        if (scraper_.joinable()) scraper_.join();
    }
    /// After end(): every event that was written was sent once, and no reload restarted the outbox.
    void check_outbox() const {
        wait_until([&] { return scenario_.value("select count(*) from outbox") == "0"; },
                   patient(std::chrono::seconds(30)), "the outbox to be empty");
        CHECK(metric("sluice_outbox_events_total{pipeline=\"events\"}").value() == written_);
        CHECK(
            metric("sluice_pipeline_restarts_total{kind=\"outbox\",pipeline=\"events\"}").value() ==
            0);
        CHECK(written_ > 0);
    }
    /// The highest of the memory's readings in this part of the time: 0.5 to 1 is the second half.
    [[nodiscard]] double most_memory(double from, double to) const {
        const auto at = [&](double part) {
            return memory_.begin() +
                   static_cast<std::ptrdiff_t>(part * static_cast<double>(memory_.size()));
        };
        return at(from) == at(to) ? 0 : *std::max_element(at(from), at(to));
    }

private:
    void write() {
        PgConnection connection = world().postgres->connect(scenario_.database());
        while (going_on_) {
            connection.exec(
                "insert into outbox (key, payload) select n::text, repeat('x', 200) from "
                "generate_series(1, 10) n");
            written_ += 10;
            std::this_thread::sleep_for(20ms);
        }
    }
    void scrape() {
        while (going_on_) {
            // While the daemon starts, nobody answers.
            if (const auto memory = metric("process_resident_memory_bytes"))
                memory_.push_back(*memory);
            for (const char* page : {"/status", "/", "/readyz"}) {
                static_cast<void>(http(port_, "GET", page));
            }
            std::this_thread::sleep_for(500ms);
        }
    }
    [[nodiscard]] std::optional<double> metric(const std::string& series) const {
        const std::string text = "\n" + http(port_, "GET", "/metrics").body;
        const auto at = text.find("\n" + series + " ");
        if (at == std::string::npos) return std::nullopt;
        return std::stod(text.substr(at + series.size() + 2));
    }

    Scenario& scenario_;
    const std::uint16_t port_ = free_port();
    std::atomic<bool> going_on_ = true;
    std::thread writer_;
    std::thread scraper_;
    int written_ = 0;             ///< the writer's, until it has ended
    std::vector<double> memory_;  ///< the scraper's
};

/// Of a soak: the first fifth warms up, and the last must not need much more than those between.
void check_memory(const Surroundings& around, int minutes) {
    constexpr double mebibyte = 1 << 20;
    const double warm = around.most_memory(0.2, 0.6);
    const double end = around.most_memory(0.8, 1);
    MESSAGE("resident memory, at most: " << around.most_memory(0, 0.2) / mebibyte
                                         << " MiB in the first fifth, " << warm / mebibyte
                                         << " MiB up to three fifths, " << end / mebibyte
                                         << " MiB in the last fifth");
    if (minutes == 0) return;
    REQUIRE(warm > 0);
    REQUIRE(end > 0);
    CHECK(end < 1.1 * warm + 8 * mebibyte);
}

/// "orders" is never restarted; the others are, and come and go.
class Torture {
public:
    Torture(Scenario& scenario, unsigned seed)
        : scenario_(scenario), base_(content_of(scenario.config())), random_(seed) {}

    /// A configuration that differs at random, valid or not, by a way that differs at random.
    void reload() {
        const int before = outcomes(scenario_.daemon().log());
        const bool broken = one_in(3);
        const bool deleted = broken && one_in(8);
        if (deleted) {
            std::filesystem::remove(scenario_.config());
        } else {
            write(broken ? spoilt(varied()) : varied());
        }
        if (deleted || one_in(2)) scenario_.daemon().reload();
        if (one_in(4)) return;  // the next one comes at once
        wait_until([&] { return outcomes(scenario_.daemon().log()) > before; },
                   patient(std::chrono::seconds(30)), "an outcome");
    }
    void end() {
        write(base_ + "# the end\n");
        scenario_.daemon().reload();
    }

private:
    bool one_in(unsigned n) { return random_() % n == 0; }

    std::string varied() {
        std::string config = base_;
        change(config, "orders", "rows = 400", "rows = " + std::to_string(100 + random_() % 500));
        if (one_in(2)) {
            change(config, "copies", "lanes = 2", "lanes = " + std::to_string(1 + random_() % 3));
        }
        if (one_in(3)) change(config, "copies", "delay = \"100ms\"", "delay = \"50ms\"");
        if (one_in(3))
            change(config, "copies", "topic =", "on_offset_lost = \"earliest\"\ntopic =");
        if (one_in(3)) remove(config, "others");
        if (one_in(3)) replace(config, "[daemon]", "[daemon]\nlog_level = \"debug\"");
        if (one_in(3)) replace(config, "[cloudberry]", "[cloudberry]\nledger_keep = \"2h\"");
        return config;
    }

    std::string spoilt(std::string config) {
        switch (random_() % 7) {
            case 0:
                return config.substr(0, random_() % config.size()) + "\n= [";
            case 1:
                replace(config, "lanes = ", "lane = ");
                return config;
            case 2:
                change(config, "copies", "topic = \"", "topic = \"not_there_");
                return config;
            case 3:
                change(config, "copies", "\"public.copies\"", "\"public.not_there\"");
                return config;
            case 4:
                replace(config, "amount = \"amount\"", "price = \"amount\"");
                return config;
            case 5:
                replace(config, "host=", "host=/nowhere");
                return config;
            default:
                return "";
        }
    }

    void write(const std::string& config) {
        if (one_in(2)) {
            write_file(scenario_.config(), config);
            return;
        }
        auto beside = scenario_.config();
        beside += ".new";
        write_file(beside, config);
        std::filesystem::rename(beside, scenario_.config());
    }

    Scenario& scenario_;
    const std::string base_;
    std::mt19937 random_;
};

}  // namespace

/// SLUICE_SEED repeats a run, SLUICE_SOAK_MINUTES makes it longer.
TEST_CASE("reload torture: valid and broken configurations, and the table equals the input") {
    const int seed =
        number_from_environment("SLUICE_SEED", static_cast<int>(std::random_device{}() >> 1));
    const int minutes = number_from_environment("SLUICE_SOAK_MINUTES", 0);
    MESSAGE("SLUICE_SEED=" << seed);
    CAPTURE(seed);
    ScenarioOptions options;
    options.pipelines = {"orders", "copies", "others"};
    Scenario scenario(options);
    std::string config = content_of(scenario.config());
    replace(config, "dsn = \"", "dsn = \"password=hunter2 ");
    write_file(scenario.config(), config);
    Surroundings around(scenario);
    scenario.start_producing(500);
    scenario.start();
    scenario.wait_until_serving("a", options.partitions);
    around.begin();
    const int assigned = assignments(scenario.daemon().log(), "orders");
    CHECK(assigned == 1);
    const auto began = std::chrono::steady_clock::now();
    const auto end = began + std::chrono::minutes(minutes);
    Torture torture(scenario, static_cast<unsigned>(seed));
    try {
        for (int i = 0; i < 200 || std::chrono::steady_clock::now() < end; ++i) torture.reload();
    } catch (const WaitedTooLong& late) {
        FAIL(std::string(late.what()) << scenario.logs());
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    scenario.wait_for_more_rows();
    torture.end();
    scenario.stop_producing();
    around.end();
    CHECK(scenario.verdict() == "");
    around.check_outbox();
    check_memory(around, minutes);
    const std::string log = scenario.daemon().log();
    MESSAGE(took.count() << " s, " << times(log, " in force: ") << " applied, "
                         << times(log, "; nothing changed, ") << " refused");
    CHECK(assignments(log, "orders") == assigned);
    CHECK(times(log, "ingest.orders: restarted") == 0);
    CHECK(times(log, "hunter2") == 0);
    CHECK(times(log, "ingest.orders: changed in place") > 0);
    CHECK(times(log, " in force: ") > 50);
    CHECK(times(log, "; nothing changed, ") > 20);
    CHECK(scenario.daemon().stop() == 0);
}

TEST_CASE("drift: a new column is used from a reload on, by mapping and by name, losing nothing") {
    ScenarioOptions options;
    options.pipelines = {"orders", "copies"};
    Scenario scenario(options);
    scenario.exec("create table named (id bigint, text text)");
    std::string config = content_of(scenario.config()) + "[ingest.named]\ntopic = \"" +
                         scenario.topic() + "\"\ntable = \"named\"\n";
    write_file(scenario.config(), config);
    scenario.start_producing(1000);
    scenario.start();
    scenario.wait_for_more_rows();
    const auto wait_for = [&](const std::string& sql) {
        try {
            wait_until([&] { return scenario.value(sql) == "t"; },
                       patient(std::chrono::seconds(30)), sql);
        } catch (const WaitedTooLong& late) {
            FAIL(std::string(late.what()) << scenario.logs());
        }
    };
    wait_for("select count(*) > 0 from named");

    for (const char* table : {"orders", "copies"}) {
        scenario.exec(std::string("alter table ") + table + " add note text");
    }
    scenario.exec("alter table named add amount text");
    change(config, "orders", "text = \"text\"", "note = \"text\"\ntext = \"text\"");
    write_file(scenario.config(), config);
    wait_for("select count(note) > 0 from orders");
    wait_for("select count(amount) > 0 from named");
    scenario.wait_for_log("ingest.orders: restarted for: columns.note: none → /text");
    scenario.wait_for_log(
        "ingest.named: restarted for: its table is now public.named "
        "(id bigint, text text, amount text)");
    CHECK(times(scenario.daemon().log(), "ingest.copies: ") == 0);
    scenario.stop_producing();
    CHECK(scenario.verdict() == "");
    CHECK(scenario.value("select count(*) from orders where note <> text") == "0");
    CHECK(scenario.value("select count(note) from copies") == "0");
    // What the database refuses of orders, text takes; nothing is there twice.
    CHECK(
        scenario.value("select count(*) = count(distinct id) and count(*) > (select count(*) from "
                       "orders) from named") == "t");
}

TEST_CASE("drift: a column of another type is filled right from the moment on that it is there") {
    Scenario scenario;
    scenario.start_producing(1000);
    scenario.start();
    scenario.wait_for_more_rows();
    // Eight bytes as well: nothing but a look at the table tells the two apart.
    scenario.exec("alter table orders alter id type double precision");
    scenario.wait_for_log("column \"id\" has changed since it was looked up");
    scenario.wait_for_more_rows();
    scenario.stop_producing();
    scenario.wait_until_loaded();
    scenario.exec("alter table orders alter id type bigint");
    CHECK(scenario.verdict() == "");
}

TEST_CASE("reload: a daemon without pipelines gets its first one, and gives it back") {
    Scenario scenario;
    const std::string config = content_of(scenario.config());
    write_file(scenario.config(), config.substr(0, config.find("[ingest.")));
    scenario.produce(1000);
    scenario.start();
    scenario.wait_for_log(" in force: no pipelines");
    write_file(scenario.config(), config);
    CHECK(scenario.verdict() == "");
    write_file(scenario.config(), config.substr(0, config.find("[ingest.")));
    scenario.wait_for_log(" in force: 1 removed");
    CHECK(scenario.daemon().stop() == 0);
}
