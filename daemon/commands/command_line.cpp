#include "daemon/commands/command_line.h"

#include "config/text/units.h"
#include "config/text/words.h"
#include "pipeline/errors.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace sluice {
namespace {

const OptionSyntax everywhere[] = {
    {"--config", "FILE", "the configuration, -c for short (default: sluice.toml)"},
    {"--output", "table|json", "how a command prints what it found (default: table)"},
};

const OptionSyntax* find_option(const CommandSyntax& command, std::string_view name) {
    const auto found = std::ranges::find(command.options, name, &OptionSyntax::name);
    if (found != command.options.end()) return &*found;
    const auto general = std::ranges::find(everywhere, name, &OptionSyntax::name);
    return general == std::end(everywhere) ? nullptr : &*general;
}

std::string unknown_option(const CommandSyntax& command, const std::string& name) {
    std::vector<std::string_view> known;
    for (const OptionSyntax& option : command.options) known.push_back(option.name);
    for (const OptionSyntax& option : everywhere) known.push_back(option.name);
    return "\"" + std::string(command.name) + "\" has no option \"" + name + "\"" +
           config::suggestion(name, known);
}

/// Whether a word is one of those in "table|json".
bool is_choice(std::string_view choices, std::string_view word) {
    while (!choices.empty()) {
        const auto end = std::min(choices.find('|'), choices.size());
        if (choices.substr(0, end) == word) return true;
        choices.remove_prefix(std::min(end + 1, choices.size()));
    }
    return false;
}

/// Takes one command's arguments apart, after its name.
class Parser {
public:
    Parser(const CommandSyntax& command, const std::vector<std::string>& arguments)
        : command_(command), arguments_(arguments) {
        line_.command = command.name;
    }

    std::variant<CommandLine, std::string> parse() {
        while (next_ < arguments_.size() && problem_.empty()) {
            const std::string& argument = arguments_[next_++];
            if (argument == "-h" || argument == "--help") return help_on(line_.command);
            const bool is_option = argument.size() > 1 && argument.starts_with("-");
            if (is_option) {
                take_option(argument);
            } else {
                take_word(argument);
            }
        }
        if (problem_.empty() && line_.words.size() < command_.least_words) {
            problem_ = "\"" + line_.command + "\" needs " + std::string(command_.words);
        }
        if (!problem_.empty()) return problem_;
        return line_;
    }

private:
    void take_word(const std::string& word) {
        if (line_.words.size() == command_.most_words) {
            problem_ = "\"" + line_.command + "\" does not know what to do with \"" + word + "\"";
            return;
        }
        line_.words.push_back(word);
    }

    void take_option(const std::string& argument) {
        const auto equals = argument.find('=');
        std::string name = argument.substr(0, equals);
        if (name == "-c") name = "--config";
        const OptionSyntax* option = find_option(command_, name);
        if (option == nullptr) {
            problem_ = unknown_option(command_, name);
            return;
        }
        std::string value;
        if (option->value.empty()) {
            if (equals != std::string::npos) problem_ = name + " takes no value";
        } else if (equals != std::string::npos) {
            value = argument.substr(equals + 1);
        } else if (next_ < arguments_.size()) {
            value = arguments_[next_++];
        } else {
            problem_ = argument + " needs a value: " + name + " " + std::string(option->value);
        }
        if (problem_.empty()) keep(*option, value);
    }

    void keep(const OptionSyntax& option, const std::string& value) {
        if (option.value.find('|') != std::string_view::npos && !is_choice(option.value, value)) {
            problem_ = std::string(option.name) + " takes " + std::string(option.value) +
                       ", not \"" + value + "\"";
        }
        if (option.name == "--config") line_.config_file = value;
        if (option.name == "--output" && value == "json") line_.output = CommandLine::Output::json;
        if (option.name == "--output" && value == "csv") line_.output = CommandLine::Output::csv;
        line_.options[std::string(option.name)] = value;
    }

    static CommandLine help_on(const std::string& command) {
        CommandLine help;
        help.command = "help";
        help.words.push_back(command);
        return help;
    }

    const CommandSyntax& command_;
    const std::vector<std::string>& arguments_;
    std::size_t next_ = 1;
    CommandLine line_;
    std::string problem_;
};

}  // namespace

std::span<const OptionSyntax> options_everywhere() {
    return everywhere;
}

std::vector<OptionSyntax> all_options_of(const CommandSyntax& command) {
    std::vector<OptionSyntax> all = command.options;
    for (const OptionSyntax& option : everywhere) {
        if (std::ranges::find(all, option.name, &OptionSyntax::name) == all.end())
            all.push_back(option);
    }
    return all;
}

const CommandSyntax* find_command(std::span<const CommandSyntax> commands, std::string_view name) {
    const auto found = std::ranges::find(commands, name, &CommandSyntax::name);
    return found == commands.end() ? nullptr : &*found;
}

std::string unknown_command(std::span<const CommandSyntax> commands, std::string_view name) {
    std::vector<std::string_view> known;
    for (const CommandSyntax& command : commands) known.push_back(command.name);
    return "unknown command " + config::in_quotes(name) + config::suggestion(name, known);
}

std::optional<std::string> CommandLine::option(const std::string& name) const {
    const auto found = options.find(name);
    if (found == options.end()) return std::nullopt;
    return found->second;
}

std::optional<std::int64_t> CommandLine::limit() const {
    const auto text = option("--limit");
    if (!text) return std::nullopt;
    if (*text == "all") return std::numeric_limits<std::int64_t>::max();
    std::int64_t limit = 0;
    const char* const end = text->data() + text->size();
    const auto [after, error] = std::from_chars(text->data(), end, limit);
    if (error == std::errc() && after == end && limit > 0) return limit;
    throw WrongConfiguration("--limit takes a whole number from 1, or all, not \"" + *text + "\"");
}

std::optional<std::chrono::milliseconds> CommandLine::duration(const std::string& name) const {
    const auto text = option(name);
    if (!text) return std::nullopt;
    if (const auto duration = config::parse_duration(*text)) return duration;
    throw WrongConfiguration(name + " takes a duration such as 30s, not " +
                             config::in_quotes(*text));
}

bool CommandLine::names(std::string_view key, std::size_t first) const {
    return words.size() <= first ||
           std::any_of(words.begin() + first, words.end(), [&](auto& word) {
               return word == key || word == key.substr(key.find('.') + 1);
           });
}

std::variant<CommandLine, std::string> parse_command_line(const std::vector<std::string>& arguments,
                                                          std::span<const CommandSyntax> commands) {
    if (arguments.empty()) return "no command given";
    std::string name = arguments[0];
    if (name == "--help" || name == "-h") name = "help";
    if (name == "--version" || name == "-V") name = "version";
    const CommandSyntax* command = find_command(commands, name);
    if (command == nullptr) return unknown_command(commands, name);
    return Parser(*command, arguments).parse();
}

}  // namespace sluice
