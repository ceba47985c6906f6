#pragma once

#include <string>
#include <variant>
#include <vector>

namespace sluice {

/// What all commands take.
struct CommandLine {
    enum class Command { run, check, schema, verify, help, version };
    enum class Output { table, json };

    Command command = Command::help;
    std::string config_file = "sluice.toml";
    Output output = Output::table;
    std::vector<std::string> pipelines;  ///< verify, check: only these; empty: all

    /// Whether the command is about this pipeline.
    [[nodiscard]] bool names(const std::string& pipeline) const;
};

/// Exit codes of every command.
enum ExitCode : int {
    fine = 0,
    found_something_wrong = 1,
    used_or_configured_wrongly = 2,
};

/// The command line, or what is wrong with it.
[[nodiscard]] std::variant<CommandLine, std::string> parse_command_line(
    const std::vector<std::string>& arguments);
[[nodiscard]] std::string usage();

}  // namespace sluice
