#pragma once

#include "sinks/copy/copy_rows.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sluice {

/// A value that its column's type does not read.
struct UnreadableValue {
    std::size_t row = 0;
    Reason reason;
};

/// Finds the values that the database can not read, by offering those of a column to its type's
/// input function, many at once: COPY stops at each of them. It does so when COPY has stumbled, and
/// for as long as it finds what a COPY would stumble over. One per form of COPY.
class ValueJudge {
public:
    ValueJudge(Session& session, CopyStatement copy) : session_(session), copy_(std::move(copy)) {}

    /// Before rows are loaded, and outside a transaction: what can not be read in the columns that
    /// are suspected, by column and row. Throws DatabaseError.
    [[nodiscard]] std::vector<UnreadableValue> judge(const EncodedRows& rows);
    /// COPY failed since, in this column as its error's text has it; empty: it names none.
    void note(const std::string& column);
    /// Among so many rows it will very likely find some.
    [[nodiscard]] bool expects_some(std::size_t rows) const {
        return stumbled_ || (gap_ > 0 && gap_ < static_cast<double>(rows));
    }

private:
    /// A column's values, each once: labels, and what stands for nothing, come often.
    struct Values {
        std::vector<std::string> distinct;
        std::vector<std::optional<std::uint32_t>> of_row;  ///< which of them; nullopt: NULL
    };

    [[nodiscard]] std::int64_t type_of(const std::string& column);
    [[nodiscard]] Values values_of(const EncodedRows& rows, std::size_t column) const;
    [[nodiscard]] std::map<std::uint32_t, DatabaseError> offer(
        std::int64_t type, const std::vector<std::string>& values);
    [[nodiscard]] std::map<std::uint32_t, DatabaseError> refused(const std::string& column,
                                                                 const Values& values);

    Session& session_;
    const CopyStatement copy_;
    std::set<std::string> suspects_;
    std::set<std::string> judged_;  ///< of the rows that are being loaded
    std::set<std::string> beyond_;  ///< COPY refuses there what the input function alone takes
    bool stumbled_ = false;         ///< over a suspect that has not been judged yet
    double gap_ = 0;                ///< rows per unreadable value, as last judged; 0: there is none
};

}  // namespace sluice
