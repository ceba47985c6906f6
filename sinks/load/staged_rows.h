#pragma once

#include "sinks/copy/copy_rows.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace sluice {

/// Rows were to be looked at, and what they were sent to does not take them: mostly for a value
/// that its column's type does not read.
class NotStaged : public DatabaseError {
public:
    explicit NotStaged(const DatabaseError& error) : DatabaseError(error) {}
};

/// Rows of a batch in a temporary table of the session, each with a number: for statements about
/// rows that their own table has not got yet. Used inside one transaction after the other; none
/// leaves a row behind. Needs the right to create temporary tables.
class StagedRows {
public:
    struct Options {
        std::string name{};                  ///< how the table's begins
        std::string target{};                ///< qualified, quoted
        std::vector<std::string> columns{};  ///< of the rows, in their order
        int fill = 100;                      ///< how full the table's blocks get, in percent
        /// The table has no other rows, and its blocks have these in their order.
        bool alone = false;
    };
    StagedRows(Session& session, Options options);

    /// Which columns, by their index in the rows, the table has from now on, of the types that the
    /// target's have now.
    void choose(std::vector<std::size_t> taken);
    /// Whether the target's columns still are of these types.
    [[nodiscard]] bool fits() const { return types_ == types(); }
    /// The rows [begin, end) as `changes` leave them. Throws NotStaged.
    void fill(const EncodedRows& rows, CopyForm form, std::size_t begin, std::size_t end,
              const RowChanges& changes);

    /// Qualified, quoted; empty: none was chosen.
    [[nodiscard]] const std::string& table() const { return table_; }
    /// Of the latest fill, for FROM. Numbers only grow, so what is left of others is below.
    [[nodiscard]] std::string rows_as(const std::string& alias) const {
        return "(SELECT * FROM " + table_ + " WHERE " + number_ + " >= " + std::to_string(first_) +
               ") " + alias;
    }
    /// Quoted name of the column that counts the rows; where they are alone, from 0 on.
    [[nodiscard]] const std::string& number() const { return number_; }
    [[nodiscard]] std::size_t count() const { return rows_.size(); }
    [[nodiscard]] std::size_t row_of(std::int64_t number) const {
        return rows_.at(static_cast<std::size_t>(number) - first_);
    }

private:
    [[nodiscard]] std::string types() const;
    [[nodiscard]] std::string distribution() const;
    void copy(const EncodedRows& rows, CopyForm form, std::size_t begin, std::size_t end,
              const RowChanges& changes);
    void append(std::string& to, std::string_view row, CopyForm form) const;

    Session& session_;
    const Options options_;
    const std::string number_;
    std::vector<std::size_t> taken_;
    std::string types_;  ///< of its columns, with their names
    std::string table_;
    std::string create_;  ///< again each time: it is rolled back with the transaction that made it
    std::vector<std::size_t> rows_;  ///< index of each that is staged
    std::size_t first_ = 0;          ///< number of the first of them
    std::size_t emptied_ = 0;        ///< what first_ was at the latest TRUNCATE
};

}  // namespace sluice
