#include "daemon/supervisor/supervisor.h"

#include "daemon/supervisor/observatory.h"
#include "pipeline/errors.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <pthread.h>

#include <atomic>
#include <stdexcept>

using namespace sluice;
using namespace std::chrono_literals;
using State = PipelineState;
using Result = CommandResult;

namespace {

void eventually(const std::function<bool()>& predicate, const std::string& what) {
    fixture::wait_until(predicate, fixture::patient(5s), what);
}

/// How pipelines of one name behave, and what became of them.
struct Script {
    std::atomic<int> built = 0;
    std::atomic<int> running = 0;
    std::atomic<bool> cannot_be_built = false;
    std::atomic<bool> hangs = false;  ///< while it is built
    std::atomic<bool> fails = false;
    std::atomic<bool> rejects_too_much = false;
    std::atomic<bool> deaf = false;  ///< does not end when asked to, until `let_go`
    std::atomic<bool> let_go = false;
    std::atomic<bool> in_trouble = false;
    std::atomic<bool> lingers = false;  ///< is not destroyed as long as this holds
    std::atomic<std::size_t> rows = 0;  ///< of a batch, as it was told while it ran
};

/// At a test's end, whatever became of it: nobody would wait for it.
struct LetGo {
    ~LetGo() { script.hangs = false; }
    Script& script;
};

class ScriptedPipeline : public RunningPipeline {
public:
    explicit ScriptedPipeline(Script& script) : script_(script) {}
    ~ScriptedPipeline() override {
        while (script_.lingers) std::this_thread::sleep_for(1ms);
    }
    void run() override {
        ++script_.running;
        while (!(stopping_ && (!script_.deaf || script_.let_go)) && !script_.fails &&
               !script_.rejects_too_much) {
            std::this_thread::sleep_for(1ms);
        }
        --script_.running;
        if (script_.rejects_too_much) throw TooManyRejects("1001 of 2000 records were rejected");
        if (script_.fails) throw std::runtime_error("the disk is full");
    }
    void request_stop(std::chrono::steady_clock::time_point) override { stopping_ = true; }
    [[nodiscard]] Activity activity() const override {
        if (!script_.in_trouble) return {};
        return {Activity::Kind::stuck, "waiting for the database"};
    }

    void adapt(const PipelineConfig& config) override {
        script_.rows = std::get<config::Ingest>(config.of_kind).batch.rows;
    }
    [[nodiscard]] std::string target() const override { return "public.t (id bigint)"; }

private:
    Script& script_;
    std::atomic<bool> stopping_ = false;
};

struct Stage {
    std::map<std::string, Script> scripts;
    std::atomic<std::chrono::system_clock::time_point> now{};  ///< by which schedules go
    std::atomic<int> looks = 0;
    Supervisor supervisor{[this](const PipelineConfig& config, const auto& wait) {
                              Script& script = scripts.at(config::key_of(config));
                              ++script.built;
                              const OutsideWait::Step step(*wait, "looks up its table",
                                                           OutsideWait::Party::database);
                              while (script.hangs) std::this_thread::sleep_for(1ms);
                              if (script.cannot_be_built) throw std::runtime_error("no such table");
                              return std::make_unique<ScriptedPipeline>(script);
                          },
                          BackoffLimits{1ms, 8ms},
                          WallClock{.now =
                                        [this] {
                                            ++looks;
                                            return now.load();
                                        },
                                    .look = 1ms}};

    Stage() {
        scripts["ingest.a"];
        scripts["ingest.b"];
        scripts["ingest.c"];
        scripts["outbox.a"];
    }
    PipelineStatus status(const std::string& name) const {
        return supervisor.status().pipelines.at(std::string("ingest.").append(name));
    }
    void apply(const config::Config& config) {
        CHECK(supervisor.apply(config).get() == Result::done);
    }
    /// Running: it is inside of run() by then.
    void await(const std::string& name, State state) {
        const Script& script = scripts[std::string("ingest.").append(name)];
        eventually(
            [&] {
                return status(name).state == state &&
                       (state != State::running || script.running == 1);
            },
            name + " in its state");
    }
};

config::Config configured(const std::vector<std::string>& names,
                          const std::vector<std::string>& outboxes = {}) {
    config::Config config;
    for (const std::string& name : names) {
        config.ingest.emplace_back().name = name;
        config.ingest.back().topic = name;
    }
    for (const std::string& name : outboxes) config.outbox.emplace_back().name = name;
    return config;
}

}  // namespace

