#include "config/load.h"
#include "config/pipeline.h"
#include "daemon/admin/pipeline_overview.h"
#include "daemon/commands/commands.h"
#include "daemon/commands/daemon_client.h"
#include "daemon/commands/named_pipelines.h"
#include "daemon/commands/terminal/terminal_screen.h"
#include "pipeline/errors.h"

#include <algorithm>
#include <chrono>
#include <iostream>
#include <thread>

namespace sluice {
namespace {

using namespace std::chrono_literals;

constexpr auto between_two_looks = 2s;

/// What is asked, and what is known without asking.
class Status {
public:
    explicit Status(const CommandLine& line) : line_(line) {
        // Who names a daemon asks about that one, whatever a file on this host says.
        if (named_) return;
        file_ = config::load(line.config_file);
        address_ = file_.config.admin.listen;
    }

    /// nullopt: nobody answers, and the file is of no use to look elsewhere. That was said.
    std::optional<Overview> look() {
        const auto answer =
            address_.empty() ? std::nullopt : ask_daemon(address_, {.target = "/status"}, 5s);
        auto overview = answer ? parse_overview(answer->body) : std::nullopt;
        if (overview) {
            add_missing(*overview);
        } else {
            overview = look_elsewhere();
        }
        if (overview) choose(*overview);
        return overview;
    }

    [[nodiscard]] std::string headline(const Overview& overview) const {
        if (overview.source == Overview::Source::database) {
            return "no daemon answers" +
                   (address_.empty() ? std::string(": [admin] listen is empty")
                                     : " at " + address_) +
                   "; this is what database and broker say\n\n";
        }
        const std::string refused =
            overview.refusal.empty()
                ? ""
                : "the latest configuration was refused, the one before it is in force: " +
                      overview.refusal + "\n\n";
        return refused + about_file(overview);
    }

private:
    /// What to know of the file where it is not what the daemon runs by.
    [[nodiscard]] std::string about_file(const Overview& overview) const {
        if (named_ || (file_.problems.empty() && overview.revision == file_.config.revision)) {
            return {};
        }
        const std::string what =
            "the daemon at " + address_ + " runs by another configuration, " + overview.revision;
        if (file_.problems.empty())
            return what + "; this file is " + file_.config.revision + "\n\n";
        const std::size_t more = file_.problems.size() - 1;
        return config::to_string(file_.problems.front()) +
               (more > 0 ? " (and " + std::to_string(more) + " more, see sluice check)" : "") +
               "\nthis is what the daemon at " + address_ + " runs\n\n";
    }

    [[nodiscard]] std::optional<config::Problem> problem_of(std::string_view part) const {
        const auto found = std::ranges::find(file_.problems, part, &config::Problem::part);
        return found == file_.problems.end() ? std::nullopt : std::optional(*found);
    }

    /// Those that the file has and the daemon does not: who looks at his file expects them to run.
    void add_missing(Overview& overview) const {
        for (const auto& [key, pipeline] : config::pipelines_of(file_.config)) {
            if (std::ranges::find(overview.pipelines, key, &PipelineOverview::key) !=
                overview.pipelines.end()) {
                continue;
            }
            PipelineOverview& missing = overview.pipelines.emplace_back();
            missing.key = key;
            missing.state = "not there";
            missing.reason = "the daemon that answers does not have it; sluice plan -c " +
                             line_.config_file + " says what a reload would do";
        }
    }

    /// What database and broker say of each pipeline that is configured well enough.
    [[nodiscard]] std::optional<Overview> look_elsewhere() const {
        if (named_) {
            std::cerr << "sluice: no daemon answers at " << address_ << '\n';
            return std::nullopt;
        }
        bool usable = true;
        for (const config::Problem& problem : file_.problems) {
            if (problem.part != "kafka" && problem.part != "cloudberry" && !problem.part.empty()) {
                continue;
            }
            std::cerr << config::to_string(problem) << '\n';
            usable = false;
        }
        if (!usable) return std::nullopt;
        config::Config sound = file_.config;
        std::erase_if(sound.ingest,
                      [&](const auto& ingest) { return problem_of("ingest." + ingest.name); });
        std::erase_if(sound.outbox,
                      [&](const auto& outbox) { return problem_of("outbox." + outbox.name); });
        Overview overview = look_up(sound);
        for (const auto& [key, pipeline] : config::pipelines_of(file_.config)) {
            const auto problem = problem_of(key);
            if (!problem) continue;
            PipelineOverview& broken = overview.pipelines.emplace_back();
            broken.key = key;
            broken.state = "unknown";
            broken.reason = config::to_string(*problem);
        }
        return overview;
    }

    /// Throws WrongConfiguration where a pipeline is asked for that nobody knows.
    void choose(Overview& overview) const {
        std::vector<std::string> keys;
        for (const PipelineOverview& pipeline : overview.pipelines) keys.push_back(pipeline.key);
        const std::string unknown = unknown_among(line_.words, keys);
        if (!unknown.empty()) throw WrongConfiguration(unknown);
        std::erase_if(overview.pipelines,
                      [&](const auto& pipeline) { return !line_.names(pipeline.key); });
    }

    const CommandLine& line_;
    const bool named_ = line_.has("--daemon");
    config::Loaded file_;
    std::string address_ = line_.option("--daemon").value_or("");
};

/// Where `--watch` draws; nullopt: what it prints is no picture.
std::optional<ScreenSize> screen_of(const CommandLine& line) {
    const bool draws = line.has("--watch") && line.output != CommandLine::Output::json;
    return draws ? screen_size() : std::nullopt;
}

void print(const Status& status, const Overview& overview, const CommandLine& line) {
    if (line.output == CommandLine::Output::json) {
        std::cout << overview_json(overview) << '\n' << std::flush;
        return;
    }
    const std::string text = status.headline(overview) + overview_table(overview);
    const auto screen = screen_of(line);
    std::cout << (screen ? redrawn(text, *screen) : text) << std::flush;
}

}  // namespace

int show_status(const config::Config&, const CommandLine& line) {
    try {
        // What stands on the terminal is scrolled up, not written over.
        if (const auto screen = screen_of(line)) std::cout << std::string(screen->rows, '\n');
        for (Status status(line);; std::this_thread::sleep_for(between_two_looks)) {
            const auto overview = status.look();
            if (!overview) {
                return line.has("--daemon") ? found_something_wrong : used_or_configured_wrongly;
            }
            print(status, *overview, line);
            if (line.has("--watch")) continue;
            const bool from_daemon = overview->source == Overview::Source::daemon;
            const bool all_fine =
                from_daemon && std::ranges::all_of(overview->pipelines, &PipelineOverview::fine);
            return all_fine ? fine : found_something_wrong;
        }
    } catch (const WrongConfiguration& wrong) {
        std::cerr << "sluice: " << wrong.what() << '\n';
        return used_or_configured_wrongly;
    }
}

}  // namespace sluice
