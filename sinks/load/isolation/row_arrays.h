#pragma once

#include "sinks/load/isolation/queried_rows.h"

namespace sluice {

/// As parameters of the statement, an array for each column. Only of rows in COPY's binary form,
/// whose fields are elements of an array as they are. What an MPP database is asked of them alone,
/// its coordinator answers, and no segment.
class RowArrays : public QueriedRows {
public:
    /// `columns`: of the rows, in their order.
    RowArrays(Session& session, std::vector<std::string> columns);

    [[nodiscard]] bool choose(std::vector<std::size_t> taken, const SqlTypes& types) override;
    [[nodiscard]] std::size_t take(const RowRange& range) override;
    [[nodiscard]] std::string rows_as(const std::string& alias) const override;
    [[nodiscard]] const std::string& number() const override { return number_; }
    [[nodiscard]] std::size_t row_of(std::int64_t number) const override {
        return rows_.at(static_cast<std::size_t>(number));
    }
    /// Also throws for a value that its column's type does not read.
    [[nodiscard]] Rows exec(const std::string& sql) override;

private:
    struct Taken {
        std::size_t index = 0;
        SqlType type;
        std::string array{};  ///< of the latest take
    };

    Session& session_;
    const std::vector<std::string> columns_;
    const std::string number_;
    std::vector<Taken> taken_;       ///< in the order of the rows
    std::vector<std::size_t> rows_;  ///< index of each of the latest take
};

}  // namespace sluice
