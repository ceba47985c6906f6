#include "daemon/commands/ingest_named.h"

#include "config/pipeline.h"
#include "config/words.h"
#include "pipeline/errors.h"

namespace sluice {

const config::Ingest& ingest_named(const config::Config& config, const std::string& name,
                                   const std::string& remedy) {
    if (const config::Ingest* const found = config::find_ingest(config, name)) return *found;
    if (config::find_outbox(config, name) != nullptr) {
        throw WrongConfiguration("[outbox." + name +
                                 "] is an outbox; this is for ingest pipelines" + remedy);
    }
    std::vector<std::string_view> known;
    for (const config::Ingest& ingest : config.ingest) known.push_back(ingest.name);
    throw WrongConfiguration("there is no [ingest." + name + "]" + config::suggestion(name, known) +
                             remedy);
}

}  // namespace sluice
