#include "daemon/commands/command_line.h"

#include "config/units.h"
#include "config/words.h"
#include "pipeline/errors.h"
#include "pipeline/values/utf8.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace sluice {
namespace {

const OptionSyntax everywhere[] = {
    {"--config", "FILE", "the configuration, -c for short (default: sluice.toml)"},
    {"--output", "table|json", "how a command prints what it found (default: table)"},
};

const CommandSyntax* find_command(std::span<const CommandSyntax> commands, std::string_view name) {
    const auto found = std::ranges::find(commands, name, &CommandSyntax::name);
    return found == commands.end() ? nullptr : &*found;
}

std::string unknown_command(std::span<const CommandSyntax> commands, const std::string& name) {
    std::vector<std::string_view> known{"help", "version"};
    for (const CommandSyntax& command : commands) known.push_back(command.name);
    return "unknown command \"" + name + "\"" + config::suggestion(name, known);
}

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
            if (argument == "-h" || argument == "--help") {
                line_.command = "help";
                return line_;
            }
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

    const CommandSyntax& command_;
    const std::vector<std::string>& arguments_;
    std::size_t next_ = 1;
    CommandLine line_;
    std::string problem_;
};

std::string in_column(std::string_view left, std::string_view right) {
    constexpr std::size_t column = 30;
    std::string text = "  " + std::string(left);
    const std::size_t width = utf8::characters(text);
    if (width + 1 < column) {
        text.append(column - width, ' ');
    } else {
        text += '\n' + std::string(column, ' ');
    }
    return text + std::string(right) + "\n";
}

std::string option_line(const OptionSyntax& option, std::string_view indent) {
    std::string left = std::string(indent) + std::string(option.name);
    if (!option.value.empty()) left += " " + std::string(option.value);
    return in_column(left, option.summary);
}

}  // namespace

std::span<const OptionSyntax> options_everywhere() {
    return everywhere;
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
    const std::string& name = arguments[0];
    CommandLine line;
    if (name == "help" || name == "--help" || name == "-h") {
        line.command = "help";
        return line;
    }
    if (name == "version" || name == "--version") {
        line.command = "version";
        return line;
    }
    const CommandSyntax* command = find_command(commands, name);
    if (command == nullptr) return unknown_command(commands, name);
    return Parser(*command, arguments).parse();
}

std::string usage(std::span<const CommandSyntax> commands) {
    std::string text =
        "sluice moves data between Apache Kafka and Apache Cloudberry, exactly once.\n\n";
    for (const CommandSyntax& command : commands) {
        std::string left = "sluice " + std::string(command.name);
        if (!command.words.empty()) left += " " + std::string(command.words);
        text += in_column(left, command.summary);
        for (const OptionSyntax& option : command.options) text += option_line(option, "  ");
    }
    text += in_column("sluice version", "print the version") + "\nEvery command takes:\n";
    for (const OptionSyntax& option : everywhere) text += option_line(option, "");
    return text +
           "\nExit codes: 0 fine, 1 it ran and found something wrong, 2 used or configured "
           "wrongly.\nFine, for status: a daemon answers, has all pipelines of the file, and they "
           "are well.\n";
}

}  // namespace sluice
