#include "sinks/catalogue/check_hidden.h"

#include "config/hidden_source.h"
#include "config/text/words.h"

namespace sluice {

std::vector<Finding> check_hidden(const std::string& where, const config::Ingest& ingest) {
    std::vector<Finding> findings;
    const auto look_at = [&](const config::ColumnMapping& mapping, const std::string& what) {
        for (const config::ColumnMapping& hiding : ingest.columns) {
            if (!config::hides(hiding.as) || config::hides(mapping.as) ||
                !config::holds(mapping.source, hiding.source) ||
                config::drops(mapping, hiding.source))
                continue;
            findings.push_back({Finding::Severity::warning, where,
                                what + " " + config::in_quotes(mapping.column) + " takes " +
                                    config::in_quotes(mapping.source.text) +
                                    ", and with it what column " +
                                    config::in_quotes(hiding.column) + " hides",
                                "leave it out, or map the fields that may be stored"});
        }
    };
    for (const config::ColumnMapping& mapping : ingest.columns) look_at(mapping, "column");
    for (const config::SqlField& field : ingest.fields) look_at(field.mapping, "field");
    return findings;
}

}  // namespace sluice
