#pragma once

#include "config/config.h"
#include "daemon/commands/command_line.h"
#include "produce/message_plan.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice {

/// What the command line of `sluice produce` asks for.
struct ProduceRequest {
    const config::Ingest* pipeline = nullptr;  ///< nullptr: a topic alone; of the configuration
    std::string topic;
    std::string file = "-";  ///< "-": standard input
    produce::Input input = produce::Input::json;
    std::vector<std::string> columns;  ///< of CSV; empty: the first line names them
    config::Csv csv;
    produce::Choices choices;
    bool transactional = false;
    std::optional<std::chrono::milliseconds> transaction_timeout;
    std::uint64_t skip_lines = 0;

    [[nodiscard]] std::string shown_file() const { return file == "-" ? "<stdin>" : file; }
};

/// Throws WrongConfiguration with what is wrong, and what to write instead.
[[nodiscard]] ProduceRequest read_produce_request(const config::Config& config,
                                                  const CommandLine& line);

}  // namespace sluice
