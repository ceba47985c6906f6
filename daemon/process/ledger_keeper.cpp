#include "daemon/process/ledger_keeper.h"

#include "pipeline/log.h"
#include "sinks/books/ledger_upkeep.h"
#include "sinks/books/removed_row_upkeep.h"
#include "sinks/dead_letters/dead_letter_upkeep.h"

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
    changed_.notify_all();
    thread_.join();
}

/// Often enough that a ledger never holds much more than it should, seldom enough not to be felt.
std::chrono::milliseconds LedgerKeeper::pause() const {
    return std::clamp<std::chrono::milliseconds>(config_.cloudberry.ledger_keep / 10, 1s, 10min);
}

void LedgerKeeper::adopt(const config::Config& config) {
    {
        const std::lock_guard lock{mutex_};
        config_ = config;
        adopted_ = true;
    }
    changed_.notify_all();
}

void LedgerKeeper::loop() {
    std::unique_lock lock{mutex_};
    while (!ending_) {
        if (changed_.wait_for(lock, pause(), [this] { return ending_ || adopted_; })) {
            adopted_ = false;  // its pause begins anew
            continue;
        }
        const config::Config config = config_;
        lock.unlock();
        try {
            prune_all(config);
        } catch (const std::exception& error) {
            log(LogLevel::warn, "sluice",
                "pruning the ledger: " + std::string(error.what()) + "; trying again later");
        }
        lock.lock();
    }
}

void LedgerKeeper::prune_all(const config::Config& config) {
    Session session{config.cloudberry.dsn.text, "sluice ledger"};
    const Forgotten forgotten =
        forget_removed_rows(session, config.cloudberry.schema, config.cloudberry.ledger_keep);
    if (forgotten.removals > 0)
        log(LogLevel::info, "sluice",
            std::to_string(forgotten.removals) + " old removals of rows forgotten" +
                (forgotten.gave_way ? ", the rest later: writers were busy" : ""));
    for (const config::Ingest& ingest : config.ingest) {
        const Purged purged = purge_dead_letters(session, config.cloudberry.schema, ingest.name,
                                                 config.cloudberry.ledger_keep);
        if (purged.letters > 0) {
            log(LogLevel::info, ingest.name,
                std::to_string(purged.letters) + " dead letters that were settled long ago purged" +
                    (purged.gave_way ? ", the rest later: writers were busy" : ""));
        }
        const Folded folded = fold_ledger(session, config.cloudberry.schema, ingest.name,
                                          config.cloudberry.ledger_keep);
        if (folded.rows > 0) {
            log(LogLevel::info, ingest.name,
                std::to_string(folded.rows) + " old ledger rows folded" +
                    (folded.gave_way ? ", the rest later: writers were busy" : ""));
        }
    }
}

}  // namespace sluice
