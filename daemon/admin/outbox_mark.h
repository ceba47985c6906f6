#pragma once

#include "config/config.h"
#include "pipeline/outbox/outbox_event.h"
#include "sinks/session/session.h"

#include <optional>

namespace sluice {

/// How far an outbox's relay has sent, by the mark that Kafka keeps; nullopt: it never ran, or has
/// written none. Throws DatabaseError and TroubleOfTheWorld.
[[nodiscard]] std::optional<BatchNumber> mark_of(Session& session, const config::Config& config,
                                                 const config::Outbox& outbox);

}  // namespace sluice
