#include "daemon/commands/command_line.h"
#include "daemon/commands/commands.h"
#include "daemon/commands/terminal/standard_output.h"
#include "daemon/commands/usable_configuration.h"
#include "daemon/identity/version.h"
#include "daemon/report/logging.h"
#include "kafka/client.h"

#include <algorithm>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

namespace {

using namespace sluice;

int run_command(const CommandLine& line) {
    const Command& command = *std::ranges::find(
        all_commands(), line.command, [](const Command& known) { return known.syntax.name; });
    if (command.configuration == Command::Configuration::by_itself) return command.run({}, line);
    const auto loaded = load_usable(line, [&](const config::Problem& problem) {
        return command.needs == nullptr || problem.part.empty() ||
               command.needs(problem.part, line);
    });
    if (!loaded) return used_or_configured_wrongly;
    if (command.words == Command::Words::pipelines && !knows_all(loaded->config, line)) {
        return used_or_configured_wrongly;
    }
    return command.run(loaded->config, line);
}

int answer(const std::vector<std::string>& arguments) {
    const auto parsed = parse_command_line(arguments, syntax_of_all_commands());
    if (const auto* problem = std::get_if<std::string>(&parsed)) {
        std::cerr << "sluice: " << *problem << "\nsluice help lists all commands\n";
        return used_or_configured_wrongly;
    }
    return run_command(std::get<CommandLine>(parsed));
}

}  // namespace

int main(int argc, char** argv) {
    StandardOutput output;
    // As by default; the daemon does it again, as its configuration says.
    set_up_logging({});
    try {
        const int exit_code = answer({argv + 1, argv + argc});
        output.close();
        return exit_code;
    } catch (const OutputFailed& failed) {
        if (failed.reader_left()) return fine;
        std::cerr << "sluice: " << failed.what() << '\n';
    } catch (const std::exception& error) {
        std::cerr << "sluice: " << error.what() << '\n';
    }
    return found_something_wrong;
}
