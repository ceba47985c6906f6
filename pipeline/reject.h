#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace sluice {

/// Why a record cannot become a row.
struct Reason {
    std::string column;  ///< empty: the record as a whole
    std::string text;    ///< lower case, for people
    bool operator==(const Reason&) const = default;
};

/// For messages: `column "a": "x" is not numeric; column "b": …`.
[[nodiscard]] std::string describe(const std::vector<Reason>& reasons);

/// What a dead letter keeps of a text: its beginning, whole characters of it.
[[nodiscard]] std::string shortened_reason(std::string text);

/// Why records are rejected, in a few classes.
enum class RejectCause { undecodable, missing, extra, invalid, refused, tombstone, unrouted };
inline constexpr std::size_t reject_causes = 7;
/// "undecodable" and so on: the same word in metrics and documentation.
[[nodiscard]] const char* name_of(RejectCause cause);

/// All reasons of one record, and the class of the first of them.
struct Rejection {
    std::vector<Reason> reasons;
    RejectCause cause = RejectCause::invalid;

    void add(RejectCause of, Reason reason) {
        if (reasons.empty()) cause = of;
        reasons.push_back(std::move(reason));
    }
};

}  // namespace sluice
