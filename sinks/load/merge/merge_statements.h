#pragma once

#include "config/config.h"
#include "pipeline/mapping/row_mapper.h"
#include "pipeline/table.h"
#include "sinks/load/sql/sql_statements.h"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sluice {

/// What changes are made to, and how.
struct MergeTarget {
    Table table;
    std::vector<std::string> columns;  ///< that changes speak of
    std::vector<std::string> key;      ///< RowMapper::key()
    std::string order{};               ///< the column that says which change is newer; empty: none
    config::Mode mode = config::Mode::merge;
    std::string schema{};            ///< of Sluice's own tables
    std::optional<SqlTarget> sql{};  ///< what `columns` get; none: RowMapper::columns() as they are
};

/// Changes of one kind that are staged one behind the other.
struct MergeStep {
    bool removes = false;
    std::vector<bool> kept;  ///< columns that stay as they are; empty: none
    bool sorted = false;     ///< they are staged in the order of their keys
    std::size_t begin = 0;   ///< numbers of the staged rows
    std::size_t end = 0;
};

/// What the database decides of a staging table.
struct StagingForm {
    bool mpp = false;
    std::map<std::string, std::string> types;  ///< by column: other ones than the target has
};

/// The SQL of a merge. Changes are staged in a temporary table of the session with a number each,
/// and statements make those of a range of numbers. Of a table whose key is a plain unique index it
/// is INSERT … ON CONFLICT, which always probes that index; else UPDATE, and INSERT of what is not
/// there.
class MergeStatements {
public:
    explicit MergeStatements(MergeTarget target);

    [[nodiscard]] const MergeTarget& target() const { return target_; }
    /// Whether the table has columns that no change speaks of.
    [[nodiscard]] bool has_other_columns() const { return !others_.empty(); }

    /// Quoted; a relation of the schema of temporary tables.
    [[nodiscard]] const std::string& staging() const { return staging_; }
    /// The staged changes that a statement is about, for FROM, under the name s.
    [[nodiscard]] std::string staged(const std::string& which) const {
        return "(SELECT * FROM " + staging_ + " s WHERE " + which + ") s";
    }
    [[nodiscard]] const std::string& number() const { return number_; }
    /// Of the staging table, in the order of the staged rows: the number comes first, and then,
    /// where there is an order, the bytes of the key and of the place in it, as leading_columns()
    /// has them.
    [[nodiscard]] const std::vector<std::string>& staged_columns() const { return staged_columns_; }
    [[nodiscard]] std::vector<std::string> leading_columns() const;
    /// Of the fields of a change, in their order: which are its key, or its place in the order.
    [[nodiscard]] std::vector<bool> place_fields() const;
    /// Of the staging table, where these alone are staged: as staged_columns() has them.
    [[nodiscard]] std::vector<std::string> place_columns() const;
    /// Makes the staging table where this session has none; on an MPP database it has to have none.
    [[nodiscard]] std::string make_staging(const StagingForm& form) const;
    /// A query, of one boolean.
    [[nodiscard]] std::string has_staging() const;
    [[nodiscard]] std::string empty_staging() const;

    /// Forgets staged changes.
    [[nodiscard]] std::string leave_out(const std::vector<std::size_t>& numbers) const;
    /// Takes staged changes out of all ranges, and takes them back.
    [[nodiscard]] std::string set_aside(const std::vector<std::size_t>& numbers) const;
    [[nodiscard]] std::string take_back() const;
    /// Where statements are about few changes each.
    [[nodiscard]] std::string index_staging() const;
    [[nodiscard]] std::string drop_index() const;

    /// Waits until nobody else merges into the table, to the transaction's end: on an MPP database
    /// such statements lock it as a whole, whichever rows they are about.
    [[nodiscard]] std::string take_turn() const;
    [[nodiscard]] std::string empty_table() const { return "DELETE FROM " + name_; }
    /// What the planner must not do for a batch's sake: read the whole table. Until plan_freely().
    [[nodiscard]] std::string probe_only() const;
    [[nodiscard]] std::string plan_freely() const;

