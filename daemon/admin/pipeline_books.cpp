#include "daemon/admin/pipeline_books.h"

#include "config/pipeline.h"
#include "daemon/report/report.h"
#include "sinks/books/latest_batches.h"
#include "sinks/dead_letters/open_dead_letters.h"
#include "sinks/outbox/latest_claims.h"
#include "sinks/outbox/refused_events.h"
#include "sinks/session/session.h"

#include <exception>
#include <utility>
#include <vector>

namespace sluice {
namespace {

constexpr std::chrono::seconds between_looks_into_books{10};
constexpr std::int64_t most_shown_of_books = 20;

double seconds_of(std::chrono::system_clock::time_point at) {
    return std::chrono::duration<double>(at.time_since_epoch()).count();
}

/// What it could not tell is left empty, and among `problems`.
class Books {
public:
    explicit Books(const config::Config& config)
        : schema_(config.cloudberry.schema), session_(config.cloudberry.dsn.text, "sluice page") {
        // The other pipelines' turns come behind it.
        attempt([&] { session_.exec("SET statement_timeout = '5s'"); });
    }

    void look(const config::Ingest& ingest) {
        attempt([&] {
            batches_ = latest_batches(session_, schema_, ingest.name, most_shown_of_books);
        });
        attempt([&] {
            reasons_ = sum_up_dead_letters(
                session_, {.schema = schema_, .pipeline = ingest.name, .topic = "", .where = {}},
                most_shown_of_books);
        });
    }
    void look(const config::Outbox& outbox) {
        attempt(
            [&] { claims_ = latest_claims(session_, schema_, outbox.name, most_shown_of_books); });
        attempt([&] {
            for (const auto& [reason, count] :
                 sum_up_refused_events(session_, {.schema = schema_, .relay = outbox.name}))
                reasons_.push_back({.pipeline = outbox.name,
                                    .reason = {.column = "", .text = reason},
                                    .count = count});
        });
    }

    [[nodiscard]] std::string to_json(const std::string& key) const {
        JsonWriter json;
        json.begin_object().field("key", key);
        json.field("looked_at", seconds_of(std::chrono::system_clock::now()));
        json.key("batches").begin_array();
        for (const LatestBatch& batch : batches_) write(batch, json);
        for (const LatestClaim& claim : claims_) write(claim, json);
        json.end_array().key("reasons").begin_array();
        for (const AlikeDeadLetters& alike : reasons_) {
            json.begin_object().field("count", static_cast<long long>(alike.count));
            json.field("column", alike.reason.column);
            json.field("reason", alike.reason.text).end_object();
        }
        json.end_array().key("problems").begin_array();
        for (const std::string& problem : problems_) json.value(problem);
        return json.end_array().end_object().text();
    }

private:
    template <typename Step>
    void attempt(Step step) {
        try {
            step();
        } catch (const std::exception& error) {
            problems_.emplace_back(error.what());
        }
    }

    static void write(const LatestBatch& batch, JsonWriter& json) {
        json.begin_object().field("at", seconds_of(batch.at)).field("topic", batch.topic);
        json.field("partition", static_cast<long long>(batch.partition));
        json.field("from", static_cast<long long>(batch.from));
        json.field("to", static_cast<long long>(batch.to));
        json.field("loaded", static_cast<long long>(batch.loaded));
        json.field("rejected", static_cast<long long>(batch.rejected));
        json.field("left_out", static_cast<long long>(batch.left_out));
        json.field("kind", batch.kind).field("writer", batch.writer);
        json.field("revision", batch.revision).end_object();
    }
    static void write(const LatestClaim& claim, JsonWriter& json) {
        json.begin_object().field("at", seconds_of(claim.at));
        json.field("batch", static_cast<long long>(claim.batch)).field("kind", claim.kind);
        json.field("events", static_cast<long long>(claim.events)).field("writer", claim.writer);
        json.field("revision", claim.revision).end_object();
    }

    const std::string schema_;
    Session session_;
    std::vector<LatestBatch> batches_;  ///< of an ingest pipeline
    std::vector<LatestClaim> claims_;   ///< of an outbox
    std::vector<AlikeDeadLetters> reasons_;
    std::vector<std::string> problems_;
};

std::string look_into_books(const config::Config& config, const std::string& key) {
    Books books(config);
    const auto* ingest = key.starts_with("ingest.") ? config::find_ingest(config, key) : nullptr;
    const auto* outbox = key.starts_with("outbox.") ? config::find_outbox(config, key) : nullptr;
    if (ingest != nullptr) books.look(*ingest);
    if (outbox != nullptr) books.look(*outbox);
    return books.to_json(key);
}

bool is_configured(const config::Config& config, const std::string& key) {
    return config::find_ingest(config, key) != nullptr ||
           config::find_outbox(config, key) != nullptr;
}

}  // namespace

PipelineBooks::PipelineBooks(std::function<std::shared_ptr<const config::Config>()> config)
    : config_(std::move(config)), thread_([this](const std::stop_token& end) { loop(end); }) {}

std::string PipelineBooks::to_json(const std::string& key) {
    const std::lock_guard lock{mutex_};
    const auto found = known_.find(key);
    const bool is_known = found != known_.end();
    if (key != looking_ &&
        (!is_known || Clock::now() - found->second.at >= between_looks_into_books)) {
        wanted_.insert(key);
        wake_.notify_one();
    }
    if (is_known) return found->second.json;
    JsonWriter json;
    json.begin_object().field("key", key);
    for (const char* const nothing : {"batches", "reasons", "problems"})
        json.key(nothing).begin_array().end_array();
    return json.end_object().text();
}

void PipelineBooks::loop(const std::stop_token& end) {
    std::unique_lock lock{mutex_};
    while (wake_.wait(lock, end, [this] { return !wanted_.empty(); }) && !end.stop_requested()) {
        looking_ = wanted_.extract(wanted_.begin()).value();
        const std::string key = looking_;
        lock.unlock();
        const auto config = config_();
        std::string json = look_into_books(*config, key);
        lock.lock();
        known_[key] = {.at = Clock::now(), .json = std::move(json)};
        looking_.clear();
        std::erase_if(known_, [&](const auto& one) { return !is_configured(*config, one.first); });
    }
}

}  // namespace sluice
