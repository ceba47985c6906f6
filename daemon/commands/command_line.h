#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sluice {

/// What a user typed, taken apart. Which words and options a command takes: its CommandSyntax.
struct CommandLine {
    enum class Output { table, json, csv };

    std::string command;
    std::string config_file = "sluice.toml";
    Output output = Output::table;
    std::vector<std::string> words;              ///< behind the command, options left out
    std::map<std::string, std::string> options;  ///< "--limit" → "60"; "" for one without a value

    [[nodiscard]] bool has(const std::string& option) const { return options.contains(option); }
    [[nodiscard]] std::optional<std::string> option(const std::string& name) const;
    /// What --limit says; "all": as many as there can be. Throws WrongConfiguration where it is
    /// neither that nor a whole number from 1.
    [[nodiscard]] std::optional<std::int64_t> limit() const;
    /// Throws WrongConfiguration where it is no duration.
    [[nodiscard]] std::optional<std::chrono::milliseconds> duration(const std::string& name) const;
    /// For commands whose words, from `first` on, are names or keys of pipelines; without one, all
    /// are meant. `key`: "ingest.orders".
    [[nodiscard]] bool names(std::string_view key, std::size_t first = 0) const;
};

/// Exit codes of every command.
enum ExitCode : int {
    fine = 0,
    found_something_wrong = 1,
    used_or_configured_wrongly = 2,
};

struct OptionSyntax {
    std::string_view name;  ///< "--limit"
    /// What stands for it in the help, "N"; "a|b": one of these words; empty: it takes none.
    std::string_view value;
    std::string_view summary{};
};

struct CommandExample {
    std::string_view arguments;  ///< behind "sluice peek": "orders --from -10"
    std::string_view summary;
};

struct CommandSyntax {
    std::string_view name;
    std::string_view words{};  ///< for the help: "[NAME…]"
    std::size_t least_words = 0;
    std::size_t most_words = 0;
    std::string_view summary{};
    std::vector<OptionSyntax> options{};  ///< besides --config and --output, which all take
    std::vector<CommandExample> examples{};
};

/// What all commands take: --config and --output.
[[nodiscard]] std::span<const OptionSyntax> options_everywhere();

/// With those that every command takes behind its own; an option of its own replaces one of these.
[[nodiscard]] std::vector<OptionSyntax> all_options_of(const CommandSyntax& command);

/// The one of this name; nullptr: there is none.
[[nodiscard]] const CommandSyntax* find_command(std::span<const CommandSyntax> commands,
                                                std::string_view name);
/// 'unknown command "chek"; did you mean "check"?'
[[nodiscard]] std::string unknown_command(std::span<const CommandSyntax> commands,
                                          std::string_view name);

/// The command line, or what is wrong with it and what to write instead. "peek --help" is "help
/// peek", "--version" is "version".
[[nodiscard]] std::variant<CommandLine, std::string> parse_command_line(
    const std::vector<std::string>& arguments, std::span<const CommandSyntax> commands);

}  // namespace sluice
