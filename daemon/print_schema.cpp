#include "daemon/commands.h"
#include "sinks/schema.h"
#include "sinks/session.h"

#include <iostream>

namespace sluice {

int print_schema(const config::Config& config, const CommandLine& line) {
    Session session{config.cloudberry.dsn.text, "sluice schema"};
    if (line.has("--apply")) {
        ensure_schema(session, config.cloudberry.schema);
        std::cout << "schema " << config.cloudberry.schema
                  << ": sluice's tables are there, version " << schema_version << '\n';
        return fine;
    }
    std::cout << schema_ddl(family_of(session), config.cloudberry.schema);
    return fine;
}

}  // namespace sluice
