#include "daemon/supervisor/ingest_factory.h"

#include "config/pipeline.h"
#include "config/revision.h"
#include "daemon/supervisor/topic_targets.h"
#include "kafka/group_member.h"

#include "pipeline/errors.h"
#include "pipeline/ingest/ingest_pipeline.h"
#include "pipeline/mapping/target.h"
#include "sinks/books/cloudberry_progress.h"
#include "sinks/catalogue/catalogue.h"
#include "sinks/catalogue/check_changes.h"
#include "sinks/load/after_commit.h"
#include "sinks/load/cloudberry_sink.h"
#include "sinks/load/make_loader.h"
#include "sinks/schema/schema.h"
#include "sinks/session/lock_holder.h"

#include <atomic>
#include <optional>
#include <stop_token>

namespace sluice {
namespace {

/// The member outlives the pipeline, whose lanes take from its queues.
class RunningIngest : public RunningPipeline {
public:
    struct Parts {
        std::shared_ptr<IngestObserver> observer;
        std::unique_ptr<kafka::GroupMember> member;
        std::unique_ptr<IngestPipeline> pipeline;
        std::string target;
        std::optional<AfterCommit::Options> after_commit;
        std::stop_source stop;  ///< of what lanes wait for, save commits
    };

    RunningIngest(InstanceName& instance, Parts parts)
        : instance_(instance), parts_(std::move(parts)) {}

