#pragma once

#include "sinks/load/isolation/offenders.h"
#include "sinks/load/isolation/table_shape.h"
#include "sinks/load/staging.h"

#include <cstddef>
#include <string>
#include <vector>

namespace sluice {

/// Finds, of rows that come from a temporary table, all that break a CHECK of the table that an
/// INSERT is to bring them into, or that no partition of it takes: the statement stops at each.
/// Looks where one has just stopped, and for as long as it finds some. CHECKs that call something
/// volatile are left to the statement, as are those of a table whose triggers may change rows. One
/// per loader, used inside its transactions. Throws DatabaseError for trouble of the world.
class StagedChecks {
public:
    /// `table`: qualified, quoted. `columns`: those that the INSERT fills; the rows have them
    /// under the same names.
    StagedChecks(Session& session, std::string table, std::vector<std::string> columns);

    void begin_load() {
        found_some_ = false;
        refused_.clear();
    }
    /// A statement has stopped at this: whether that may be a CHECK.
    [[nodiscard]] bool suspect(const DatabaseError& error);
    [[nodiscard]] bool expects_some() const { return expects_some_; }
    /// Numbers of those that are to be taken out. `rows`: for FROM, under the name s. `number`: the
    /// column that counts them, quoted.
    [[nodiscard]] std::vector<std::size_t> find(const std::string& rows, const std::string& number);
    /// Adds why those that were found since the last time are refused.
    void move_refused(std::vector<RefusedNumber>& to);
    /// When the rows are in the table, which nobody can alter from then on to the transaction's
    /// end. Throws DatabaseError if it is not what rows were refused for.
    void end_load();

private:
    [[nodiscard]] TableShape read() const {
        return read_shape(session_, table_, columns_, Triggers::leave);
    }

    Session& session_;
    const std::string table_;
    const std::vector<std::string> columns_;
    TableShape shape_;  ///< as last read
    bool knows_ = false;
    bool expects_some_ = false;
    bool found_some_ = false;
    std::vector<RefusedNumber> refused_;  ///< and not moved yet
};

}  // namespace sluice
