#include "daemon/commands/commands.h"
#include "daemon/commands/report.h"
#include "daemon/reload/pipeline_checks.h"

#include <iostream>

namespace sluice {
namespace {

using Checked = PipelineChecks::Checked;
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

void print_table(const std::vector<Checked>& checked, const std::vector<Finding>& findings) {
    for (const Checked& pipeline : checked) {
        std::cout << "ok       " << pipeline.pipeline << ": " << pipeline.text << '\n';
    }
    for (const Finding& finding : findings) {
        std::string severity = name_of(finding.severity);
        severity.resize(9, ' ');
        std::cout << severity << finding.text;
        if (!finding.remedy.empty()) std::cout << "; " << finding.remedy;
        std::cout << '\n';
    }
}

void print_json(const std::vector<Checked>& checked, const std::vector<Finding>& findings) {
    JsonWriter json;
    json.begin_object().key("pipelines").begin_array();
    for (const Checked& pipeline : checked) {
        json.begin_object();
        json.field("name", pipeline.pipeline).field("text", pipeline.text).end_object();
    }
    json.end_array().key("findings").begin_array();
    for (const Finding& finding : findings) {
        json.begin_object().field("severity", name_of(finding.severity));
        json.field("text", finding.text).field("remedy", finding.remedy).end_object();
    }
    json.end_array().end_object();
    std::cout << json.text() << '\n';
}

}  // namespace

int check_configuration(const config::Config& config, const CommandLine& line) {
    PipelineChecks checks{config};
    std::vector<Checked> checked;
    for (const auto& [key, pipeline] : config::pipelines_of(config)) {
        if (!line.names(key)) continue;
        if (auto found = checks.check(pipeline)) checked.push_back(std::move(*found));
    }
    if (line.output == CommandLine::Output::json) {
        print_json(checked, checks.findings());
    } else {
        print_table(checked, checks.findings());
    }
    return checks.any_error() ? found_something_wrong : fine;
}

}  // namespace sluice
