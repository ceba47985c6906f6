#include "daemon/admin/admin.h"
#include "daemon/commands/commands.h"
#include "daemon/identity/instance_name.h"
#include "daemon/identity/version.h"
#include "daemon/identity/writer_name.h"
#include "daemon/process/ending_run.h"
#include "daemon/process/ledger_keeper.h"
#include "daemon/process/service_manager.h"
#include "daemon/process/undecided_watch.h"
#include "daemon/reload/config_watch.h"
#include "daemon/reload/load_configuration.h"
#include "daemon/reload/preparation.h"
#include "daemon/reload/reload_metrics.h"
#include "daemon/reload/reloader.h"
#include "daemon/report/logging.h"
#include "daemon/supervisor/ingest_factory.h"
#include "daemon/supervisor/outbox_factory.h"
#include "daemon/supervisor/supervisor.h"
#include "daemon/tables/topic_tables.h"
#include "daemon/tables/writable_tables.h"
#include "kafka/client.h"
#include "metrics/process_metrics.h"
#include "pipeline/log.h"
#include "registry/shared_registry.h"
#include "segments/server.h"
#include "segments/table_path.h"

#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <future>
#include <iostream>
#include <map>
#include <memory>
#include <optional>

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

bool has_ingest(const config::Config& config, const std::string& name) {
    return std::ranges::find(config.ingest, name, &config::Ingest::name) != config.ingest.end();
}

/// The main thread, while pipelines are at work: signals, and what systemd wants to know.
class MainLoop {
public:
    MainLoop(Reloader& reloader, const Supervisor& supervisor, const EndingRun& run)
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

    /// The sign of life comes from the main thread, behind the supervisor's and its pipelines'
    /// locks.
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

/// All that a daemon is made of, in the order in which they may use each other.
class Daemon {
public:
    Daemon(const config::Config& config, const CommandLine& line) : config_(config), line_(line) {
        observatory_.watch([this] { return supervisor_.status(); });
    }

    /// False where the first configuration cannot be put in force.
    bool start() {
        if (const std::string problem = segments_.adopt(terms_of(config_.segments));
            !problem.empty()) {
            log(LogLevel::error, "sluice", problem);
            return false;
        }
        segments_.offer(segments::table_root, tables_);
        segments_.offer(segments::writable_root, writable_tables_);
        tables_.adopt(config_);
        writable_tables_.adopt(config_);
        segments_.listen(config_.segments.listen);
        if (reloader_.start(config_).result == ReloadOutcome::Result::refused) return false;
        // All before anybody can ask for a reload, which needs them.
        watch_.emplace([this] { reloader_.request(ReloadTrigger::file); });
        undecided_watch_.emplace(
            config_,
            UndecidedWatch::Reports{
                .dead_letters =
                    [this](const auto& open) { observatory_.on_open_dead_letters(open); },
                .refused_events =
                    [this](const auto& open) { observatory_.on_open_refused_events(open); }});
        admin_.emplace(Admin::Parts{.registry = registry_,
                                    .observatory = observatory_,
                                    .supervisor = supervisor_,
                                    .reloader = reloader_});
        admin_->listen(config_.admin.listen);
        begin_to_watch();
        return true;
    }

