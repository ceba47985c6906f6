#include "daemon/reload/pipeline_checks.h"

#include "config/table_pattern.h"
#include "daemon/reload/ask.h"
#include "daemon/reload/pipeline_check.h"
#include "kafka/client.h"
#include "kafka/group_description.h"
#include "metrics/registry.h"
#include "sinks/catalogue/check.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <iterator>
#include <optional>
#include <thread>

namespace sluice {

using Severity = Finding::Severity;

namespace {

/// Each has a connection to the database, and asks Kafka one question at a time.
constexpr std::size_t most_at_once = 8;

/// A name that the file takes from elsewhere, which is not here.
std::string shown(const std::string& name) {
    return name.empty() ? "?" : name;
}

void note_fault_of_client(const config::Config& config, std::vector<Finding>& findings) {
    std::string fault = kafka::known_fault(config.kafka);
    if (fault.empty()) return;
    findings.push_back({Finding::Severity::warning, "[kafka.properties]", std::move(fault)});
}

/// With a timeout that the brokers do not take, no consumer comes into its group.
void compare_session_timeout(const config::Config& config, rd_kafka_t& kafka,
                             std::vector<Finding>& findings) {
    constexpr kafka::SessionLimits by_default{std::chrono::seconds(6), std::chrono::minutes(30)};
    const std::chrono::milliseconds timeout = kafka::session_timeout(config.kafka);
    const auto lies_within = [&](const kafka::SessionLimits& limits) {
        return timeout >= limits.least && timeout <= limits.most;
    };
    std::optional<kafka::SessionLimits> limits;
    std::vector<Finding> not_told;
    ask("", not_told, [&] { limits = kafka::session_limits(kafka); });
    const auto range = [](const kafka::SessionLimits& of) {
        return std::to_string(of.least.count()) + " to " + std::to_string(of.most.count());
    };
    const std::string is = "\"session.timeout.ms\" is " + std::to_string(timeout.count());
    const std::string where = "[kafka.properties]";
    if (limits && !lies_within(*limits)) {
        findings.push_back(
            {Severity::error, where,
             is + ", with which the brokers let nobody into a group: they take " + range(*limits),
             "set one within, or change group.min.session.timeout.ms or "
             "group.max.session.timeout.ms of the brokers"});
    } else if (!limits && !lies_within(by_default)) {
        findings.push_back({Severity::hint, where,
                            is + "; Kafka's default is to take " + range(by_default) +
                                ", and these brokers do not tell this user what they take",
                            "to have it looked at, grant DescribeConfigs on the cluster"});
    }
}

bool is_ingest(const config::Pipeline& pipeline) {
    return std::holds_alternative<config::Ingest>(pipeline.of_kind);
}

bool fetched_by_segments(const config::Pipeline& pipeline) {
    const auto* ingest = std::get_if<config::Ingest>(&pipeline.of_kind);
    return ingest != nullptr && ingest->load != config::Load::copy;
}

/// As the daemon will, unless it does already: then nobody listens here.
std::vector<Finding> open_to_segments(const config::Segments& segments, segments::Server& server) {
    const std::string problem = server.adopt({.advertised = segments.advertise,
                                              .timeout = segments.timeout,
                                              .certificate = segments.certificate,
                                              .key = segments.key.text,
                                              .ca = segments.ca});
    if (!problem.empty()) return {{Severity::error, "[segments]", problem}};
    static_cast<void>(server.move_to(segments.listen));
    return {};
}

/// Those that change rows, topic by topic where each topic has its table; of topics that do not
/// answer, or come later, nobody can tell.
std::vector<config::Ingest> changing_targets(const config::Config& config, rd_kafka_t* kafka) {
    std::vector<config::Ingest> all;
    const auto add = [&](const config::Ingest& target, const std::string& topic) {
        auto its = config::targets_of_topic(target, topic, config.cloudberry.schema);
        if (auto* one = std::get_if<std::vector<config::Ingest>>(&its))
            std::ranges::move(*one, std::back_inserter(all));
    };
    for (const config::Ingest& ingest : config.ingest)
        for (const config::Ingest& target : config::targets_of(ingest)) {
            if (target.mode == config::Mode::append) continue;
            if (!target.tables_by_topic) {
                all.push_back(target);
                continue;
            }
            for (const std::string& topic : target.topic.names) add(target, topic);
            if (target.topic.regex.empty() || kafka == nullptr) continue;
            std::vector<Finding> told_elsewhere;
            ask("", told_elsewhere, [&] {
                for (const auto& [topic, partitions] : kafka::partitions_of(*kafka, target.topic))
                    add(target, topic);
            });
        }
    return all;
}

/// The checks of these pipelines, by their place. `first`: a session that is open, or null.
std::vector<std::optional<PipelineCheck>> check_at_once(
    const CheckedWorld& world, Session* first, const std::vector<config::Pipeline>& pipelines) {
    std::vector<std::optional<PipelineCheck>> checks(pipelines.size());
    std::atomic<std::size_t> next = 0;
    const auto work = [&](Session* session) {
        for (std::size_t i = next++; i < pipelines.size(); i = next++)
            checks[i].emplace(world, session, pipelines[i]);
    };
    const auto work_with_own_session = [&] {
        if (first == nullptr) return work(nullptr);
        Session session{world.config.cloudberry.dsn.text, "sluice check"};
        try {
            session.open();
        } catch (const DatabaseError&) {
            return;  // it has no room for us: the first one does it all
        }
        work(&session);
    };
    std::vector<std::jthread> others;
    while (others.size() + 1 < std::min(most_at_once, pipelines.size()))
        others.emplace_back(work_with_own_session);
    work(first);
    others.clear();
    return checks;
}

std::vector<config::Pipeline> chosen(const config::Config& config,
                                     const std::set<std::string>& keys) {
    std::vector<config::Pipeline> pipelines;
    for (const auto& [key, pipeline] : config::pipelines_of(config))
        if (keys.contains(key)) pipelines.push_back(pipeline);
    return pipelines;
}

/// "ingest.orders" of "ingest.orders: column …", "kafka.properties" of "[kafka.properties] …".
std::string_view section_of(std::string_view where) {
    if (!where.starts_with('[')) return where.substr(0, where.find(':'));
    return where.substr(1, where.find(']') - 1);
}

}  // namespace

void find_places(std::vector<Finding>& findings, const config::Places& places) {
    for (Finding& finding : findings) {
        if (finding.severity != Finding::Severity::hint)
            finding.place =
                places.told(section_of(finding.where), finding.where + ": " + finding.text);
    }
}

bool CheckedPipelines::any_error() const {
    return std::ranges::any_of(findings, &Finding::is_error);
}

CheckedPipelines check_pipelines(const config::Config& config, const std::set<std::string>& keys,
                                 OwnTables own_tables) {
    CheckedPipelines checked;
    const std::vector<config::Pipeline> pipelines = chosen(config, keys);
    if (pipelines.empty()) return checked;
    kafka::ClientHandle client;
    auto kafka_answers = std::async(std::launch::async, [&] {
        std::vector<Finding> findings;
        ask("[kafka]", findings, [&] {
            client =
                kafka::make_client(RD_KAFKA_CONSUMER, kafka::make_conf(config.kafka, {}), "check");
            static_cast<void>(kafka::cluster_id(*client));
        });
        return findings;
    });
    Session session{config.cloudberry.dsn.text, "sluice check"};
    std::vector<Finding> of_database;
    const bool database_answers = ask("[cloudberry]", of_database, [&] {
        session.open();
        if (own_tables == OwnTables::asked_for)
            append(of_database, check_own_tables(session, config.cloudberry.schema));
    });
    checked.findings = kafka_answers.get();
    rd_kafka_t* const kafka = checked.findings.empty() ? client.get() : nullptr;
    metrics::Registry unread;
    segments::Server segments{unread};
    if (std::ranges::any_of(pipelines, fetched_by_segments))
        append(checked.findings, open_to_segments(config.segments, segments));
    const CheckedWorld world{config, kafka, segments, changing_targets(config, kafka)};
    note_fault_of_client(config, checked.findings);
    if (kafka != nullptr && std::ranges::any_of(pipelines, is_ingest))
        compare_session_timeout(config, *kafka, checked.findings);
    append(checked.findings, std::move(of_database));
    for (auto& check : check_at_once(world, database_answers ? &session : nullptr, pipelines))
        std::move(*check).tell(checked);
    return checked;
}

CheckedPipelines check_offline(const config::Loaded& loaded, const std::set<std::string>& keys) {
    const config::Config& config = loaded.config;
    CheckedPipelines checked;
    for (const config::Problem& problem : loaded.problems) {
        checked.findings.push_back({Severity::hint,
                                    problem.file + ':' + std::to_string(problem.line) + ':' +
                                        std::to_string(problem.column),
                                    "not looked at: " + problem.text});
    }
    note_fault_of_client(config, checked.findings);
    for (const config::Pipeline& pipeline : chosen(config, keys)) {
        append(checked.findings, check_paths(pipeline));
        const auto* ingest = std::get_if<config::Ingest>(&pipeline.of_kind);
        checked.fit.push_back(
            {config::key_of(pipeline),
             ingest != nullptr
                 ? "topic " + shown(config::to_string(ingest->topic)) + " → " +
                       shown(config::tables_of(*ingest))
                 : shown(std::get<config::Outbox>(pipeline.of_kind).table) + " → a topic"});
    }
    return checked;
}

}  // namespace sluice
