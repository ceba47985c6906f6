#include "daemon/commands/commands.h"
#include "daemon/commands/named_pipelines.h"
#include "pipeline/errors.h"
#include "sinks/catalogue/history_view.h"

#include <iostream>
#include <sstream>

namespace sluice {

int print_history(const config::Config& config, const CommandLine& line) {
    try {
        if (!line.words.empty() || line.has("--apply"))
            throw WrongConfiguration("--history prints one view, and goes with --key alone");
        std::vector<std::string> key;
        std::istringstream names(line.option("--key").value_or(""));
        for (std::string name; std::getline(names, name, ',');) key.push_back(name);
        const config::Ingest& ingest = ingest_named(config, *line.option("--history"), "");
        if (ingest.routes())
            throw WrongConfiguration("--history is about one table, and [ingest." + ingest.name +
                                     "] has several; give it one topic and one table, in a copy "
                                     "of the file");
        std::cout << history_view_ddl(ingest, key);
        return fine;
    } catch (const WrongConfiguration& wrong) {
        std::cerr << "sluice schema: " << wrong.what() << '\n';
        return used_or_configured_wrongly;
    }
}

}  // namespace sluice
