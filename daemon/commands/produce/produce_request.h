#pragma once

#include "config/config.h"
#include "daemon/commands/command_line.h"
#include "produce/message_plan.h"
#include "schemas/schema_text.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice {

/// By which schema values are written: one of a registry's subject, or of a file.
struct ProduceSchema {
    schemas::SchemaType type = schemas::SchemaType::avro;
    std::string file;          ///< empty: see `text`
    schemas::SchemaText text;  ///< of a pipeline that has it; empty: the subject's
    std::string subject;
    std::optional<std::int64_t> version;
    std::string message;     ///< of a .proto file
    bool plain = false;      ///< without the schema's id before the record
    bool registers = false;  ///< puts the file's under the subject
};

/// What the command line of `sluice produce` asks for.
struct ProduceRequest {
    const config::Ingest* pipeline = nullptr;  ///< nullptr: a topic alone; of the configuration
    std::string topic;
    std::string file = "-";  ///< "-": standard input
    produce::Input input = produce::Input::json;
    std::vector<std::string> columns;  ///< of CSV; empty: the first line names them
    config::Csv csv;
    produce::Choices choices;
    std::optional<ProduceSchema> schema;  ///< nullopt: values are what the file has
    bool transactional = false;
    std::optional<std::chrono::milliseconds> transaction_timeout;
    std::uint64_t skip_lines = 0;

    [[nodiscard]] std::string shown_file() const { return file == "-" ? "<stdin>" : file; }
};

/// By which a pipeline reads the values of this topic; nullopt: by none.
[[nodiscard]] std::optional<ProduceSchema> schema_that_reads(const config::Ingest& ingest,
                                                             const std::string& topic);

/// Throws WrongConfiguration with what is wrong, and what to write instead.
[[nodiscard]] ProduceRequest read_produce_request(const config::Config& config,
                                                  const CommandLine& line);

}  // namespace sluice
