#include "config/load.h"
#include "daemon/admin/admin.h"
#include "daemon/commands/commands.h"
#include "daemon/process/ending_run.h"
#include "daemon/process/instance_name.h"
#include "daemon/process/ledger_keeper.h"
#include "daemon/process/logging.h"
#include "daemon/process/service_manager.h"
#include "daemon/process/undecided_watch.h"
#include "daemon/process/version.h"
#include "daemon/process/writer_name.h"
#include "daemon/reload/config_watch.h"
#include "daemon/reload/preparation.h"
#include "daemon/reload/reload_metrics.h"
#include "daemon/reload/reloader.h"
#include "daemon/supervisor/ingest_factory.h"
#include "daemon/supervisor/outbox_factory.h"
#include "daemon/supervisor/supervisor.h"
#include "kafka/client.h"
#include "metrics/process_metrics.h"
#include "pipeline/log.h"
#include "registry/shared_registry.h"

#include <signal.h>

#include <cstdlib>
#include <future>
#include <iostream>
#include <map>
#include <memory>

namespace sluice {
namespace {

/// Blocked before the first thread starts, so that all threads inherit it and sigwait() gets them.
sigset_t block_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    return signals;
}

/// The file may have changed between its first reading and the beginning of the watch.
void begin_to_watch(ConfigWatch& watch, const std::string& file, Reloader& reloader) {
    const config::Loaded loaded = config::load(file);
    watch.set_files(loaded.files);
    if (loaded.config.revision != reloader.config()->revision) {
        reloader.request(ReloadTrigger::file);
    }
}

/// "3 pipelines: 2 running, 1 backing_off"
std::string in_words(const SupervisorStatus& status) {
    std::map<std::string, int> states;
    for (const auto& [key, pipeline] : status.pipelines) ++states[name_of(pipeline.state)];
    const std::size_t all = status.pipelines.size();
    std::string words = std::to_string(all) + (all == 1 ? " pipeline" : " pipelines");
    char separator = ':';
    for (const auto& [state, number] : states) {
        words += std::string(1, separator) + " " + std::to_string(number) + " " + state;
        separator = ',';
    }
    return words;
}

/// The main thread, while pipelines are at work: signals, and what systemd wants to know.
class Watch {
public:
    Watch(Reloader& reloader, const Supervisor& supervisor, const EndingRun& run)
        : reloader_(reloader), supervisor_(supervisor), run_(run) {}

    /// Returns why the process is to end; SIGHUP asks for a reload.
    std::string wait_for_end(const sigset_t& signals) {
        constexpr timespec between_looks{.tv_sec = 0, .tv_nsec = 200'000'000};
        manager_.ready();
        const char* reason = nullptr;
        while (reason == nullptr) {
            const int signal = sigtimedwait(&signals, nullptr, &between_looks);
            if (signal == SIGHUP) reload();
            if (signal == SIGTERM) reason = "SIGTERM";
            if (signal == SIGINT) reason = "SIGINT";
            if (run_.has_ended()) reason = "the run is over";
            look();
        }
        manager_.stopping();
        return reason;
    }

private:
    void reload() {
        manager_.reloading();
        reload_ = reloader_.request(ReloadTrigger::signal);
    }

    /// A daemon whose supervisor does not answer is not alive.
    void look() {
        manager_.status(in_words(supervisor_.status()));
        manager_.alive(ServiceManager::Clock::now());
        if (!reload_.valid() ||
            reload_.wait_for(std::chrono::seconds(0)) != std::future_status::ready)
            return;
        reload_ = {};
        manager_.ready();
    }

    Reloader& reloader_;
    const Supervisor& supervisor_;
    const EndingRun& run_;
    ServiceManager manager_;
    std::future<ReloadOutcome> reload_;  ///< that systemd waits for
};

}  // namespace

int run_daemon(const config::Config& config, const CommandLine& line) {
    if (const std::string problem = EndingRun::misused(line); !problem.empty()) {
        std::cerr << "sluice: " << problem << '\n';
        return used_or_configured_wrongly;
    }
    const sigset_t signals = block_signals();
    set_up_logging(config.daemon);
    metrics::Registry registry;
    const metrics::ProcessMetrics process{
        registry, {{"version", version()}, {"librdkafka", kafka::library_version()}}};
    Observatory observatory{registry, config.admin.stuck_after};
    InstanceName instance{{.schema = config.cloudberry.schema, .config_file = line.config_file}};
    registry::SharedRegistry schemas{registry};
    const IngestSurroundings around{.writer = writer_name(),
                                    .instance = instance,
                                    .observatory = observatory,
                                    .registry = schemas};
    Supervisor supervisor{[around](const PipelineConfig& pipeline) {
        return std::holds_alternative<config::Outbox>(pipeline.of_kind)
                   ? build_outbox(pipeline, around.writer, around.observatory)
                   : build_ingest(pipeline, around);
    }};
    observatory.watch([&supervisor] { return supervisor.status(); });
    auto ledger_keeper = std::make_unique<LedgerKeeper>(config);
    std::unique_ptr<UndecidedWatch> undecided_watch;
    ReloadMetrics reload_metrics{registry};
    std::unique_ptr<ConfigWatch> watch;
    std::unique_ptr<Admin> admin;
    Reloader reloader{{.load =
                           [&] {
                               config::Loaded loaded = config::load(line.config_file);
                               watch->set_files(loaded.files);
                               return loaded;
                           },
                       .prepare = prepare_reload,
                       .adopt =
                           [&](const config::Config& adopted) {
                               std::string problem = admin->move_to(adopted.admin.listen);
                               if (!problem.empty()) return problem;
                               observatory.set_patience(adopted.admin.stuck_after);
                               set_up_logging(adopted.daemon);
                               ledger_keeper->adopt(adopted);
                               undecided_watch->adopt(adopted);
                               return problem;
                           },
                       .report = [&](const ReloadOutcome& done) { reload_metrics.note(done); },
                       .supervisor = supervisor}};
    if (reloader.start(config).result == ReloadOutcome::Result::refused) {
        return found_something_wrong;
    }
    // All before anybody can ask for a reload, which needs them.
    watch = std::make_unique<ConfigWatch>([&reloader] { reloader.request(ReloadTrigger::file); });
    undecided_watch = std::make_unique<UndecidedWatch>(
        config,
        UndecidedWatch::Reports{
            .dead_letters = [&](const auto& open) { observatory.on_open_dead_letters(open); },
            .refused_events = [&](const auto& open) { observatory.on_open_refused_events(open); }});
    admin = std::make_unique<Admin>(Admin::Parts{.registry = registry,
                                                 .observatory = observatory,
                                                 .supervisor = supervisor,
                                                 .reloader = reloader});
    admin->listen(config.admin.listen);
    begin_to_watch(*watch, line.config_file, reloader);
    EndingRun ending{config, line, observatory, supervisor};

    log(LogLevel::info, "sluice",
        Watch(reloader, supervisor, ending).wait_for_end(signals) + ": draining");
    // A second signal ends the process at once: what is in flight rolls back, nothing is lost.
    pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
    const bool drained = supervisor.drain(reloader.config()->daemon.drain_deadline);
    log(LogLevel::info, "sluice", drained ? "drained" : "the drain deadline cut batches short");
    // Threads that are still in a call, of a lane or of the ledger's keeper, are not waited for:
    // what they hold rolls back or is fenced.
    std::_Exit(ending.exit_code());
}

}  // namespace sluice
