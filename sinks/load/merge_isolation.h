#pragma once

#include "sinks/load/merge_statements.h"
#include "sinks/load/row_isolation.h"
#include "sinks/session/session.h"

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace sluice {

/// Makes all staged changes that the database takes and finds those that it does not, inside the
/// session's open transaction, with savepoints: a piece that fails is halved, down to one change,
/// which is refused when it fails behind the ones before it and the same statement about no change
/// does not. Rows that exchange a unique value are in each other's way only one by one: what is in
/// some row's way waits until the rest is made, and then goes together. One per loader.
class MergeIsolation {
public:
    MergeIsolation(Session& session, const MergeStatements& statements)
        : session_(session), statements_(statements) {}

    struct RefusedChange {
        std::size_t number = 0;
        Reason reason;
    };

    void begin_load(Alike alike);
    /// Throws DatabaseError for trouble of the world and for trouble that no change is to blame
    /// for, RefusedAlike as RowIsolation does.
    [[nodiscard]] std::vector<RefusedChange> apply(const MergeStep& step);
    /// Of mode update, in the latest apply(): numbers that had a row.
    [[nodiscard]] const std::set<std::size_t>& matched() const { return matched_; }
    [[nodiscard]] bool took_some() const { return took_some_; }
    /// As in Refused.
    [[nodiscard]] const std::optional<DatabaseError>& unclear() const { return unclear_; }

private:
    struct Overlapping {
        std::size_t number;
        DatabaseError error;
    };

    void attempt(const MergeStep& step, std::size_t begin, std::size_t end);
    [[nodiscard]] bool is_taken(const MergeStep& step, std::size_t number);
    void on_failure(const MergeStep& step, std::size_t number, const DatabaseError& error);
    void blame_changes_only(const MergeStep& step);
    void refuse(std::size_t number, const DatabaseError& error);
    void exchange();
    [[nodiscard]] std::vector<Overlapping> put_in(const std::vector<Overlapping>& rows);
    void end_savepoint();

    Session& session_;
    const MergeStatements& statements_;
    Alike alike_ = Alike::refuse;
    const char* before_ = "";  ///< what brings the savepoint in order for the next attempt
    bool statement_is_fine_ = false;
    bool took_some_ = false;
    std::optional<DatabaseError> unclear_;
    std::size_t unclear_refusals_ = 0;
    std::set<std::size_t> matched_;
    std::vector<RefusedChange> refused_;    ///< of the step
    std::vector<Overlapping> overlapping_;  ///< the same
};

}  // namespace sluice
