#include "daemon/reload/reloader.h"

#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <atomic>
#include <map>
#include <utility>

using namespace sluice;
using namespace std::chrono_literals;
using Result = ReloadOutcome::Result;

namespace {

/// Runs until it is stopped.
class IdlePipeline : public RunningPipeline {
public:
    explicit IdlePipeline(std::string target) : target_(std::move(target)) {}
    void run() override {
        std::unique_lock lock{mutex_};
        changed_.wait(lock, [&] { return stopping_; });
    }
    void request_stop(std::chrono::steady_clock::time_point) override {
        const std::lock_guard lock{mutex_};
        stopping_ = true;
        changed_.notify_all();
    }
    [[nodiscard]] Activity activity() const override { return {}; }
    void adapt(const PipelineConfig&) override {}
    [[nodiscard]] std::string target() const override { return target_; }

private:
    const std::string target_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool stopping_ = false;
};

config::Config configured(const std::vector<std::string>& names, const std::string& revision) {
    config::Config config;
    for (const std::string& name : names) config.ingest.emplace_back().name = name;
    config.revision = revision;
    return config;
}

/// A daemon without Kafka and database: what the file says, what they would say, what was built.
struct Stage {
    std::mutex mutex;
    std::map<std::string, int> built;
    config::Loaded file;
    std::vector<std::string> objections;
    std::map<std::string, std::string> tables;
    std::set<std::string> asked_about;
    std::string adopted;
    int reported = 0;

    Supervisor supervisor{[this](const PipelineConfig& config, const auto&) {
        const std::lock_guard lock{mutex};
        ++built[config::key_of(config)];
        return std::make_unique<IdlePipeline>(tables[config::key_of(config)]);
    }};
    Reloader reloader{{.load = [this] { return file; },
                       .prepare =
                           [this](const PreparationRequest& request) {
                               asked_about = request.to_check;
                               Preparation prepared{objections, {}};
                               for (const auto& [key, target] : request.to_compare) {
                                   const std::lock_guard lock{mutex};
                                   if (tables[key] != target) prepared.drifted[key] = tables[key];
                               }
                               return prepared;
                           },
                       .adopt =
                           [this](const config::Config& c) {
                               if (c.admin.listen == "taken:1") return std::string("taken");
                               adopted = c.revision;
                               return std::string();
                           },
                       .report = [this](const ReloadOutcome&) { ++reported; },
                       .supervisor = supervisor}};

    int builds_of(const std::string& key) {
        const std::lock_guard lock{mutex};
        return built[key];
    }
    void await(const std::string& key) {
        fixture::wait_until(
            [&] { return supervisor.status().pipelines.at(key).state == PipelineState::running; },
            fixture::patient(5s), key);
    }
    void start(const config::Config& config) {
        CHECK(reloader.start(config).result == Result::applied);
        for (const auto& [key, status] : supervisor.status().pipelines) await(key);
    }
    ReloadOutcome reload(config::Config config) {
        file.config = std::move(config);
        return reloader.request(ReloadTrigger::signal).get();
    }
};

}  // namespace

TEST_CASE("reload: what changed is prepared and restarted, what did not is left alone") {
    Stage stage;
    stage.start(configured({"a", "b"}, "one"));
    CHECK(stage.asked_about.empty());  // the start has nothing to protect
    config::Config next = configured({"b", "c"}, "two");
    next.ingest[0].lanes = 5;
    const ReloadOutcome outcome = stage.reload(next);
    CHECK(outcome.result == Result::applied);
    CHECK(outcome.revision == "two");
    CHECK(stage.asked_about == std::set<std::string>{"ingest.b", "ingest.c"});
    CHECK(summary_of(outcome.plan) == "1 added, 1 removed, 1 restarted");
    stage.await("ingest.b");
    stage.await("ingest.c");
    CHECK_FALSE(stage.supervisor.status().pipelines.contains("ingest.a"));
    CHECK(stage.builds_of("ingest.b") == 2);
    CHECK(stage.adopted == "two");
    CHECK(stage.reloader.config()->revision == "two");
    CHECK(stage.reported == 2);
}

TEST_CASE("reload: a bad file changes nothing, and every problem is told") {
    Stage stage;
    stage.start(configured({"a"}, "one"));
    stage.file.problems = {{"sluice.toml", 3, 1, "unknown key"}, {"sluice.toml", 7, 1, "no topic"}};
    const ReloadOutcome outcome = stage.reload(configured({}, "two"));
    CHECK(outcome.result == Result::refused);
    CHECK(outcome.problems ==
          std::vector<std::string>{"sluice.toml:3:1: unknown key", "sluice.toml:7:1: no topic"});
    CHECK(outcome.revision == "one");
    CHECK(stage.builds_of("ingest.a") == 1);
    CHECK(stage.adopted.empty());
    CHECK(stage.reloader.history().front().problems.size() == 2);
}

TEST_CASE("reload: what cannot run is refused before anything changes") {
    Stage stage;
    stage.start(configured({"a", "b"}, "one"));
    stage.objections = {"ingest.c: topic c: there is no such topic"};
    const ReloadOutcome outcome = stage.reload(configured({"b", "c"}, "two"));
    CHECK(outcome.result == Result::refused);
    CHECK(outcome.problems == stage.objections);
    CHECK(stage.supervisor.status().pipelines.contains("ingest.a"));
    CHECK_FALSE(stage.supervisor.status().pipelines.contains("ingest.c"));
    stage.objections.clear();
    CHECK(stage.reload(configured({"b", "c"}, "two")).result == Result::applied);
}

