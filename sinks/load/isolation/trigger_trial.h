#pragma once

#include "sinks/load/isolation/offenders.h"
#include "sinks/load/isolation/row_triggers.h"
#include "sinks/load/isolation/staged_rows.h"

#include <optional>
#include <string>
#include <vector>

namespace sluice {

/// Finds all rows that a table's triggers refuse, where each that COPY runs into is dear. A
/// temporary table gets the columns that the triggers name, and has triggers with the same source,
/// each in a block that notes what is raised: the segments of an MPP database run such blocks by
/// themselves. What it finds is believed once it has found what COPY ran into. One per
/// ConstraintJudge, used inside its transactions. Needs the right to create temporary tables.
class TriggerTrial {
public:
    TriggerTrial(Session& session, const std::string& qualified_table,
                 const std::vector<std::string>& columns);

    /// Which triggers; the types are those of the columns.
    void choose(const RowTriggers& triggers, const SqlTypes& types);
    /// COPY ran into this, in rows that come next.
    void note_raised(const std::string& message) { raised_ = message; }
    void forget_raised() { raised_.reset(); }
    [[nodiscard]] bool has_raised() const { return raised_.has_value(); }
    /// There is, or was, something to find again.
    [[nodiscard]] bool can_tell() const { return is_proven_ || raised_; }
    /// Adds the rows that these refuse, if they are to be believed: not where one of them raised
    /// what is not about a row. Throws DatabaseError.
    [[nodiscard]] bool find_refused(const RowRange& range, std::vector<Offender>& found);

private:
    [[nodiscard]] bool has_found_raised(const std::vector<Offender>& refused) const;

    const std::vector<std::string> columns_;  ///< of the rows
    StagedRows staged_;
    std::string complaint_;              ///< the column that has it, quoted
    std::optional<std::string> raised_;  ///< by one of them in this transaction, the latest
    bool is_proven_ = false;             ///< since choose()
};

}  // namespace sluice
