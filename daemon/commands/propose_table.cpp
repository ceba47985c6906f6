#include "config/pipeline.h"
#include "daemon/commands/commands.h"
#include "daemon/reload/topic_schema.h"
#include "pipeline/errors.h"
#include "schemas/bad_schema.h"
#include "sinks/catalogue/proposed_table.h"
#include "sinks/session/sql_text.h"

#include <algorithm>
#include <iostream>

namespace sluice {
namespace {

const config::Ingest* pipeline_of(const config::Config& config, const std::string& topic) {
    const auto found = std::ranges::find(config.ingest, topic, &config::Ingest::topic);
    return found == config.ingest.end() ? nullptr : &*found;
}

/// `subject`: as the command line says, before anything else.
TopicSchema schema_for(const std::string& topic, const std::optional<std::string>& subject,
                       const config::Ingest* pipeline, registry::RegistryClient* registry) {
    std::optional<TopicSchema> found;
    if (pipeline != nullptr && !subject) found = schema_of(*pipeline, registry);
    if (!found && registry == nullptr)
        throw WrongConfiguration(
            "schemas come from a registry, and none is configured; add [registry]");
    const std::string asked = subject.value_or(
        pipeline != nullptr ? config::subject_for(pipeline->subject, topic) : topic + "-value");
    if (!found) found = latest_schema(asked, *registry);
    if (!found)
        throw TroubleOfTheWorld("the registry has no schema called " + asked +
                                "; is it the one that the topic's writers use? --subject names "
                                "another");
    if (found->rows.fields.empty())
        throw TroubleOfTheWorld(found->name + " describes no fields that columns could take");
    return std::move(*found);
}

/// Of rows whose changes come one by one: the fields of the records' keys.
std::vector<std::string> key_of(const std::string& topic, const config::Ingest* pipeline,
                                const TopicSchema& schema, registry::RegistryClient* registry) {
    std::vector<std::string> key;
    if (pipeline != nullptr && pipeline->mode == config::Mode::append) return key;
    if (pipeline != nullptr && !pipeline->key.empty()) return pipeline->key;
    const bool of_changes = pipeline != nullptr || schema.rows.in_envelope;
    if (!of_changes || registry == nullptr) return key;
    const auto found = latest_schema(topic + "-key", *registry);
    if (!found) return key;
    for (const schemas::RowField& field : found->rows.fields) key.push_back(field.name);
    return key;
}

/// "orders" of "shop.public.orders".
std::string table_for(const std::string& topic) {
    const auto dot = topic.rfind('.');
    return quote_identifier(dot == std::string::npos ? topic : topic.substr(dot + 1));
}

}  // namespace

int propose_table(const config::Config& config, const CommandLine& line) {
    try {
        if (!line.words.empty() || line.has("--apply"))
            throw WrongConfiguration(
                "--from-topic prints one table, and goes with --table and --subject alone");
        const std::string topic = *line.option("--from-topic");
        const config::Ingest* const pipeline = pipeline_of(config, topic);
        const auto registry = registry::client_of(config.registry);
        const TopicSchema schema =
            schema_for(topic, line.option("--subject"), pipeline, registry.get());
        const std::string table = line.option("--table").value_or(
            pipeline != nullptr ? pipeline->table : table_for(topic));
        std::cout << "-- by " << schema.name << '\n'
                  << proposed_ddl(table, schema.rows.fields,
                                  key_of(topic, pipeline, schema, registry.get()));
        return fine;
    } catch (const WrongConfiguration& wrong) {
        std::cerr << "sluice schema: " << wrong.what() << '\n';
        return used_or_configured_wrongly;
    } catch (const schemas::BadSchema& bad) {
        std::cerr << "sluice schema: " << bad.what() << '\n';
        return found_something_wrong;
    }
}

}  // namespace sluice
