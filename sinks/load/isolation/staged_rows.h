#pragma once

#include "sinks/load/isolation/queried_rows.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// In a temporary table of the session. Used inside one transaction after the other; none leaves a
/// row behind. Needs the right to create temporary tables.
class StagedRows : public QueriedRows {
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

    /// What its table has besides rows, from the next choose() on.
    struct Besides {
        std::string columns{};  ///< each behind a comma, as CREATE TABLE has them
        /// Statements behind CREATE TABLE, given its name; in each take(), so they have to see for
        /// themselves whether what they make is there.
        std::function<std::string(const std::string& table)> make{};
    };
    void have(Besides besides) { besides_ = std::move(besides); }

    /// Always true.
    bool choose(std::vector<std::size_t> taken, const SqlTypes& types) override;
    /// All of them.
    std::size_t take(const RowRange& range) override;

    /// Qualified, quoted; empty: none was chosen.
    [[nodiscard]] const std::string& table() const { return table_; }
    /// Numbers only grow, so what is left of others is below.
    [[nodiscard]] std::string rows_as(const std::string& alias) const override {
        return "(SELECT * FROM " + table_ + " WHERE " + number_ + " >= " + std::to_string(first_) +
               ") " + alias;
    }
    /// Where they are alone, from 0 on.
    [[nodiscard]] const std::string& number() const override { return number_; }
    [[nodiscard]] std::size_t count() const { return rows_.size(); }
    [[nodiscard]] std::size_t row_of(std::int64_t number) const override {
        return rows_.at(static_cast<std::size_t>(number) - first_);
    }
    [[nodiscard]] Rows exec(const std::string& sql) override { return session_.exec(sql); }

private:
    [[nodiscard]] std::string distribution() const;
    void copy(const RowRange& range);
    void append(std::string& to, std::string_view row, CopyForm form) const;

    Session& session_;
    const Options options_;
    const std::string number_;
    Besides besides_;
    std::vector<std::size_t> taken_;
    std::string table_;
    std::string fields_;  ///< the names of what it gets, for COPY
    std::string create_;  ///< again each time: it is rolled back with the transaction that made it
    std::vector<std::size_t> rows_;  ///< index of each that is staged
    std::size_t first_ = 0;          ///< number of the first of them
    std::size_t emptied_ = 0;        ///< what first_ was at the latest TRUNCATE
};

}  // namespace sluice
