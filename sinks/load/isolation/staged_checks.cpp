#include "sinks/load/isolation/staged_checks.h"

#include <utility>

namespace sluice {

StagedChecks::StagedChecks(Session& session, std::string table, std::vector<std::string> columns)
    : session_(session), table_(std::move(table)), columns_(std::move(columns)) {}

bool StagedChecks::suspect(const DatabaseError& error) {
    // 22M01: no partition, on Greenplum and Cloudberry.
    if (error.sqlstate() != "23514" && error.sqlstate() != "22M01") return false;
    knows_ = false;
    return true;
}

std::vector<RefusedNumber> StagedChecks::find(const std::string& rows, const std::string& number) {
    if (!std::exchange(knows_, true)) {
        const TableShape before = std::exchange(shape_, read());
        if (found_some_ && before != shape_) throw table_has_changed();
    }
    Constraints checks;
    for (const TableConstraint& constraint : shape_.constraints)
        if (constraint.kind == TableConstraint::Kind::check && !constraint.is_volatile)
            checks.push_back(&constraint);
    if (checks.empty()) return {};
    std::vector<RefusedNumber> refused;
    session_.run("SAVEPOINT c");
    try {
        const Rows broken = session_.exec(broken_checks(checks, "s." + number, rows));
        for (std::size_t row = 0; row < broken.rows.size(); ++row)
            refused.push_back({static_cast<std::size_t>(broken.number(row, 0)),
                               {{"", shortened_reason(complaint_of(checks, broken, row))}}});
        session_.run("RELEASE SAVEPOINT c");
    } catch (const DatabaseError& error) {
        // An expression fails for some row: the statement finds which.
        if (!may_be_a_rows(session_, error)) throw;
        session_.run("ROLLBACK TO SAVEPOINT c;RELEASE SAVEPOINT c");
        return {};
    }
    found_some_ |= !refused.empty();
    return refused;
}

void StagedChecks::end_load() {
    expects_some_ = found_some_;
    if (!found_some_ || read() == shape_) return;
    knows_ = false;
    throw table_has_changed();
}

}  // namespace sluice
