#pragma once

#include "config/config.h"
#include "daemon/commands/command_line.h"
#include "daemon/commands/peek/peek_plan.h"
#include "daemon/commands/peek/peek_where.h"
#include "registry/registry_client.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace sluice {

/// What is to be shown of which topics.
struct PeekRequest {
    std::optional<config::Ingest> ingest;  ///< nullopt: a topic alone
    std::optional<std::string> topic;      ///< of the pipeline's, that has targets of its own
    config::Topics topics;
    bool raw = false;       ///< not by a pipeline's mapping
    bool as_it_is = false;  ///< nor by schemas
    PeekWish wish;
    std::shared_ptr<registry::RegistryClient> registry;  ///< null: none is needed, or configured
    std::optional<PeekWhere> where;
    std::optional<std::int64_t> limit;
    bool limit_is_ours = false;  ///< nobody asked for one
    bool follows = false;        ///< goes on with what comes
    CommandLine::Output output = CommandLine::Output::table;
};

/// As the command line has it. `topic`: of several, whose tables are their own. Throws
/// WrongConfiguration.
[[nodiscard]] PeekRequest peek_request(const config::Config& config, const CommandLine& line,
                                       const std::string* topic = nullptr);

}  // namespace sluice