TEST_CASE("supervisor: what is configured runs, and says why it makes no progress") {
    Stage stage;
    stage.apply(configured({"a", "b"}));
    stage.await("a", State::running);
    stage.await("b", State::running);
    CHECK(stage.status("a").reason.empty());
    stage.scripts["ingest.a"].in_trouble = true;
    CHECK(stage.status("a").reason == "waiting for the database");
    CHECK(stage.status("b").reason.empty());
}

TEST_CASE("supervisor: a failing pipeline is restarted, the others do not notice") {
    Stage stage;
    stage.scripts["ingest.a"].fails = true;
    stage.apply(configured({"a", "b"}));
    eventually([&] { return stage.scripts["ingest.a"].built > 2; }, "restarts");
    stage.scripts["ingest.a"].fails = false;
    stage.await("a", State::running);
    CHECK(stage.status("a").failures >= 2);
    CHECK(stage.scripts["ingest.b"].built == 1);
}

TEST_CASE("supervisor: a pipeline that cannot be built is tried again until it can") {
    Stage stage;
    stage.scripts["ingest.a"].cannot_be_built = true;
    stage.apply(configured({"a"}));
    eventually([&] { return stage.status("a").reason == "no such table"; }, "the reason");
    stage.scripts["ingest.a"].cannot_be_built = false;
    stage.await("a", State::running);
    CHECK(stage.status("a").reason.empty());
}

TEST_CASE("supervisor: one that hangs while it is built is stuck, and says where and since when") {
    Stage stage;
    Script& script = stage.scripts["ingest.a"];
    const LetGo let_go{script};
    script.hangs = true;
    config::Config config = configured({"a"});
    stage.apply(config);
    CHECK(stage.status("a").state == State::starting);
    CHECK(stage.status("a").activity == Activity::Kind::working);
    CHECK_FALSE(is_stuck(stage.status("a")));
    config.admin.stuck_after = 20ms;
    stage.apply(config);
    eventually([&] { return is_stuck(stage.status("a")); }, "it to be stuck");
    CHECK(stage.status("a").state == State::starting);
    CHECK(stage.status("a").reason.starts_with("the pipeline looks up its table, for "));
    CHECK(stage.status("a").reason.find(" s now; is a table locked") != std::string::npos);
    script.hangs = false;
    stage.await("a", State::running);
    CHECK(stage.status("a").reason.empty());
    CHECK_FALSE(is_stuck(stage.status("a")));
}

TEST_CASE("supervisor: a try after a failure is no end of what is stuck") {
    Stage stage;
    Script& script = stage.scripts["ingest.a"];
    const LetGo let_go{script};
    script.cannot_be_built = true;
    stage.apply(configured({"a"}));
    eventually([&] { return stage.status("a").failures > 0; }, "a failure");
    script.hangs = true;
    eventually([&] { return stage.status("a").state == State::starting; }, "the next try");
    CHECK(is_stuck(stage.status("a")));
    script.cannot_be_built = script.hangs = false;
    stage.await("a", State::running);
    CHECK_FALSE(is_stuck(stage.status("a")));
}

TEST_CASE("supervisor: failed again and again is shown as failed, and still tried") {
    Stage stage;
    stage.scripts["ingest.a"].fails = true;
    stage.apply(configured({"a"}));
    eventually([&] { return stage.status("a").state == State::failed; }, "the state failed");
    CHECK(stage.status("a").failures >= 5);
    const int built = stage.scripts["ingest.a"].built;
    eventually([&] { return stage.scripts["ingest.a"].built > built; }, "another try");
}

TEST_CASE("supervisor: one that has failed is not shown as running while it is taken down") {
    Stage stage;
    Script& script = stage.scripts["ingest.a"];
    struct LetGo {
        ~LetGo() { script.lingers = false; }
        Script& script;
    } const let_go{script};
    script.lingers = true;
    script.fails = true;
    stage.apply(configured({"a"}));
    eventually([&] { return stage.status("a").state == State::backing_off; }, "the failure");
    CHECK(stage.status("a").reason == "the disk is full");
    CHECK(script.built == 1);
    script.fails = false;
    script.lingers = false;
    stage.await("a", State::running);
}

