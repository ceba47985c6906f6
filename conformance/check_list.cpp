#include "conformance/check_list.h"

namespace sluice::conformance {

void expect(bool holds, const std::string& what) {
    if (!holds) throw Differs(what);
}

void expect_equal(std::string_view what, const std::string& found, const std::string& expected) {
    if (found != expected)
        throw Differs(std::string(what) + ": \"" + found + "\", not \"" + expected + "\"");
}

bool is_among(const Case& one, const std::string& text) {
    return (one.group + ": " + one.name).find(text) != std::string::npos;
}

std::vector<Case> all_cases() {
    std::vector<Case> all;
    for (const auto& group : {own_table_cases, column_cases, storage_cases, segment_cases,
                              writable_cases, refusal_cases, book_cases, commit_cases, writer_cases,
                              change_cases, altered_cases, right_cases, outbox_cases})
        for (Case& one : group()) all.push_back(std::move(one));
    return all;
}

}  // namespace sluice::conformance
