#pragma once

#include "pipeline/batch.h"
#include "segments/channel.h"
#include "sinks/session/session.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice {

/// How rows of a pipeline get past the coordinator, if they do.
struct SegmentRoute {
    segments::Server* server = nullptr;  ///< null: they do not
    std::string pipeline{};
    std::size_t least_rows = 0;  ///< fewer of them go by COPY

    [[nodiscard]] bool is_for(std::size_t rows) const {
        return server != nullptr && rows >= least_rows;
    }
};

/// Rows into a relation by INSERT … SELECT from an external table of the session, whose rows the
/// database's segments fetch from this process. docs/exactly-once.md has the proof. One per loader,
/// used inside the session's open transactions. Needs the right to create external tables.
class SegmentTransfer {
public:
    struct Into {
        std::string relation{};              ///< as SQL names it
        std::vector<std::string> columns{};  ///< in the order of the rows' fields
    };
    SegmentTransfer(Session& session, SegmentRoute route, Into into);

    /// Rows in COPY's text form, which are not empty; returns how many the relation took. Throws
    /// DatabaseError, also where segments have not read them all, once each.
    std::int64_t insert(const EncodedRows& rows);

private:
    void prepare();
    [[nodiscard]] std::string definition();
    [[nodiscard]] std::int64_t run_insert(const EncodedRows& rows);
    [[nodiscard]] DatabaseError without_secrets(const DatabaseError& error) const;

    Session& session_;
    const SegmentRoute route_;
    const Into into_;
    std::string table_;     ///< the external one; empty: none was made yet
    std::string location_;  ///< where it reads
    std::optional<segments::Channel> channel_;
    bool limits_time_ = false;  ///< of the transaction's statements, since nobody else does
};

}  // namespace sluice
