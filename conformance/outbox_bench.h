#pragma once

#include "config/config.h"
#include "conformance/site.h"
#include "metrics/registry.h"
#include "pipeline/outbox/outbox_observer.h"
#include "pipeline/outbox/outbox_ports.h"
#include "sinks/outbox/outbox_purge.h"
#include "sinks/outbox/outbox_store.h"

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace sluice::conformance {

/// Kafka, as a relay sees it: takes all messages, and keeps them with the mark. From any thread.
class KeptMessages {
public:
    [[nodiscard]] std::optional<BatchNumber> mark() const;
    void commit(BatchNumber mark, std::vector<std::string> values);
    [[nodiscard]] std::vector<std::string> values() const;

private:
    mutable std::mutex mutex_;
    std::optional<BatchNumber> mark_;
    std::vector<std::string> values_;
};

/// An outbox table as `sluice schema` makes it, and its relay, whose messages go nowhere else than
/// here.
class OutboxBench {
public:
    explicit OutboxBench(Site& site);

    [[nodiscard]] const std::string& table() const { return config_.table; }
    [[nodiscard]] const config::Outbox& config() const { return config_; }
    [[nodiscard]] const RelayIdentity& identity() const { return identity_; }
    /// As read from the database.
    [[nodiscard]] OutboxTable read_table(const std::string& dsn = "") const;
    [[nodiscard]] CloudberryOutbox store(const std::string& dsn = "") const;
    [[nodiscard]] CloudberryOutboxPurge::Options purge(const std::string& dsn = "") const;

    /// Rows whose payload is a number: so many, from `from` on.
    void insert(std::int64_t from, std::int64_t count);
    /// The statement that does so, for a session of the case's own.
    [[nodiscard]] std::string insertion(std::int64_t from, std::int64_t count) const;

    /// Runs a relay, as who has that connection, until the table is empty. Throws Differs when it
    /// does not come to that within half a minute.
    void send_all(const std::string& dsn = "");
    /// Messages, and different ones: "500|500".
    [[nodiscard]] std::string counts() const;
    [[nodiscard]] std::string rows() const;
    [[nodiscard]] KeptMessages& messages() { return messages_; }

private:
    [[nodiscard]] const std::string& dsn_of(const std::string& dsn) const {
        return dsn.empty() ? site_.dsn() : dsn;
    }

    Site& site_;
    config::Outbox config_;
    RelayIdentity identity_;
    KeptMessages messages_;
    metrics::Registry registry_;
    OutboxObserver observer_;
};

}  // namespace sluice::conformance
