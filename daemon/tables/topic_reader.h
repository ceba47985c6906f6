#pragma once

#include "config/config.h"
#include "daemon/commands/peek/peek_where.h"
#include "daemon/commands/peek/topic_columns.h"
#include "metrics/registry.h"
#include "pipeline/batch.h"
#include "pipeline/decode/registry/schema_source.h"
#include "pipeline/mapping/row_mapper.h"
#include "pipeline/table.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace sluice {

/// Of one pipeline's topics in SQL.
struct TopicCounts {
    metrics::Counter statements;
    metrics::Counter failures;
    metrics::Counter rows;
    metrics::Counter rejects;
};

[[nodiscard]] TopicCounts topic_counts(metrics::Registry& registry, const std::string& pipeline);

/// What a statement reads.
struct TopicOrder {
    std::shared_ptr<const config::Config> config;
    config::Ingest ingest;
    std::shared_ptr<SchemaSource> registry;  ///< null: none is configured
    std::string where;                       ///< empty: all
    std::string fingerprint;                 ///< of the table's columns; empty: not told
    bool rejects_fail = false;               ///< the statement, instead of being left out
};

/// Makes rows of the asked ranges of a pipeline's topics, once, as the pipeline does. Reads no
/// progress, and moves none. Used by one thread; what it is made of outlives it.
class TopicReader {
public:
    /// Asks the database for the table. Throws WrongConfiguration, DatabaseError,
    /// TroubleOfTheWorld.
    TopicReader(const TopicOrder& order, TopicCounts& counts);

    /// `go_on`: asked before each record; `put`: whole rows, some hundred KiB. What they throw ends
    /// it. Throws WrongConfiguration, TroubleOfTheWorld.
    void read(const std::function<void()>& go_on, const std::function<void(std::string)>& put);

private:
    void look_at(const Record& record);
    void append_rows(const Record& record);
    void reject(const Record& record);
    void tell_of_rejects() const;

    const TopicOrder& order_;
    TopicCounts& counts_;
    const Table table_;
    RowMapper mapper_;
    const TopicColumns columns_;
    std::optional<PeekWhere> where_;
    Batch batch_;
    std::string block_;
    std::size_t bytes_ = 0;
    std::int64_t rejects_ = 0;
    std::string first_reject_;
};

}  // namespace sluice
