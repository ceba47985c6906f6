#pragma once

#include "sinks/copy/copy_rows.h"

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// Finds which values of a row COPY cannot read, by having it read the row with some of them NULL
/// and keep none (WHERE false): neither triggers nor constraints are asked. Finds nothing where
/// COPY knows no WHERE, before PostgreSQL 12. One per RowIsolation.
class FieldTrial {
public:
    /// `nullable`: the columns that are in question.
    FieldTrial(Session& session, CopyStatement copy, std::set<std::string> nullable)
        : session_(session), copy_(std::move(copy)), nullable_(std::move(nullable)) {}

    struct Verdict {
        std::vector<std::size_t> unreadable{};  ///< indices of fields; none: it is something else
        std::optional<DatabaseError>
            besides{};  ///< what it is, if another column's than the suspect's
    };
    /// Of a row that was refused. `suspect`: the column to look at first, if any. In a transaction
    /// with savepoint r, which has to be rolled back to before and behind it. Throws DatabaseError
    /// for the world's trouble.
    [[nodiscard]] Verdict judge(std::string_view row, const std::string& suspect);

private:
    static constexpr std::size_t no_field = static_cast<std::size_t>(-1);

    [[nodiscard]] std::vector<std::size_t> fields_in_question(std::string_view row) const;
    [[nodiscard]] std::optional<DatabaseError> try_to_read(const std::string& row);

    Session& session_;
    const CopyStatement copy_;
    const std::set<std::string> nullable_;
};

}  // namespace sluice
