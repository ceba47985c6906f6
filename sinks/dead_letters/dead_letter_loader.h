#pragma once

#include "config/config.h"
#include "pipeline/mapping/row_mapper.h"
#include "pipeline/mapping/table.h"
#include "pipeline/partition_table.h"
#include "sinks/dead_letters/open_dead_letters.h"
#include "sinks/load/loader.h"

#include <memory>
#include <string>
#include <vector>

namespace sluice {

/// Offers dead letters to their pipeline's mapping and loader as it offers records. One thread; the
/// session must outlive it.
class DeadLetterLoader {
public:
    /// Throws WrongConfiguration when the mapping and the table do not fit, or where nothing tells
    /// whether a letter is older than what it would change.
    /// `schema`: of Sluice's own tables; `registry`: null where none is configured.
    DeadLetterLoader(Session& session, const config::Ingest& ingest, const Table& table,
                     const std::string& schema,
                     const std::shared_ptr<SchemaSource>& registry = nullptr);

    /// Makes rows of them; outside of a transaction, since it may ask the registry. Throws
    /// TroubleOfTheWorld while a schema cannot be had.
    void prepare(const std::vector<WholeDeadLetter>& letters);
    /// Loads those that can be, in the session's open transaction; what became of each, in their
    /// order: of changes, older ones than the table has, and updates of rows that are not there,
    /// are filtered. What is refused by what may be the world's trouble stays a dead letter. Throws
    /// DatabaseError for trouble that is certainly not the data's, TroubleOfTheWorld when the table
    /// has changed.
    [[nodiscard]] std::vector<DeadLetterOutcome> load();

private:
    Session& session_;
    const bool explodes_;        // a letter may have several rows
    PartitionTable partitions_;  // where letters came from
    RowMapper mapper_;
    std::unique_ptr<Loader> loader_;
    Batch batch_;
    std::vector<DeadLetterOutcome> outcomes_;  // as far as the rows themselves say
};

}  // namespace sluice
