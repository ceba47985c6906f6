#include "config/load.h"
#include "daemon/command_line.h"
#include "daemon/commands.h"

#include <algorithm>
#include <exception>
#include <iostream>

namespace {

using namespace sluice;

int run_command(const CommandLine& line) {
    const config::Loaded loaded = config::load(line.config_file);
    for (const config::Problem& problem : loaded.problems) {
        std::cerr << config::to_string(problem) << '\n';
    }
    if (!loaded.problems.empty()) return used_or_configured_wrongly;
    const config::Config& config = loaded.config;
    if (config.ingest.empty() && line.command != CommandLine::Command::schema) {
        std::cerr << line.config_file << ": no pipeline is configured; add an [ingest.NAME]\n";
        return used_or_configured_wrongly;
    }
    for (const std::string& name : line.pipelines) {
        if (std::ranges::find(config.ingest, name, &config::Ingest::name) == config.ingest.end()) {
            std::cerr << line.config_file << ": there is no pipeline \"" << name << "\"\n";
            return used_or_configured_wrongly;
        }
    }
    switch (line.command) {
        case CommandLine::Command::run:
            return run_daemon(config);
        case CommandLine::Command::check:
            return check_configuration(config, line);
        case CommandLine::Command::schema:
            return print_schema(config);
        case CommandLine::Command::verify:
            return verify_pipelines(config, line);
        case CommandLine::Command::help:
        case CommandLine::Command::version:
            break;
    }
    return used_or_configured_wrongly;
}

}  // namespace

int main(int argc, char** argv) {
    const auto parsed = parse_command_line({argv + 1, argv + argc});
    if (const auto* problem = std::get_if<std::string>(&parsed)) {
        std::cerr << "sluice: " << *problem << "\n\n" << usage();
        return used_or_configured_wrongly;
    }
    const auto& line = std::get<CommandLine>(parsed);
    if (line.command == CommandLine::Command::help) {
        std::cout << usage();
        return fine;
    }
    if (line.command == CommandLine::Command::version) {
        std::cout << "sluice " SLUICE_VERSION "\n";
        return fine;
    }
    try {
        return run_command(line);
    } catch (const std::exception& error) {
        std::cerr << "sluice: " << error.what() << '\n';
        return found_something_wrong;
    }
}
