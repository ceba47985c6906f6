#pragma once

#include "config/config.h"
#include "pipeline/mapping/row_mapper.h"
#include "pipeline/mapping/table.h"
#include "sinks/dead_letters/open_dead_letters.h"
#include "sinks/load/row_isolation.h"

#include <optional>
#include <vector>

namespace sluice {

/// Offers dead letters to their pipeline's mapping and table as it offers records, row isolation
/// included. One thread; the session must outlive it.
class DeadLetterLoader {
public:
    /// Throws WrongConfiguration when the mapping and the table do not fit.
    DeadLetterLoader(Session& session, const config::Ingest& ingest, const Table& table);

    /// Loads those that can be, in the session's open transaction; what became of each, in their
    /// order. Throws DatabaseError for trouble that is not the data's.
    std::vector<DeadLetterOutcome> load(const std::vector<WholeDeadLetter>& letters);

private:
    [[nodiscard]] RowIsolation isolation(const config::Ingest& ingest, const Table& table,
                                         CopyForm form);
    void refuse(const EncodedRows& rows, RowIsolation& isolation,
                std::vector<DeadLetterOutcome>& outcomes);

    Session& session_;
    RowMapper mapper_;
    ConstraintJudge judge_;
    ServerSideLoad server_side_;
    RowIsolation isolate_binary_;
    RowIsolation isolate_text_;
    std::optional<LineNumbers> line_numbers_;  ///< once the server is known
    Batch batch_;
};

}  // namespace sluice
