#include "config/toml/reader.h"
#include "daemon/commands/commands.h"
#include "daemon/imports/gpss_translation.h"
#include "daemon/imports/made_file.h"
#include "pipeline/errors.h"

#include <iostream>

namespace sluice {

int import_gpss(const config::Config&, const CommandLine& line) {
    try {
        std::vector<GpssJob> jobs;
        for (const std::string& file : line.words) {
            const auto content = config::read_file(file);
            if (const auto* error = std::get_if<config::SyntaxError>(&content))
                throw WrongConfiguration(error->text);
            jobs.push_back(read_gpss_job(std::get<std::string>(content), file));
        }
        hand_out(to_toml(std::move(jobs)), line.option("--to"), "import-gpss");
        return fine;
    } catch (const WrongConfiguration& wrong) {
        std::cerr << "sluice import-gpss: " << wrong.what() << '\n';
        return used_or_configured_wrongly;
    }
}

}  // namespace sluice
