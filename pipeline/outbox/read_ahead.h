#pragma once

#include "pipeline/outbox/outbox_ports.h"

#include <future>
#include <system_error>

namespace sluice {

/// The batches of one sweep, of which the next is read on a thread of its own while the one at hand
/// is claimed and sent: the database, Kafka and the relay work at the same time. Used by one
/// thread. From its making to its end nobody else reads the store, which may be asked everything
/// else; the end waits for the read that is under way.
class ReadAhead {
public:
    ReadAhead(OutboxStore& store, const EventLimits& limits) : store_(store), limits_(limits) {}

    /// OutboxStore::read(), and throws what that throws. `goes_on`: whether what comes next will be
    /// asked for.
    [[nodiscard]] EventBatch next(bool goes_on) {
        // Most sweeps end with their first batch: a thread for them would be in vain.
        EventBatch batch = coming_.valid() ? coming_.get() : store_.read(limits_);
        if (goes_on && !batch.empty()) begin();
        return batch;
    }

private:
    void begin() {
        try {
            coming_ = std::async(std::launch::async, [this] { return store_.read(limits_); });
        } catch (const std::system_error&) {
            // No thread is to be had now: next() reads by itself.
        }
    }

    OutboxStore& store_;
    const EventLimits limits_;
    std::future<EventBatch> coming_;  // of std::async: its end waits
};

}  // namespace sluice
