#include "daemon/commands/named_pipelines.h"

#include "config/pipeline.h"
#include "config/text/words.h"
#include "pipeline/errors.h"

#include <algorithm>
#include <string_view>

namespace sluice {

const config::Ingest& ingest_named(const config::Config& config, const std::string& name,
                                   std::string_view remedy) {
    if (const config::Ingest* const found = config::find_ingest(config, name)) return *found;
    if (const config::Outbox* const outbox = config::find_outbox(config, name)) {
        throw WrongConfiguration("[outbox." + outbox->name +
                                 "] is an outbox; this is for ingest pipelines" +
                                 std::string(remedy));
    }
    std::vector<std::string_view> known;
    for (const config::Ingest& ingest : config.ingest) known.push_back(ingest.name);
    throw WrongConfiguration("there is no [ingest." +
                             std::string(config::bare_name(name, "ingest")) + "]" +
                             config::suggestion(name, known) + std::string(remedy));
}

std::string unknown_among(const std::vector<std::string>& words,
                          const std::vector<std::string>& keys) {
    std::vector<std::string_view> names;
    for (const std::string& key : keys) {
        names.push_back(std::string_view(key).substr(key.find('.') + 1));
    }
    for (const std::string& word : words) {
        if (std::ranges::find(keys, word) != keys.end()) continue;
        if (std::ranges::find(names, word) != names.end()) continue;
        return "there is no pipeline \"" + word + "\"" + config::suggestion(word, names);
    }
    return {};
}

}  // namespace sluice
