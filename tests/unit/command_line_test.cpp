#include "daemon/commands/command_line.h"
#include "daemon/commands/commands.h"
#include "daemon/commands/help.h"

#include <doctest/doctest.h>

#include <string>
#include <variant>
#include <vector>

using sluice::CommandLine;
using sluice::parse_command_line;
using Arguments = std::vector<std::string>;

namespace {

CommandLine parsed(const Arguments& arguments) {
    const auto result = parse_command_line(arguments, sluice::syntax_of_all_commands());
    const auto* const line = std::get_if<CommandLine>(&result);
    REQUIRE_MESSAGE(line != nullptr, std::get<std::string>(result));
    return *line;
}

std::string wrong(const Arguments& arguments) {
    const auto result = parse_command_line(arguments, sluice::syntax_of_all_commands());
    const auto* const text = std::get_if<std::string>(&result);
    return text != nullptr ? *text : "";
}

/// As a shell splits them, up to what is its own: "|" and ">".
Arguments words_of_shell(const std::string& line) {
    Arguments words;
    bool quoted = false;
    bool inside = false;
    for (const char c : line) {
        if (!quoted && (c == '|' || c == '>')) break;
        if (c == '"') {
            quoted = !quoted;
        } else if (c == ' ' && !quoted) {
            inside = false;
        } else {
            if (!inside) words.emplace_back();
            inside = true;
            words.back() += c;
        }
    }
    return words;
}

}  // namespace

TEST_CASE("command line: each command is known, and has its defaults") {
    CHECK(parsed({"run"}).command == "run");
    CHECK(parsed({"check"}).command == "check");
    CHECK(parsed({"schema"}).command == "schema");
    CHECK(parsed({"verify"}).command == "verify");
    for (const char* help : {"help", "--help", "-h"}) {
        CHECK(parsed({help}).command == "help");
    }
    for (const char* version : {"version", "--version", "-V"}) {
        CHECK(parsed({version}).command == "version");
    }
    const CommandLine line = parsed({"run"});
    CHECK(line.config_file == "sluice.toml");
    CHECK(line.output == CommandLine::Output::table);
    CHECK(line.words.empty());
}

TEST_CASE("command line: the configuration file in all its spellings") {
    CHECK(parsed({"run", "-c", "a.toml"}).config_file == "a.toml");
    CHECK(parsed({"run", "--config", "a.toml"}).config_file == "a.toml");
    CHECK(parsed({"run", "--config=a=b.toml"}).config_file == "a=b.toml");
    CHECK(wrong({"run", "-c"}).find("needs a value") != std::string::npos);
}

TEST_CASE("command line: pipelines, only where a command takes them") {
    const CommandLine line = parsed({"verify", "a", "--output=json", "b"});
    CHECK(line.words == Arguments{"a", "b"});
    CHECK(line.output == CommandLine::Output::json);
    CHECK(parsed({"check", "a"}).words == Arguments{"a"});
    CHECK(wrong({"run", "a"}).find("\"a\"") != std::string::npos);
}

TEST_CASE("command line: help is given behind any command, for that command") {
    for (const Arguments& asked : {Arguments{"peek", "--help"}, Arguments{"peek", "orders", "-h"},
                                   Arguments{"help", "peek"}}) {
        CHECK(parsed(asked).command == "help");
        CHECK(parsed(asked).words == Arguments{"peek"});
    }
    CHECK(parsed({"--help"}).words.empty());
}

TEST_CASE("command line: each command has two examples, which it takes, and its help shows") {
    for (const sluice::Command& command : sluice::all_commands()) {
        const std::string name(command.syntax.name);
        const std::string help = sluice::help_on(command.syntax);
        CHECK_MESSAGE(command.syntax.examples.size() >= 2, name);
        for (const sluice::CommandExample& example : command.syntax.examples) {
            CHECK(help.find("sluice " + sluice::with_arguments(command.syntax, example) + "\n") !=
                  std::string::npos);
            CHECK(parsed(words_of_shell(name + " " + std::string(example.arguments))).command ==
                  name);
        }
        for (const sluice::OptionSyntax& option : sluice::all_options_of(command.syntax))
            CHECK(help.find(option.name) != std::string::npos);
    }
}

TEST_CASE("command line: what is unknown is named") {
    CHECK(wrong({}) != "");
    CHECK(wrong({"rum"}).find("\"rum\"") != std::string::npos);
    CHECK(wrong({"run", "--verbose"}).find("--verbose") != std::string::npos);
    CHECK(wrong({"verify", "--output", "xml"}).find("\"xml\"") != std::string::npos);
}

TEST_CASE("command line: what was meant is guessed") {
    CHECK(wrong({"verfy"}).find("\"verify\"") != std::string::npos);
    CHECK(wrong({"verify", "--ouput", "json"}).find("\"--output\"") != std::string::npos);
}

TEST_CASE("command line: options of a command's own, with and without a value") {
    const std::vector<sluice::CommandSyntax> commands = {
        {.name = "peek",
         .words = "NAME",
         .least_words = 1,
         .most_words = 1,
         .options = {{"--limit", "N", ""}, {"--raw", "", ""}, {"--output", "table|csv", ""}}}};
    const auto result =
        parse_command_line({"peek", "orders", "--limit", "60", "--raw", "--output=csv"}, commands);
    const auto& line = std::get<CommandLine>(result);
    CHECK(line.option("--limit") == "60");
    CHECK(line.has("--raw"));
    CHECK(line.option("--output") == "csv");
    CHECK_FALSE(line.option("--where"));
    for (const Arguments& bad :
         {Arguments{"peek"}, Arguments{"peek", "a", "b"}, Arguments{"peek", "a", "--raw=1"},
          Arguments{"peek", "a", "--output", "json"}}) {
        CHECK(std::holds_alternative<std::string>(parse_command_line(bad, commands)));
    }
}

TEST_CASE("command line: usage names every command") {
    const std::string usage = sluice::usage(sluice::syntax_of_all_commands());
    for (const sluice::Command& command : sluice::all_commands()) {
        CHECK(usage.find("sluice " + std::string(command.syntax.name)) != std::string::npos);
    }
}