    void run() override {
        parts_.member->join();
        std::optional<AfterCommit> after_commit;
        if (parts_.after_commit) after_commit.emplace(*parts_.after_commit);
        try {
            parts_.pipeline->run();
        } catch (const kafka::MemberFenced& fenced) {
            instance_.on_fenced(fenced.name(), fenced.group(), InstanceName::Clock::now());
            throw;
        }
        if (after_commit) after_commit->finish(deadline_);
    }
    void request_stop(std::chrono::steady_clock::time_point deadline) override {
        deadline_ = deadline;
        parts_.stop.request_stop();
        parts_.pipeline->request_stop(deadline);
    }
    [[nodiscard]] Activity activity() const override {
        std::string trouble = parts_.pipeline->trouble();
        if (trouble.empty()) trouble = parts_.observer->stuck();
        if (!trouble.empty()) return {Activity::Kind::stuck, std::move(trouble)};
        if (parts_.member->joining()) return {Activity::Kind::joining_group, {}};
        if (parts_.observer->idle() && is_calm(parts_.observer->last_commit()))
            return {Activity::Kind::waiting_for_data, {}};
        return {};
    }
    void adapt(const PipelineConfig& config) override {
        const auto& ingest = std::get<config::Ingest>(config.of_kind);
        parts_.member->adapt(ingest);
        parts_.pipeline->adapt(ingest);
    }
    [[nodiscard]] std::string target() const override { return parts_.target; }

private:
    InstanceName& instance_;
    Parts parts_;
    std::atomic<std::chrono::steady_clock::time_point> deadline_{};
};

std::optional<AfterCommit::Options> after_commit_of(
    const PipelineConfig& config, const std::shared_ptr<IngestObserver>& observer) {
    const auto& ingest = std::get<config::Ingest>(config.of_kind);
    if (!ingest.after_commit) return std::nullopt;
    return AfterCommit::Options{
        .dsn = config.cloudberry.dsn.text,
        .pipeline = ingest.name,
        .what = *ingest.after_commit,
        .last_commit = [observer] { return observer->last_commit(); },
        .last_run = observer->after_commit(),
        .on_ran = [observer](const AfterCommitRun& run) { observer->on_after_commit(run); }};
}

}  // namespace

std::unique_ptr<RunningPipeline> build_ingest(const PipelineConfig& config,
                                              const std::shared_ptr<OutsideWait>& wait,
                                              const IngestSurroundings& around) {
    std::shared_ptr<IngestObserver> observer = around.observatory.observe(config);
    const auto& ingest = std::get<config::Ingest>(config.of_kind);
    const std::string& dsn = config.cloudberry.dsn.text;
    using Party = OutsideWait::Party;
    OutsideWait::Step step(*wait, "connects to the database and looks for Sluice's own tables",
                           Party::database);
    Session session{dsn, "sluice/" + ingest.name};
    ensure_schema(session, config.cloudberry.schema);
    step.next("looks up its table in the database", Party::database);
    // A table that changes while the pipeline runs is found as one of several is.
    const bool routes = ingest.routes() || config::grows(ingest);
    const Table table = routes ? Table{} : read_target(session, ingest);
    std::optional<Table> receipts_table;
    if (ingest.receipts) receipts_table = read_table(session, ingest.receipts->table);
    session.close();

    step.next("asks Kafka for its cluster and topic", Party::kafka);
    config::Kafka kafka = config.kafka;
    kafka.instance = around.instance.of(kafka);
    const auto told_as = std::make_shared<int>(0);  // set before run(), which brings statistics
    auto member = std::make_unique<kafka::GroupMember>(
        kafka, ingest, observer->partitions(),
        [observer, told_as](const GroupStatistics& told) {
            observer->on_statistics(*told_as, told);
        },
        [observer] { return observer->patience(); });
    const PipelineIdentity identity{.schema = config.cloudberry.schema,
                                    .pipeline = ingest.name,
                                    .cluster_id = member->cluster_id(),
                                    .partitions = observer->shared_partitions(),
                                    .writer = around.writer,
                                    .revision = config::revision_of(config)};
    // So that a missing topic is said at once, too.
    if (member->partitions().size() > 1 && config::applies_truncations(ingest))
        throw WrongConfiguration(truncations_have_no_order);
    std::optional<Receipts> receipts;
    if (receipts_table) receipts.emplace(ingest, *receipts_table, identity);
    const auto registry = around.registry.of(config.registry);
    std::stop_source stop;
    std::shared_ptr<registry::StoppableRegistry> schemas;
    if (registry)
        schemas = std::make_shared<registry::StoppableRegistry>(registry, stop.get_token());
    std::shared_ptr<TopicTargets> found;
    if (routes) found = std::make_shared<TopicTargets>(config, identity, schemas, wait);
    const auto tips = std::make_shared<TipsRead>();
    std::vector<LaneParts> lanes;
    for (std::size_t number = 0; number < static_cast<std::size_t>(ingest.lanes); ++number) {
        CloudberrySinkOptions options{.dsn = dsn,
                                      .identity = identity,
                                      .on_reject = ingest.on_reject,
                                      .reject_after = ingest.reject_after,
                                      .receipts = receipts,
                                      .tips = tips};
        if (found) {
            options.targets = found->targets();
            options.loader_of =
                loaders_of(found->targets(), registry, identity.schema, &around.segments);
            lanes.push_back({member->lane(number), RecordRouter(found->targets(), schemas, found),
                             std::make_unique<CloudberrySink>(std::move(options))});
            continue;
        }
        RowMapper mapper{ingest, table, schemas};
        options.loader = make_loader(ingest, table, mapper, identity.schema, &around.segments);
        lanes.push_back({member->lane(number), std::move(mapper),
                         std::make_unique<CloudberrySink>(std::move(options))});
    }
    auto progress = std::make_unique<CloudberryProgress>(dsn, identity, tips);
    progress->tell_steps_to([wait] { wait->note_step(); });
    auto in_the_way = [dsn, name = "sluice/" + ingest.name] { return lock_holder(dsn, name); };
    IngestParts parts{.group = *member,
                      .progress = std::move(progress),
                      .lanes = std::move(lanes),
                      .observer = *observer,
                      .in_the_way = std::move(in_the_way),
                      .wait = wait};
    if (found)
        parts.find_targets = [found](const std::vector<std::string>& topics) {
            return found->find(topics);
        };
    auto pipeline = std::make_unique<IngestPipeline>(ingest, std::move(parts));
    *told_as = pipeline->number();
    auto after_commit = after_commit_of(config, observer);
    return std::make_unique<RunningIngest>(
        around.instance, RunningIngest::Parts{.observer = std::move(observer),
                                              .member = std::move(member),
                                              .pipeline = std::move(pipeline),
                                              .target = routes ? config::tables_of(ingest)
                                                               : describe_target(ingest, table),
                                              .after_commit = std::move(after_commit),
                                              .stop = std::move(stop)});
}

}  // namespace sluice
