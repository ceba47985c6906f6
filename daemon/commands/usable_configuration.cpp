#include "daemon/commands/usable_configuration.h"

#include "config/pipeline.h"
#include "daemon/commands/named_pipelines.h"
#include "daemon/reload/load_configuration.h"

#include <iostream>
#include <string>
#include <vector>

namespace sluice {

std::optional<config::Loaded> load_usable(
    const CommandLine& line, const std::function<bool(const config::Problem&)>& matters) {
    std::optional<config::Loaded> loaded = load_configuration(line.config_file);
    bool usable = true;
    for (const config::Problem& problem : loaded->problems) {
        if (!matters(problem)) continue;
        usable = false;
        std::cerr << config::to_string(problem) << '\n';
    }
    if (!usable) loaded.reset();
    return loaded;
}

bool knows_all(const config::Config& config, const CommandLine& line) {
    std::vector<std::string> keys;
    for (const auto& [key, pipeline] : config::pipelines_of(config)) keys.push_back(key);
    if (keys.empty()) {
        std::cerr << line.config_file
                  << ": no pipeline is configured; add an [ingest.NAME] or an [outbox.NAME]\n";
    }
    const std::string unknown = unknown_among(line.words, keys);
    if (!unknown.empty()) std::cerr << line.config_file << ": " << unknown << '\n';
    return unknown.empty();
}

}  // namespace sluice
