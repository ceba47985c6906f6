#include "daemon/commands/commands.h"
#include "daemon/commands/daemon_client.h"
#include "daemon/reload/preparation.h"
#include "daemon/reload/published_settings.h"
#include "daemon/report/report.h"

#include <iostream>

namespace sluice {
namespace {

using Kind = PipelineChange::Kind;

/// A reload's plan, and what it would be refused for.
struct Foreseen {
    std::string from;
    std::string to;
    ReloadPlan plan;
    std::vector<std::string> problems;
};

constexpr std::chrono::seconds answer_within{5};

std::variant<PublishedSettings, std::string> settings_at(const std::string& address) {
    const auto answer = ask_daemon(address, {.target = "/settings"}, answer_within);
    if (!answer) return "no daemon answers at " + address;
    if (answer->status != 200) {
        return "the daemon at " + address + " tells no settings; is it older than this program?";
    }
    return parse_published(answer->body);
}

/// The same comparison and the same questions as the daemon's own.
Foreseen foresee(const config::Config& config, const config::Places& places,
                 const PublishedSettings& running) {
    Foreseen foreseen{running.settings.revision, config.revision, {}, {}};
    foreseen.plan =
        plan_reload(running.settings, with_fingerprints(settings_of(config), running.salt), places);
    const Preparation prepared =
        prepare_reload(request_for(foreseen.plan, config, running.targets, places));
    add_drift(prepared, foreseen.plan);
    foreseen.problems = prepared.problems;
    return foreseen;
}

std::string joined(const std::vector<std::string>& texts) {
    std::string all;
    for (const std::string& text : texts) all += (all.empty() ? "" : "; ") + text;
    return all;
}

void print_table(const Foreseen& foreseen) {
    std::vector<std::vector<std::string>> rows{{"change", "of", "for"}};
    for (const PipelineChange& change : foreseen.plan.pipelines) {
        if (change.kind == Kind::unchanged) continue;
        rows.push_back({name_of(change.kind), change.pipeline, joined(change.reasons)});
    }
    for (const std::string& change : foreseen.plan.process) {
        rows.push_back({name_of(Kind::in_place), "the daemon", change});
    }
    std::cout << "configuration " << foreseen.from << " runs; a reload would make it "
              << foreseen.to << ": " << summary_of(foreseen.plan) << '\n';
    if (rows.size() > 1) std::cout << format_table(rows);
    for (const std::string& problem : foreseen.problems) {
        std::cout << "it would be refused: " << problem << '\n';
    }
}

void print_json(const Foreseen& foreseen) {
    const auto list = [](const std::vector<std::string>& texts, JsonWriter& json) {
        json.begin_array();
        for (const std::string& text : texts) json.value(text);
        json.end_array();
    };
    JsonWriter json;
    json.begin_object().field("from", foreseen.from).field("to", foreseen.to);
    json.key("pipelines").begin_array();
    for (const PipelineChange& change : foreseen.plan.pipelines) {
        json.begin_object().field("key", change.pipeline).field("change", name_of(change.kind));
        list(change.reasons, json.key("reasons"));
        json.end_object();
    }
    json.end_array();
    list(foreseen.plan.process, json.key("process"));
    list(foreseen.problems, json.key("problems"));
    json.end_object();
    std::cout << json.text() << '\n';
}

}  // namespace

int show_plan(const config::Config& config, const CommandLine& line) {
    if (line.has("--ddl")) return plan_ddl(config, line);
    const std::string address = line.option("--daemon").value_or(config.admin.listen);
    const auto asked =
        address.empty() ? std::string("[admin] listen is empty") : settings_at(address);
    if (const auto* problem = std::get_if<std::string>(&asked)) {
        std::cerr << *problem << "; name the [admin] listen of a running daemon: "
                  << "--daemon URL\n";
        return used_or_configured_wrongly;
    }
    const Foreseen foreseen = foresee(config, config::Places::of_file(line.config_file),
                                      std::get<PublishedSettings>(asked));
    if (line.output == CommandLine::Output::json) {
        print_json(foreseen);
    } else {
        print_table(foreseen);
    }
    return foreseen.problems.empty() ? fine : found_something_wrong;
}

}  // namespace sluice
