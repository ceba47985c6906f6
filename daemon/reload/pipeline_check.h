#pragma once

#include "config/pipeline.h"
#include "daemon/reload/pipeline_checks.h"
#include "kafka/topic.h"
#include "pipeline/mapping/row_mapper.h"
#include "pipeline/table.h"
#include "segments/server.h"
#include "sinks/session/session.h"

#include <librdkafka/rdkafka.h>

#include <string>
#include <vector>

namespace sluice {

/// What the checks of all pipelines share; only read.
struct CheckedWorld {
    const config::Config& config;
    rd_kafka_t* kafka = nullptr;  ///< null: it does not answer
    segments::Server& segments;
    std::vector<config::Ingest> changing{};  ///< targets that change rows
};

/// A name with dots is one field's name, but hardly ever meant so.
[[nodiscard]] std::vector<Finding> check_paths(const config::Pipeline& pipeline);

/// One pipeline's questions, for one thread.
class PipelineCheck {
public:
    /// `session`: null where the database does not answer.
    PipelineCheck(const CheckedWorld& world, Session* session, const config::Pipeline& pipeline);

    void tell(CheckedPipelines& checked) &&;

private:
    void ask_kafka(const config::Ingest& ingest);
    void look_for_missing(const config::Ingest& ingest, const kafka::TopicPartitions& there);
    /// Of very many topics, the first ones.
    void try_access(const config::Ingest& ingest, const kafka::TopicPartitions& there);
    void ask_kafka(const config::Outbox& outbox);
    void ask_database(const config::Ingest& ingest);
    /// Where tables are not by topic, all topics are one question.
    void ask_for_shared_tables(const config::Ingest& ingest);
    /// Of several; `where`: which one.
    void ask_into(const config::Ingest& target, const std::string& where);
    void ask_one(const config::Ingest& target);
    /// What is wrong with one of them holds up its topic, and no other; unless none is right.
    void ask_targets_by_topic(const config::Ingest& ingest);
    /// Whether it fits.
    bool ask_target_of(const config::Ingest& ingest, const std::string& topic);
    void ask_target(const config::Ingest& ingest);
    [[nodiscard]] static std::string way_of(const config::Ingest& ingest, const RowMapper& mapper);
    void ask_database(const config::Outbox& outbox);
    /// Whether values can be written by it, as far as it is there.
    void try_schema(const config::Outbox& outbox);

    const CheckedWorld& world_;
    Session* const session_;
    const std::string where_;
    bool fits_ = true;
    std::string topic_;
    std::vector<std::string>
        topics_;  ///< that there are; until Kafka has told, those that are named
    std::string table_;
    std::string text_;
    std::vector<Finding> findings_;
};

}  // namespace sluice
