#include "daemon/commands/commands.h"

namespace sluice {
namespace {

constexpr std::size_t any_number = static_cast<std::size_t>(-1);
constexpr OptionSyntax daemon_option{"--daemon", "URL",
                                     "its admin server, also HOST:PORT (default: [admin] listen)"};

constexpr OptionSyntax token_option{"--token-file", "FILE",
                                    "holds its token (default: [admin] token)"};

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

bool for_sql(Part part, const CommandLine& line) {
    if (line.words.empty()) return part == "segments" || part == "cloudberry";
    return part == "segments" || part == "registry" || both_ends<0>(part, line);
}

// In the order of the help.
const Command commands[] = {
    {.syntax = {.name = "run",
                .summary = "run the configured pipelines until SIGTERM",
                .options = {{"--until-caught-up", "",
                             "end when all that was there at the start is committed"},
                            {"--fail-on-reject", "", "with it: exit code 1 if any was rejected"},
                            {"--timeout", "T", "with it: give up then, with exit code 1"}},
                .examples = {{"-c /etc/sluice/sluice.toml", "as a service does"},
                             {"--until-caught-up --timeout 10m",
                              "from cron: load what is there, then end"}}},
     .run = run_daemon},
    {.syntax = {.name = "check",
                .words = "[NAME…]",
                .most_words = any_number,
                .summary = "try the configuration against Kafka and the database",
                .options = {{"--offline", "", "ask neither: for CI"},
                            {"--before-schema", "",
                             "leave out Sluice's own tables: before schema --apply"}},
                .examples = {{"", "the file sluice.toml, by Kafka and the database"},
                             {"orders --offline -c prod.toml",
                              "one pipeline, where neither is to be reached"}}},
     .configuration = Command::Configuration::by_itself,
     .run = check_configuration},
    {.syntax =
         {.name = "plan",
          .summary = "what a reload of this file would do to the running daemon",
          .options = {daemon_option,
                      {"--ddl", "", "print the DDL that tables lack, by their topics' schemas"}},
          .examples = {{"-c next.toml", "what taking this file over would restart"},
                       {"--daemon loader-1:9187", "the same for a daemon on another machine"},
                       {"--ddl", "columns that the registry's schemas have and tables lack"}}},
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
                      {"--message", "M", "with --from-topic: of a Protobuf file with several"},
                      {"--history", "PIPELINE",
                       "print a view of what rows were when, over a table of changes"},
                      {"--key", "A,B,…", "with --history: what tells rows apart"}},
          .examples =
              {{"| psql shop", "the tables that Sluice keeps its progress in, made by their owner"},
               {"--from-topic orders --table public.orders", "a table for what the topic holds"}}},
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
                      {"--skip-lines", "N", "begin behind the first N, the header apart"}},
          .examples = {{"orders rows.csv", "the rows of a file to the topic of [ingest.orders]"},
                       {"--topic prices --key sku --transactional prices.json",
                        "all of them or none, with a key"}}},
     .needs = topic_or_pipeline,
     .run = produce_messages},
    {.syntax = {.name = "wait",
                .words = "NAME",
                .least_words = 1,
                .most_words = 1,
                .summary = "wait until the database has what stands in the topic",
                .options = {{"--topic", "T", "one of several that the pipeline reads"},
                            {"--partition", "P", "where; with --offset"},
                            {"--offset", "N", "this record, and all before it"},
                            {"--end", "", "all that is in the topic now, in all partitions"},
                            {"--timeout", "T", "give up then, with exit code 1"}},
                .examples = {{"orders --end --timeout 1m",
                              "all that was in the topic when this began"},
                             {"orders --partition 0 --offset 4711", "one record"}}},
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
                      {"--follow", "", "go on with what comes; without --from, with that alone"},
                      {"--raw", "", "key, headers and value as they are"},
                      {"--output", "table|json|csv", "json: one object a line"}},
          .examples = {{"orders --from -10",
                        "the last ten of each partition, as [ingest.orders] maps them"},
                       {"--topic orders --where \"key = '42'\" --raw", "of a topic, as they are"}}},
     .needs = topic_or_pipeline,
     .run = peek},
    {.syntax =
         {.name = "sql",
          .words = "NAME|--topic T",
          .most_words = 1,
          .summary = "print a table for SQL over a pipeline's topic, which reads no progress",
          .options =
              {{"--apply", "", "create it instead of printing it"},
               {"--writable", "",
                "one whose rows become messages: at least once, not undone by ROLLBACK"},
               {"--topic", "T", "with --writable: which topic, of several or without a pipeline"},
               {"--table", "TABLE",
                "how it is called (default: the target's, _topic; writable, _messages)"},
               {"--where", "CONDITION", "of records, as peek has it: what it reads at most"},
               {"--at", "HOST:PORT",
                "one daemon, as segments find it (default: [segments] advertise)"}},
          .examples =
              {{"orders | psql shop", "select * from orders_topic then reads the topic"},
               {"orders --apply --table recent --where \"timestamp > '2026-01-31T00:00:00Z'\"",
                "a table of some of its records"},
               {"--topic alerts --writable --apply",
                "insert into alerts_messages then writes to the topic"}}},
     .needs = for_sql,
     .run = print_tables},
    {.syntax = {.name = "status",
                .words = "[NAME…]",
                .most_words = any_number,
                .summary = "what the pipelines do: asks the daemon, or database and broker",
                .options = {daemon_option, {"--watch", "", "again every two seconds"}},
                .examples = {{"", "all pipelines, of the daemon of sluice.toml"},
                             {"orders --watch --daemon loader-1:9187",
                              "one, of another daemon, again and again"}}},
     .configuration = Command::Configuration::by_itself,
     .run = show_status},
    {.syntax = {.name = "pause",
                .words = "NAME…",
                .least_words = 1,
                .most_words = any_number,
                .summary = "stop pipelines of the running daemon until they are resumed",
                .options = {daemon_option, token_option},
                .examples = {{"orders", "before its table is rebuilt"},
                             {"ingest.orders outbox.orders", "both of this name"}}},
     .configuration = Command::Configuration::by_itself,
     .run = control_daemon},
    {.syntax = {.name = "resume",
                .words = "NAME…",
                .least_words = 1,
                .most_words = any_number,
                .summary = "let paused pipelines go on",
                .options = {daemon_option, token_option},
                .examples = {{"orders", "of the daemon of sluice.toml"},
                             {"orders --daemon loader-1:9187", "of another one"}}},
     .configuration = Command::Configuration::by_itself,
     .run = control_daemon},
    {.syntax = {.name = "restart",
                .words = "NAME…",
                .least_words = 1,
                .most_words = any_number,
                .summary = "stop pipelines at a batch's end, and start them anew",
                .options = {daemon_option, token_option},
                .examples = {{"orders", "at once, instead of when its back-off ends"},
                             {"orders --token-file admin-token", "where the file has no token"}}},
     .configuration = Command::Configuration::by_itself,
     .run = control_daemon},
    {.syntax = {.name = "reload",
                .summary = "let the daemon read its configuration anew, and say what came of it",
                .options = {daemon_option, token_option},
                .examples = {{"", "the daemon of sluice.toml"},
                             {"-c /etc/sluice/sluice.toml", "the service"}}},
     .configuration = Command::Configuration::by_itself,
     .run = control_daemon},
    {.syntax = {.name = "progress",
                .words = "show [NAME…]|set NAME",
                .least_words = 1,
                .most_words = any_number,
                .summary = "where each partition goes on; set changes it, while nobody runs",
                .options = {{"--topic", "T", "set: one of several that the pipeline reads"},
                            {"--partition", "P", "set: a partition, or all"},
                            {"--offset", "N",
                             "set: the next offset to read, earliest, latest, or a time"},
                            {"--yes", "", "set: do not ask"}},
                .examples = {{"show", "where each partition of each pipeline goes on"},
                             {"set orders --partition 0 --offset 4711", "load again from there"}}},
     .needs = both_ends<1>,
     .run = progress},
    {.syntax = {.name = "verify",
                .words = "[NAME…]",
                .most_words = any_number,
                .summary = "account for every offset: ledger, dead letters, target tables",
                .examples = {{"", "all pipelines"},
                             {"orders --output json", "one, for a machine"}}},
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
                            {"--yes", "", "retry or discard without asking"}},
                .examples = {{"list orders", "what of its topic could not be loaded, and why"},
                             {"retry orders --where \"reason like '%numeric%'\"",
                              "load these now"}}},
     .needs = for_dead_letters,
     .run = settle_dead_letters},
    {.syntax = {.name = "outbox",
                .words = "list|retry|discard NAME",
                .least_words = 2,
                .most_words = 2,
                .summary = "look at events that Kafka could not take, and settle them",
                .options = {{"--where", "CONDITION", "only these: \"reason = 'unknown_topic'\""},
                            {"--limit", "N", "list at most so many, or all (default: 50)"},
                            {"--yes", "", "retry or discard without asking"}},
                .examples = {{"list events", "what Kafka could not take"},
                             {"retry events --yes", "send it again"}}},
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
                       "let the pipelines of FILE, or of --config, go on where imports stopped"}},
          .examples = {{"--dsn \"host=old dbname=shop\" --to sluice.toml",
                        "a configuration for all foreign tables"},
                       {"--write-progress -c sluice.toml", "then go on where imports stopped"}}},
     .configuration = Command::Configuration::by_itself,
     .run = import_fdw},
    {.syntax = {.name = "import-connect",
                .words = "FILE…",
                .least_words = 1,
                .most_words = any_number,
                .summary = "turn JDBC sinks of Kafka Connect into a configuration",
                .options = {{"--to", "FILE", "write it here (default: print it)"}},
                .examples = {{"orders-sink.json --to sluice.toml",
                              "of a connector's configuration"},
                             {"connectors.json", "of what GET /connectors?expand=info answers"}}},
     .configuration = Command::Configuration::by_itself,
     .run = import_connect},
    {.syntax =
         {.name = "import-gpss",
          .words = "FILE…",
          .least_words = 1,
          .most_words = any_number,
          .summary = "turn load jobs of Greenplum's GPSS or of FlowServer into a configuration",
          .options = {{"--to", "FILE", "write it here (default: print it)"}},
          .examples = {{"orders.yaml --to sluice.toml", "of a job's file"},
                       {"jobs/*.yaml", "of several: each becomes a pipeline"}}},
     .configuration = Command::Configuration::by_itself,
     .run = import_gpss},
    {.syntax = {.name = "config-schema",
                .summary = "print a JSON Schema of the configuration, for editors and CI",
                .examples = {{"> sluice.schema.json", "for an editor that knows TOML"},
                             {"> s.json && taplo check --schema file://$PWD/s.json sluice.toml",
                              "for CI"}}},
     .configuration = Command::Configuration::by_itself,
     .run = print_config_schema},
    {.syntax =
         {.name = "fmt",
          .summary = "print the configuration, laid out as the documentation's; comments stay",
          .options = {{"--write", "", "put it into the file instead"},
                      {"--check", "", "only say whether the file is laid out so"}},
          .examples = {{"--write -c sluice.toml", "mends the file"},
                       {"--check -c sluice.toml", "for CI: exit code 1 if it should be"}}},
     .configuration = Command::Configuration::by_itself,
     .run = format_configuration},
    {.syntax = {.name = "help",
                .words = "[COMMAND]",
                .most_words = 1,
                .summary = "list all commands, or explain one",
                .examples = {{"peek", "its options, and examples"}, {"", "all commands"}}},
     .configuration = Command::Configuration::by_itself,
     .run = print_help},
    {.syntax = {.name = "version",
                .summary = "print the version",
                .examples = {{"", "for people"}, {"--output json", "for machines"}}},
     .configuration = Command::Configuration::by_itself,
     .run = print_version},
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
