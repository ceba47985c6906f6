#include "config/pipeline.h"
#include "config/text/words.h"
#include "daemon/commands/commands.h"
#include "daemon/supervisor/topic_schema.h"
#include "pipeline/errors.h"
#include "pipeline/mapping/target.h"
#include "registry/registry_client.h"
#include "schemas/bad_schema.h"
#include "sinks/catalogue/proposed_table.h"
#include "sinks/session/sql_text.h"

#include <algorithm>
#include <iostream>
#include <optional>

namespace sluice {
namespace {

const config::Ingest* pipeline_of(const config::Config& config, const std::string& topic) {
    const auto found = std::ranges::find_if(config.ingest, [&](const config::Ingest& ingest) {
        return config::TopicMatcher(ingest.topic).matches(topic);
    });
    return found == config.ingest.end() ? nullptr : &*found;
}

/// What the command line says goes before anything else.
TopicSchema schema_for(const std::string& topic, const CommandLine& line,
                       const config::Ingest* pipeline, registry::RegistryClient* registry) {
    const auto subject = line.option("--subject");
    const std::string message = line.option("--message").value_or("");
    std::optional<TopicSchema> found;
    if (pipeline != nullptr && !subject) found = schema_of(*pipeline, topic, registry, message);
    if (!found && registry == nullptr)
        throw WrongConfiguration(
            "schemas come from a registry, and none is configured; add [registry]");
    const std::string asked = subject.value_or(
        pipeline != nullptr ? config::subject_for(pipeline->subject, topic) : topic + "-value");
    if (!found) found = latest_schema(asked, *registry, message);
    if (!found)
        throw TroubleOfTheWorld("the registry has no schema called " + asked +
                                "; is it the one that the topic's writers use? --subject names "
                                "another");
    if (!found->rows.messages.empty())
        throw WrongConfiguration(
            found->name +
            " has several messages; --message says which one is "
            "meant: " +
            config::listed({found->rows.messages.begin(), found->rows.messages.end()}));
    if (found->rows.fields.empty())
        throw TroubleOfTheWorld(found->name + " describes no fields that columns could take");
    return std::move(*found);
}

/// "orders" of "shop.public.orders".
std::string table_for(const std::string& topic) {
    const auto dot = topic.rfind('.');
    return quote_identifier(dot == std::string::npos ? topic : topic.substr(dot + 1));
}

/// The pipeline as it is for the table that is meant; nullopt: for none that it has.
std::optional<config::Ingest> target_of(const config::Ingest& pipeline, const std::string& topic,
                                        const std::string& own_schema,
                                        const std::optional<std::string>& table) {
    const auto targets = targets_of_topic(pipeline, topic, own_schema);
    if (targets.size() == 1) return targets.front();
    if (!table)
        throw WrongConfiguration("[ingest." + pipeline.name +
                                 "] has several targets; say with --table which one is meant");
    const auto found = std::ranges::find(targets, *table, &config::Ingest::table);
    if (found == targets.end()) return std::nullopt;
    return *found;
}

}  // namespace

int propose_table(const config::Config& config, const CommandLine& line) {
    try {
        if (!line.words.empty() || line.has("--apply"))
            throw WrongConfiguration(
                "--from-topic prints one table, and goes with --table, --subject and --message "
                "alone");
        const std::string topic = *line.option("--from-topic");
        const config::Ingest* const pipeline = pipeline_of(config, topic);
        const auto registry = registry::client_of(config.registry);
        const TopicSchema schema = schema_for(topic, line, pipeline, registry.get());
        const auto named = line.option("--table");
        std::optional<config::Ingest> target;
        if (pipeline != nullptr)
            target = target_of(*pipeline, topic, config.cloudberry.schema, named);
        const std::string table = named.value_or(target ? target->table : table_for(topic));
        std::cout << "-- by " << schema.name << '\n'
                  << proposed_ddl(
                         table, schema.rows.fields,
                         key_fields_of(topic, target ? &*target : nullptr, schema, registry.get()));
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
