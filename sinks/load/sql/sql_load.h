#pragma once

#include "sinks/load/isolation/halving.h"
#include "sinks/load/isolation/staged_checks.h"
#include "sinks/load/sql/sql_statements.h"
#include "sinks/load/staging.h"
#include "sinks/session/session.h"

#include <cstddef>
#include <set>
#include <string>
#include <vector>

namespace sluice {

/// Numbered rows of typed fields, by COPY into a temporary table of the session, of which the
/// pipeline's SQL makes rows of another table. Each row that fulfils `where` is judged once, and
/// each expression once for each row, save where some are refused. One per loader, used inside the
/// session's open transactions.
class SqlLoad {
public:
    SqlLoad(Session& session, const SqlTarget& target, const SqlStatements::Into& into,
            const StagingWay& way);

    [[nodiscard]] const SqlTarget& target() const { return statements_.target(); }

    /// Instead of what is there.
    void fill(const NumberedRows& rows);
    /// Takes out numbers below `end` that do not fulfil `where`, and tells them.
    [[nodiscard]] std::set<std::size_t> filter(std::size_t end);
    /// Of SQL without `where`, whose rows need no numbers then: fills and inserts all of them.
    void load(const TargetRows& rows);
    /// `without`: as SqlStatements::insert() has it.
    void insert(std::size_t begin, std::size_t end, const std::vector<bool>& without = {});

    void begin_load(Alike alike);
    /// The same, without rows that cannot be read, judged or inserted: these are told. Throws what
    /// Halving does.
    [[nodiscard]] std::vector<RefusedNumber> fill_isolated(const NumberedRows& rows);
    /// Once nothing more is made of what was filled in: takes away what found its rows.
    void end_fill();
    [[nodiscard]] std::vector<RefusedNumber> filter_isolated(std::size_t end,
                                                             std::set<std::size_t>& filtered);
    /// `last`: up to where numbers may come in later calls.
    [[nodiscard]] std::vector<RefusedNumber> insert_isolated(std::size_t begin, std::size_t end,
                                                             std::size_t last,
                                                             const std::vector<bool>& without = {});
    /// Throws RefusedAlike.
    void end_load();

private:
    class Filtering;
    class Inserting;

    void make_inputs();
    void leave_out(const std::vector<std::size_t>& numbers);
    void leave_out_broken(std::size_t begin, std::size_t end);
    [[nodiscard]] std::vector<RefusedNumber> halve(Halving::Work& work,
                                                   const Halving::Range& range);

    Session& session_;
    const SqlStatements statements_;
    Staging staging_;
    Halving halving_;
    StagedChecks checks_;
    std::set<std::size_t> absent_;  ///< of what is filled in
    bool may_be_indexed_ = false;   ///< a transaction that was rolled back took its index along
};

}  // namespace sluice
