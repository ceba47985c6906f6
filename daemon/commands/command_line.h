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

struct CommandSyntax {
    std::string_view name;
    std::string_view words{};  ///< for the help: "[NAME…]"
    std::size_t least_words = 0;
    std::size_t most_words = 0;
    std::string_view summary{};
    std::vector<OptionSyntax> options{};  ///< besides --config and --output, which all take
};

/// What all commands take: --config and --output.
[[nodiscard]] std::span<const OptionSyntax> options_everywhere();

/// The command line, or what is wrong with it and what to write instead. "help", "--help" anywhere
/// and "version" are known without a syntax.
[[nodiscard]] std::variant<CommandLine, std::string> parse_command_line(
    const std::vector<std::string>& arguments, std::span<const CommandSyntax> commands);

[[nodiscard]] std::string usage(std::span<const CommandSyntax> commands);

}  // namespace sluice
