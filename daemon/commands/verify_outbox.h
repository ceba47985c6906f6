#pragma once

#include "config/config.h"
#include "sinks/outbox/outbox_verify.h"
#include "sinks/session/session.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice {

/// One outbox: claimed = sent = read back from the topic.
struct VerifiedOutbox {
    std::string pipeline;
    OutboxBooks books;
    std::optional<BatchNumber> mark;
    std::int64_t sent = 0;  ///< claimed in batches up to the mark and not refused
    /// nullopt: not compared.
    struct ReadBack {
        std::int64_t once = 0;             ///< claims that have a message each
        std::vector<std::string> missing;  ///< ids with fewer messages than claims
        std::vector<std::string> doubled;  ///< with more
    };
    std::optional<ReadBack> read_back;
    std::string not_compared;           ///< why the topic was not read
    std::vector<std::string> problems;  ///< in words; empty: the promise holds
};

/// Throws DatabaseError, TroubleOfTheWorld, WrongConfiguration.
[[nodiscard]] VerifiedOutbox verify_outbox(Session& session, const config::Config& config,
                                           const config::Outbox& outbox);

}  // namespace sluice
