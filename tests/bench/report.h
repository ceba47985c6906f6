#pragma once

#include <string>
#include <vector>

namespace sluice::bench {

/// Figures for people, on standard output as they come in; plain text that fits into a document.
class Report {
public:
    void heading(const std::string& text);
    /// A table: all rows are printed at once, so that columns line up.
    void table(const std::vector<std::vector<std::string>>& rows);
    void line(const std::string& text);
};

/// "1,234,567"
[[nodiscard]] std::string whole(double value);
/// With this many digits behind the point.
[[nodiscard]] std::string fixed(double value, int digits);
/// The median, and the least and greatest: "1,000 (900 - 1,100)".
[[nodiscard]] std::string spread(const std::vector<double>& values);
[[nodiscard]] std::string spread(const std::vector<double>& values, int digits);

}  // namespace sluice::bench