    /// Until somebody or something ends it. Never returns: threads that are still in a call, of a
    /// lane or of the ledger's keeper, are not waited for; what they hold rolls back or is fenced.
    [[noreturn]] void run(const sigset_t& signals) {
        EndingRun ending{config_, line_, observatory_, supervisor_};
        log(LogLevel::info, "sluice",
            MainLoop(reloader_, supervisor_, ending).wait_for_end(signals) + ": draining");
        // A second signal ends the process at once: what is in flight rolls back, nothing is lost.
        pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
        const bool drained = supervisor_.drain(reloader_.config()->daemon.drain_deadline);
        log(LogLevel::info, "sluice", drained ? "drained" : "the drain deadline cut batches short");
        std::_Exit(ending.exit_code());
    }

private:
    std::unique_ptr<RunningPipeline> build(const PipelineConfig& pipeline,
                                           const std::shared_ptr<OutsideWait>& wait) {
        if (std::holds_alternative<config::Outbox>(pipeline.of_kind))
            return build_outbox(pipeline, writer_, observatory_, schemas_, *wait);
        return build_ingest(pipeline, wait,
                            {.writer = writer_,
                             .instance = instance_,
                             .observatory = observatory_,
                             .registry = schemas_,
                             .segments = segments_});
    }
    config::Loaded load() {
        config::Loaded loaded = load_configuration(line_.config_file);
        watch_->set_files(loaded.files);
        return loaded;
    }
    /// The file may have changed between its first reading and the beginning of the watch.
    void begin_to_watch() {
        const config::Loaded loaded = load();
        if (!loaded.problems.empty() || !(loaded.config == config_))
            reloader_.request(ReloadTrigger::file);
    }
    static segments::Server::Terms terms_of(const config::Segments& segments) {
        return {.advertised = segments.advertise,
                .timeout = segments.timeout,
                .certificate = segments.certificate,
                .key = segments.key.text,
                .ca = segments.ca};
    }
    /// Returns what is wrong with it; empty: nothing.
    std::string serve_segments(const config::Segments& segments) {
        std::string problem = segments_.adopt(terms_of(segments));
        return problem.empty() ? segments_.move_to(segments.listen) : problem;
    }
    std::string adopt(const config::Config& adopted) {
        std::string problem = serve_segments(adopted.segments);
        if (problem.empty()) problem = admin_->move_to(adopted.admin.listen);
        if (!problem.empty()) {
            static_cast<void>(serve_segments(reloader_.config()->segments));
            return problem;
        }
        observatory_.set_patience(adopted.admin.stuck_after);
        set_up_logging(adopted.daemon);
        tables_.adopt(adopted);
        writable_tables_.adopt(adopted);
        segments_.forget_counts(
            [&](const std::string& pipeline) { return has_ingest(adopted, pipeline); });
        ledger_keeper_.adopt(adopted);
        undecided_watch_->adopt(adopted);
        return problem;
    }

    const config::Config& config_;  ///< the first one
    const CommandLine& line_;
    const std::string writer_ = writer_name();
    metrics::Registry registry_;
    const metrics::ProcessMetrics process_{
        registry_, {{"version", version()}, {"librdkafka", kafka::library_version()}}};
    ReloadMetrics reload_metrics_{registry_};
    Observatory observatory_{registry_, config_.admin.stuck_after};
    InstanceName instance_{{.schema = config_.cloudberry.schema, .config_file = line_.config_file}};
    registry::SharedRegistry schemas_{registry_};
    TopicTables tables_{registry_, schemas_};
    WritableTables writable_tables_{registry_};
    segments::Server segments_{registry_};  ///< behind what it serves
    Supervisor supervisor_{
        [this](const PipelineConfig& pipeline, const std::shared_ptr<OutsideWait>& wait) {
            return build(pipeline, wait);
        }};
    LedgerKeeper ledger_keeper_{config_};
    Reloader reloader_{{.load = [this] { return load(); },
                        .prepare = prepare_reload,
                        .adopt = [this](const config::Config& adopted) { return adopt(adopted); },
                        .report = [this](const ReloadOutcome& done) { reload_metrics_.note(done); },
                        .supervisor = supervisor_}};
    // Their threads ask for reloads, which use them only once there is one to ask.
    std::optional<ConfigWatch> watch_;
    std::optional<UndecidedWatch> undecided_watch_;
    std::optional<Admin> admin_;
};

}  // namespace

int run_daemon(const config::Config& config, const CommandLine& line) {
    if (const std::string problem = EndingRun::misused(line); !problem.empty()) {
        std::cerr << "sluice: " << problem << '\n';
        return used_or_configured_wrongly;
    }
    const sigset_t signals = block_signals();
    set_up_logging(config.daemon);
    Daemon daemon{config, line};
    // As run() ends: a segment that has asked already is not waited for.
    if (!daemon.start()) std::_Exit(found_something_wrong);
    daemon.run(signals);
}

}  // namespace sluice