    /// Where there is an order: forget staged changes that are older than the table's row, or than
    /// its removal, and tell their numbers.
    [[nodiscard]] std::vector<std::string> leave_out_older() const;
    /// Which staged changes a statement is about: "s" names the staging table.
    [[nodiscard]] std::string range(std::size_t begin, std::size_t end) const;
    [[nodiscard]] std::string among(const std::vector<std::size_t>& numbers,
                                    const std::string& staged = "s.") const;

    /// Tells which of these numbers' rows are not there.
    [[nodiscard]] std::string without_row(const std::vector<std::size_t>& numbers) const;
    /// Whether what makes a step's changes is an INSERT of each, whatever is there.
    [[nodiscard]] bool inserts_all(const MergeStep& step) const;
    /// Makes changes of a step.
    [[nodiscard]] std::string apply(const MergeStep& step, const std::string& which) const;
    /// In mode update: one statement that tells which numbers had a row.
    [[nodiscard]] std::string update(const MergeStep& step, const std::string& which) const;

    /// For values that go from one row to another where a DELETE does more than that: makes those
    /// NULL that changes of a step replace, so that apply() can make them in any order.
    [[nodiscard]] bool can_leave_values() const;
    [[nodiscard]] std::string leave_values(const MergeStep& step, const std::string& which) const;
    /// For the same elsewhere: keeps aside what changes of a step leave of their rows, takes rows
    /// out, and puts them in.
    [[nodiscard]] std::string keep_aside(const MergeStep& step, const std::string& which) const;
    [[nodiscard]] std::string take_out(const std::string& which) const;
    [[nodiscard]] std::string put_in(const std::string& which) const;
    /// Tells of changes of a step whose value of a unique index is another row's: their number, and
    /// that of the change of that row, if it is among the `waiting`. Empty: no index can tell.
    [[nodiscard]] std::string taken_values(const MergeStep& step, const std::string& which,
                                           const std::vector<std::size_t>& waiting) const;
    /// Tells whether rows of the table refer to others of it.
    [[nodiscard]] std::string refers_to_itself() const;

private:
    [[nodiscard]] bool in_key(const std::string& column) const;
    [[nodiscard]] std::vector<std::string> fields() const;
    [[nodiscard]] bool finds_few(const Index& index) const;
    [[nodiscard]] std::string same_key(const std::string& staged = "s.") const;
    [[nodiscard]] bool is_said(const MergeStep& step, const std::string& column) const;
    [[nodiscard]] bool may_be_null(const std::string& column) const;
    [[nodiscard]] bool holds_values(const Index& index) const;
    [[nodiscard]] std::string is_missing() const;
    [[nodiscard]] std::string remove(const std::string& which) const;
    [[nodiscard]] std::string remember(const std::string& which) const;
    [[nodiscard]] std::string no_newer(const std::string& stored, const std::string& staged) const;
    [[nodiscard]] std::string insert(const std::vector<std::string>& columns) const;
    [[nodiscard]] std::string by_key() const;
    [[nodiscard]] std::string upsert(const MergeStep& step, const std::string& which) const;
    [[nodiscard]] std::vector<std::string> changed_columns(const MergeStep& step) const;
    [[nodiscard]] std::string insert_missing(const MergeStep& step, const std::string& which) const;

    const MergeTarget target_;
    const std::string name_;           ///< of the target, qualified
    std::vector<std::string> others_;  ///< columns that no change speaks of and that can be put
    std::string number_;               ///< column of the staging table, quoted
    std::string known_;                ///< the same: whether there was a row
    std::string key_bytes_;            ///< the same, where there is an order
    std::string position_;             ///< the same: the place in the order
    std::vector<std::string> staged_columns_;
    std::string staging_;
    bool has_arbiter_ = false;  ///< a unique index that ON CONFLICT can name
    bool has_index_ = false;    ///< one that finds few rows by key
};

}  // namespace sluice
