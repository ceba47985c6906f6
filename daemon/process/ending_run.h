#pragma once

#include "config/config.h"
#include "daemon/commands/command_line.h"
#include "daemon/process/catch_up.h"
#include "daemon/supervisor/observatory.h"
#include "daemon/supervisor/supervisor.h"

#include <cstdint>
#include <future>
#include <optional>
#include <string>

namespace sluice {

/// A run that ends by itself, if --until-caught-up asks for it, and what its exit code says then.
/// Used by the main thread; what it is given outlives it.
class EndingRun {
public:
    /// What is wrong with the options; empty: nothing.
    [[nodiscard]] static std::string misused(const CommandLine& line);

    EndingRun(const config::Config& config, const CommandLine& line, const Observatory& observatory,
              const Supervisor& supervisor);

    [[nodiscard]] bool has_ended() const;
    /// Once the process has drained; logs what became of the run.
    [[nodiscard]] ExitCode exit_code();

private:
    struct Totals {
        std::int64_t done = 0;
        std::int64_t rejected = 0;
    };
    [[nodiscard]] Totals totals() const;

    const config::Config& config_;
    const CommandLine& line_;
    const Observatory& observatory_;
    std::promise<CatchUp::Outcome> promise_;
    std::future<CatchUp::Outcome> outcome_ = promise_.get_future();
    std::optional<CatchUp> catch_up_;  // last: it uses what is above
};

}  // namespace sluice
