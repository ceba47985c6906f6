#include "sinks/load/sql/sql_load.h"

#include "pipeline/fail_point.h"
#include "sinks/session/server_family.h"

#include <utility>

namespace sluice {

/// `where`, judged over pieces.
class SqlLoad::Filtering : public Halving::Work {
public:
    Filtering(SqlLoad& load, std::set<std::size_t>& filtered) : load_(load), filtered_(filtered) {}

    void make(const std::string& before, std::size_t begin, std::size_t end) override {
        load_.session_.run(before);
        const auto out = numbers_in(load_.session_.exec(load_.statements_.filter(begin, end)));
        filtered_.insert(out.begin(), out.end());
    }
    void attempt(const std::string& before, std::size_t begin, std::size_t end) override {
        load_.session_.run(before + load_.statements_.filter(begin, end));
    }
    [[nodiscard]] std::string none() const override { return "a judgement of no row"; }

private:
    SqlLoad& load_;
    std::set<std::size_t>& filtered_;
};

class SqlLoad::Inserting : public Halving::Work {
public:
    Inserting(SqlLoad& load, const std::vector<bool>& without) : load_(load), without_(without) {}

    void make(const std::string& before, std::size_t begin, std::size_t end) override {
        load_.session_.run(before + load_.statements_.insert(begin, end, without_));
    }
    /// Who breaks a CHECK need not be tried one by one.
    [[nodiscard]] bool takes_out(const std::string& before, const DatabaseError& error,
                                 std::size_t begin, std::size_t end) override {
        if (!load_.checks_.suspect(error) || std::exchange(checked_, true)) return false;
        load_.session_.run(before);
        load_.leave_out_broken(begin, end);
        return true;
    }
    [[nodiscard]] std::string none() const override { return "an INSERT of no row"; }

private:
    SqlLoad& load_;
    const std::vector<bool>& without_;
    bool checked_ = false;
};

SqlLoad::SqlLoad(Session& session, const SqlTarget& target, const SqlStatements::Into& into,
                 const StagingWay& way)
    : session_(session),
      statements_(target, into),
      staging_(session, {.table = statements_.inputs(),
                         .columns = statements_.input_columns(),
                         .nulls_for_invalid = nulls_for_invalid(target.inputs, way.on_invalid),
                         .segments = way.segments}),
      halving_(session),
      checks_(session, into.relation, target.columns) {}

void SqlLoad::make_inputs() {
    session_.run(statements_.make_inputs(is_mpp(session_.family())));
}

void SqlLoad::fill(const NumberedRows& rows) {
    make_inputs();
    staging_.copy(rows);
    SLUICE_FAIL_POINT("sql_staged");
}

void SqlLoad::load(const TargetRows& rows) {
    make_inputs();
    staging_.copy_without_numbers(rows);
    SLUICE_FAIL_POINT("sql_staged");
    session_.run(statements_.insert_all());
}

std::set<std::size_t> SqlLoad::filter(std::size_t end) {
    const auto out = numbers_in(session_.exec(statements_.filter(0, end)));
    return {out.begin(), out.end()};
}

void SqlLoad::insert(std::size_t begin, std::size_t end, const std::vector<bool>& without) {
    session_.run(statements_.insert(begin, end, without));
}

void SqlLoad::begin_load(Alike alike) {
    staging_.begin_load(alike);
    halving_.begin_load(alike);
    checks_.begin_load();
}

std::vector<RefusedNumber> SqlLoad::fill_isolated(const NumberedRows& rows) {
    end_fill();
    make_inputs();
    std::vector<RefusedNumber> refused = staging_.copy_isolated(rows);
    if (rows.binary.rows.size() + rows.text.rows.size() > few_staged_rows) {
        session_.run(statements_.index_inputs());
        may_be_indexed_ = true;
    }
    absent_.clear();
    for (const RefusedNumber& each : refused) absent_.insert(each.number);
    return refused;
}

std::vector<RefusedNumber> SqlLoad::filter_isolated(std::size_t end,
                                                    std::set<std::size_t>& filtered) {
    Filtering filtering(*this, filtered);
    std::vector<RefusedNumber> refused = halve(filtering, {0, end, end});
    std::vector<std::size_t> numbers;
    for (const RefusedNumber& each : refused) numbers.push_back(each.number);
    leave_out(numbers);
    absent_.insert(filtered.begin(), filtered.end());
    return refused;
}

std::vector<RefusedNumber> SqlLoad::insert_isolated(std::size_t begin, std::size_t end,
                                                    std::size_t last,
                                                    const std::vector<bool>& without) {
    if (checks_.expects_some()) leave_out_broken(begin, end);
    Inserting inserting(*this, without);
    std::vector<RefusedNumber> refused = halve(inserting, {begin, end, last});
    checks_.move_refused(refused);
    return refused;
}

void SqlLoad::leave_out(const std::vector<std::size_t>& numbers) {
    if (numbers.empty()) return;
    session_.run(statements_.leave_out(numbers));
    absent_.insert(numbers.begin(), numbers.end());
}

void SqlLoad::leave_out_broken(std::size_t begin, std::size_t end) {
    leave_out(checks_.find(statements_.rows(begin, end), statements_.number()));
}

std::vector<RefusedNumber> SqlLoad::halve(Halving::Work& work, const Halving::Range& range) {
    halving_.run(work, range, absent_);
    halving_.end_savepoint();
    std::vector<RefusedNumber> refused = halving_.take_refused();
    for (const RefusedNumber& each : refused) absent_.insert(each.number);
    return refused;
}

/// Loads that find nobody to refuse would pay for it.
void SqlLoad::end_fill() {
    if (!may_be_indexed_) return;
    session_.run(statements_.drop_index());
    may_be_indexed_ = false;
}

void SqlLoad::end_load() {
    staging_.end_load();
    halving_.end_load();
    checks_.end_load();
    end_fill();
}

}  // namespace sluice
