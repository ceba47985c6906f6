#include "daemon/commands/help.h"

#include "daemon/commands/commands.h"
#include "daemon/identity/version.h"
#include "daemon/report/report.h"
#include "kafka/client.h"
#include "pipeline/values/utf8.h"

#include <iostream>

namespace sluice {
namespace {

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

std::string joined(std::string_view name, std::string_view behind) {
    return std::string(name) + (behind.empty() ? "" : " ") + std::string(behind);
}

}  // namespace

std::string synopsis(const CommandSyntax& command) {
    return joined(command.name, command.words);
}

std::string name_with_value(const OptionSyntax& option) {
    return joined(option.name, option.value);
}

std::string with_arguments(const CommandSyntax& command, const CommandExample& example) {
    return joined(command.name, example.arguments);
}

std::string usage(std::span<const CommandSyntax> commands) {
    std::string text =
        "sluice moves data between Apache Kafka and Apache Cloudberry, exactly once.\n\n";
    for (const CommandSyntax& command : commands)
        text += in_column("sluice " + synopsis(command), command.summary);
    text += "\nEvery command takes:\n";
    for (const OptionSyntax& option : options_everywhere())
        text += in_column(name_with_value(option), option.summary);
    return text +
           "\nsluice help COMMAND explains one, with its options and examples.\n"
           "Exit codes: 0 fine, 1 it ran and found something wrong, 2 used or configured "
           "wrongly.\nFine, for status: a daemon answers, has all pipelines of the file, and they "
           "are well.\n";
}

std::string help_on(const CommandSyntax& command) {
    std::string text =
        "sluice " + synopsis(command) + "\n  " + std::string(command.summary) + "\n\nOptions:\n";
    for (const OptionSyntax& option : all_options_of(command))
        text += in_column(name_with_value(option), option.summary);
    if (!command.examples.empty()) text += "\nExamples:\n";
    for (const CommandExample& example : command.examples)
        text += "  sluice " + with_arguments(command, example) + "\n      " +
                std::string(example.summary) + "\n";
    return text;
}

int print_help(const config::Config&, const CommandLine& line) {
    const auto commands = syntax_of_all_commands();
    if (line.words.empty()) {
        std::cout << usage(commands);
        return fine;
    }
    const CommandSyntax* const command = find_command(commands, line.words.front());
    if (command == nullptr) {
        std::cerr << "sluice: " << unknown_command(commands, line.words.front()) << '\n';
        return used_or_configured_wrongly;
    }
    std::cout << help_on(*command);
    return fine;
}

int print_version(const config::Config&, const CommandLine& line) {
    if (line.output == CommandLine::Output::json) {
        std::cout << JsonWriter{}
                         .begin_object()
                         .field("version", version())
                         .field("librdkafka", kafka::library_version())
                         .end_object()
                         .text()
                  << '\n';
    } else {
        std::cout << "sluice " << version() << " (librdkafka " << kafka::library_version() << ")\n";
    }
    return fine;
}

}  // namespace sluice
