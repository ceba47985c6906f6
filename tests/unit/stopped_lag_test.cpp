#include "daemon/admin/stopped_lag.h"

#include <doctest/doctest.h>

#include <string>

using namespace sluice;
using namespace std::chrono_literals;

namespace {

struct Stage {
    Stage() { config.ingest.emplace_back().name = "orders"; }
    /// The lag that the status has after a look.
    Offset look(PipelineState state, std::chrono::system_clock::duration for_so_long) {
        SupervisorStatus supervised;
        PipelineStatus& status = supervised.pipelines["ingest.orders"];
        status.state = state;
        status.since = std::chrono::system_clock::now() - for_so_long;
        lag.look(config, supervised);
        IngestStatus filled;
        lag.fill("ingest.orders", filled);
        return filled.partitions.empty() ? -1 : filled.partitions.front().lag;
    }
    bool has_series() {
        return registry.text().find("sluice_ingest_lag_records{") != std::string::npos;
    }

    config::Config config;
    metrics::Registry registry;
    int asked = 0;  ///< which is the lag, too
    bool answers = true;
    StoppedLag lag{registry, [this](const config::Config&, const config::Ingest&) {
                       ++asked;
                       PipelineOverview overview;
                       if (!answers) return overview;
                       overview.lag = asked;
                       overview.partitions.emplace_back();
                       overview.partitions.back().topic = "o";
                       overview.partitions.back().lag = asked;
                       return overview;
                   }};
};

}  // namespace

TEST_CASE("stopped lag: of what waits on purpose it is asked when that begins, and now and then") {
    Stage stage;
    for (const PipelineState state : {PipelineState::paused, PipelineState::scheduled}) {
        const int before = stage.asked;
        CHECK(stage.look(state, 0s) == before + 1);
        CHECK(stage.look(state, 10s) == before + 1);
        CHECK(stage.look(state, 20s) == before + 1);
        CHECK(stage.look(state, -1h) == before + 2);  // it ran, and waits again
        CHECK_FALSE(stage.has_series());
    }
}

TEST_CASE("stopped lag: of what should run it is asked each time") {
    Stage stage;
    CHECK(stage.look(PipelineState::failed, 1h) == 1);
    CHECK(stage.look(PipelineState::failed, 1h) == 2);
    CHECK(stage.has_series());
    CHECK(stage.look(PipelineState::paused, 1h) == 2);
    CHECK_FALSE(stage.has_series());
    CHECK(stage.look(PipelineState::running, 0s) == -1);
}

TEST_CASE("stopped lag: nobody is asked in vain all the time, either") {
    Stage stage;
    stage.answers = false;
    CHECK(stage.look(PipelineState::paused, 1h) == -1);
    CHECK(stage.look(PipelineState::paused, 1h) == -1);
    CHECK(stage.asked == 1);
}
