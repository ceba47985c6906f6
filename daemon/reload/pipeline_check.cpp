#include "daemon/reload/pipeline_check.h"

#include "config/column_source.h"
#include "config/pipeline.h"
#include "config/table_pattern.h"
#include "config/text/words.h"
#include "daemon/reload/ask.h"
#include "daemon/reload/schema_check.h"
#include "kafka/access.h"
#include "kafka/marks.h"
#include "pipeline/errors.h"
#include "pipeline/mapping/target.h"
#include "pipeline/outbox/value_encoding.h"
#include "registry/registry_client.h"
#include "sinks/books/receipts.h"
#include "sinks/catalogue/check.h"
#include "sinks/catalogue/check_changes.h"
#include "sinks/catalogue/check_growth.h"
#include "sinks/catalogue/check_renamed.h"
#include "sinks/catalogue/grow_table.h"
#include "sinks/load/segments/check_segments.h"
#include "sinks/load/sql/check_sql.h"
#include "sinks/outbox/outbox_check.h"
#include "sinks/outbox/outbox_table.h"

#include <algorithm>
#include <set>
#include <utility>

namespace sluice {

using Severity = Finding::Severity;

namespace {

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

}  // namespace

std::vector<Finding> check_paths(const config::Pipeline& pipeline) {
    std::vector<Finding> findings;
    const auto* ingest = std::get_if<config::Ingest>(&pipeline.of_kind);
    if (ingest == nullptr) return findings;
    const auto check = [&](const config::ColumnMapping& mapping, const std::string& where) {
        const std::string pointer = config::pointer_meant(mapping.source);
        if (pointer.empty()) return;
        findings.push_back({Severity::warning,
                            where + ": column " + config::in_quotes(mapping.column),
                            config::in_quotes(mapping.source.text) +
                                " is the name of one field, dots and all, not a path",
                            "for a field within a field, write " + config::in_quotes(pointer)});
    };
    const std::string where = config::key_of(pipeline);
    for (const config::ColumnMapping& mapping : ingest->columns) check(mapping, where);
    for (std::size_t i = 0; i < ingest->into.size(); ++i)
        for (const config::ColumnMapping& mapping : ingest->into[i].columns)
            check(mapping, where + ".into." + std::to_string(i + 1));
    return findings;
}

PipelineCheck::PipelineCheck(const CheckedWorld& world, Session* session,
                             const config::Pipeline& pipeline)
    : world_(world),
      session_(session),
      where_(config::key_of(pipeline)),
      findings_(check_paths(pipeline)) {
    const auto* ingest = std::get_if<config::Ingest>(&pipeline.of_kind);
    const auto& outbox = std::get_if<config::Outbox>(&pipeline.of_kind);
    if (ingest != nullptr) topics_ = ingest->topic.names;
    if (world_.kafka != nullptr) {
        fits_ &= ask(where_, findings_,
                     [&] { ingest != nullptr ? ask_kafka(*ingest) : ask_kafka(*outbox); });
    }
    if (session_ != nullptr) {
        fits_ &= ask(where_, findings_,
                     [&] { ingest != nullptr ? ask_database(*ingest) : ask_database(*outbox); });
    }
    fits_ &= world_.kafka != nullptr && session_ != nullptr;
    text_ = ingest != nullptr ? topic_ + " → " + table_ : table_ + " → " + topic_;
}

void PipelineCheck::tell(CheckedPipelines& checked) && {
    if (fits_) checked.fit.push_back({where_, std::move(text_)});
    append(checked.findings, std::move(findings_));
}

void PipelineCheck::ask_kafka(const config::Ingest& ingest) {
    const kafka::TopicPartitions there = kafka::partitions_of(*world_.kafka, ingest.topic);
    std::size_t partitions = 0;
    topics_.clear();
    for (const auto& [topic, its] : there) {
        partitions += its.size();
        topics_.push_back(topic);
    }
    topic_ =
        (ingest.topic.only() != nullptr ? "topic " : std::to_string(there.size()) + " topics of ") +
        config::to_string(ingest.topic) + " (" + std::to_string(partitions) + " partitions)";
    if (partitions > 1 && config::applies_truncations(ingest))
        findings_.push_back({Severity::error, where_, truncations_have_no_order});
    look_for_missing(ingest, there);
    try_access(ingest, there);
}

void PipelineCheck::look_for_missing(const config::Ingest& ingest,
                                     const kafka::TopicPartitions& there) {
    const std::string later = "it is read as soon as it is there";
    for (const std::string& name : ingest.topic.names)
        if (!there.contains(name))
            findings_.push_back({Severity::warning, where_,
                                 "there is no topic " + config::in_quotes(name),
                                 later + "; correct topic = if it is called otherwise"});
    if (!ingest.topic.regex.empty() && there.empty())
        findings_.push_back({Severity::warning, where_,
                             "no topic's whole name fits " + config::in_quotes(ingest.topic.regex),
                             later + "; correct topic = if there should be one now"});
}

void PipelineCheck::try_access(const config::Ingest& ingest, const kafka::TopicPartitions& there) {
    constexpr std::size_t most_tried = 20;
    std::set<std::string> refusals;
    std::size_t tried = 0;
    for (const auto& [topic, partitions] : there) {
        if (partitions.empty() || ++tried > most_tried) continue;
        for (std::string& text : kafka::refused_access(
                 world_.config.kafka,
                 {.topic = topic, .partition = partitions.front(), .group = ingest.group}))
            refusals.insert(std::move(text));
    }
    for (const std::string& text : refusals) findings_.push_back({Severity::error, where_, text});
}

void PipelineCheck::ask_kafka(const config::Outbox& outbox) {
    topic_ = outbox.topic.empty() ? "a topic per row" : config::to_string(outbox.topic);
    if (const std::string wrong = kafka::complaint_of_marks(*world_.kafka, outbox.marks_topic);
        !wrong.empty())
        findings_.push_back({Severity::error, where_, wrong});
    if (config::fixed_topic(outbox).empty()) return;
    const auto partitions = kafka::partitions_of(*world_.kafka, topic_);
    topic_ += " (" + std::to_string(partitions.size()) + " partitions)";
}

void PipelineCheck::ask_database(const config::Ingest& ingest) {
    append(findings_,
           check_renamed(*session_, ingest, world_.config.ingest, world_.config.cloudberry.schema));
    if (ingest.receipts) {
        const Table receipts = read_table(*session_, ingest.receipts->table);
        static_cast<void>(Receipts(ingest, receipts, {}));
        append(findings_, check_receipts(*session_, ingest, receipts));
    }
    if (ingest.into.empty()) return ask_one(ingest);
    ask_for_shared_tables(ingest);
    std::string tables;
    for (std::size_t i = 0; i < ingest.into.size(); ++i) {
        ask_into(ingest.into[i], where_ + ".into." + std::to_string(i + 1));
        tables += (i > 0 ? ", " : "") + table_;
    }
    table_ = std::move(tables);
}

void PipelineCheck::ask_for_shared_tables(const config::Ingest& ingest) {
    const bool by_topic = std::ranges::any_of(ingest.into, &config::Ingest::tables_by_topic);
    for (const std::string& topic : topics_) {
        const auto its = config::targets_of_topic(ingest, topic, world_.config.cloudberry.schema);
        const auto* const targets = std::get_if<std::vector<config::Ingest>>(&its);
        if (targets == nullptr) continue;
        auto shared = check_shared_tables(*session_, where_, *targets);
        fits_ &= shared.empty();
        append(findings_, std::move(shared));
        if (!by_topic) return;
    }
}

void PipelineCheck::ask_into(const config::Ingest& target, const std::string& where) {
    std::vector<Finding> of_all = std::exchange(findings_, {});
    table_ = target.table;
    fits_ &= ask(where_, findings_, [&] { ask_one(target); });
    for (Finding& finding : findings_) {
        if (finding.where.starts_with(where_)) finding.where.erase(0, where_.size());
        finding.where.insert(0, where);
    }
    std::swap(findings_, of_all);
    append(findings_, std::move(of_all));
}

void PipelineCheck::ask_one(const config::Ingest& target) {
    append(findings_,
           check_removed_rows(*session_, where_, target, world_.config.cloudberry.schema));
    if (!target.tables_by_topic) return ask_target(target);
    ask_targets_by_topic(target);
}

void PipelineCheck::ask_targets_by_topic(const config::Ingest& ingest) {
    const std::vector<std::string> topics = topics_;
    const std::size_t before = findings_.size();
    std::size_t fit = 0;
    for (const std::string& topic : topics) fit += ask_target_of(ingest, topic);
    for (std::size_t i = before; fit > 0 && i < findings_.size(); ++i)
        if (findings_[i].is_error()) findings_[i].severity = Severity::warning;
    topics_ = topics;
    table_ = ingest.table + " (" + std::to_string(topics.size()) + " topics)";
}

bool PipelineCheck::ask_target_of(const config::Ingest& ingest, const std::string& topic) {
    std::vector<Finding> of_all = std::exchange(findings_, {});
    topics_ = {topic};
    ask(where_, findings_, [&] {
        for (const config::Ingest& target :
             targets_of_topic(ingest, topic, world_.config.cloudberry.schema))
            ask_target(target);
    });
    const bool fits = std::ranges::none_of(findings_, &Finding::is_error);
    for (Finding& finding : findings_) finding.where += ": topic " + config::in_quotes(topic);
    std::swap(findings_, of_all);
    append(findings_, std::move(of_all));
    return fits;
}

void PipelineCheck::ask_target(const config::Ingest& ingest) {
    if (ingest.grows()) {
        const auto there = table_if_any(*session_, ingest);
        append(findings_, check_growth_rights(*session_, where_, ingest, there));
        table_ = ingest.table + " (to be made)";
        if (!there && ingest.create) return;
    }
    const Table table = read_target(*session_, ingest);
    append(findings_, check_target(*session_, ingest, table, columns_of(ingest, table)));
    if (ingest.mode != config::Mode::append) {
        append(findings_, check_other_changes(*session_, ingest, world_.changing));
        append(findings_, check_slots(*session_, where_, ingest.lanes));
    }
    const auto registry = registry::client_of(world_.config.registry);
    append(findings_, compare_with_schemas(where_, ingest, topics_, table, registry.get()));
    // Last: a mapping that does not fit hides nothing else.
    const RowMapper mapper{ingest, table, registry};
    CheckedSql sql = check_sql(*session_, where_, ingest, table);
    append(findings_, std::move(sql.findings));
    if (ingest.load != config::Load::copy)
        append(findings_, check_segments(*session_, where_, ingest.load, world_.segments));
    table_ = table.schema + "." + table.name + " (" +
             std::to_string(columns_of(ingest, table).size()) + " columns, " +
             way_of(ingest, mapper) + (sql.types.empty() ? "" : "; by SQL " + sql.types) + ")";
}

std::string PipelineCheck::way_of(const config::Ingest& ingest, const RowMapper& mapper) {
    if (ingest.load == config::Load::segments) return "fetched by segments";
    return std::string("COPY in ") + (mapper.form() == CopyForm::binary ? "binary" : "text") +
           (ingest.load == config::Load::copy ? "" : ", or fetched by segments");
}

void PipelineCheck::ask_database(const config::Outbox& outbox) {
    table_ = read_outbox_table(*session_, outbox).name;
    append(findings_, check_outbox(*session_, outbox, world_.config.cloudberry.schema));
    append(findings_, check_one_outbox_per_table(*session_, outbox, world_.config.outbox));
    if (config::asks_registry(outbox) && !config::fixed_topic(outbox).empty()) try_schema(outbox);
}

void PipelineCheck::try_schema(const config::Outbox& outbox) {
    try {
        ValueEncoding(outbox, registry::client_of(world_.config.registry))
            .look_up(config::fixed_topic(outbox));
    } catch (const TroubleOfTheWorld& trouble) {
        findings_.push_back({Severity::warning, where_, trouble.what()});
    }
}

}  // namespace sluice
