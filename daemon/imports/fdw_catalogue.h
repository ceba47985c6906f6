#pragma once

#include "pipeline/record.h"

#include <map>
#include <string>
#include <vector>

namespace sluice {

class Session;

using FdwOptions = std::map<std::string, std::string>;

struct FdwServer {
    std::string name;
    FdwOptions options;                       ///< those of the wrapper among them
    std::vector<std::string> mapped_options;  ///< names of options of its user mappings
};

struct FdwColumn {
    std::string name;
    FdwOptions options;
};

/// A foreign table of kafka_fdw.
struct FdwTable {
    std::string schema;
    std::string name;
    std::string server;
    FdwOptions options;
    std::vector<FdwColumn> columns;  ///< in the table's order
    /// Where the import function keeps its progress, quoted and qualified; empty: there is none.
    std::string progress_table;
};

struct FdwCatalogue {
    std::vector<FdwServer> servers;
    std::vector<FdwTable> tables;  ///< by schema and name
};

/// What is declared for foreign data wrapper kafka_fdw, whether its library is there or not.
/// Throws DatabaseError.
[[nodiscard]] FdwCatalogue read_fdw_catalogue(Session& session);

/// Where an import function would go on: `<table>_import_progress (part, offs)`, by
/// partition. `offs` is the next offset to read. Waits a short while for an import that is running,
/// and keeps others out as long as the session's transaction lasts. Throws DatabaseError.
[[nodiscard]] std::map<PartitionNumber, Offset> read_fdw_progress(
    Session& session, const std::string& progress_table);

}  // namespace sluice
