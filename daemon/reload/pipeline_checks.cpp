#include "daemon/reload/pipeline_checks.h"

#include "config/column_source.h"
#include "config/pipeline.h"
#include "config/words.h"
#include "daemon/reload/topic_schema.h"
#include "daemon/supervisor/outbox_factory.h"
#include "kafka/access.h"
#include "kafka/client.h"
#include "kafka/topic.h"
#include "pipeline/errors.h"
#include "pipeline/mapping/row_mapper.h"
#include "pipeline/outbox/value_encoding.h"
#include "registry/registry_client.h"
#include "schemas/bad_schema.h"
#include "sinks/books/receipts.h"
#include "sinks/catalogue/check.h"
#include "sinks/catalogue/check_changes.h"
#include "sinks/catalogue/check_fields.h"
#include "sinks/catalogue/check_renamed.h"
#include "sinks/load/check_sql.h"
#include "sinks/outbox/outbox_check.h"
#include "sinks/outbox/outbox_table.h"
#include "sinks/session/public_dsn.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <optional>
#include <thread>

namespace sluice {

using Severity = Finding::Severity;

namespace {

/// Each has a connection to the database, and asks Kafka one question at a time.
constexpr std::size_t most_at_once = 8;

/// Whether the question could be answered; why not is a finding.
template <typename Question>
bool ask(const std::string& where, std::vector<Finding>& findings, Question question) {
    try {
        question();
        return true;
    } catch (const std::exception& error) {
        findings.push_back({Severity::error, where, error.what()});
        return false;
    }
}

void append(std::vector<Finding>& findings, std::vector<Finding> more) {
    std::ranges::move(more, std::back_inserter(findings));
}

/// What the mapping is meant to fill, whether it fits or not.
std::vector<std::string> columns_of(const config::Ingest& ingest, const Table& table) {
    std::vector<std::string> columns;
    for (const config::ColumnMapping& mapping : ingest.columns) columns.push_back(mapping.column);
    for (const config::SqlColumn& computed : ingest.computed) columns.push_back(computed.column);
    if (!ingest.implies_columns()) return columns;
    for (const Column& column : table.columns)
        if (!column.generated) columns.push_back(column.name);
    return columns;
}

/// A name with dots is one field's name, but hardly ever meant so.
std::vector<Finding> check_paths(const config::Pipeline& pipeline) {
    std::vector<Finding> findings;
    const auto* ingest = std::get_if<config::Ingest>(&pipeline.of_kind);
    if (ingest == nullptr) return findings;
    for (const config::ColumnMapping& mapping : ingest->columns) {
        const std::string pointer = config::pointer_meant(mapping.source);
        if (pointer.empty()) continue;
        findings.push_back(
            {Severity::warning,
             config::key_of(pipeline) + ": column " + config::in_quotes(mapping.column),
             config::in_quotes(mapping.source.text) +
                 " is the name of one field, dots and all, not a path",
             "for a field within a field, write " + config::in_quotes(pointer)});
    }
    return findings;
}

/// A name that the file takes from elsewhere, which is not here.
std::string shown(const std::string& name) {
    return name.empty() ? "?" : name;
}

void note_fault_of_client(const config::Config& config, std::vector<Finding>& findings) {
    std::string fault = kafka::known_fault(config.kafka);
    if (fault.empty()) return;
    findings.push_back({Finding::Severity::warning, "[kafka.properties]", std::move(fault)});
}

/// What the checks of all pipelines share; only read.
struct World {
    const config::Config& config;
    rd_kafka_t* kafka = nullptr;  ///< null: it does not answer
};

/// One pipeline's questions, for one thread.
class PipelineCheck {
public:
    /// `session`: null where the database does not answer.
    PipelineCheck(const World& world, Session* session, const config::Pipeline& pipeline)
        : world_(world),
          session_(session),
          where_(config::key_of(pipeline)),
          findings_(check_paths(pipeline)) {
        const auto* ingest = std::get_if<config::Ingest>(&pipeline.of_kind);
        const auto& outbox = std::get_if<config::Outbox>(&pipeline.of_kind);
        if (world_.kafka != nullptr) {
            fits_ &= ask(where_, findings_,
                         [&] { ingest != nullptr ? ask_kafka(*ingest) : ask_kafka(*outbox); });
        }
        if (session_ != nullptr) {
            fits_ &= ask(where_, findings_, [&] {
                ingest != nullptr ? ask_database(*ingest) : ask_database(*outbox);
            });
        }
        fits_ &= world_.kafka != nullptr && session_ != nullptr;
        text_ = ingest != nullptr ? topic_ + " → " + table_ : table_ + " → " + topic_;
    }

    void tell(CheckedPipelines& checked) && {
        if (fits_) checked.fit.push_back({where_, std::move(text_)});
        append(checked.findings, std::move(findings_));
    }

private:
    void ask_kafka(const config::Ingest& ingest) {
        const auto partitions = kafka::partitions_of(*world_.kafka, ingest.topic);
        topic_ =
            "topic " + ingest.topic + " (" + std::to_string(partitions.size()) + " partitions)";
        if (partitions.empty()) return;
        if (partitions.size() > 1 && ingest.on_truncate == config::OnTruncate::apply)
            findings_.push_back({Severity::error, where_, truncations_have_no_order});
        for (std::string& text : kafka::refused_access(
                 world_.config.kafka,
                 {.topic = ingest.topic, .partition = partitions.front(), .group = ingest.group}))
            findings_.push_back({Severity::error, where_, std::move(text)});
    }

