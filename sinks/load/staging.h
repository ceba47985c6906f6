#pragma once

#include "sinks/load/isolation/row_isolation.h"
#include "sinks/load/numbered_rows.h"
#include "sinks/load/segments/segment_transfer.h"
#include "sinks/session/session.h"

#include <cstddef>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace sluice {

/// So many are found by reading all that is staged as soon as by an index.
inline constexpr std::size_t few_staged_rows = 500;

/// Numbered rows that something does not take.
struct RefusedNumber {
    std::size_t number = 0;
    std::vector<Reason> reasons;
};

/// How what is read becomes rows of a staging table.
struct StagingWay {
    // Not explicit: most have no segments.
    StagingWay(config::OnInvalid its_on_invalid, SegmentRoute its_segments = {})
        : on_invalid(its_on_invalid), segments(std::move(its_segments)) {}
    config::OnInvalid on_invalid;
    SegmentRoute segments;
};

/// COPY of rows into a temporary table of the session, which demands nothing of them but what the
/// types of its columns do. The table is others' to make. One per loader, used inside the session's
/// open transactions.
class Staging {
public:
    struct Options {
        std::string table{};                 ///< as SQL names it
        std::vector<std::string> columns{};  ///< in the order of the rows, the number first
        /// A value of one of these that COPY cannot read becomes NULL.
        std::set<std::string> nulls_for_invalid{};
        SegmentRoute segments{};  ///< for rows in COPY's text form
    };
    Staging(Session& session, const Options& options);

    void copy(const NumberedRows& rows);
    /// As they were encoded: their number stays NULL.
    void copy_without_numbers(const TargetRows& rows);

    void begin_load(Alike alike);
    /// Throws RefusedAlike as Blame does.
    [[nodiscard]] std::vector<RefusedNumber> copy_isolated(const NumberedRows& rows);
    /// Throws RefusedAlike.
    void end_load() const { blame_.end_load(); }

private:
    /// All rows at once.
    struct Whole {
        Whole(Session& session, const Options& options);
        void copy(Session& session, const EncodedRows& binary_rows, const EncodedRows& text_rows);

        const CopyStatement binary;
        const CopyStatement text;
        SegmentTransfer transfer;
    };

    Session& session_;
    Whole numbered_;
    Whole without_numbers_;
    ConstraintJudge judge_;
    ServerSideLoad server_side_;
    Blame blame_;
    RowIsolation binary_;
    RowIsolation text_;
};

}  // namespace sluice
