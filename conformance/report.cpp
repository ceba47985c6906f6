#include "conformance/report.h"

#include <algorithm>

namespace sluice::conformance {
namespace {

/// A cell of a Markdown table holds neither of these.
std::string in_cell(std::string text) {
    std::ranges::replace(text, '\n', ' ');
    for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2)
        text.insert(at, "\\");
    return text;
}

const char* name_of(Result::Kind kind) {
    switch (kind) {
        case Result::Kind::passed:
            return "passed";
        case Result::Kind::skipped:
            return "skipped";
        case Result::Kind::differs:
            break;
    }
    return "**differs**";
}

}  // namespace

void print_table(std::ostream& to, const std::string& server, const std::vector<Result>& results) {
    to << "| | " << in_cell(server) << " |\n|---|---|\n";
    std::string group;
    for (const Result& result : results) {
        if (result.group != group) to << "| **" << in_cell(result.group) << "** | |\n";
        group = result.group;
        to << "| " << in_cell(result.name) << " | " << in_cell(describe(result)) << " |\n";
    }
}

std::string sums_of(const std::vector<Result>& results) {
    const auto count = [&](Result::Kind kind) {
        return std::to_string(std::ranges::count(results, kind, &Result::kind));
    };
    return count(Result::Kind::passed) + " passed, " + count(Result::Kind::skipped) + " skipped, " +
           count(Result::Kind::differs) + " differ";
}

std::string describe(const Result& result) {
    const std::string text = name_of(result.kind);
    return result.note.empty() ? text : text + ": " + result.note;
}

}  // namespace sluice::conformance