TEST_CASE("supervisor: apply leaves alone what did not change") {
    Stage stage;
    config::Config config = configured({"a", "b"});
    stage.apply(config);
    stage.await("a", State::running);
    stage.await("b", State::running);
    config.ingest[1].lanes = 7;
    config.ingest.push_back(configured({"c"}).ingest.front());
    stage.apply(config);
    stage.await("b", State::running);
    stage.await("c", State::running);
    CHECK(stage.scripts["ingest.a"].built == 1);
    CHECK(stage.scripts["ingest.b"].built == 2);
    stage.apply(configured({"a"}));
    CHECK(stage.supervisor.status().pipelines.size() == 1);
    CHECK(stage.scripts["ingest.a"].built == 1);
    CHECK(stage.scripts["ingest.b"].running == 0);
    CHECK(stage.scripts["ingest.c"].running == 0);
}

TEST_CASE("supervisor: drain ends all, also those that wait for another try") {
    Stage stage;
    stage.scripts["ingest.b"].cannot_be_built = true;
    stage.apply(configured({"a", "b"}));
    stage.await("a", State::running);
    CHECK(stage.supervisor.drain(5s));
    CHECK(stage.status("a").state == State::stopped);
    CHECK(stage.supervisor.status().draining);
    CHECK(stage.scripts["ingest.a"].running == 0);
}

TEST_CASE("supervisor: drain does not wait beyond its patience") {
    Stage stage;
    stage.scripts["ingest.a"].deaf = true;
    stage.apply(configured({"a", "b"}));
    stage.await("a", State::running);
    stage.await("b", State::running);
    CHECK_FALSE(stage.supervisor.drain(5ms));  // returns at all
    CHECK(stage.scripts["ingest.a"].running == 1);
    stage.scripts["ingest.a"].let_go = true;
}

TEST_CASE("supervisor: pipelines of both kinds can share a name") {
    Stage stage;
    stage.apply(configured({"a", "b"}, {"a"}));
    eventually([&] { return stage.scripts["outbox.a"].running == 1; }, "the outbox");
    stage.await("a", State::running);
    CHECK(stage.supervisor.pause("a").get() == Result::ambiguous_name);
    CHECK(stage.supervisor.pause("outbox.a").get() == Result::done);
    CHECK(stage.scripts["outbox.a"].running == 0);
    CHECK(stage.scripts["ingest.a"].running == 1);
    CHECK(stage.supervisor.pause("d").get() == Result::no_such_pipeline);
}

TEST_CASE("supervisor: what is paused stays so through a reload, until it is resumed") {
    Stage stage;
    config::Config config = configured({"a", "b"});
    stage.apply(config);
    stage.await("a", State::running);
    stage.await("b", State::running);
    CHECK(stage.supervisor.pause("a").get() == Result::done);
    CHECK(stage.status("a").state == State::paused);
    CHECK(stage.scripts["ingest.a"].running == 0);
    config.ingest[0].lanes = 7;
    stage.apply(config);
    CHECK(stage.status("a").state == State::paused);
    CHECK(stage.supervisor.restart("a").get() == Result::is_paused);
    CHECK(stage.scripts["ingest.a"].built == 1);
    CHECK(stage.supervisor.resume("a").get() == Result::done);
    stage.await("a", State::running);
    CHECK(stage.supervisor.resume("a").get() == Result::done);
    CHECK(stage.scripts["ingest.a"].built == 2);
    CHECK(stage.status("a").restarts == 1);
    CHECK(stage.scripts["ingest.b"].built == 1);
}

TEST_CASE("supervisor: what too many rejects hold is not tried again until it is resumed") {
    Stage stage;
    Script& script = stage.scripts["ingest.a"];
    script.rejects_too_much = true;
    config::Config config = configured({"a", "b"});
    stage.apply(config);
    stage.await("a", State::held);
    CHECK(stage.status("a").reason == "1001 of 2000 records were rejected");
    // A reload that is about others, and a pause, change nothing of it.
    config.ingest[1].lanes = 7;
    stage.apply(config);
    CHECK(stage.status("a").state == State::held);
    CHECK(script.built == 1);
    CHECK(stage.supervisor.pause("a").get() == Result::done);
    CHECK(stage.supervisor.resume("a").get() == Result::done);
    stage.await("a", State::held);
    CHECK(script.built == 2);
    script.rejects_too_much = false;
    CHECK(stage.supervisor.resume("a").get() == Result::done);
    stage.await("a", State::running);
    CHECK(stage.status("a").reason.empty());
    CHECK(script.built == 3);
}

