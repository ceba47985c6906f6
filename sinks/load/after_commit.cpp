#include "sinks/load/after_commit.h"

#include "config/text/units.h"
#include "pipeline/log.h"

#include <utility>

namespace sluice {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds time_between_commits_looks = 500ms;
constexpr std::chrono::milliseconds time_between_answers_looks = 200ms;
/// Whose server notices by itself that nobody waits for a statement any more, if it is told to.
constexpr int notices_clients_since = 140000;

}  // namespace

AfterCommit::AfterCommit(Options options)
    : options_(std::move(options)),
      session_(options_.dsn, "sluice/" + options_.pipeline + " after_commit"),
      thread_([this] { loop(); }) {}

AfterCommit::~AfterCommit() {
    ask(Asked::end, {});
    if (thread_.joinable()) thread_.join();
}

void AfterCommit::finish(Clock::time_point deadline) {
    // Who waits until then does not wait for the next look as well.
    ask(Asked::finish, deadline - 2 * time_between_answers_looks);
    thread_.join();
}

void AfterCommit::ask(Asked what, Clock::time_point deadline) {
    {
        const std::lock_guard lock{mutex_};
        asked_ = what;
        deadline_ = deadline;
    }
    changed_.notify_all();
}

bool AfterCommit::is_to_stop() const {
    const std::lock_guard lock{mutex_};
    return asked_ != Asked::nothing && Clock::now() >= deadline_;
}

void AfterCommit::loop() {
    std::optional<AfterCommitRun> last = options_.last_run;
    for (;;) {
        Asked asked;
        {
            std::unique_lock lock{mutex_};
            changed_.wait_for(lock, time_between_commits_looks,
                              [this] { return asked_ != Asked::nothing; });
            asked = asked_;
        }
        if (asked == Asked::end) return;
        const auto commit = options_.last_commit();
        const AfterCommitRun::Commit done_for = last ? last->done_for : std::nullopt;
        const bool is_due =
            asked == Asked::finish || !last || Clock::now() >= last->began + options_.what.every;
        if (commit && commit != done_for && is_due) {
            last = {.began = Clock::now(), .done_for = done_for};
            last->error = run();
            if (last->error.empty()) last->done_for = commit;
            options_.on_ran(*last);
        }
        if (asked == Asked::finish) return;
    }
}

std::string AfterCommit::run() {
    std::string failure;
    try {
        session_.open();
        const bool notices = session_.server_version() >= notices_clients_since;
        Transaction transaction(session_,
                                notices ? "SET LOCAL client_connection_check_interval = '5s'" : "");
        session_.send(options_.what.sql);
        while (!session_.answers_within(time_between_answers_looks)) {
            if (!is_to_stop()) continue;
            session_.close();
            failure = "cut short, since the pipeline ends";
            break;
        }
        if (failure.empty()) {
            session_.finish();
            transaction.commit();
        }
    } catch (const std::exception& error) {
        failure = error.what();
    }
    session_.close();  // it may be hours until it is needed again
    if (!failure.empty())
        log(LogLevel::warn, options_.pipeline,
            "after_commit: " + failure + "; what was loaded stays, and it is tried again in " +
                config::format_duration(options_.what.every));
    return failure;
}

}  // namespace sluice
