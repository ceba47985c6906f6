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
    /// From now on by this one.
    void adopt(const config::Config& config);
    ~LedgerKeeper();
    LedgerKeeper(const LedgerKeeper&) = delete;
    LedgerKeeper& operator=(const LedgerKeeper&) = delete;

private:
    void loop();
    static void prune_all(const config::Config& config);
    [[nodiscard]] std::chrono::milliseconds pause() const;

    std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    config::Config config_;
    bool ending_ = false;
    bool adopted_ = false;
    std::thread thread_;
};

}  // namespace sluice
