#include "config/pipeline.h"
#include "daemon/admin/pipeline_overview.h"
#include "daemon/commands/commands.h"
#include "daemon/commands/daemon_client.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <thread>

namespace sluice {
namespace {

using namespace std::chrono_literals;

constexpr auto between_two_looks = 2s;

/// Those that the file has and the daemon does not: who looks at his file expects them to run.
void add_missing(Overview& overview, const config::Config& config, const CommandLine& line) {
    for (const auto& [key, pipeline] : config::pipelines_of(config)) {
        if (std::ranges::find(overview.pipelines, key, &PipelineOverview::key) !=
            overview.pipelines.end()) {
            continue;
        }
        PipelineOverview& missing = overview.pipelines.emplace_back();
        missing.key = key;
        missing.state = "not there";
        missing.reason = "the daemon that answers does not have it; sluice plan -c " +
                         line.config_file + " says what a reload would do";
    }
}

Overview look(const config::Config& config, const std::string& listen, const CommandLine& line) {
    Overview overview;
    const auto answer = listen.empty() ? std::nullopt : ask_daemon(listen, "/status", 5s);
    auto told = answer ? parse_overview(answer->body) : std::nullopt;
    overview = told ? std::move(*told) : look_up(config);
    if (told) add_missing(overview, config, line);
    std::erase_if(overview.pipelines, [&](const PipelineOverview& pipeline) {
        return !line.names(pipeline.key.substr(pipeline.key.find('.') + 1));
    });
    return overview;
}

std::string headline(const Overview& overview, const config::Config& config,
                     const std::string& listen) {
    if (overview.source == Overview::Source::database) {
        return "no daemon answers" +
               (listen.empty() ? std::string(": [admin] listen is empty") : " at " + listen) +
               "; this is what database and broker say\n\n";
    }
    if (overview.revision == config.revision) return {};
    return "the daemon at " + listen + " runs by another configuration, " + overview.revision +
           "; this file is " + config.revision + "\n\n";
}

}  // namespace

int show_status(const config::Config& config, const CommandLine& line) {
    const std::string listen = config.admin.listen;
    const bool redraws = ::isatty(STDOUT_FILENO) != 0 && line.output == CommandLine::Output::table;
    for (;;) {
        const Overview overview = look(config, listen, line);
        // To the upper left, and what is there goes.
        if (line.has("--watch") && redraws) std::cout << "\x1b[H\x1b[2J";
        if (line.output == CommandLine::Output::json) {
            std::cout << overview_json(overview) << '\n' << std::flush;
        } else {
            std::cout << headline(overview, config, listen) << overview_table(overview)
                      << std::flush;
        }
        if (!line.has("--watch")) {
            const bool from_daemon = overview.source == Overview::Source::daemon;
            const bool fine_all =
                from_daemon && std::ranges::all_of(overview.pipelines, &PipelineOverview::ready);
            return fine_all ? fine : found_something_wrong;
        }
        std::this_thread::sleep_for(between_two_looks);
    }
}

}  // namespace sluice
