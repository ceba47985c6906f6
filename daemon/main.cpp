#include "config/load.h"
#include "daemon/command_line.h"
#include "daemon/commands.h"
#include "daemon/version.h"

#include <algorithm>
#include <exception>
#include <iostream>

namespace {

using namespace sluice;

int run_command(const CommandLine& line) {
    const Command& command = *std::ranges::find(
        all_commands(), line.command, [](const Command& known) { return known.syntax.name; });
    if (command.configuration == Command::Configuration::by_itself) return command.run({}, line);
    const config::Loaded loaded = config::load(line.config_file);
    for (const config::Problem& problem : loaded.problems) {
        std::cerr << config::to_string(problem) << '\n';
    }
    if (!loaded.problems.empty()) return used_or_configured_wrongly;
    const config::Config& config = loaded.config;
    if (command.words == Command::Words::pipelines) {
        if (config.ingest.empty() && config.outbox.empty()) {
            std::cerr << line.config_file << ": no pipeline is configured; add an [ingest.NAME]\n";
            return used_or_configured_wrongly;
        }
        for (const std::string& name : line.words) {
            if (std::ranges::find(config.ingest, name, &config::Ingest::name) ==
                    config.ingest.end() &&
                std::ranges::find(config.outbox, name, &config::Outbox::name) ==
                    config.outbox.end()) {
                std::cerr << line.config_file << ": there is no pipeline \"" << name << "\"\n";
                return used_or_configured_wrongly;
            }
        }
    }
    return command.run(config, line);
}

}  // namespace

int main(int argc, char** argv) {
    const auto syntax = syntax_of_all_commands();
    const auto parsed = parse_command_line({argv + 1, argv + argc}, syntax);
    if (const auto* problem = std::get_if<std::string>(&parsed)) {
        std::cerr << "sluice: " << *problem << "\n\n" << usage(syntax);
        return used_or_configured_wrongly;
    }
    const auto& line = std::get<CommandLine>(parsed);
    if (line.command == "help") {
        std::cout << usage(syntax);
        return fine;
    }
    if (line.command == "version") {
        std::cout << "sluice " << version() << '\n';
        return fine;
    }
    try {
        return run_command(line);
    } catch (const std::exception& error) {
        std::cerr << "sluice: " << error.what() << '\n';
        return found_something_wrong;
    }
}
