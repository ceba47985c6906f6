#pragma once

#include "config/config.h"
#include "pipeline/table.h"

#include <cstddef>
#include <string>
#include <vector>

namespace sluice {

/// What a pipeline's SQL makes of what its records hold.
struct SqlTarget {
    Table table;
    std::vector<Column> inputs;         ///< RowMapper::columns()
    std::vector<std::string> columns;   ///< of the table: those that records fill, then SQL's
    std::vector<std::string> computed;  ///< SQL, of the last columns
    std::vector<std::vector<std::size_t>> reads;  ///< by expression: inputs
    std::string where;                            ///< empty: none
};

/// Throws WrongConfiguration as plan_columns() does. `table`: as read_target() found it.
[[nodiscard]] SqlTarget sql_target(const config::Ingest& ingest, const Table& table);

/// Statements over a temporary table of the session, of what records hold: typed fields, each row
/// with a number. Expressions see the fields by their names, or as record.name.
class SqlStatements {
public:
    /// Where the rows go. `columns`: bytea columns of it, filled before the target's, that have the
    /// same names in the temporary table. `number`: a column of it for the number; empty: none.
    struct Into {
        std::string relation{};
        std::string number{};
        std::vector<std::string> columns{};
    };
    SqlStatements(SqlTarget target, Into into);

    [[nodiscard]] const SqlTarget& target() const { return target_; }
    [[nodiscard]] const std::string& inputs() const { return inputs_; }
    /// In the order of the rows, the number first.
    [[nodiscard]] const std::vector<std::string>& input_columns() const { return input_columns_; }
    /// Makes the temporary table where this session has none, and leaves it empty.
    [[nodiscard]] std::string make_inputs(bool mpp) const;
    [[nodiscard]] std::string index_inputs() const;
    [[nodiscard]] std::string drop_index() const;

    /// Takes out rows that do not fulfil `where`, and tells their numbers.
    [[nodiscard]] std::string filter(std::size_t begin, std::size_t end) const;
    [[nodiscard]] std::string leave_out(const std::vector<std::size_t>& numbers) const;
    /// `without`: target().computed that stay NULL; empty: none.
    [[nodiscard]] std::string insert(std::size_t begin, std::size_t end,
                                     const std::vector<bool>& without = {}) const;
    /// The rows that insert() makes, as the table would have them, for FROM under the name s, with
    /// number(). A cast cuts what is too long, which insert() refuses, unless it is blanks.
    [[nodiscard]] std::string rows(std::size_t begin, std::size_t end) const;
    /// Quoted.
    [[nodiscard]] const std::string& number() const { return number_; }
    /// Of rows with numbers or without.
    [[nodiscard]] std::string insert_all(const std::vector<bool>& without = {}) const;
    /// One expression as it stands behind SELECT, and where in the statement it begins: its first
    /// character has this position, from 1.
    struct Probe {
        std::string sql;
        std::size_t at = 0;
    };
    /// Fails for what is no condition.
    [[nodiscard]] Probe explain_where() const;
    /// Fails for what is no expression over a single row, such as an aggregate.
    [[nodiscard]] Probe explain_over_row(const std::string& expression) const;
    /// Fails where the column cannot be given the expression's value, or may not.
    [[nodiscard]] Probe explain_insert(std::size_t computed) const;
    /// A temporary view with a column that has the expression's type.
    [[nodiscard]] std::string view_of(std::size_t computed, const std::string& name) const;

private:
    [[nodiscard]] std::string range(std::size_t begin, std::size_t end) const;
    [[nodiscard]] std::size_t first_computed() const {
        return target_.columns.size() - target_.computed.size();
    }

    /// Of a column of the target, by its place among them.
    [[nodiscard]] std::string value_of(std::size_t place) const;

    const SqlTarget target_;
    const Into into_;
    std::vector<std::string> input_columns_;
    std::string number_;  ///< quoted
    std::string inputs_;
};

}  // namespace sluice
