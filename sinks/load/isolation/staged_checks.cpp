#include "sinks/load/isolation/staged_checks.h"

#include <algorithm>
#include <iterator>
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

std::vector<std::size_t> StagedChecks::find(const std::string& rows, const std::string& number) {
    if (!std::exchange(knows_, true)) {
        const TableShape before = std::exchange(shape_, read());
        if (found_some_ && before != shape_) throw table_has_changed();
    }
    Constraints checks;
    for (const TableConstraint& constraint : shape_.constraints)
        if (constraint.kind == TableConstraint::Kind::check && !constraint.is_volatile)
            checks.push_back(&constraint);
    if (checks.empty()) return {};
    Rows broken;
    session_.run("SAVEPOINT c");
    try {
        broken = session_.exec(broken_checks(checks, "s." + number, rows));
        session_.run("RELEASE SAVEPOINT c");
    } catch (const DatabaseError& error) {
        // An expression fails for some row: the statement finds which.
        if (!may_be_a_rows(session_, error)) throw;
        session_.run("ROLLBACK TO SAVEPOINT c;RELEASE SAVEPOINT c");
        return {};
    }
    std::vector<std::size_t> numbers;
    for (std::size_t row = 0; row < broken.rows.size(); ++row) {
        numbers.push_back(static_cast<std::size_t>(broken.number(row, 0)));
        refused_.push_back(
            {numbers.back(), {{"", shortened_reason(complaint_of(checks, broken, row))}}});
    }
    found_some_ |= !numbers.empty();
    return numbers;
}

void StagedChecks::move_refused(std::vector<RefusedNumber>& to) {
    std::ranges::move(refused_, std::back_inserter(to));
    refused_.clear();
}

void StagedChecks::end_load() {
    expects_some_ = found_some_;
    if (!found_some_ || read() == shape_) return;
    knows_ = false;
    throw table_has_changed();
}

}  // namespace sluice
