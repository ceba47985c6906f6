#pragma once

#include "config/config.h"
#include "daemon/commands/peek/peek_output.h"

#include <cstdint>
#include <string>
#include <vector>

namespace sluice {

/// What was shown of one target's rows.
class ShownRows {
public:
    explicit ShownRows(const config::Ingest& ingest);

    void note(const Peeked& peeked, bool is_judged);
    /// Columns for which no row had a value: names may differ from what the mapping says; empty:
    /// each had one once, or there were no rows.
    [[nodiscard]] std::string unfilled(const std::vector<std::string>& columns) const;
    /// What nobody but the database can tell of these rows; empty: nothing.
    [[nodiscard]] std::string not_judged() const;

private:
    std::string sql_;
    std::int64_t rows_ = 0;
    std::vector<bool> filled_;  ///< of each column, whether some row had a value
    std::int64_t not_judged_ = 0;
    std::string first_not_judged_;
};

}  // namespace sluice
