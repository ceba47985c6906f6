#include "daemon/commands.h"
#include "daemon/ingest_factory.h"
#include "daemon/ledger_keeper.h"
#include "daemon/logging.h"
#include "daemon/supervisor.h"
#include "daemon/version.h"
#include "daemon/writer_name.h"
#include "metrics/process_metrics.h"
#include "pipeline/log.h"

#include <signal.h>

#include <chrono>
#include <cstdlib>
#include <memory>

namespace sluice {
namespace {

using namespace std::chrono_literals;

}  // namespace

int run_daemon(const config::Config& config, const CommandLine&) {
    // Blocked before the first thread starts, so that all threads inherit it and sigwait() gets
    // them.
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    ::signal(SIGPIPE, SIG_IGN);

    set_up_logging(config.daemon);
    log(LogLevel::info, "sluice",
        "starting " + std::to_string(config.ingest.size()) + " pipelines, configuration " +
            config.revision);
    metrics::Registry registry;
    const metrics::ProcessMetrics process{registry, version()};
    Observatory observatory{registry, 60s};
    const IngestSurroundings around{.writer = writer_name(), .observatory = observatory};
    Supervisor supervisor{
        [around](const PipelineConfig& pipeline) { return build_ingest(pipeline, around); }};
    observatory.watch([&supervisor] { return supervisor.status(); });
    supervisor.apply(config).wait();
    auto ledger_keeper = std::make_unique<LedgerKeeper>(config);

    int signal = 0;
    sigwait(&signals, &signal);
    log(LogLevel::info, "sluice", signal == SIGTERM ? "SIGTERM: draining" : "SIGINT: draining");
    // A second signal ends the process at once: what is in flight rolls back, nothing is lost.
    pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
    const bool drained = supervisor.drain(config.daemon.drain_deadline);
    log(LogLevel::info, "sluice", drained ? "drained" : "the drain deadline cut batches short");
    // Threads that are still in a call, of a lane or of the ledger's keeper, are not waited for:
    // what they hold rolls back or is fenced.
    static_cast<void>(ledger_keeper.release());
    std::_Exit(fine);
}

}  // namespace sluice
