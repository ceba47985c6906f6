#include "daemon/command_line.h"

#include <doctest/doctest.h>

#include <string>
#include <variant>
#include <vector>

using sluice::CommandLine;
using sluice::parse_command_line;
using Arguments = std::vector<std::string>;

namespace {

CommandLine parsed(const Arguments& arguments) {
    const auto result = parse_command_line(arguments);
    const auto* const line = std::get_if<CommandLine>(&result);
    REQUIRE_MESSAGE(line != nullptr, std::get<std::string>(result));
    return *line;
}

std::string wrong(const Arguments& arguments) {
    const auto result = parse_command_line(arguments);
    const auto* const text = std::get_if<std::string>(&result);
    return text != nullptr ? *text : "";
}

}  // namespace

TEST_CASE("command line: each command is known, and has its defaults") {
    CHECK(parsed({"run"}).command == CommandLine::Command::run);
    CHECK(parsed({"check"}).command == CommandLine::Command::check);
    CHECK(parsed({"schema"}).command == CommandLine::Command::schema);
    CHECK(parsed({"verify"}).command == CommandLine::Command::verify);
    for (const char* help : {"help", "--help", "-h"}) {
        CHECK(parsed({help}).command == CommandLine::Command::help);
    }
    for (const char* version : {"version", "--version"}) {
        CHECK(parsed({version}).command == CommandLine::Command::version);
    }
    const CommandLine line = parsed({"run"});
    CHECK(line.config_file == "sluice.toml");
    CHECK(line.output == CommandLine::Output::table);
    CHECK(line.pipelines.empty());
}

TEST_CASE("command line: the configuration file in all its spellings") {
    CHECK(parsed({"run", "-c", "a.toml"}).config_file == "a.toml");
    CHECK(parsed({"run", "--config", "a.toml"}).config_file == "a.toml");
    CHECK(parsed({"run", "--config=a=b.toml"}).config_file == "a=b.toml");
    CHECK(wrong({"run", "-c"}).find("needs a value") != std::string::npos);
}

TEST_CASE("command line: pipelines, only where a command takes them") {
    const CommandLine line = parsed({"verify", "a", "--output=json", "b"});
    CHECK(line.pipelines == Arguments{"a", "b"});
    CHECK(line.output == CommandLine::Output::json);
    CHECK(parsed({"check", "a"}).pipelines == Arguments{"a"});
    CHECK(wrong({"run", "a"}).find("\"a\"") != std::string::npos);
}

TEST_CASE("command line: help is given behind any command") {
    CHECK(parsed({"verify", "--help"}).command == CommandLine::Command::help);
    CHECK(parsed({"run", "-h"}).command == CommandLine::Command::help);
}

TEST_CASE("command line: what is unknown is named") {
    CHECK(wrong({}) != "");
    CHECK(wrong({"rum"}).find("\"rum\"") != std::string::npos);
    CHECK(wrong({"run", "--verbose"}).find("--verbose") != std::string::npos);
    CHECK(wrong({"verify", "--output", "xml"}).find("\"xml\"") != std::string::npos);
}

TEST_CASE("command line: usage names every command") {
    for (const char* command : {"sluice run", "sluice check", "sluice schema", "sluice verify"}) {
        CHECK(sluice::usage().find(command) != std::string::npos);
    }
}
