#pragma once

#include "pipeline/outbox/outbox_ports.h"
#include "sinks/outbox/outbox_store.h"
#include "sinks/outbox/outbox_table.h"
#include "sinks/session/session.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace sluice {

/// Deletes rows that were sent, by their ids, in transactions of a few milliseconds, each of which
/// also notes how far it came, provided that nobody has come further: an id that is used again is
/// not deleted for the row that had it before. On an MPP database each of them has the
/// application's table for itself, so it waits for that no longer than `wait`: others queue behind
/// it. The books about a batch go a while after its rows, when no statement that knew of them can
/// still be on its way.
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

    /// How far the purge is: the rows of all batches before this one are gone, of it all but the
    /// first `left`.
    struct Note {
        BatchNumber batch = 0;
        std::size_t left = 0;
        /// Of the row of outbox_batch that says so.
        [[nodiscard]] std::string round() const { return std::to_string(-1 - std::int64_t(left)); }
    };

    void open();
    void read_note();
    void fetch(BatchNumber sent);
    PurgeStep delete_some();
    [[nodiscard]] std::int64_t delete_noting(const Note& note, bool retry,
                                             const std::vector<std::string>& ids);
    [[nodiscard]] std::string insert_note(const Note& note) const;
    [[nodiscard]] std::string delete_statement(bool retry,
                                               const std::vector<std::string>& ids) const;
    void prune_books();

    const Options options_;
    const std::string batches_;
    Session session_;
    std::deque<Pending> pending_;
    BatchNumber fetched_ = 0;
    BatchNumber purged_ = 0;
    Note noted_;
    std::size_t rows_per_step_ = 1000;
    Clock::time_point pruned_;
};

}  // namespace sluice