TEST_CASE("reload: what the process itself cannot take over is refused before pipelines change") {
    Stage stage;
    stage.start(configured({"a"}, "one"));
    config::Config next = configured({"b"}, "two");
    next.admin.listen = "taken:1";
    const ReloadOutcome outcome = stage.reload(next);
    CHECK(outcome.result == Result::refused);
    CHECK(outcome.problems == std::vector<std::string>{"taken"});
    CHECK(stage.builds_of("ingest.b") == 0);
    CHECK(stage.reloader.config()->revision == "one");
    next.admin.listen = "free:1";
    next.ingest = configured({"a"}, "").ingest;
    const ReloadOutcome moved = stage.reload(next);
    CHECK(moved.result == Result::applied);
    CHECK(moved.plan.process == std::vector<std::string>{"admin.listen: 127.0.0.1:9187 → free:1"});
    CHECK(stage.builds_of("ingest.a") == 1);
}

TEST_CASE("reload: the same configuration once more does nothing") {
    Stage stage;
    stage.start(configured({"a"}, "one"));
    CHECK(stage.reload(configured({"a"}, "one")).result == Result::unchanged);
    CHECK(stage.builds_of("ingest.a") == 1);
}

TEST_CASE(
    "reload: a pipeline whose table has changed is restarted, the configuration being equal") {
    Stage stage;
    stage.start(configured({"a", "b"}, "one"));
    {
        const std::lock_guard lock{stage.mutex};
        stage.tables["ingest.b"] = "public.b (id bigint, city text)";
    }
    const ReloadOutcome outcome = stage.reload(configured({"a", "b"}, "one"));
    CHECK(outcome.result == Result::applied);
    stage.await("ingest.b");
    CHECK(stage.builds_of("ingest.a") == 1);
    CHECK(stage.builds_of("ingest.b") == 2);
    CHECK(stage.supervisor.status().pipelines.at("ingest.b").target ==
          "public.b (id bigint, city text)");
}

TEST_CASE("reload: from nothing and to nothing") {
    Stage stage;
    config::Config first = configured({}, "none");
    first.daemon.log_level = "debug";  // not a change of anything: it is the first
    stage.start(first);
    CHECK(stage.reloader.history().front().plan.process.empty());
    CHECK(stage.reload(configured({"a"}, "one")).result == Result::applied);
    stage.await("ingest.a");
    CHECK(stage.reload(configured({}, "none")).result == Result::applied);
    CHECK(stage.supervisor.status().pipelines.empty());
}

TEST_CASE("reload: a paused pipeline takes the new configuration and stays paused") {
    Stage stage;
    stage.start(configured({"a"}, "one"));
    CHECK(stage.supervisor.pause("a").get() == CommandResult::done);
    config::Config next = configured({"a"}, "two");
    next.ingest[0].lanes = 5;
    CHECK(stage.reload(next).result == Result::applied);
    CHECK(stage.supervisor.status().pipelines.at("ingest.a").state == PipelineState::paused);
    CHECK(stage.builds_of("ingest.a") == 1);
}

TEST_CASE("reload: requests from many threads are all answered") {
    Stage stage;
    stage.start(configured({"a"}, "one"));
    stage.file.config = configured({"a", "b"}, "two");
    std::vector<std::thread> threads;
    std::atomic<int> answered = 0;
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&] {
            const auto outcome = stage.reloader.request(ReloadTrigger::request).get();
            answered += outcome.revision == "two" && outcome.result != Result::refused;
        });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(answered == 8);
    CHECK(stage.builds_of("ingest.a") == 1);
}

TEST_CASE("reload: requests at the very end are answered, served or refused") {
    std::promise<void> begun;
    std::promise<void> held;
    bool is_first = true;
    std::vector<std::future<ReloadOutcome>> outcomes;
    std::thread ending;
    Supervisor supervisor{
        [](const PipelineConfig&, const auto&) -> std::unique_ptr<RunningPipeline> {
            return std::make_unique<IdlePipeline>("");
        }};
    {
        Reloader reloader{{.load =
                               [&] {
                                   if (std::exchange(is_first, false)) {
                                       begun.set_value();
                                       held.get_future().wait();
                                   }
                                   return config::Loaded{};
                               },
                           .prepare = [](const PreparationRequest&) { return Preparation{}; },
                           .adopt = [](const config::Config&) { return std::string(); },
                           .report = [](const ReloadOutcome&) {},
                           .supervisor = supervisor}};
        outcomes.push_back(reloader.request(ReloadTrigger::request));
        begun.get_future().wait();
        outcomes.push_back(reloader.request(ReloadTrigger::request));
        ending = std::thread([&] { held.set_value(); });
    }
    ending.join();
    for (auto& outcome : outcomes) CHECK_NOTHROW(outcome.get());
}

TEST_CASE("reload: a daemon that drains refuses") {
    Stage stage;
    stage.start(configured({"a"}, "one"));
    CHECK(stage.supervisor.drain(5s));
    CHECK(stage.reload(configured({"b"}, "two")).result == Result::refused);
    CHECK(stage.reloader.config()->revision == "one");
}
