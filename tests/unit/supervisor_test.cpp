#include "daemon/supervisor.h"

#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <atomic>
#include <stdexcept>

using namespace sluice;
using namespace std::chrono_literals;
using State = SupervisedPipeline::State;

namespace {

void eventually(const std::function<bool()>& predicate, const std::string& what) {
    fixture::wait_until(predicate, fixture::patient(5s), what);
}

/// How pipelines of one name behave, and what became of them.
struct Script {
    std::atomic<int> built = 0;
    std::atomic<int> running = 0;
    std::atomic<bool> cannot_be_built = false;
    std::atomic<bool> fails = false;
    std::atomic<bool> deaf = false;  ///< does not end when asked to, until `let_go`
    std::atomic<bool> let_go = false;
    std::atomic<bool> in_trouble = false;
};

class ScriptedPipeline : public RunningPipeline {
public:
    explicit ScriptedPipeline(Script& script) : script_(script) {}
    void run() override {
        ++script_.running;
        while (!(stopping_ && (!script_.deaf || script_.let_go)) && !script_.fails) {
            std::this_thread::sleep_for(1ms);
        }
        --script_.running;
        if (script_.fails) throw std::runtime_error("the disk is full");
    }
    void request_stop(std::chrono::steady_clock::time_point) override { stopping_ = true; }
    [[nodiscard]] std::string trouble() const override {
        return script_.in_trouble ? "waiting for the database" : "";
    }

private:
    Script& script_;
    std::atomic<bool> stopping_ = false;
};

struct Stage {
    std::map<std::string, Script> scripts;
    Supervisor supervisor{[this](const PipelineConfig& config) {
                              Script& script = scripts.at(config.ingest.name);
                              ++script.built;
                              if (script.cannot_be_built) throw std::runtime_error("no such table");
                              return std::make_unique<ScriptedPipeline>(script);
                          },
                          BackoffLimits{1ms, 8ms}};

    Stage() {
        scripts["a"];
        scripts["b"];
        scripts["c"];
    }
    SupervisedPipeline::Status status(const std::string& name) const {
        return supervisor.status().at(name);
    }
    void await(const std::string& name, State state) {
        eventually([&] { return status(name).state == state; }, name + " in its state");
    }
};

config::Config configured(const std::vector<std::string>& names) {
    config::Config config;
    for (const std::string& name : names) {
        config.ingest.emplace_back().name = name;
        config.ingest.back().topic = name;
    }
    return config;
}

}  // namespace

TEST_CASE("supervisor: what is configured runs, and says why it makes no progress") {
    Stage stage;
    stage.supervisor.apply(configured({"a", "b"}));
    stage.await("a", State::running);
    stage.await("b", State::running);
    CHECK(stage.status("a").reason.empty());
    stage.scripts["a"].in_trouble = true;
    CHECK(stage.status("a").reason == "waiting for the database");
    CHECK(stage.status("b").reason.empty());
}

TEST_CASE("supervisor: a failing pipeline is restarted, the others do not notice") {
    Stage stage;
    stage.scripts["a"].fails = true;
    stage.supervisor.apply(configured({"a", "b"}));
    eventually([&] { return stage.scripts["a"].built > 2; }, "restarts");
    stage.scripts["a"].fails = false;
    stage.await("a", State::running);
    CHECK(stage.status("a").failures >= 2);
    CHECK(stage.scripts["b"].built == 1);
}

TEST_CASE("supervisor: a pipeline that cannot be built is tried again until it can") {
    Stage stage;
    stage.scripts["a"].cannot_be_built = true;
    stage.supervisor.apply(configured({"a"}));
    eventually([&] { return stage.status("a").reason == "no such table"; }, "the reason");
    stage.scripts["a"].cannot_be_built = false;
    stage.await("a", State::running);
    CHECK(stage.status("a").reason.empty());
}

TEST_CASE("supervisor: failed again and again is shown as failed, and still tried") {
    Stage stage;
    stage.scripts["a"].fails = true;
    stage.supervisor.apply(configured({"a"}));
    eventually([&] { return stage.status("a").state == State::failed; }, "the state failed");
    CHECK(stage.status("a").failures >= 5);
    const int built = stage.scripts["a"].built;
    eventually([&] { return stage.scripts["a"].built > built; }, "another try");
}

TEST_CASE("supervisor: apply leaves alone what did not change") {
    Stage stage;
    config::Config config = configured({"a", "b"});
    stage.supervisor.apply(config);
    stage.await("a", State::running);
    stage.await("b", State::running);
    config.ingest[1].batch.rows = 7;
    config.ingest.push_back(configured({"c"}).ingest.front());
    stage.supervisor.apply(config);
    stage.await("b", State::running);
    stage.await("c", State::running);
    CHECK(stage.scripts["a"].built == 1);
    CHECK(stage.scripts["b"].built == 2);
    stage.supervisor.apply(configured({"a"}));
    CHECK(stage.supervisor.status().size() == 1);
    CHECK(stage.scripts["a"].built == 1);
    CHECK(stage.scripts["b"].running == 0);
    CHECK(stage.scripts["c"].running == 0);
}

TEST_CASE("supervisor: drain ends all, also those that wait for another try") {
    Stage stage;
    stage.scripts["b"].cannot_be_built = true;
    stage.supervisor.apply(configured({"a", "b"}));
    stage.await("a", State::running);
    CHECK(stage.supervisor.drain(5s));
    CHECK(stage.supervisor.status().empty());
    CHECK(stage.scripts["a"].running == 0);
}

TEST_CASE("supervisor: drain does not wait beyond its patience") {
    Stage stage;
    stage.scripts["a"].deaf = true;
    stage.supervisor.apply(configured({"a", "b"}));
    stage.await("a", State::running);
    stage.await("b", State::running);
    CHECK_FALSE(stage.supervisor.drain(5ms));  // returns at all
    CHECK(stage.scripts["a"].running == 1);
    stage.scripts["a"].let_go = true;
}
