#include "daemon/commands.h"
#include "sinks/schema.h"
#include "sinks/session.h"

#include <iostream>

namespace sluice {

int print_schema(const config::Config& config, const CommandLine&) {
    Session session{config.cloudberry.dsn.text, "sluice schema"};
    std::cout << schema_ddl(family_of(session), config.cloudberry.schema);
    return fine;
}

}  // namespace sluice
