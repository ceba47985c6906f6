#pragma once

#include "sinks/copy/copy_rows.h"

#include <cstddef>
#include <string>
#include <vector>

namespace sluice {

/// The temporary table is there and does not take the rows: mostly for a value that its column's
/// type does not read.
class NotStaged : public DatabaseError {
public:
    explicit NotStaged(const DatabaseError& error) : DatabaseError(error) {}
};

/// Rows of a batch in a temporary table of the session, each with a number: for statements about
/// rows that their own table has not got yet. Used inside one transaction after the other; none
/// leaves a row behind. Needs the right to create temporary tables.
class StagedRows {
public:
    /// `name`: how the table's begins. `columns`: of the rows, in their order.
    /// `fill`: how full its blocks get, in percent.
    StagedRows(Session& session, std::string name, std::string qualified_target,
               std::vector<std::string> columns, int fill = 100);

    /// Which columns, by their index in the rows, the table has from now on, of the types that the
    /// target's have now.
    void choose(std::vector<std::size_t> taken);
    /// Whether the target's columns still are of these types.
    [[nodiscard]] bool fits() const { return types_ == types(); }
    /// The rows [begin, end) as `changes` leave them, instead of what is there. Throws NotStaged.
    void fill(const EncodedRows& rows, CopyForm form, std::size_t begin, std::size_t end,
              const RowChanges& changes);

    /// Qualified, quoted; empty: none was chosen.
    [[nodiscard]] const std::string& table() const { return table_; }
    /// Quoted name of the column that counts the rows from 0 on.
    [[nodiscard]] const std::string& number() const { return number_; }
    [[nodiscard]] std::size_t count() const { return rows_.size(); }
    [[nodiscard]] std::size_t row_of(std::int64_t number) const {
        return rows_.at(static_cast<std::size_t>(number));
    }

private:
    [[nodiscard]] std::string types() const;
    void copy(const EncodedRows& rows, CopyForm form, std::size_t begin, std::size_t end,
              const RowChanges& changes);
    void append(std::string& to, std::string_view row, CopyForm form) const;

    Session& session_;
    const std::string name_;
    const std::string target_;
    const std::vector<std::string> columns_;
    const int fill_;
    const std::string number_;
    std::vector<std::size_t> taken_;
    std::string types_;  ///< of its columns, with their names
    std::string table_;
    std::string create_;  ///< again each time: it is rolled back with the transaction that made it
    std::vector<std::size_t> rows_;  ///< index of each that is staged
};

}  // namespace sluice
