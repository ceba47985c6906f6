#pragma once

#include "config/topics.h"
#include "pipeline/record.h"
#include "pipeline/table.h"
#include "sinks/session/session.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sluice {

struct VerifyOptions {
    std::string schema;
    std::string pipeline;
    config::Topics topics;
    /// The target and its columns that hold @partition and @offset (and @topic, which rows of
    /// several topics need): without them, the ledger is compared with progress and dead letters
    /// only.
    Table table;
    /// Why rows say nothing of offsets one by one; empty: they do.
    std::string not_comparable{};
    /// Columns of which no two rows have the same; empty: rows have no key.
    std::vector<std::string> key{};
    std::optional<std::string> partition_column;
    std::optional<std::string> offset_column;
    std::optional<std::string> topic_column;
    /// Further tables of the same records, each of which is in one of them at least. Of these, what
    /// is about a table counts.
    std::vector<VerifyOptions> beside{};
    /// Told now and then how many rows of the target were compared.
    std::function<void(std::int64_t rows)> on_compared = [](std::int64_t) {};
};

/// Promise 1 for one partition.
struct VerifiedPartition {
    std::string cluster_id;
    std::string topic;
    PartitionNumber partition = 0;
    int incarnations = 1;
    Offset anchor = 0;  ///< of the current incarnation
    Offset next = 0;
    std::int64_t loaded = 0;    ///< sums over all incarnations; by retries among them
    std::int64_t rejected = 0;  ///< at first
    std::int64_t superseded = 0;
    std::int64_t unmatched = 0;
    std::int64_t filtered = 0;
    std::int64_t gaps = 0;
    std::int64_t lost = 0;
    std::int64_t dead_letters = 0;     ///< that are open
    std::int64_t discarded = 0;        ///< dead letters that somebody gave up
    std::int64_t retried = 0;          ///< dead letters that were loaded later
    std::optional<std::int64_t> rows;  ///< in the target; nullopt: not compared
    std::int64_t missing = 0;          ///< rows that the ledger says were loaded
    std::int64_t doubled = 0;          ///< rows whose offset another row has too
    std::int64_t unaccounted = 0;      ///< rows at offsets that the ledger does not cover
    std::int64_t before_anchor = 0;    ///< rows from before the pipeline began: somebody else's
    std::int64_t before_rewind = 0;    ///< rows that a rewind has left where it loads again
    std::vector<Offset> some_missing;  ///< the first few, where they can be told
    std::vector<Offset> some_doubled;
    std::vector<std::string> problems;  ///< in words; empty: the promise holds
    std::vector<std::string> notes;     ///< what looks odd and is not: rewinds
};

/// Of a table that holds one row for each key.
struct KeyedRows {
    std::int64_t rows = 0;
    std::int64_t doubled = 0;  ///< keys that several rows have
};

struct Verification {
    std::vector<VerifiedPartition> partitions;
    std::string not_compared;       ///< why the target was not looked at; empty: it was
    std::optional<KeyedRows> keys;  ///< where the target was looked at by these
    [[nodiscard]] bool fine() const;
};

/// Compares progress, ledger, dead letters and target as one snapshot sees them; the daemon may be
/// running. The database sorts them by offset and merges them into one stream; what is held here
/// grows with the partitions only. Throws DatabaseError.
[[nodiscard]] Verification verify(Session& session, const VerifyOptions& options);
/// The same of a pipeline with several tables: of each, what is its own. At least one.
[[nodiscard]] Verification verify(Session& session, std::span<const VerifyOptions> tables);

}  // namespace sluice
