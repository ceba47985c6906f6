#pragma once

#include "sinks/verify/verify.h"

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

namespace sluice {

/// What Sluice's own tables say of one partition.
struct PartitionBooks {
    VerifiedPartition verified;
    int incarnation = 0;       ///< the current one
    std::int64_t letters = 0;  ///< that were ever rejected, as dead letters have it
    /// Of the ledger's rows of the current incarnation.
    std::optional<Offset> begins;
    /// Of the row that was read last.
    std::optional<int> last_incarnation;
    Offset last_to = 0;
    std::map<int, Offset> begins_of;  ///< by incarnation
    std::map<int, Offset> rewound;    ///< incarnations that a rewind ended, and where

    /// Where each incarnation began to read.
    [[nodiscard]] std::vector<Offset> begins_by_incarnation() const;
    /// Offsets of a topic that was created anew repeat: only their number can be compared.
    [[nodiscard]] bool recreated() const {
        return rewound.size() + 1 < static_cast<std::size_t>(verified.incarnations);
    }
};

/// By cluster, topic, partition.
using AllBooks = std::map<std::tuple<std::string, std::string, PartitionNumber>, PartitionBooks>;

/// Reads progress, ledger and dead letters of the pipeline in the session's open transaction, and
/// holds them against each other. Throws DatabaseError.
[[nodiscard]] AllBooks verify_books(Session& session, const VerifyOptions& options);

}  // namespace sluice
