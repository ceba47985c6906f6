#include "daemon/process/ledger_keeper.h"

#include "pipeline/log.h"
#include "sinks/books/ledger_upkeep.h"
#include "sinks/books/removed_row_upkeep.h"
#include "sinks/dead_letters/dead_letter_upkeep.h"

#include <algorithm>

namespace sluice {

using namespace std::chrono_literals;

namespace {

/// What fails does not keep the rest from its upkeep.
template <typename Step>
void attempt(const std::string& about, const std::string& what, Step step) {
    try {
        step();
    } catch (const std::exception& error) {
        log(LogLevel::warn, about, what + ": " + error.what() + "; trying again later");
    }
}

void report(const std::string& about, std::int64_t number, const std::string& what, bool gave_way) {
    if (number == 0) return;
    log(LogLevel::info, about,
        std::to_string(number) + " " + what +
            (gave_way ? ", the rest later: writers were busy" : ""));
}

}  // namespace

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
        prune_all(config);
        lock.lock();
    }
}

void LedgerKeeper::prune_all(const config::Config& config) {
    const std::string& schema = config.cloudberry.schema;
    const std::chrono::seconds keep = config.cloudberry.ledger_keep;
    Session session{config.cloudberry.dsn.text, "sluice ledger"};
    attempt("sluice", "forgetting removals", [&] {
        const Forgotten forgotten = forget_removed_rows(session, schema, keep);
        report("sluice", forgotten.removals, "old removals of rows forgotten", forgotten.gave_way);
    });
    for (const config::Ingest& ingest : config.ingest) {
        attempt(ingest.name, "purging dead letters", [&] {
            const Purged purged = purge_dead_letters(session, schema, ingest.name, keep);
            report(ingest.name, purged.letters, "dead letters that were settled long ago purged",
                   purged.gave_way);
        });
        attempt(ingest.name, "folding the ledger", [&] {
            const Folded folded = fold_ledger(session, schema, ingest.name, keep);
            report(ingest.name, folded.rows, "old ledger rows folded", folded.gave_way);
        });
    }
}

}  // namespace sluice
