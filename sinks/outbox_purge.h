#pragma once

#include "pipeline/outbox_ports.h"
#include "sinks/outbox_store.h"
#include "sinks/outbox_table.h"
#include "sinks/session.h"

#include <chrono>
#include <cstddef>
#include <deque>
#include <string>
#include <vector>

namespace sluice {

/// Deletes rows that were sent, by their ids, in transactions of a few milliseconds. On an MPP
/// database each of them has the application's table for itself, so it waits for that no longer
/// than `wait`: others queue behind it. The books about a batch go a while after its rows, when no
/// statement that knew of them can still be on its way.
class CloudberryOutboxPurge : public OutboxPurge {
public:
    struct Options {
        std::string dsn;
        RelayIdentity identity;
        OutboxTable table;
        std::chrono::milliseconds wait{30};
        std::chrono::seconds keep_books{600};
    };
    explicit CloudberryOutboxPurge(Options options);

    BatchNumber purged() override;
    PurgeStep step(BatchNumber sent) override;

private:
    using Clock = std::chrono::steady_clock;

    /// Ids of one batch, all still to be deleted from one table.
    struct Pending {
        BatchNumber batch = 0;
        bool retry = false;
        std::vector<std::string> ids;
    };

    void open();
    void fetch(BatchNumber sent);
    PurgeStep delete_some();
    [[nodiscard]] std::string delete_statement(bool retry,
                                               const std::vector<std::string>& ids) const;
    void note_purged();
    void prune_books();

    const Options options_;
    const std::string batches_;
    Session session_;
    std::deque<Pending> pending_;
    BatchNumber fetched_ = 0;
    BatchNumber purged_ = 0;
    BatchNumber noted_ = 0;
    std::size_t rows_per_step_ = 1000;
    Clock::time_point pruned_;
};

}  // namespace sluice
