#include "daemon/commands.h"
#include "daemon/ingest_factory.h"
#include "daemon/ledger_keeper.h"
#include "daemon/logging.h"
#include "daemon/supervisor.h"
#include "pipeline/log.h"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

namespace sluice {
namespace {

/// Who writes, for people who read progress and ledger: "host:pid".
std::string writer_name() {
    std::array<char, 256> host{};
    ::gethostname(host.data(), host.size() - 1);
    return std::string(host.data()) + ":" + std::to_string(::getpid());
}

}  // namespace

int run_daemon(const config::Config& config) {
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
    Supervisor supervisor{
        [writer = writer_name(), revision = config.revision](const PipelineConfig& pipeline) {
            return build_ingest(pipeline, writer, revision);
        }};
    supervisor.apply(config);
    const LedgerKeeper ledger_keeper{config};

    int signal = 0;
    sigwait(&signals, &signal);
    log(LogLevel::info, "sluice", signal == SIGTERM ? "SIGTERM: draining" : "SIGINT: draining");
    const bool drained = supervisor.drain(config.daemon.drain_deadline);
    log(LogLevel::info, "sluice", drained ? "drained" : "the drain deadline cut batches short");
    if (!drained) {
        // A thread is stuck in a call; what it holds rolls back or is fenced.
        std::_Exit(fine);
    }
    return fine;
}

}  // namespace sluice
