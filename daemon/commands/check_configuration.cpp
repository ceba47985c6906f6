#include "daemon/commands/commands.h"
#include "daemon/commands/usable_configuration.h"
#include "daemon/reload/pipeline_checks.h"
#include "daemon/report/report.h"

#include <algorithm>
#include <iostream>
#include <map>
#include <set>
#include <utility>

namespace sluice {
namespace {

using Severity = Finding::Severity;

const char* name_of(Severity severity) {
    switch (severity) {
        case Severity::hint:
            return "hint";
        case Severity::warning:
            return "warning";
        case Severity::error:
            break;
    }
    return "error";
}

/// A hint that is one for many pipelines is read once, with their names before it.
std::vector<Finding> hints_told_once(const std::vector<Finding>& findings) {
    constexpr std::size_t most_names = 5;
    std::vector<Finding> told;
    std::map<std::pair<std::string, std::string>, std::vector<std::string>> names;
    for (const Finding& finding : findings) {
        if (finding.severity == Severity::hint) {
            auto& same = names[{finding.text, finding.remedy}];
            same.push_back(finding.where);
            if (same.size() > 1) continue;
        }
        told.push_back(finding);
    }
    for (Finding& finding : told) {
        if (finding.severity != Severity::hint) continue;
        const auto& same = names[{finding.text, finding.remedy}];
        for (std::size_t i = 1; i < std::min(same.size(), most_names); ++i)
            finding.where += ", " + same[i];
        if (same.size() > most_names)
            finding.where += " and " + std::to_string(same.size() - most_names) + " more";
    }
    return told;
}

void print_table(const CheckedPipelines& checked) {
    for (const auto& [pipeline, text] : checked.fit) {
        std::cout << "ok       " << pipeline << ": " << text << '\n';
    }
    for (const Finding& finding : hints_told_once(checked.findings)) {
        std::string severity = name_of(finding.severity);
        severity.resize(9, ' ');
        std::cout << severity << to_string(finding) << '\n';
    }
}

void print_json(const CheckedPipelines& checked) {
    JsonWriter json;
    json.begin_object().key("pipelines").begin_array();
    for (const auto& [pipeline, text] : checked.fit) {
        json.begin_object().field("name", pipeline).field("text", text).end_object();
    }
    json.end_array().key("findings").begin_array();
    for (const Finding& finding : checked.findings) {
        json.begin_object().field("severity", name_of(finding.severity));
        json.field("place", finding.place);
        json.field("text", finding.where + ": " + finding.text);
        json.field("remedy", finding.remedy).end_object();
    }
    json.end_array().end_object();
    std::cout << json.text() << '\n';
}

}  // namespace

int check_configuration(const config::Config&, const CommandLine& line) {
    const bool offline = line.has("--offline");
    const auto loaded = load_usable(line, [&](const config::Problem& problem) {
        return !(offline && problem.elsewhere);  // where secrets are not, such as in CI
    });
    if (!loaded || !knows_all(loaded->config, line)) return used_or_configured_wrongly;
    std::set<std::string> keys;
    for (const auto& [key, pipeline] : config::pipelines_of(loaded->config)) {
        if (line.names(key)) keys.insert(key);
    }
    const OwnTables own_tables =
        line.has("--before-schema") ? OwnTables::left_out : OwnTables::asked_for;
    CheckedPipelines checked =
        offline ? check_offline(*loaded, keys) : check_pipelines(loaded->config, keys, own_tables);
    find_places(checked.findings, config::Places::of_file(line.config_file));
    if (line.output == CommandLine::Output::json) {
        print_json(checked);
    } else {
        print_table(checked);
    }
    return checked.any_error() ? found_something_wrong : fine;
}

}  // namespace sluice
