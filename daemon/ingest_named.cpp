#include "daemon/ingest_named.h"

#include "config/words.h"
#include "pipeline/errors.h"

#include <algorithm>

namespace sluice {

const config::Ingest& ingest_named(const config::Config& config, const std::string& name,
                                   const std::string& remedy) {
    const auto found = std::ranges::find(config.ingest, name, &config::Ingest::name);
    if (found != config.ingest.end()) return *found;
    if (std::ranges::find(config.outbox, name, &config::Outbox::name) != config.outbox.end()) {
        throw WrongConfiguration("[outbox." + name +
                                 "] is an outbox; this is for ingest pipelines" + remedy);
    }
    std::vector<std::string_view> known;
    for (const config::Ingest& ingest : config.ingest) known.push_back(ingest.name);
    throw WrongConfiguration("there is no [ingest." + name + "]" + config::suggestion(name, known) +
                             remedy);
}

}  // namespace sluice
