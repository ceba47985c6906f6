#pragma once

#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::conformance {

class Site;

/// This server, or this run, cannot show it. The text says why.
class Skipped : public std::runtime_error {
    using runtime_error::runtime_error;
};

/// It does not hold. The text says what was found, and what was to be found.
class Differs : public std::runtime_error {
    using runtime_error::runtime_error;
};

/// Throws Differs.
void expect(bool holds, const std::string& what);
void expect_equal(std::string_view what, const std::string& found, const std::string& expected);

/// Something that has to hold for Sluice to keep its promises on a server.
struct Case {
    std::string group;
    std::string name;
    /// Returns what it showed besides, such as a cost; empty: nothing. Throws Skipped, and whatever
    /// else when it does not hold.
    std::function<std::string(Site&)> run;
};

/// Whether the case's group or name holds the text.
[[nodiscard]] bool is_among(const Case& one, const std::string& text);
/// In the order in which they run.
[[nodiscard]] std::vector<Case> all_cases();

// The groups, a file each.
[[nodiscard]] std::vector<Case> own_table_cases();
[[nodiscard]] std::vector<Case> storage_cases();
[[nodiscard]] std::vector<Case> column_cases();
[[nodiscard]] std::vector<Case> segment_cases();
[[nodiscard]] std::vector<Case> writable_cases();
[[nodiscard]] std::vector<Case> refusal_cases();
[[nodiscard]] std::vector<Case> book_cases();
[[nodiscard]] std::vector<Case> commit_cases();
[[nodiscard]] std::vector<Case> writer_cases();
[[nodiscard]] std::vector<Case> change_cases();
[[nodiscard]] std::vector<Case> altered_cases();
[[nodiscard]] std::vector<Case> right_cases();
[[nodiscard]] std::vector<Case> outbox_cases();

}  // namespace sluice::conformance