TEST_CASE("supervisor: a limit of rejects that was raised lets go of what it held") {
    Stage stage;
    Script& script = stage.scripts["ingest.a"];
    script.rejects_too_much = true;
    config::Config config = configured({"a"});
    stage.apply(config);
    stage.await("a", State::held);
    script.rejects_too_much = false;
    config.ingest[0].max_rejects =
        config::MaxRejects{.unit = config::MaxRejects::Unit::records, .most = 5000, .text = "5000"};
    stage.apply(config);
    stage.await("a", State::running);
}

namespace {

/// The pipeline "a" runs from two to six.
config::Config scheduled() {
    config::Config config = configured({"a"});
    config.ingest[0].schedule = config::Schedule{.from = 2h, .to = 6h, .text = "02:00-06:00"};
    return config;
}

void set_clock(Stage& stage, std::chrono::hours hours) {
    stage.now = std::chrono::system_clock::time_point(hours);
    if (stage.supervisor.status().pipelines.empty()) return;
    const int before = stage.looks;
    eventually([&] { return stage.looks > before + 2; }, "looks at the clock");
}

}  // namespace

TEST_CASE("supervisor: a schedule starts a pipeline and stops it") {
    Stage stage;
    set_clock(stage, 1h);
    config::Config config = scheduled();
    stage.apply(config);
    CHECK(stage.status("a").state == State::scheduled);
    CHECK(stage.status("a").reason == "scheduled: it runs 02:00-06:00 UTC");
    CHECK(stage.scripts["ingest.a"].built == 0);
    CHECK(stage.supervisor.restart("a").get() == Result::is_paused);
    set_clock(stage, 2h);
    stage.await("a", State::running);
    set_clock(stage, 6h);
    stage.await("a", State::scheduled);
    CHECK(stage.scripts["ingest.a"].running == 0);
    set_clock(stage, 26h);
    stage.await("a", State::running);
    // Another schedule needs no restart, and none at all none either.
    config.ingest[0].schedule->to = 4h;
    stage.apply(config);
    CHECK(stage.scripts["ingest.a"].built == 2);
    set_clock(stage, 28h);
    stage.await("a", State::scheduled);
    config.ingest[0].schedule.reset();
    stage.apply(config);
    stage.await("a", State::running);
}

TEST_CASE("supervisor: what waits for its time runs by command until its time is over") {
    Stage stage;
    set_clock(stage, 1h);
    stage.apply(scheduled());
    CHECK(stage.supervisor.resume("a").get() == Result::done);
    stage.await("a", State::running);
    stage.apply(scheduled());
    set_clock(stage, 3h);
    stage.await("a", State::running);
    CHECK(stage.scripts["ingest.a"].built == 1);
    set_clock(stage, 6h);
    stage.await("a", State::scheduled);
    // One that is paused stays so in its time, and resumed outside of it the schedule decides.
    CHECK(stage.supervisor.pause("a").get() == Result::done);
    set_clock(stage, 27h);
    CHECK(stage.supervisor.restart("a").get() == Result::is_paused);
    CHECK(stage.status("a").state == State::paused);
    set_clock(stage, 30h);
    CHECK(stage.supervisor.resume("a").get() == Result::done);
    CHECK(stage.status("a").state == State::scheduled);
    CHECK(stage.supervisor.resume("a").get() == Result::done);
    stage.await("a", State::running);
}

TEST_CASE("supervisor: restart builds one pipeline anew") {
    Stage stage;
    stage.apply(configured({"a", "b"}));
    stage.await("a", State::running);
    stage.await("b", State::running);
    CHECK(stage.supervisor.restart("a").get() == Result::done);
    stage.await("a", State::running);
    CHECK(stage.status("a").restarts == 1);
    CHECK(stage.scripts["ingest.a"].built == 2);
    CHECK(stage.scripts["ingest.b"].built == 1);
}

