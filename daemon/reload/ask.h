#pragma once

#include "sinks/catalogue/finding.h"

#include <algorithm>
#include <exception>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

namespace sluice {

/// Whether the question could be answered; why not is a finding.
template <typename Question>
bool ask(const std::string& where, std::vector<Finding>& findings, Question question) {
    try {
        question();
        return true;
    } catch (const std::exception& error) {
        findings.push_back({Finding::Severity::error, where, error.what()});
        return false;
    }
}

inline void append(std::vector<Finding>& findings, std::vector<Finding> more) {
    std::ranges::move(more, std::back_inserter(findings));
}

}  // namespace sluice
