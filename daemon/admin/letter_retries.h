#pragma once

#include "config/config.h"
#include "daemon/admin/daemon_status.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

namespace sluice {

/// Retries of dead letters that were asked for by request: what `sluice dead-letters retry` does,
/// one after the other on a thread of their own, beside the pipelines. Their end ends the one under
/// way behind its batch. From any thread.
class LetterRetries {
public:
    explicit LetterRetries(std::function<std::shared_ptr<const config::Config>()> config);

    /// Of an ingest pipeline that is configured. False: one of it is under way, or waits its turn.
    [[nodiscard]] bool start(const std::string& pipeline);
    /// The latest one; nullopt: none was asked for.
    [[nodiscard]] std::optional<DaemonStatus::Retry> latest(const std::string& pipeline) const;

private:
    void loop(const std::stop_token& end);
    void run(const std::string& pipeline, const std::stop_token& end);
    void change(const std::string& pipeline, const std::function<void(DaemonStatus::Retry&)>& how);

    const std::function<std::shared_ptr<const config::Config>()> config_;
    mutable std::mutex mutex_;  // guards what follows
    std::condition_variable_any wake_;
    std::map<std::string, DaemonStatus::Retry> retries_;
    std::deque<std::string> waiting_;
    std::jthread thread_;  // last: it uses what is above
};

}  // namespace sluice
