#include "daemon/supervisor/ingest_factory.h"

#include "config/revision.h"
#include "kafka/group_member.h"

#include "pipeline/errors.h"
#include "pipeline/ingest/ingest_pipeline.h"
#include "pipeline/mapping/target.h"
#include "sinks/books/cloudberry_progress.h"
#include "sinks/books/schema.h"
#include "sinks/catalogue/catalogue.h"
#include "sinks/catalogue/check_changes.h"
#include "sinks/load/cloudberry_sink.h"
#include "sinks/load/make_loader.h"

namespace sluice {
namespace {

/// The member outlives the pipeline, whose lanes take from its queues.
class RunningIngest : public RunningPipeline {
public:
    RunningIngest(InstanceName& instance, std::shared_ptr<IngestObserver> observer,
                  std::unique_ptr<kafka::GroupMember> member,
                  std::unique_ptr<IngestPipeline> pipeline, std::string target)
        : target_(std::move(target)),
          instance_(instance),
          observer_(std::move(observer)),
          member_(std::move(member)),
          pipeline_(std::move(pipeline)) {}

    void run() override {
        member_->join();
        try {
            pipeline_->run();
        } catch (const kafka::MemberFenced& fenced) {
            instance_.on_fenced(fenced.name(), fenced.group(), InstanceName::Clock::now());
            throw;
        }
    }
    void request_stop(std::chrono::steady_clock::time_point deadline) override {
        pipeline_->request_stop(deadline);
    }
    [[nodiscard]] Activity activity() const override {
        std::string trouble = pipeline_->trouble();
        if (trouble.empty()) trouble = observer_->stuck();
        if (!trouble.empty()) return {Activity::Kind::stuck, std::move(trouble)};
        if (member_->joining()) return {Activity::Kind::joining_group, {}};
        if (observer_->idle() && is_calm(observer_->last_commit()))
            return {Activity::Kind::waiting_for_data, {}};
        return {};
    }
    void adapt(const PipelineConfig& config) override {
        const auto& ingest = std::get<config::Ingest>(config.of_kind);
        member_->adapt(ingest);
        pipeline_->adapt(ingest);
    }
    [[nodiscard]] std::string target() const override { return target_; }

private:
    const std::string target_;
    InstanceName& instance_;
    std::shared_ptr<IngestObserver> observer_;
    std::unique_ptr<kafka::GroupMember> member_;
    std::unique_ptr<IngestPipeline> pipeline_;
};

}  // namespace

std::unique_ptr<RunningPipeline> build_ingest(const PipelineConfig& config,
                                              const IngestSurroundings& around) {
    std::shared_ptr<IngestObserver> observer = around.observatory.observe(config);
    const auto& ingest = std::get<config::Ingest>(config.of_kind);
    const std::string& dsn = config.cloudberry.dsn.text;
    Session session{dsn, "sluice/" + ingest.name};
    ensure_schema(session, config.cloudberry.schema);
    const Table table = read_target(session, ingest);
    std::optional<Table> receipts_table;
    if (ingest.receipts) receipts_table = read_table(session, ingest.receipts->table);
    session.close();

    config::Kafka kafka = config.kafka;
    kafka.instance = around.instance.of(kafka);
    auto member = std::make_unique<kafka::GroupMember>(
        kafka, ingest, observer->partitions(),
        [observer](const GroupStatistics& told) { observer->on_statistics(told); },
        [observer] { return observer->patience(); });
    const PipelineIdentity identity{.schema = config.cloudberry.schema,
                                    .pipeline = ingest.name,
                                    .cluster_id = member->cluster_id(),
                                    .partitions = observer->shared_partitions(),
                                    .writer = around.writer,
                                    .revision = config::revision_of(config)};
    // So that a missing topic is said at once, too.
    if (member->partitions().size() > 1 && ingest.on_truncate == config::OnTruncate::apply)
        throw WrongConfiguration(truncations_have_no_order);
    std::optional<Receipts> receipts;
    if (receipts_table) receipts.emplace(*ingest.receipts, *receipts_table, identity);
    const auto registry = around.registry.of(config.registry);
    std::vector<LaneParts> lanes;
    for (std::size_t number = 0; number < static_cast<std::size_t>(ingest.lanes); ++number) {
        RowMapper mapper{ingest, table, registry};
        auto sink = std::make_unique<CloudberrySink>(
            CloudberrySinkOptions{.dsn = dsn,
                                  .identity = identity,
                                  .loader = make_loader(ingest, table, mapper, identity.schema),
                                  .on_reject = ingest.on_reject,
                                  .reject_after = ingest.reject_after,
                                  .receipts = receipts});
        lanes.push_back({member->lane(number), std::move(mapper), std::move(sink)});
    }
    auto progress = std::make_unique<CloudberryProgress>(dsn, identity);
    auto in_the_way = [&asked = *progress] { return asked.in_the_way(); };
    auto pipeline =
        std::make_unique<IngestPipeline>(ingest, IngestParts{.group = *member,
                                                             .progress = std::move(progress),
                                                             .lanes = std::move(lanes),
                                                             .observer = *observer,
                                                             .in_the_way = std::move(in_the_way)});
    return std::make_unique<RunningIngest>(around.instance, std::move(observer), std::move(member),
                                           std::move(pipeline), describe_target(ingest, table));
}

}  // namespace sluice
