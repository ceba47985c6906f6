#include "daemon/reload/pipeline_checks.h"

#include "daemon/supervisor/outbox_factory.h"
#include "kafka/access.h"
#include "kafka/topic.h"
#include "pipeline/errors.h"
#include "pipeline/mapping/row_mapper.h"
#include "pipeline/mapping/target.h"
#include "sinks/books/receipts.h"
#include "sinks/catalogue/catalogue.h"
#include "sinks/outbox/outbox_check.h"
#include "sinks/outbox/outbox_table.h"

#include <algorithm>

namespace sluice {

using Severity = Finding::Severity;

namespace {

/// What the mapping is meant to fill, whether it fits or not.
std::vector<std::string> columns_of(const config::Ingest& ingest, const Table& table) {
    std::vector<std::string> columns;
    for (const config::ColumnMapping& mapping : ingest.columns) columns.push_back(mapping.column);
    if (!columns.empty()) return columns;
    for (const Column& column : table.columns)
        if (!column.generated) columns.push_back(column.name);
    return columns;
}

}  // namespace

bool PipelineChecks::ask(const std::string& where, const Question& question) {
    try {
        question();
        return true;
    } catch (const std::exception& error) {
        findings_.push_back({Severity::error, where + ": " + error.what(), ""});
        return false;
    }
}

bool PipelineChecks::any_error() const {
    return std::ranges::any_of(
        findings_, [](const Finding& finding) { return finding.severity == Severity::error; });
}

bool PipelineChecks::ask_kafka() {
    if (!kafka_answers_) {
        kafka_answers_ = ask("[kafka]", [&] {
            client_ =
                kafka::make_client(RD_KAFKA_CONSUMER, kafka::make_conf(config_.kafka, {}), "check");
            static_cast<void>(kafka::cluster_id(*client_));
        });
    }
    return *kafka_answers_;
}

bool PipelineChecks::ask_database() {
    if (!database_answers_) {
        session_.emplace(config_.cloudberry.dsn.text, "sluice check");
        database_answers_ = ask("[cloudberry]", [&] {
            session_->open();
            std::ranges::move(check_own_tables(*session_, config_.cloudberry.schema),
                              std::back_inserter(findings_));
        });
    }
    return *database_answers_;
}

std::optional<PipelineChecks::Checked> PipelineChecks::check(const config::Pipeline& pipeline) {
    if (const auto* ingest = std::get_if<config::Ingest>(&pipeline.of_kind)) {
        return check_ingest(*ingest);
    }
    return check_outbox(std::get<config::Outbox>(pipeline.of_kind));
}

std::optional<PipelineChecks::Checked> PipelineChecks::check_outbox(const config::Outbox& outbox) {
    const std::string where = "outbox." + outbox.name;
    const bool kafka_answers = ask_kafka();
    const bool database_answers = ask_database();
    bool complete = kafka_answers && database_answers;
    const bool one_topic = !fixed_topic(outbox).empty();
    std::string topic = outbox.topic.empty() ? "a topic per row" : config::to_string(outbox.topic);
    if (kafka_answers && one_topic) {
        complete &= ask(where, [&] {
            const auto partitions = kafka::partitions_of(*client_, topic).size();
            topic += " (" + std::to_string(partitions) + " partitions)";
        });
    }
    std::string table;
    if (database_answers) {
        complete &= ask(where, [&] {
            table = read_outbox_table(*session_, outbox).name;
            std::ranges::move(sluice::check_outbox(*session_, outbox, config_.cloudberry.schema),
                              std::back_inserter(findings_));
            std::ranges::move(check_one_outbox_per_table(*session_, outbox, config_.outbox),
                              std::back_inserter(findings_));
        });
    }
    if (!complete) return std::nullopt;
    return Checked{where, table + " → " + topic};
}

std::optional<PipelineChecks::Checked> PipelineChecks::check_ingest(const config::Ingest& ingest) {
    const std::string where = "ingest." + ingest.name;
    const bool kafka_answers = ask_kafka();
    const bool database_answers = ask_database();
    bool complete = kafka_answers && database_answers;
    std::size_t partitions = 0;
    if (kafka_answers) {
        complete &= ask(where, [&] {
            const auto all = kafka::partitions_of(*client_, ingest.topic);
            partitions = all.size();
            if (!all.empty()) check_access(ingest, all.front());
        });
    }
    std::string table_text;
    if (database_answers) {
        complete &= ask(where, [&] {
            const Table table = read_table(*session_, ingest.table);
            const std::vector<std::string> columns = columns_of(ingest, table);
            std::ranges::move(check_target(*session_, ingest, table, columns),
                              std::back_inserter(findings_));
            if (ingest.receipts) {
                const Table receipts = read_table(*session_, ingest.receipts->table);
                static_cast<void>(Receipts(*ingest.receipts, receipts, {}));
                std::ranges::move(check_receipts(*session_, ingest, receipts),
                                  std::back_inserter(findings_));
            }
            // Last: a mapping that does not fit hides nothing else.
            const RowMapper mapper{ingest, table};
            table_text = table.schema + "." + table.name + " (" +
                         std::to_string(mapper.columns().size()) + " columns, COPY in " +
                         (mapper.form() == CopyForm::binary ? "binary" : "text") + ")";
        });
    }
    if (!complete) return std::nullopt;
    return Checked{where, "topic " + ingest.topic + " (" + std::to_string(partitions) +
                              " partitions) → " + table_text};
}

void PipelineChecks::check_access(const config::Ingest& ingest, PartitionId partition) {
    for (std::string& text : kafka::refused_access(
             config_.kafka, {.topic = ingest.topic, .partition = partition, .group = ingest.group}))
        findings_.push_back({Severity::error, "ingest." + ingest.name + ": " + text, ""});
}

std::optional<std::string> PipelineChecks::target_of(const config::Pipeline& pipeline) {
    const auto* ingest = std::get_if<config::Ingest>(&pipeline.of_kind);
    try {
        if (!session_) session_.emplace(config_.cloudberry.dsn.text, "sluice check");
        if (ingest == nullptr) {
            return read_outbox_table(*session_, std::get<config::Outbox>(pipeline.of_kind)).text();
        }
        return describe_target(*ingest, read_table(*session_, ingest->table));
    } catch (const std::exception&) {
        return std::nullopt;
    }
}

}  // namespace sluice
