#include "daemon/ledger_keeper.h"

#include "pipeline/log.h"
#include "sinks/ledger_upkeep.h"

#include <algorithm>

namespace sluice {

using namespace std::chrono_literals;

LedgerKeeper::LedgerKeeper(config::Config config)
    : config_(std::move(config)), thread_([this] { loop(); }) {}

LedgerKeeper::~LedgerKeeper() {
    {
        const std::lock_guard lock{mutex_};
        ending_ = true;
    }
    ending_changed_.notify_all();
    thread_.join();
}

/// Often enough that a ledger never holds much more than it should, seldom enough not to be felt.
std::chrono::milliseconds LedgerKeeper::pause() const {
    return std::clamp<std::chrono::milliseconds>(config_.cloudberry.ledger_keep / 10, 1s, 10min);
}

void LedgerKeeper::loop() {
    std::unique_lock lock{mutex_};
    while (!ending_changed_.wait_for(lock, pause(), [this] { return ending_; })) {
        lock.unlock();
        try {
            prune_all();
        } catch (const std::exception& error) {
            log(LogLevel::warn, "sluice",
                "pruning the ledger: " + std::string(error.what()) + "; trying again later");
        }
        lock.lock();
    }
}

void LedgerKeeper::prune_all() {
    Session session{config_.cloudberry.dsn.text, "sluice ledger"};
    for (const config::Ingest& ingest : config_.ingest) {
        const Folded folded = fold_ledger(session, config_.cloudberry.schema, ingest.name,
                                          config_.cloudberry.ledger_keep);
        if (folded.rows > 0) {
            log(LogLevel::info, ingest.name,
                std::to_string(folded.rows) + " old ledger rows folded" +
                    (folded.gave_way ? ", the rest later: writers were busy" : ""));
        }
    }
}

}  // namespace sluice
