#pragma once

#include "config/config.h"
#include "pipeline/mapping/record_router.h"
#include "pipeline/partition_table.h"
#include "pipeline/table.h"
#include "sinks/dead_letters/open_dead_letters.h"
#include "sinks/load/loader.h"

#include <map>
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
    /// The same of a topic's several targets: letters go to all of theirs, or stay.
    DeadLetterLoader(Session& session, const std::string& topic,
                     std::vector<Targets::Target> targets, const std::string& schema,
                     const std::shared_ptr<SchemaSource>& registry);

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
    [[nodiscard]] std::vector<TargetId> filled_targets() const;
    Loader& loader_of(TargetId target);
    void take_turns(const std::vector<TargetId>& targets);
    /// Of one target as of several.
    [[nodiscard]] std::vector<Reject> isolate(const std::vector<TargetId>& targets);

    Session& session_;
    const std::shared_ptr<Targets> targets_;  // null: there is one
    const bool several_rows_;                 // a letter may have them
    PartitionTable partitions_;               // where letters came from
    RecordRouter router_;
    MakeLoaderOf loader_for_;
    std::map<TargetId, std::unique_ptr<Loader>> loaders_;
    Batch batch_;
    std::vector<DeadLetterOutcome> outcomes_;  // as far as the rows themselves say
};

}  // namespace sluice
