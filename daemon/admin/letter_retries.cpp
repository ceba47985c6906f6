#include "daemon/admin/letter_retries.h"

#include "config/pipeline.h"
#include "daemon/identity/writer_name.h"
#include "pipeline/log.h"
#include "registry/registry_client.h"
#include "sinks/dead_letters/dead_letter_retry.h"
#include "sinks/session/session.h"

#include <chrono>
#include <exception>
#include <limits>
#include <utility>

namespace sluice {

LetterRetries::LetterRetries(std::function<std::shared_ptr<const config::Config>()> config)
    : config_(std::move(config)), thread_([this](const std::stop_token& end) { loop(end); }) {}

bool LetterRetries::start(const std::string& pipeline) {
    const std::lock_guard lock{mutex_};
    const auto found = retries_.find(pipeline);
    if (found != retries_.end() && !found->second.ended) return false;
    retries_[pipeline] = {.started = std::chrono::system_clock::now()};
    waiting_.push_back(pipeline);
    wake_.notify_one();
    return true;
}

std::optional<DaemonStatus::Retry> LetterRetries::latest(const std::string& pipeline) const {
    const std::lock_guard lock{mutex_};
    const auto found = retries_.find(pipeline);
    if (found == retries_.end()) return std::nullopt;
    return found->second;
}

void LetterRetries::change(const std::string& pipeline,
                           const std::function<void(DaemonStatus::Retry&)>& how) {
    const std::lock_guard lock{mutex_};
    how(retries_[pipeline]);
}

void LetterRetries::loop(const std::stop_token& end) {
    std::unique_lock lock{mutex_};
    while (wake_.wait(lock, end, [this] { return !waiting_.empty(); }) && !end.stop_requested()) {
        const std::string pipeline = std::move(waiting_.front());
        waiting_.pop_front();
        lock.unlock();
        std::string problem;
        try {
            run(pipeline, end);
        } catch (const std::exception& error) {
            problem = error.what();
            log(LogLevel::warn, pipeline, "retrying dead letters: " + problem);
        }
        change(pipeline, [&](DaemonStatus::Retry& retry) {
            retry.problem = problem;
            retry.ended = std::chrono::system_clock::now();
        });
        lock.lock();
    }
}

void LetterRetries::run(const std::string& pipeline, const std::stop_token& end) {
    const auto config = config_();
    const config::Ingest* const ingest = config::find_ingest(*config, pipeline);
    if (ingest == nullptr) return;  // it was removed meanwhile
    Session session{config->cloudberry.dsn.text, "sluice dead-letters"};
    DeadLetterRetry retry(
        session, *ingest,
        {.schema = config->cloudberry.schema, .pipeline = pipeline, .topic = "", .where = {}});
    change(pipeline, [&](DaemonStatus::Retry& shown) { shown.all = retry.all(); });
    constexpr std::int64_t any_number = std::numeric_limits<std::int64_t>::max();
    retry.run(registry::client_of(config->registry), {writer_name(), config->revision}, any_number,
              [&](const DeadLetterCounts& batch) {
                  change(pipeline, [&](DaemonStatus::Retry& shown) {
                      shown.loaded += batch.loaded;
                      shown.filtered += batch.filtered;
                      shown.rejected += batch.rejected;
                  });
                  return end.stop_requested() ? 0 : any_number;
              });
    const auto done = latest(pipeline);
    log(LogLevel::info, pipeline,
        "dead letters retried by request: " + std::to_string(done->loaded) + " loaded, " +
            std::to_string(done->filtered) + " filtered, " + std::to_string(done->rejected) +
            " stay dead letters");
}

}  // namespace sluice
