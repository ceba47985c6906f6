#include "daemon/process/dead_letter_watch.h"

#include "pipeline/log.h"
#include "sinks/dead_letters/open_dead_letters.h"
#include "sinks/session/session.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace sluice {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr int share_of_time = 100;

/// A pipeline that has never run makes Sluice's tables when it starts.
bool is_not_there_yet(const DatabaseError& error) {
    return error.sqlstate() == "42P01" || error.sqlstate() == "3F000";
}

}  // namespace

DeadLetterWatch::DeadLetterWatch(config::Cloudberry database, Report report)
    : report_(std::move(report)), database_(std::move(database)), thread_([this] { loop(); }) {}

DeadLetterWatch::~DeadLetterWatch() {
    {
        const std::lock_guard lock{mutex_};
        ending_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

void DeadLetterWatch::adopt(const config::Cloudberry& database) {
    const std::lock_guard lock{mutex_};
    if (database == database_) return;
    database_ = database;
    adopted_ = true;
    changed_.notify_all();
}

void DeadLetterWatch::loop() {
    std::unique_ptr<Session> session;
    std::string schema;
    std::string trouble;
    std::unique_lock lock{mutex_};
    while (!ending_) {
        if (std::exchange(adopted_, false)) {
            session = std::make_unique<Session>(database_.dsn.text, "sluice dead letter watch");
            schema = database_.schema;
        }
        lock.unlock();
        const auto began = Clock::now();
        try {
            report_(count_open_dead_letters(*session, schema));
            trouble.clear();
        } catch (const DatabaseError& error) {
            if (!is_not_there_yet(error) && std::exchange(trouble, error.what()) != error.what()) {
                log(LogLevel::warn, "sluice",
                    "open dead letters cannot be counted: " + trouble +
                        "; the role needs SELECT on " + schema + ".open_dead_letter");
            }
        }
        const auto pause = std::clamp<Clock::duration>(share_of_time * (Clock::now() - began),
                                                       Clock::duration(5s), 10min);
        lock.lock();
        changed_.wait_for(lock, pause, [this] { return ending_ || adopted_; });
    }
}

}  // namespace sluice
