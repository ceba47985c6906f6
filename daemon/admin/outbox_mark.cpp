#include "daemon/admin/outbox_mark.h"

#include "kafka/marks.h"
#include "sinks/outbox/outbox_store.h"

namespace sluice {

std::optional<BatchNumber> mark_of(Session& session, const config::Config& config,
                                   const config::Outbox& outbox) {
    const RelayIdentity identity{.schema = config.cloudberry.schema, .relay = outbox.name};
    const auto origin = read_origin(session, identity);
    if (!origin) return std::nullopt;
    return kafka::read_mark(config.kafka, outbox.marks_topic, transactional_id(identity, *origin));
}

}  // namespace sluice
