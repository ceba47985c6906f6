#include "config/pipeline.h"
#include "config/text/words.h"
#include "daemon/commands/commands.h"
#include "daemon/supervisor/topic_schema.h"
#include "kafka/client.h"
#include "kafka/topic.h"
#include "pipeline/errors.h"
#include "pipeline/mapping/target.h"
#include "registry/registry_client.h"
#include "schemas/bad_schema.h"
#include "sinks/catalogue/catalogue.h"
#include "sinks/catalogue/check_fields.h"
#include "sinks/catalogue/table_growth.h"

#include <iostream>
#include <optional>
#include <set>

namespace sluice {
namespace {

/// Prints what tables lack of the columns that their topics' schemas have fields for.
class GrowthPlan {
public:
    explicit GrowthPlan(const config::Config& config)
        : config_(config),
          session_(config.cloudberry.dsn.text, "sluice plan"),
          registry_(registry::client_of(config.registry)) {
        session_.open();
    }

    /// False: a schema or a table could not be read.
    [[nodiscard]] bool print(const config::Ingest& ingest) {
        bool all = true;
        for (const std::string& topic : topics_of(ingest)) {
            try {
                for (const config::Ingest& target :
                     targets_of_topic(ingest, topic, config_.cloudberry.schema))
                    print(target, topic);
            } catch (const WrongConfiguration& wrong) {
                all = complain(ingest, wrong.what());
            } catch (const schemas::BadSchema& bad) {
                all = complain(ingest, bad.what());
            }
        }
        return all;
    }

private:
    static bool complain(const config::Ingest& ingest, const std::string& why) {
        std::cerr << "ingest." << ingest.name << ": " << why << '\n';
        return false;
    }

    std::vector<std::string> topics_of(const config::Ingest& ingest) {
        if (ingest.topic.regex.empty()) return ingest.topic.names;
        const kafka::ClientHandle client =
            kafka::make_client(RD_KAFKA_CONSUMER, kafka::make_conf(config_.kafka, {}), "plan");
        std::vector<std::string> topics;
        for (const auto& [topic, partitions] : kafka::partitions_of(*client, ingest.topic))
            topics.push_back(topic);
        if (topics.empty())
            std::cout << "-- ingest." << ingest.name << ": no topic's whole name fits "
                      << config::in_quotes(ingest.topic.regex) << " yet\n";
        return topics;
    }

    void print(const config::Ingest& target, const std::string& topic) {
        const auto schema = schema_of(target, topic, registry_.get());
        if (schema && !schema->rows.messages.empty())
            std::cout << "-- ingest." << target.name << ": records may be any of the messages of "
                      << schema->name << "; schema = { …, message = \"…\" } says which\n";
        if (!schema) say_that_there_is_none(target, topic);
        if (!schema || schema->rows.fields.empty()) return;
        // Topics may share a table, and a schema.
        if (!told_.insert(target.table + "\n" + schema->name).second) return;
        std::cout << "-- ingest." << target.name << ", table " << target.table << ", by "
                  << schema->name;
        const std::optional<Table> table = table_of(target);
        const GrowthGoal goal{.target = target,
                              .rows = schema->rows,
                              .key = key_fields_of(topic, &target, *schema, registry_.get()),
                              .family = session_.family()};
        const std::string ddl = growth_ddl(goal, table);
        const std::string why = why_not_grown(goal, table);
        if (!why.empty() && !ddl.empty()) std::cout << "\n-- not made by itself: " << why;
        std::cout << (ddl.empty() ? ": nothing is missing\n" : "\n" + ddl);
        if (table) print_unfit(target, *table, *schema);
    }

    /// Nobody can tell, as of a topic into which nothing was written yet.
    void say_that_there_is_none(const config::Ingest& target, const std::string& topic) {
        std::cout << "-- ingest." << target.name << ", table " << target.table << ", topic "
                  << topic << ": ";
        if (target.schema.from == config::Schema::From::registry)
            std::cout << "the registry has no subject "
                      << config::in_quotes(config::subject_for(target.subject, topic))
                      << " yet, so what the table lacks is not known\n";
        else
            std::cout << "its records have no schema, by which columns would be known\n";
    }

    std::optional<Table> table_of(const config::Ingest& target) {
        if (!session_.exec("SELECT to_regclass($1)", {target.table}).rows[0][0])
            return std::nullopt;
        return read_table(session_, target.table);
    }

    /// Types are nobody's to change but the owner's.
    static void print_unfit(const config::Ingest& target, const Table& table,
                            const TopicSchema& schema) {
        for (const Finding& finding : check_fields(target, table, schema.rows.fields, schema.name))
            if (finding.severity == Finding::Severity::warning)
                std::cout << "-- " << to_string(finding) << '\n';
        for (const Finding& finding : unfit_for_growth(target, table, schema.rows))
            std::cout << "-- " << to_string(finding) << '\n';
    }

    const config::Config& config_;
    Session session_;
    std::shared_ptr<registry::RegistryClient> registry_;
    std::set<std::string> told_;
};

}  // namespace

int plan_ddl(const config::Config& config, const CommandLine&) {
    GrowthPlan plan(config);
    bool all = true;
    for (const config::Ingest& ingest : config.ingest) all = plan.print(ingest) && all;
    return all ? fine : found_something_wrong;
}

}  // namespace sluice
