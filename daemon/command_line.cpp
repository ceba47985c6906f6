#include "daemon/command_line.h"

#include <algorithm>
#include <map>

namespace sluice {
namespace {

using Command = CommandLine::Command;

const std::map<std::string, Command> commands = {
    {"run", Command::run},       {"check", Command::check},     {"schema", Command::schema},
    {"verify", Command::verify}, {"help", Command::help},       {"--help", Command::help},
    {"-h", Command::help},       {"version", Command::version}, {"--version", Command::version},
};

bool takes_pipelines(Command command) {
    return command == Command::check || command == Command::verify;
}

}  // namespace

bool CommandLine::names(const std::string& pipeline) const {
    return pipelines.empty() || std::ranges::find(pipelines, pipeline) != pipelines.end();
}

std::variant<CommandLine, std::string> parse_command_line(
    const std::vector<std::string>& arguments) {
    if (arguments.empty()) return "no command given";
    CommandLine line;
    const auto command = commands.find(arguments[0]);
    if (command == commands.end()) return "unknown command \"" + arguments[0] + "\"";
    line.command = command->second;
    for (std::size_t i = 1; i < arguments.size(); ++i) {
        std::string argument = arguments[i];
        std::string value;
        const bool long_form = argument.starts_with("--");
        const auto equals = argument.find('=');
        const bool has_value = long_form && equals != std::string::npos;
        if (has_value) {
            value = argument.substr(equals + 1);
            argument.resize(equals);
        }
        if (argument == "-h" || argument == "--help") {
            line.command = Command::help;
            continue;
        }
        if (!argument.starts_with("-") && takes_pipelines(line.command)) {
            line.pipelines.push_back(argument);
            continue;
        }
        if (argument != "-c" && argument != "--config" && argument != "--output") {
            return "unknown argument \"" + arguments[i] + "\"";
        }
        if (!has_value) {
            if (i + 1 == arguments.size()) return argument + " needs a value";
            value = arguments[++i];
        }
        if (argument != "--output") {
            line.config_file = value;
        } else if (value == "table" || value == "json") {
            line.output = value == "json" ? CommandLine::Output::json : CommandLine::Output::table;
        } else {
            return "--output takes table or json, not \"" + value + "\"";
        }
    }
    return line;
}

std::string usage() {
    return R"(sluice moves data from Apache Kafka into Apache Cloudberry, exactly once.

  sluice run                 run the configured pipelines until SIGTERM
  sluice check [NAME…]       try the configuration against Kafka and the database
  sluice schema              print the DDL of Sluice's own tables
  sluice verify [NAME…]      account for every offset: ledger, dead letters, target tables
  sluice version

  -c, --config FILE          the configuration (default: sluice.toml)
      --output table|json    how check and verify print (default: table)

Exit codes: 0 fine, 1 it ran and found something wrong, 2 used or configured wrongly.
)";
}

}  // namespace sluice
