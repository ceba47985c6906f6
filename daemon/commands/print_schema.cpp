#include "config/pipeline.h"
#include "config/text/words.h"
#include "daemon/commands/commands.h"
#include "pipeline/errors.h"
#include "sinks/outbox/outbox_ddl.h"
#include "sinks/schema/schema.h"
#include "sinks/session/session.h"

#include <iostream>
#include <sstream>

namespace sluice {
namespace {

std::vector<const config::Outbox*> outboxes_named(const config::Config& config,
                                                  const CommandLine& line) {
    std::vector<const config::Outbox*> outboxes;
    for (const std::string& name : line.words) {
        const config::Outbox* const found = config::find_outbox(config, name);
        if (found == nullptr) {
            std::vector<std::string_view> known;
            for (const config::Outbox& outbox : config.outbox) known.push_back(outbox.name);
            throw WrongConfiguration("there is no [outbox." + name + "]" +
                                     config::suggestion(name, known) +
                                     "; of other pipelines, tables are yours to make");
        }
        outboxes.push_back(found);
    }
    return outboxes;
}

/// Applications own these tables, so they are made for those only who name the pipeline.
void make_or_print(Session& session, const std::vector<const config::Outbox*>& outboxes,
                   bool apply) {
    const Family family = session.family();
    for (const config::Outbox* outbox : outboxes) {
        if (!apply) {
            std::cout << outbox_ddl(*outbox, family);
        } else if (has_table(session, *outbox)) {
            std::cout << "table " << outbox->table << " is there already, and stays as it is\n";
        } else {
            session.run(outbox_ddl(*outbox, family));
            std::cout << "table " << outbox->table << " was created\n";
        }
    }
}

/// For who may not create them: what there has to be, or what leads there from what there is.
void print_ddl(Session& session, const std::string& schema) {
    const Family family = session.family();
    const int installed = installed_schema_version(session, schema);
    if (installed > schema_version) throw TroubleOfTheWorld(newer_than_program(schema, installed));
    const std::string upgrade = installed == 0 ? "" : upgrade_ddl(family, schema, installed);
    if (!upgrade.empty()) std::cout << "BEGIN;\n" << upgrade << "COMMIT;\n\n";
    std::cout << schema_ddl(family, schema);
}

void suggest_missing(Session& session, const config::Config& config) {
    for (const config::Outbox& outbox : config.outbox) {
        if (has_table(session, outbox)) continue;
        std::cout << "\n-- The table of [outbox." << outbox.name
                  << "] is missing. This one suits; to print or create it: sluice schema "
                  << outbox.name << " [--apply]\n";
        std::istringstream ddl(outbox_ddl(outbox, session.family()));
        for (std::string line; std::getline(ddl, line);) std::cout << "-- " << line << '\n';
    }
}

}  // namespace

int print_schema(const config::Config& config, const CommandLine& line) {
    if (line.has("--from-topic")) return propose_table(config, line);
    if (line.has("--history")) return print_history(config, line);
    try {
        const auto outboxes = outboxes_named(config, line);
        Session session{config.cloudberry.dsn.text, "sluice schema"};
        if (!outboxes.empty()) {
            make_or_print(session, outboxes, line.has("--apply"));
        } else if (line.has("--apply")) {
            ensure_schema(session, config.cloudberry.schema);
            std::cout << "schema " << config.cloudberry.schema
                      << ": sluice's tables are there, version " << schema_version << '\n';
        } else {
            print_ddl(session, config.cloudberry.schema);
            suggest_missing(session, config);
        }
        return fine;
    } catch (const WrongConfiguration& wrong) {
        std::cerr << "sluice schema: " << wrong.what() << '\n';
        return used_or_configured_wrongly;
    }
}

}  // namespace sluice