TEST_CASE("supervisor: nothing is begun any more once it drains") {
    Stage stage;
    stage.apply(configured({"a"}));
    stage.await("a", State::running);
    CHECK(stage.supervisor.drain(5s));
    CHECK(stage.supervisor.apply(configured({"a", "b"})).get() == Result::draining);
    CHECK(stage.supervisor.restart("a").get() == Result::draining);
    CHECK(stage.scripts["ingest.a"].running == 0);
    CHECK(stage.scripts["ingest.b"].built == 0);
}

TEST_CASE("supervisor: the status answers while a pipeline does not end") {
    Stage stage;
    stage.scripts["ingest.a"].deaf = true;
    stage.apply(configured({"a", "b"}));
    stage.await("a", State::running);
    stage.await("b", State::running);
    auto restarted = stage.supervisor.restart("a");
    eventually([&] { return stage.status("a").state == State::stopped; }, "the stop");
    CHECK(stage.status("b").state == State::running);
    CHECK(stage.scripts["ingest.a"].running == 1);
    stage.scripts["ingest.a"].let_go = true;
    CHECK(restarted.get() == Result::done);
    stage.await("a", State::running);
}

TEST_CASE("supervisor: limits of batches change while the pipeline runs on") {
    Stage stage;
    config::Config config = configured({"a", "b"});
    stage.apply(config);
    stage.await("a", State::running);
    const std::string revision = stage.status("a").revision;
    config.ingest[0].batch.rows = 7;
    config.cloudberry.ledger_keep = std::chrono::hours(1);
    stage.apply(config);
    CHECK(stage.scripts["ingest.a"].rows == 7);
    CHECK(stage.scripts["ingest.a"].built == 1);
    CHECK(stage.status("a").revision == revision);
    stage.await("a", State::running);
}

TEST_CASE("supervisor: of a hundred pipelines only the changed one is built anew") {
    Stage stage;
    std::vector<std::string> names;
    for (int i = 0; i < 100; ++i) names.push_back("p" + std::to_string(i));
    for (const std::string& name : names) stage.scripts[std::string("ingest.").append(name)];
    config::Config config = configured(names);
    stage.apply(config);
    for (const std::string& name : names) stage.await(name, State::running);
    config.ingest[42].lanes = 7;
    stage.apply(config);
    stage.await("p42", State::running);
    for (const std::string& name : names) {
        CHECK(stage.status(name).state == State::running);
        CHECK(stage.scripts[std::string("ingest.").append(name)].built == (name == "p42" ? 2 : 1));
    }
}

TEST_CASE("supervisor: what is equal is built anew where that is asked for") {
    Stage stage;
    const config::Config config = configured({"a", "b"});
    stage.apply(config);
    stage.await("a", State::running);
    stage.await("b", State::running);
    CHECK(stage.supervisor.apply(config, {"ingest.b"}).get() == Result::done);
    stage.await("b", State::running);
    CHECK(stage.scripts["ingest.a"].built == 1);
    CHECK(stage.scripts["ingest.b"].built == 2);
}

TEST_CASE(
    "supervisor: a pipeline that gets no thread has failed, and is started when there is one") {
    Stage stage;
    stage.apply(configured({"a"}));
    stage.await("a", State::running);
    pthread_attr_t usual{};
    pthread_attr_t larger_than_memory{};
    REQUIRE(pthread_getattr_default_np(&usual) == 0);
    REQUIRE(pthread_attr_init(&larger_than_memory) == 0);
    REQUIRE(pthread_attr_setstacksize(&larger_than_memory, std::size_t{1} << 50) == 0);
    REQUIRE(pthread_setattr_default_np(&larger_than_memory) == 0);
    stage.apply(configured({"a", "b"}));
    CHECK(stage.status("b").state == State::failed);
    CHECK(stage.status("b").reason.find("no thread can be had") == 0);
    CHECK(stage.status("a").state == State::running);
    REQUIRE(pthread_setattr_default_np(&usual) == 0);
    stage.await("b", State::running);
    pthread_attr_destroy(&usual);
    pthread_attr_destroy(&larger_than_memory);
}
