#include "daemon/reload/schema_check.h"

#include "config/pipeline.h"
#include "config/text/words.h"
#include "daemon/reload/ask.h"
#include "daemon/supervisor/topic_schema.h"
#include "pipeline/errors.h"
#include "schemas/bad_schema.h"
#include "sinks/catalogue/check_fields.h"
#include "sinks/catalogue/table_growth.h"

namespace sluice {
namespace {

using Severity = Finding::Severity;

std::vector<Finding> compare_values(const std::string& where, const config::Ingest& ingest,
                                    const std::string& topic, const Table& table,
                                    registry::RegistryClient* registry) {
    const auto schema = schema_of(ingest, topic, registry);
    if (!schema) {
        if (!config::asks_registry(ingest.schema, ingest.format)) return {};
        return {{Severity::hint, where,
                 "the registry has no schema called " + config::subject_for(ingest.subject, topic) +
                     " to compare the table with"}};
    }
    if (schema->rows.in_envelope && ingest.envelope == config::Envelope::none)
        return {{Severity::hint, where, schema->name + " describes Debezium's change events",
                 "envelope = \"debezium\" takes the row out of them"}};
    if (!schema->rows.messages.empty())
        return {{Severity::hint, where,
                 "the table is not compared with " + schema->name +
                     ", of whose messages records may be any: " +
                     config::listed({schema->rows.messages.begin(), schema->rows.messages.end()})}};
    if (schema->rows.fields.empty()) return {};
    std::vector<Finding> findings = check_fields(ingest, table, schema->rows.fields, schema->name);
    if (ingest.on_extra == config::OnExtra::add_column)
        append(findings, unfit_for_growth(ingest, table, schema->rows));
    return findings;
}

/// Connectors write a row's primary key as the key of its change events.
std::vector<Finding> compare_keys(const config::Ingest& ingest, const std::string& topic,
                                  const Table& table, registry::RegistryClient* registry) {
    if (ingest.mode == config::Mode::append || ingest.envelope == config::Envelope::none ||
        registry == nullptr)
        return {};
    const auto schema = schema_of_keys(topic, *registry);
    if (!schema) return {};
    return check_key_of_changes(ingest, table, schema->rows.fields, schema->name);
}

}  // namespace

std::vector<Finding> compare_with_schemas(const std::string& where, const config::Ingest& ingest,
                                          const std::vector<std::string>& topics,
                                          const Table& table, registry::RegistryClient* registry) {
    constexpr std::size_t most_compared = 20;
    const bool is_one = ingest.schema.from == config::Schema::From::file;
    std::vector<Finding> findings;
    std::size_t compared = 0;
    for (const std::string& topic : topics) {
        if (++compared > (is_one ? 1 : most_compared)) break;
        try {
            append(findings, compare_values(where, ingest, topic, table, registry));
            append(findings, compare_keys(ingest, topic, table, registry));
        } catch (const schemas::BadSchema& bad) {
            findings.push_back({Severity::warning, where, bad.what()});
        } catch (const TroubleOfTheWorld& away) {
            findings.push_back({Severity::warning, where, away.what()});
            break;
        }
    }
    return findings;
}

}  // namespace sluice
