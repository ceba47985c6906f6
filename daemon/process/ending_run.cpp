#include "daemon/process/ending_run.h"

#include "config/pipeline.h"
#include "pipeline/errors.h"
#include "pipeline/log.h"

#include <chrono>

namespace sluice {

std::string EndingRun::misused(const CommandLine& line) {
    for (const char* option : {"--fail-on-reject", "--timeout"}) {
        if (line.has(option) && !line.has("--until-caught-up")) {
            return std::string(option) + " goes with --until-caught-up only";
        }
    }
    try {
        static_cast<void>(line.duration("--timeout"));
    } catch (const WrongConfiguration& wrong) {
        return wrong.what();
    }
    return {};
}

EndingRun::EndingRun(const config::Config& config, const CommandLine& line,
                     const Observatory& observatory, const Supervisor& supervisor)
    : config_(config), line_(line), observatory_(observatory) {
    if (!line.has("--until-caught-up")) return;
    catch_up_.emplace(
        config,
        CatchUp::Options{
            .timeout = line.duration("--timeout"),
            .status = [&supervisor] { return supervisor.status(); },
            .ingest = [&observatory](const std::string& key) { return observatory.ingest(key); },
            .was_empty =
                [&observatory](const std::string& key) {
                    const auto status = observatory.outbox(key);
                    return status && status->was_empty;
                },
            .on_end = [this](const CatchUp::Outcome& outcome) { promise_.set_value(outcome); }});
}

bool EndingRun::has_ended() const {
    return outcome_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

ExitCode EndingRun::exit_code() {
    if (!catch_up_) return fine;
    CatchUp::Outcome outcome{.caught_up = false, .reason = "ended by a signal"};
    if (has_ended()) outcome = outcome_.get();
    const Totals all = totals();
    const std::string counts = std::to_string(all.done) + " rows and events, " +
                               std::to_string(all.rejected) + " rejected";
    if (!outcome.caught_up) {
        log(LogLevel::error, "sluice", "not caught up: " + outcome.reason + " (" + counts + ")");
        return found_something_wrong;
    }
    log(LogLevel::info, "sluice", "caught up: " + counts);
    return all.rejected > 0 && line_.has("--fail-on-reject") ? found_something_wrong : fine;
}

EndingRun::Totals EndingRun::totals() const {
    Totals all;
    for (const auto& [key, pipeline] : config::pipelines_of(config_)) {
        if (const auto ingest = observatory_.ingest(key)) {
            all.done += ingest->rows;
            all.rejected += ingest->rejects;
        }
        if (const auto outbox = observatory_.outbox(key)) {
            all.done += outbox->events;
            all.rejected += outbox->refused;
        }
    }
    return all;
}

}  // namespace sluice
