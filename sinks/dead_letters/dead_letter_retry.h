#pragma once

#include "config/config.h"
#include "sinks/dead_letters/dead_letter_pass.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace sluice {

class SchemaSource;

/// Loads the open dead letters of one pipeline after all, as it would load them now; once, like
/// any DeadLetterPass. One thread; the session and the pipeline's configuration must outlive it.
class DeadLetterRetry {
public:
    /// Counts them, at once: `query` says which of the pipeline's. Throws DatabaseError.
    DeadLetterRetry(Session& session, const config::Ingest& ingest, DeadLetterQuery query);

    /// How many there were, of topics that the pipeline reads.
    [[nodiscard]] std::int64_t all() const { return all_; }
    /// And of others, which are left alone.
    [[nodiscard]] std::int64_t of_other_topics() const { return of_other_topics_; }

    /// Told what became of each batch; how many more may be taken up, 0: none.
    using OnBatch = std::function<std::int64_t(const DeadLetterCounts& batch)>;
    /// Takes up `most` at first; `registry`: null where none is configured. Throws what
    /// DeadLetterLoader and DeadLetterPass throw; what was told has happened.
    void run(const std::shared_ptr<SchemaSource>& registry, const DecidedBy& by, std::int64_t most,
             const OnBatch& on_batch);

private:
    Session& session_;
    const config::Ingest& ingest_;
    const DeadLetterQuery query_;
    std::vector<std::string> topics_;
    std::int64_t all_ = 0;
    std::int64_t of_other_topics_ = 0;
};

}  // namespace sluice
