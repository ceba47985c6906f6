#include "daemon/supervisor/outbox_factory.h"

#include "config/revision.h"
#include "kafka/event_transactions.h"
#include "pipeline/outbox/outbox_relay.h"
#include "sinks/outbox/outbox_leadership.h"
#include "sinks/outbox/outbox_purge.h"
#include "sinks/outbox/outbox_store.h"
#include "sinks/schema/schema.h"
#include "sinks/session/lock_holder.h"

namespace sluice {
namespace {

class RunningOutbox : public RunningPipeline {
public:
    RunningOutbox(std::shared_ptr<OutboxObserver> observer, std::unique_ptr<OutboxRelay> relay,
                  std::string target)
        : observer_(std::move(observer)), relay_(std::move(relay)), target_(std::move(target)) {}

    void run() override { relay_->run(); }
    void request_stop(std::chrono::steady_clock::time_point deadline) override {
        relay_->request_stop(deadline);
    }
    [[nodiscard]] Activity activity() const override {
        const OutboxRelay::Status status = relay_->status();
        if (!status.trouble.empty()) return {Activity::Kind::stuck, status.trouble};
        const bool waits = status.idle && is_calm(observer_->status().last_commit);
        return {waits ? Activity::Kind::waiting_for_data : Activity::Kind::working, ""};
    }

    void adapt(const PipelineConfig&) override {}  // of an outbox, every setting means a restart
    [[nodiscard]] std::string target() const override { return target_; }

private:
    std::shared_ptr<OutboxObserver> observer_;
    std::unique_ptr<OutboxRelay> relay_;
    const std::string target_;
};

}  // namespace

std::unique_ptr<RunningPipeline> build_outbox(const PipelineConfig& config,
                                              const std::string& writer, Observatory& observatory,
                                              registry::SharedRegistry& registry,
                                              OutsideWait& wait) {
    std::shared_ptr<OutboxObserver> observer = observatory.observe_outbox(config);
    const auto& outbox = std::get<config::Outbox>(config.of_kind);
    const std::string& dsn = config.cloudberry.dsn.text;
    const RelayIdentity identity{.schema = config.cloudberry.schema,
                                 .relay = outbox.name,
                                 .writer = writer,
                                 .revision = config::revision_of(config)};
    OutsideWait::Step step(wait, "connects to the database and looks for Sluice's own tables",
                           OutsideWait::Party::database);
    Session session{dsn, "sluice/" + outbox.name};
    ensure_schema(session, identity.schema);
    step.next("looks up its table in the database", OutsideWait::Party::database);
    const OutboxTable table = read_outbox_table(session, outbox);
    take_table(session, identity, table.qualified);
    const std::string origin = ensure_origin(session, identity);
    session.close();

    kafka::EventTransactions::Options kafka{.name = outbox.name,
                                            .transactional_id = transactional_id(identity, origin),
                                            .marks_topic = outbox.marks_topic,
                                            .fixed_topic = config::fixed_topic(outbox),
                                            .encodes_later = config::asks_registry(outbox),
                                            .queue_bytes = 4 * outbox.batch_bytes};
    CloudberryOutboxPurge::Options purge{
        .dsn = dsn, .identity = identity, .table = table, .wait = outbox.purge_wait};
    RelayParts parts{
        .store = std::make_unique<CloudberryOutbox>(dsn, identity, table),
        .producer = std::make_unique<kafka::EventTransactions>(config.kafka, std::move(kafka)),
        .leadership = std::make_unique<AdvisoryLeadership>(dsn, identity),
        .purger = std::make_unique<OutboxPurger>(
            std::make_unique<CloudberryOutboxPurge>(std::move(purge)), *observer),
        .observer = *observer,
        .in_the_way = [dsn, name = "sluice/" + outbox.name] { return lock_holder(dsn, name); }};
    if (config::asks_registry(outbox))
        parts.encoding = std::make_unique<ValueEncoding>(outbox, registry.of(config.registry));
    auto relay = std::make_unique<OutboxRelay>(outbox, std::move(parts));
    return std::make_unique<RunningOutbox>(std::move(observer), std::move(relay), table.text());
}

}  // namespace sluice
