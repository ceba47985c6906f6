#pragma once

#include "config/config.h"
#include "daemon/commands/command_line.h"

#include <span>
#include <vector>

/// What the program can do. One function per command; each returns the process's exit code.
namespace sluice {

struct Command {
    enum class Words {
        pipelines,  ///< names of configured pipelines
        own,        ///< the command knows what they are
    };
    enum class Configuration {
        required,   ///< loaded and checked, as far as the command needs it, before it runs
        by_itself,  ///< the command loads one, if it needs to; it is given an empty one
    };
    CommandSyntax syntax;
    Words words = Words::own;
    Configuration configuration = Configuration::required;
    /// Whether a problem in this part of the file ("kafka", "ingest.orders") is in the way of what
    /// is asked. nullptr: each is, as one with the file as a whole always is.
    bool (*needs)(std::string_view part, const CommandLine& line) = nullptr;
    int (*run)(const config::Config& config, const CommandLine& line) = nullptr;
};

[[nodiscard]] std::span<const Command> all_commands();
[[nodiscard]] std::vector<CommandSyntax> syntax_of_all_commands();

int run_daemon(const config::Config& config, const CommandLine& line);
int check_configuration(const config::Config& config, const CommandLine& line);
int print_schema(const config::Config& config, const CommandLine& line);
/// Of print_schema(), with --from-topic.
int propose_table(const config::Config& config, const CommandLine& line);
int print_history(const config::Config& config, const CommandLine& line);
/// sql
int print_tables(const config::Config& config, const CommandLine& line);
int settle_refused_events(const config::Config& config, const CommandLine& line);
int produce_messages(const config::Config& config, const CommandLine& line);
int wait_for_offset(const config::Config& config, const CommandLine& line);
int progress(const config::Config& config, const CommandLine& line);
int peek(const config::Config& config, const CommandLine& line);
int show_plan(const config::Config& config, const CommandLine& line);
/// plan --ddl
int plan_ddl(const config::Config& config, const CommandLine& line);
int show_status(const config::Config& config, const CommandLine& line);
int verify_pipelines(const config::Config& config, const CommandLine& line);
int settle_dead_letters(const config::Config& config, const CommandLine& line);
int import_connect(const config::Config& config, const CommandLine& line);
int import_gpss(const config::Config& config, const CommandLine& line);
int import_fdw(const config::Config& config, const CommandLine& line);
/// pause, resume, restart and reload: what the daemon's admin server is asked to do.
int control_daemon(const config::Config& config, const CommandLine& line);
int print_config_schema(const config::Config& config, const CommandLine& line);
int format_configuration(const config::Config& config, const CommandLine& line);
int print_help(const config::Config& config, const CommandLine& line);
int print_version(const config::Config& config, const CommandLine& line);

}  // namespace sluice
