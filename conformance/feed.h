#pragma once

#include "config/config.h"
#include "conformance/site.h"
#include "pipeline/batch.h"
#include "pipeline/mapping/row_mapper.h"
#include "sinks/books/cloudberry_progress.h"
#include "sinks/load/cloudberry_sink.h"

#include <map>
#include <optional>
#include <string>

namespace sluice::conformance {

/// A pipeline of one topic of four partitions into one table, which is handed its records instead
/// of fetching them. One lane, in the caller's thread.
class Feed {
public:
    struct Options {
        std::string table;
        /// Of [ingest.NAME], as TOML; {}: fields go to columns of their names.
        std::string keys{};
        std::string dsn{};   ///< empty: the site's
        std::string name{};  ///< empty: one of its own; else it is another writer of that pipeline
    };
    Feed(Site& site, Options options);

    /// The next record of the partition; nullopt: a tombstone.
    void add(const std::optional<std::string>& value, const std::string& key = "",
             PartitionNumber partition = 0);
    /// So many records {"id": from…, "city": "city"}.
    void add_rows(Offset from, Offset count, PartitionNumber partition = 0);
    /// The next record lies there, in this incarnation of the topic.
    void seek(Offset next, int incarnation = 0, PartitionNumber partition = 0);
    /// Offers the batch; it is empty afterwards if it was committed or is another writer's now.
    CommitResult offer();
    /// Until it is committed: the world's trouble is tried again a few times. Throws Differs.
    void commit();
    /// Forgets the batch.
    void drop() { batch_.clear(); }

    [[nodiscard]] const std::string& name() const { return identity_.pipeline; }
    [[nodiscard]] const std::string& table() const { return options_.table; }
    [[nodiscard]] const config::Ingest& ingest() const { return ingest_; }
    [[nodiscard]] const Table& target() const { return target_; }
    [[nodiscard]] const PipelineIdentity& identity() const { return identity_; }
    [[nodiscard]] const Batch& batch() const { return batch_; }
    [[nodiscard]] CloudberryProgress progress() const { return {dsn_, identity_}; }

    /// Of the ledger: loaded|superseded|filtered|rejected.
    [[nodiscard]] std::string sums();
    /// What the table holds, by columns, in the order of the first of them.
    [[nodiscard]] std::string rows(const std::string& columns);
    [[nodiscard]] std::string count();
    /// Where the partition goes on.
    [[nodiscard]] Offset next(PartitionNumber partition = 0);
    /// What `sluice verify` finds wrong; empty: nothing. Rows hold "part" and "offs".
    [[nodiscard]] std::string problems();

private:
    Site& site_;
    const Options options_;
    const std::string dsn_;
    PipelineIdentity identity_;
    config::Ingest ingest_;
    Table target_;
    std::optional<RowMapper> mapper_;
    std::optional<CloudberrySink> sink_;
    Batch batch_;
    struct At {
        Offset next = 0;
        int incarnation = 0;
    };
    std::map<PartitionNumber, At> at_;
};

/// A table whose rows say where they are from, and what fills it.
inline constexpr const char* columns_with_positions = "id bigint, city text, part int, offs bigint";
inline constexpr const char* keys_with_positions =
    "columns = { id = \"id\", city = \"city\", part = \"@partition\", offs = \"@offset\" }\n";

/// For messages: "committed", "fenced", "tried again: …".
[[nodiscard]] std::string describe(const CommitResult& result);

}  // namespace sluice::conformance
