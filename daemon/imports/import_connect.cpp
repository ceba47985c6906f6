#include "config/toml/reader.h"
#include "daemon/commands/commands.h"
#include "daemon/imports/connect_translation.h"
#include "daemon/imports/made_file.h"
#include "pipeline/errors.h"

#include <algorithm>
#include <iostream>
#include <iterator>

namespace sluice {

int import_connect(const config::Config&, const CommandLine& line) {
    try {
        std::vector<Connector> connectors;
        for (const std::string& file : line.words) {
            const auto content = config::read_file(file);
            if (const auto* error = std::get_if<config::SyntaxError>(&content))
                throw WrongConfiguration(error->text);
            std::ranges::move(read_connectors(std::get<std::string>(content), file),
                              std::back_inserter(connectors));
        }
        hand_out(to_toml(connectors), line.option("--to"), "import-connect");
        return fine;
    } catch (const WrongConfiguration& wrong) {
        std::cerr << "sluice import-connect: " << wrong.what() << '\n';
        return used_or_configured_wrongly;
    }
}

}  // namespace sluice
