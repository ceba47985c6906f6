#pragma once

#include "config/config.h"
#include "pipeline/batch.h"
#include "pipeline/table.h"
#include "sinks/books/identity.h"
#include "sinks/catalogue/check.h"
#include "sinks/session/session.h"

#include <string>
#include <vector>

namespace sluice {

/// Says in an outbox table what a transaction commits, one row per partition, so that an
/// [outbox.NAME] sends it on, exactly once. Insert only. One per sink.
class Receipts {
public:
    /// Of a pipeline that has receipts; `table` as read_table() found it. Throws WrongConfiguration
    /// when it lacks a column.
    Receipts(const config::Ingest& ingest, const Table& table, PipelineIdentity identity);

    /// Inside the session's open transaction. Throws DatabaseError.
    void insert(Session& session, const Batch& batch) const;

    /// For messages: "receipts: table …".
    [[nodiscard]] const std::string& where() const { return where_; }
    /// "topic", "key", "payload", as far as they are filled.
    [[nodiscard]] static std::vector<std::string> columns(const config::Receipts& receipts);

private:
    [[nodiscard]] std::string key_of(const TopicPartition& named) const;
    [[nodiscard]] std::string payload(const Slice& slice, const TopicPartition& named) const;

    const std::string topic_;
    const bool names_topics_;  ///< of several, whose partitions have the same numbers
    const PipelineIdentity identity_;
    const std::string where_;
    std::string insert_;
};

/// What `sluice check` has to say of the table.
[[nodiscard]] std::vector<Finding> check_receipts(Session& session, const config::Ingest& ingest,
                                                  const Table& table);

}  // namespace sluice
