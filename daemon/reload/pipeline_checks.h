#pragma once

#include "config/pipeline.h"
#include "kafka/client.h"
#include "pipeline/record.h"
#include "sinks/catalogue/check.h"
#include "sinks/session/session.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace sluice {

/// Asks Kafka and the database whether pipelines can run as they are configured, and keeps what it
/// finds. Goes on to the next question whatever one meets. Connects when it is first asked; one
/// thread.
class PipelineChecks {
public:
    explicit PipelineChecks(const config::Config& config) : config_(config) {}

    /// What a pipeline finds where it would run.
    struct Checked {
        std::string pipeline;  ///< its key: "ingest.orders"
        std::string text;      ///< "topic orders (4 partitions) → public.orders (5 columns)"
    };
    /// Whether there is all that the pipeline needs; what is wrong is in findings().
    std::optional<Checked> check(const config::Pipeline& pipeline);

    /// What the pipeline would run on now, as RunningPipeline::target() would say; nothing when it
    /// could not run, or the database does not answer. Leaves no findings.
    std::optional<std::string> target_of(const config::Pipeline& pipeline);

    [[nodiscard]] const std::vector<Finding>& findings() const { return findings_; }
    [[nodiscard]] bool any_error() const;

private:
    using Question = std::function<void()>;

    std::optional<Checked> check_ingest(const config::Ingest& ingest);
    std::optional<Checked> check_outbox(const config::Outbox& outbox);
    void check_access(const config::Ingest& ingest, PartitionId partition);
    /// Whether the question could be answered.
    bool ask(const std::string& where, const Question& question);
    bool ask_kafka();
    bool ask_database();

    const config::Config& config_;
    std::vector<Finding> findings_;
    kafka::ClientHandle client_;
    std::optional<Session> session_;
    std::optional<bool> kafka_answers_;
    std::optional<bool> database_answers_;
};

}  // namespace sluice
