#include "tests/bench/report.h"

#include "tests/bench/measure.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace sluice::bench {

void Report::heading(const std::string& text) {
    std::printf("\n%s\n", text.c_str());
    std::fflush(stdout);
}

void Report::line(const std::string& text) {
    std::printf("  %s\n", text.c_str());
    std::fflush(stdout);
}

void Report::table(const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    }
    for (const auto& row : rows) {
        std::string text;
        for (std::size_t i = 0; i < row.size(); ++i) {
            const std::string padding(widths[i] - row[i].size(), ' ');
            // The first column holds names, the others figures.
            text += i == 0 ? row[i] + padding : "  " + padding + row[i];
        }
        line(text);
    }
}

std::string whole(double value) {
    const std::string digits = fixed(value, 0);
    std::string text;
    for (std::size_t i = 0; i < digits.size(); ++i) {
        if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
        text += digits[i];
    }
    return text;
}

std::string fixed(double value, int digits) {
    std::array<char, 64> text;
    std::snprintf(text.data(), text.size(), "%.*f", digits, value);
    return text.data();
}

std::string spread(const std::vector<double>& values) {
    const auto [least, greatest] = std::ranges::minmax(values);
    return whole(median(values)) + " (" + whole(least) + " - " + whole(greatest) + ")";
}

std::string spread(const std::vector<double>& values, int digits) {
    const auto [least, greatest] = std::ranges::minmax(values);
    return fixed(median(values), digits) + " (" + fixed(least, digits) + " - " +
           fixed(greatest, digits) + ")";
}

}  // namespace sluice::bench
