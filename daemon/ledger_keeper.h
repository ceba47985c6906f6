#pragma once

#include "config/config.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace sluice {

/// Prunes the ledgers of all pipelines now and then, as [cloudberry] ledger_keep says, on a thread
/// and a connection of its own, from construction to destruction. Every daemon does it; who comes
/// second finds nothing to do. Trouble is logged and tried again with the next round.
class LedgerKeeper {
public:
    explicit LedgerKeeper(config::Config config);
    ~LedgerKeeper();
    LedgerKeeper(const LedgerKeeper&) = delete;
    LedgerKeeper& operator=(const LedgerKeeper&) = delete;

private:
    void loop();
    void prune_all();
    [[nodiscard]] std::chrono::milliseconds pause() const;

    const config::Config config_;
    std::mutex mutex_;
    std::condition_variable ending_changed_;
    bool ending_ = false;
    std::thread thread_;
};

}  // namespace sluice
