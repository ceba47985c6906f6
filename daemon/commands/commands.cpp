#include "daemon/commands/commands.h"

namespace sluice {
namespace {

constexpr std::size_t any_number = static_cast<std::size_t>(-1);
constexpr OptionSyntax daemon_option{"--daemon", "URL",
                                     "its admin server, also HOST:PORT (default: [admin] listen)"};

using Part = std::string_view;

bool is_pipeline(Part part) {
    return part.starts_with("ingest.") || part.starts_with("outbox.");
}

/// What acts on pipelines that are named from this word on, by both ends of theirs.
template <std::size_t first>
bool both_ends(Part part, const CommandLine& line) {
    return part == "kafka" || part == "cloudberry" ||
           (is_pipeline(part) && line.names(part, first));
}

bool asks_registry(const CommandLine& line) {
    if (line.command == "peek") return !line.has("--raw");
    const std::string format = line.option("--format").value_or("");
    return line.has("--schema") || format == "avro" || format == "protobuf";
}

/// With --topic a pipeline, and what is at its other end, does not matter.
bool topic_or_pipeline(Part part, const CommandLine& line) {
    if (line.has("--topic")) return part == "kafka" || (part == "registry" && asks_registry(line));
    return both_ends<0>(part, line) && !(part == "cloudberry" && line.has("--raw"));
}

bool for_dead_letters(Part part, const CommandLine& line) {
    const bool decodes_again = line.words.at(0) == "retry";
    return part == "cloudberry" || (decodes_again && is_pipeline(part) && line.names(part, 1));
}

bool for_tables(Part part, const CommandLine& line) {
    if (line.has("--from-topic")) return part == "registry" || part.starts_with("ingest.");
    return part == "cloudberry" || (part.starts_with("outbox.") && line.names(part));
}

// In the order of the help.
const Command commands[] = {
    {.syntax = {.name = "run",
                .summary = "run the configured pipelines until SIGTERM",
                .options = {{"--until-caught-up", "",
                             "end when all that was there at the start is committed"},
                            {"--fail-on-reject", "", "with it: exit code 1 if any was rejected"},
                            {"--timeout", "T", "with it: give up then, with exit code 1"}}},
     .run = run_daemon},
    {.syntax = {.name = "check",
                .words = "[NAME…]",
                .most_words = any_number,
                .summary = "try the configuration against Kafka and the database",
                .options = {{"--offline", "", "ask neither: for CI"}}},
     .configuration = Command::Configuration::by_itself,
     .run = check_configuration},
    {.syntax = {.name = "plan",
                .summary = "what a reload of this file would do to the running daemon",
                .options = {daemon_option}},
     .run = show_plan},
    {.syntax =
         {.name = "schema",
          .words = "[OUTBOX…]",
          .most_words = any_number,
          .summary = "print the DDL of Sluice's own tables, or of these outboxes' tables",
          .options = {{"--apply", "", "create what is missing instead of printing it"},
                      {"--from-topic", "T", "print a table for this topic's rows, by its schema"},
                      {"--table", "TABLE", "with --from-topic: how it is called"},
                      {"--subject", "S", "with --from-topic: the registry's (default: T-value)"},
                      {"--history", "PIPELINE",
                       "print a view of what rows were when, over a table of changes"},
                      {"--key", "A,B,…", "with --history: what tells rows apart"}}},
     .needs = for_tables,
     .run = print_schema},
    {.syntax =
         {.name = "produce",
          .words = "NAME|--topic T [FILE]",
          .most_words = 2,
          .summary = "send rows of a file, or of standard input, to a topic",
          .options = {{"--topic", "T", "a topic, instead of the one of [ingest.NAME]"},
                      {"--format", "csv|json|text|avro|protobuf",
                       "of the file (default: by its name, or the pipeline's); avro and "
                       "protobuf: what values of its JSON or CSV become"},
                      {"--schema", "SCHEMA",
                       "what avro, protobuf or json are written by: a file, or a subject of the "
                       "registry (default: T-value)"},
                      {"--schema-version", "N", "of the subject (default: the latest)"},
                      {"--message", "NAME", "of a .proto file that has several"},
                      {"--subject", "S", "what FILE is in the registry (default: T-value)"},
                      {"--register", "", "put FILE there, if it is not"},
                      {"--wire", "registry|plain", "plain: without the schema's id"},
                      {"--columns", "A,B,…", "of CSV; without it its first line names them"},
                      {"--key", "FIELD", "is the key"},
                      {"--value", "FIELD", "is the whole value"},
                      {"--partition", "FIELD", "is the partition; NULL: Kafka chooses"},
                      {"--timestamp", "FIELD", "is the time: milliseconds, or ISO 8601"},
                      {"--headers", "H=FIELD,…", "become headers"},
                      {"--json", "FIELD,…", "of CSV, holds JSON (only with --topic)"},
                      {"--delimiter", "C", "of CSV (default: the pipeline's)"},
                      {"--quote", "C", "of CSV"},
                      {"--escape", "C", "of CSV"},
                      {"--null", "TEXT", "of CSV: unquoted, it is NULL"},
                      {"--transactional", "", "all of the file or nothing"},
                      {"--transaction-timeout", "T", "how long that may take (default: 15m)"},
                      {"--skip-lines", "N", "begin behind the first N, the header apart"}}},
     .needs = topic_or_pipeline,
     .run = produce_messages},
    {.syntax = {.name = "wait",
                .words = "NAME",
                .least_words = 1,
                .most_words = 1,
                .summary = "wait until the database has what stands in the topic",
                .options = {{"--partition", "P", "where; with --offset"},
                            {"--offset", "N", "this record, and all before it"},
                            {"--end", "", "all that is in the topic now, in all partitions"},
                            {"--timeout", "T", "give up then, with exit code 1"}}},
     .needs = both_ends<0>,
     .run = wait_for_offset},
    {.syntax =
         {.name = "peek",
          .words = "NAME|--topic T",
          .most_words = 1,
          .summary = "show records as a pipeline would map them; nothing notices",
          .options = {{"--topic", "T",
                       "of any topic, instead of a pipeline's; as JSON where [registry] knows how"},
                      {"--where", "CONDITION",
                       "of topic, partition, offset, timestamp, key and value"},
                      {"--from", "WHERE",
                       "earliest (default), -N: the last N of each partition, "
                       "or a time"},
                      {"--limit", "N", "so many at most, or all (default: 50 on a terminal)"},
                      {"--raw", "", "key, headers and value as they are"},
                      {"--output", "table|json|csv", "json: one object a line"}}},
     .needs = topic_or_pipeline,
     .run = peek},
    {.syntax = {.name = "status",
                .words = "[NAME…]",
                .most_words = any_number,
                .summary = "what the pipelines do: asks the daemon, or database and broker",
                .options = {daemon_option, {"--watch", "", "again every two seconds"}}},
     .configuration = Command::Configuration::by_itself,
     .run = show_status},
    {.syntax = {.name = "progress",
                .words = "show [NAME…]|set NAME",
                .least_words = 1,
                .most_words = any_number,
                .summary = "where each partition goes on; set changes it, while nobody runs",
                .options = {{"--partition", "P", "set: a partition, or all"},
                            {"--offset", "N",
                             "set: the next offset to read, earliest, latest, or a time"},
                            {"--yes", "", "set: do not ask"}}},
     .needs = both_ends<1>,
     .run = progress},
    {.syntax = {.name = "verify",
                .words = "[NAME…]",
                .most_words = any_number,
                .summary = "account for every offset: ledger, dead letters, target tables"},
     .words = Command::Words::pipelines,
     .needs = both_ends<0>,
     .run = verify_pipelines},
    {.syntax = {.name = "dead-letters",
                .words = "list|show|retry|discard [NAME]",
                .least_words = 1,
                .most_words = 2,
                .summary = "look at records that could not be loaded, and settle them",
                .options = {{"--where", "CONDITION",
                             "only these: \"partition = 3 and reason like '%numeric%'\""},
                            {"--limit", "N", "at most so many, or all (list: 50, show: 1)"},
                            {"--yes", "", "retry or discard without asking"}}},
     .needs = for_dead_letters,
     .run = settle_dead_letters},
    {.syntax = {.name = "outbox",
                .words = "list|retry|discard NAME",
                .least_words = 2,
                .most_words = 2,
                .summary = "look at events that Kafka could not take, and settle them",
                .options = {{"--where", "CONDITION", "only these: \"reason = 'unknown_topic'\""},
                            {"--limit", "N", "list at most so many, or all (default: 50)"},
                            {"--yes", "", "retry or discard without asking"}}},
     .needs = both_ends<1>,
     .run = settle_refused_events},
    {.syntax =
         {.name = "import-fdw",
          .words = "[TABLE[=TARGET]…]",
          .most_words = any_number,
          .summary = "turn foreign tables of kafka_fdw into a configuration",
          .options = {{"--dsn", "DSN", "the database that has them (default: the one of --config)"},
                      {"--server", "NAME", "only the foreign tables of this server"},
                      {"--to", "FILE", "write the configuration here (default: print it)"},
                      {"--write-progress", "",
                       "let the pipelines of FILE, or of --config, go on where imports stopped"}}},
     .configuration = Command::Configuration::by_itself,
     .run = import_fdw},
};

}  // namespace

std::span<const Command> all_commands() {
    return commands;
}

std::vector<CommandSyntax> syntax_of_all_commands() {
    std::vector<CommandSyntax> all;
    for (const Command& command : commands) all.push_back(command.syntax);
    return all;
}

}  // namespace sluice
