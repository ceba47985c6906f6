#pragma once

#include "pipeline/record.h"
#include "sinks/books/identity.h"
#include "sinks/session/session.h"

#include <optional>
#include <set>
#include <string>

namespace sluice {

/// The topics of which the pipeline has progress. Throws DatabaseError.
[[nodiscard]] std::set<std::string> topics_with_progress(Session& session,
                                                         const PipelineIdentity& identity);

/// How far a partition of a topic has been read.
struct ReadSoFar {
    PartitionNumber partition = 0;
    Offset next = 0;
};

/// One of the topic's partitions of which something has been read since its progress began, or was
/// set back; nullopt: of all of them the first record is still to be read. Throws DatabaseError.
[[nodiscard]] std::optional<ReadSoFar> read_so_far(Session& session,
                                                   const PipelineIdentity& identity,
                                                   const std::string& topic);

}  // namespace sluice
