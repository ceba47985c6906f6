#pragma once

#include "pipeline/record.h"
#include "sinks/verify/verify.h"

#include <optional>
#include <vector>

namespace sluice {

/// A ledger row, as far as the target's rows are compared with it.
struct LedgerRange {
    OffsetRange offsets;
    std::int64_t loaded = 0;
    bool complete = false;  ///< nothing filtered, no gaps: every offset is a row or a dead letter
    int incarnation = 0;
};

/// Compares one partition's ledger with the offsets of target and dead letters. All come in one
/// order: a range at its first offset, before what lies there.
///
/// A rewind begins another incarnation at a lower offset: from there on, what the ledger says of
/// earlier ones no longer counts. Their rows may still be there, or have been deleted.
class RangeComparison {
public:
    /// `begins`: where each incarnation began. What lies before all of them was never read.
    RangeComparison(VerifiedPartition& partition, const std::vector<Offset>& begins);

    void begin_range(LedgerRange range);
    void row(Offset offset);
    void dead_letter(Offset offset, int incarnation);
    /// A dead letter that was loaded later: one row more than the ledger says.
    void retried(Offset offset, int incarnation);
    void end_range();

private:
    struct Current {
        LedgerRange range;
        std::int64_t least = 0;  ///< rows that must be there
        std::int64_t most = 0;
        std::int64_t rows = 0;
    };

    void pass(Offset offset);
    void list_missing(Offset until);
    /// Where the incarnation's offsets end to count.
    [[nodiscard]] Offset cut(int incarnation) const;
    [[nodiscard]] bool is_rewound(Offset offset) const {
        return offset >= lowest_rewind_ && offset < rewound_until_;
    }

    VerifiedPartition& partition_;
    Offset first_ = 0;
    std::vector<Offset> cuts_;  // by incarnation
    Offset lowest_rewind_;
    Offset rewound_until_ = 0;  // as far as the ranges so far tell
    std::optional<Current> current_;
    Offset expected_ = 0;
    Offset last_row_ = -1;
};

}  // namespace sluice