    void ask_kafka(const config::Outbox& outbox) {
        topic_ = outbox.topic.empty() ? "a topic per row" : config::to_string(outbox.topic);
        if (fixed_topic(outbox).empty()) return;
        const auto partitions = kafka::partitions_of(*world_.kafka, topic_);
        topic_ += " (" + std::to_string(partitions.size()) + " partitions)";
    }

    void ask_database(const config::Ingest& ingest) {
        const Table table = read_target(*session_, ingest);
        append(findings_, check_target(*session_, ingest, table, columns_of(ingest, table)));
        if (ingest.mode != config::Mode::append)
            append(findings_, check_other_changes(*session_, ingest, world_.config.ingest));
        append(findings_, check_renamed(*session_, ingest, world_.config.ingest,
                                        world_.config.cloudberry.schema));
        append(findings_,
               check_removed_rows(*session_, where_, ingest, world_.config.cloudberry.schema));
        if (ingest.receipts) {
            const Table receipts = read_table(*session_, ingest.receipts->table);
            static_cast<void>(Receipts(*ingest.receipts, receipts, {}));
            append(findings_, check_receipts(*session_, ingest, receipts));
        }
        const auto registry = registry::client_of(world_.config.registry);
        compare_with_schema(ingest, table, registry.get());
        // Last: a mapping that does not fit hides nothing else.
        const RowMapper mapper{ingest, table, registry};
        CheckedSql sql = check_sql(*session_, where_, ingest, table);
        append(findings_, std::move(sql.findings));
        table_ = table.schema + "." + table.name + " (" +
                 std::to_string(columns_of(ingest, table).size()) + " columns, COPY in " +
                 (mapper.form() == CopyForm::binary ? "binary" : "text") +
                 (sql.types.empty() ? "" : "; by SQL " + sql.types) + ")";
    }

    /// A registry that is away is waited for by the pipeline, too: no error.
    void compare_with_schema(const config::Ingest& ingest, const Table& table,
                             registry::RegistryClient* registry) {
        try {
            const auto schema = schema_of(ingest, registry);
            if (schema && schema->rows.in_envelope && ingest.envelope == config::Envelope::none) {
                findings_.push_back({Severity::hint, where_,
                                     schema->name + " describes Debezium's change events",
                                     "envelope = \"debezium\" takes the row out of them"});
            } else if (schema && !schema->rows.fields.empty()) {
                append(findings_, check_fields(ingest, table, schema->rows.fields, schema->name));
            } else if (!schema && config::asks_registry(ingest.schema, ingest.format)) {
                findings_.push_back({Severity::hint, where_,
                                     "the registry has no schema called " +
                                         config::subject_for(ingest.subject, ingest.topic) +
                                         " to compare the table with"});
            }
        } catch (const TroubleOfTheWorld& away) {
            findings_.push_back({Severity::warning, where_, away.what()});
        } catch (const schemas::BadSchema& bad) {
            findings_.push_back({Severity::warning, where_, bad.what()});
        }
    }

    void ask_database(const config::Outbox& outbox) {
        table_ = read_outbox_table(*session_, outbox).name;
        append(findings_, check_outbox(*session_, outbox, world_.config.cloudberry.schema));
        append(findings_, check_one_outbox_per_table(*session_, outbox, world_.config.outbox));
        if (config::asks_registry(outbox) && !fixed_topic(outbox).empty()) try_schema(outbox);
    }

    /// Whether values can be written by it, as far as it is there.
    void try_schema(const config::Outbox& outbox) {
        try {
            ValueEncoding(outbox, registry::client_of(world_.config.registry))
                .look_up(fixed_topic(outbox));
        } catch (const TroubleOfTheWorld& trouble) {
            findings_.push_back({Severity::warning, where_, trouble.what()});
        }
    }

    const World& world_;
    Session* const session_;
    const std::string where_;
    bool fits_ = true;
    std::string topic_;
    std::string table_;
    std::string text_;
    std::vector<Finding> findings_;
};

/// The checks of these pipelines, by their place. `first`: a session that is open, or null.
std::vector<std::optional<PipelineCheck>> check_at_once(
    const World& world, Session* first, const std::vector<config::Pipeline>& pipelines) {
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

}  // namespace

bool CheckedPipelines::any_error() const {
    return std::ranges::any_of(findings, &Finding::is_error);
}

CheckedPipelines check_pipelines(const config::Config& config, const std::set<std::string>& keys) {
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
        append(of_database, check_own_tables(session, config.cloudberry.schema));
    });
    checked.findings = kafka_answers.get();
    const World world{config, checked.findings.empty() ? client.get() : nullptr};
    note_fault_of_client(config, checked.findings);
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
    ask("[kafka]", checked.findings,
        [&] { static_cast<void>(kafka::make_conf(config.kafka, {})); });
    note_fault_of_client(config, checked.findings);
    ask("[cloudberry] dsn", checked.findings,
        [&] { static_cast<void>(public_dsn(config.cloudberry.dsn.text)); });
    for (const config::Pipeline& pipeline : chosen(config, keys)) {
        append(checked.findings, check_paths(pipeline));
        const auto* ingest = std::get_if<config::Ingest>(&pipeline.of_kind);
        checked.fit.push_back(
            {config::key_of(pipeline),
             ingest != nullptr
                 ? "topic " + shown(ingest->topic) + " → " + shown(ingest->table)
                 : shown(std::get<config::Outbox>(pipeline.of_kind).table) + " → a topic"});
    }
    return checked;
}

}  // namespace sluice
