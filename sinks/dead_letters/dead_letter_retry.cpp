#include "sinks/dead_letters/dead_letter_retry.h"

#include "config/topics.h"
#include "sinks/catalogue/catalogue.h"
#include "sinks/dead_letters/dead_letter_loader.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace sluice {

DeadLetterRetry::DeadLetterRetry(Session& session, const config::Ingest& ingest,
                                 DeadLetterQuery query)
    : session_(session), ingest_(ingest), query_(std::move(query)) {
    const config::TopicMatcher matcher(ingest.topic);
    for (const auto& [topic, count] : count_dead_letters_by_topic(session, query_)) {
        const bool is_ours = matcher.matches(topic);
        (is_ours ? all_ : of_other_topics_) += count;
        if (is_ours) topics_.push_back(topic);
    }
}

void DeadLetterRetry::run(const std::shared_ptr<SchemaSource>& registry, const DecidedBy& by,
                          std::int64_t most, const OnBatch& on_batch) {
    std::optional<DeadLetterLoader> loader;
    const auto begin_with = [&](const std::string& topic) {
        loader.emplace(session_, topic, read_targets(session_, ingest_, topic, query_.schema),
                       query_.schema, registry);
    };
    const auto prepare = [&](const std::vector<WholeDeadLetter>& letters) {
        loader->prepare(letters);
        return [&] { return loader->load(); };
    };
    if (!ingest_.routes())
        loader.emplace(session_, ingest_, read_target(session_, ingest_), query_.schema, registry);
    for (const std::string& topic : topics_) {
        if (most <= 0) return;
        if (ingest_.routes()) begin_with(topic);
        DeadLetterPassOptions options{.query = query_, .by = by};
        options.query.topic = topic;
        options.rows_per_batch =
            std::min(options.rows_per_batch, static_cast<std::int64_t>(ingest_.batch.rows));
        options.bytes_per_batch = std::min(options.bytes_per_batch, ingest_.batch.bytes);
        DeadLetterPass pass(session_, std::move(options), prepare);
        while (most > 0) {
            const auto batch = pass.next(most);
            if (!batch) break;
            most = on_batch(*batch);
        }
    }
}

}  // namespace sluice
