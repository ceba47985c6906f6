#pragma once

#include "daemon/imports/fdw_catalogue.h"
#include "pipeline/table.h"

#include <optional>
#include <string>
#include <vector>

namespace sluice {

/// A foreign table that is to become a pipeline.
struct FdwSource {
    FdwTable table;
    std::string pipeline;       ///< the name of its [ingest.NAME]
    bool named = false;         ///< by the user: nothing of it is left out on purpose
    std::string target{};       ///< as the user wrote it; empty: not said
    std::optional<Table> into;  ///< the target as the catalogue describes it
};

/// What the name of a foreign table becomes: `taken` are the names that others have already.
[[nodiscard]] std::string pipeline_name(const FdwTable& table,
                                        const std::vector<std::string>& taken);

struct FdwTranslation {
    FdwServer server;
    std::string database;  ///< the database's name, for the comment at the top
    std::string dsn;       ///< without a password
    bool needs_password = false;
    std::string schema = "sluice";  ///< of Sluice's own tables
    std::vector<FdwSource> sources;
};

/// The configuration file that does what the foreign tables and the import function did. What can
/// not be carried over, and what is for a person to decide, is in comments where it belongs.
[[nodiscard]] std::string to_toml(const FdwTranslation& translation);

/// As the database reads boolean options: true where it is on, or given without a value.
[[nodiscard]] bool is_on(const FdwOptions& options, const std::string& name);

}  // namespace sluice
