#include "daemon/process/undecided_watch.h"

#include "pipeline/log.h"
#include "sinks/dead_letters/open_dead_letters.h"
#include "sinks/outbox/refused_events.h"
#include "sinks/session/session.h"

#include <algorithm>
#include <chrono>
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

/// `trouble`: what was logged of this question last, empty when it was answered since.
template <typename Question>
void ask(const char* what, const std::string& needed, std::string& trouble, Question question) {
    std::string remedy;
    try {
        question();
        return trouble.clear();
    } catch (const DatabaseError& error) {
        if (is_not_there_yet(error)) return;
        remedy = error.sqlstate() == "42501" ? "; the role needs SELECT on " + needed : "";
        if (std::exchange(trouble, error.what()) == error.what()) return;
    } catch (const std::exception& error) {
        if (std::exchange(trouble, error.what()) == error.what()) return;
    }
    log(LogLevel::warn, "sluice", std::string(what) + " cannot be counted: " + trouble + remedy);
}

}  // namespace

UndecidedWatch::UndecidedWatch(const config::Config& config, Reports reports)
    : reports_(std::move(reports)), scope_(scope_of(config)), thread_([this] { loop(); }) {}

UndecidedWatch::~UndecidedWatch() {
    {
        const std::lock_guard lock{mutex_};
        ending_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

UndecidedWatch::Scope UndecidedWatch::scope_of(const config::Config& config) {
    return {config.cloudberry, !config.outbox.empty()};
}

void UndecidedWatch::adopt(const config::Config& config) {
    const std::lock_guard lock{mutex_};
    if (scope_of(config) == scope_) return;
    scope_ = scope_of(config);
    adopted_ = true;
    changed_.notify_all();
}

void UndecidedWatch::loop() {
    std::unique_ptr<Session> session;
    Scope scope;
    std::string about_letters;
    std::string about_events;
    std::unique_lock lock{mutex_};
    while (!ending_) {
        if (std::exchange(adopted_, false)) {
            scope = scope_;
            session = std::make_unique<Session>(scope.database.dsn.text, "sluice undecided watch");
        }
        lock.unlock();
        const auto began = Clock::now();
        const std::string& schema = scope.database.schema;
        ask("open dead letters", schema + ".open_dead_letter", about_letters,
            [&] { reports_.dead_letters(count_open_dead_letters(*session, schema)); });
        if (scope.has_outboxes)
            ask("refused events", schema + ".refused_event and " + schema + ".outbox_batch",
                about_events,
                [&] { reports_.refused_events(count_open_refused_events(*session, schema)); });
        const auto pause = std::clamp<Clock::duration>(share_of_time * (Clock::now() - began),
                                                       Clock::duration(5s), 10min);
        lock.lock();
        changed_.wait_for(lock, pause, [this] { return ending_ || adopted_; });
    }
}

}  // namespace sluice
