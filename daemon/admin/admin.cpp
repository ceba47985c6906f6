#include "daemon/admin/admin.h"

#include "config/pipeline.h"
#include "config/text/words.h"
#include "daemon/admin/admin_routes.h"
#include "daemon/admin/problem.h"
#include "daemon/identity/version.h"
#include "daemon/reload/published_settings.h"
#include "daemon/report/recent_log.h"
#include "daemon/report/report.h"
#include "kafka/client.h"

#include <algorithm>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <random>
#include <stop_token>
#include <string>
#include <utility>

namespace sluice {
namespace {

constexpr std::chrono::seconds between_looks_at_standing{10};

/// The same for as long as the process lives, and another one each time.
std::string new_salt() {
    std::random_device random;
    std::string salt;
    for (int i = 0; i < 4; ++i) salt += std::to_string(random()) + ".";
    return salt;
}

/// `keys`: of those that there are.
HttpResponse no_such_pipeline(const std::string& name, const std::vector<std::string>& keys) {
    std::vector<std::string_view> known;
    for (const std::string& key : keys) {
        known.push_back(std::string_view(key).substr(key.find('.') + 1));
        known.emplace_back(key);
    }
    return problem(404, "there is no such pipeline" + config::suggestion(name, known));
}

HttpResponse no_such_pipeline(const std::string& name, const config::Config& config) {
    std::vector<std::string> keys;
    for (const auto& [key, pipeline] : config::pipelines_of(config)) keys.push_back(key);
    return no_such_pipeline(name, keys);
}

HttpResponse ambiguous_name() {
    return problem(409, "several pipelines have this name; write ingest.NAME or outbox.NAME");
}

HttpResponse answer_to(CommandResult result, const std::string& pipeline,
                       const config::Config& config) {
    switch (result) {
        case CommandResult::done:
            return json_answer(R"({"result":"done"})");
        case CommandResult::no_such_pipeline:
            return no_such_pipeline(pipeline, config);
        case CommandResult::ambiguous_name:
            return ambiguous_name();
        case CommandResult::is_paused:
            return problem(409, "the pipeline is paused; resume it");
        case CommandResult::draining:
            break;
    }
    return problem(503, "the daemon is about to end");
}

HttpResponse answer_to(const ReloadOutcome& outcome) {
    constexpr int refused = 422;
    const bool is_refused = outcome.result == ReloadOutcome::Result::refused;
    JsonWriter json;
    if (is_refused) {
        json = begin_problem(refused, "the configuration was refused; the one before it stays");
    } else {
        json.begin_object();
    }
    json.field("result", name_of(outcome.result));
    json.field("revision", outcome.revision).field("summary", summary_of(outcome.plan));
    json.key("problems").begin_array();
    for (const std::string& problem : outcome.problems) json.value(problem);
    HttpResponse answer = json_answer(json.end_array().end_object().text());
    if (is_refused) {
        answer.status = refused;
        answer.content_type = problem_type;
    }
    return answer;
}

DaemonStatus::Reload shown(const ReloadOutcome& outcome) {
    const bool applied = outcome.result == ReloadOutcome::Result::applied;
    return {.at = outcome.at,
            .result = name_of(outcome.result),
            .trigger = name_of(outcome.trigger),
            .revision = outcome.revision,
            .summary = applied ? summary_of(outcome.plan) : "",
            .problems = outcome.problems};
}

HttpResponse answer_of(PipelineBooks& books, const config::Config& config,
                       const std::string& name) {
    const config::Ingest* const ingest = config::find_ingest(config, name);
    const config::Outbox* const outbox = config::find_outbox(config, name);
    if (ingest != nullptr && outbox != nullptr) return ambiguous_name();
    if (ingest != nullptr) return json_answer(books.to_json("ingest." + ingest->name));
    if (outbox != nullptr) return json_answer(books.to_json("outbox." + outbox->name));
    return no_such_pipeline(name, config);
}

HttpResponse retry_letters(LetterRetries& retries, const config::Config& config,
                           const std::string& name) {
    const config::Ingest* const ingest = config::find_ingest(config, name);
    if (ingest == nullptr) {
        std::vector<std::string> keys;
        for (const config::Ingest& known : config.ingest) keys.push_back("ingest." + known.name);
        return no_such_pipeline(name, keys);
    }
    if (!retries.start(ingest->name))
        return problem(409, "its dead letters are being retried already; /status says how far");
    HttpResponse answer = json_answer(R"({"result":"started"})");
    answer.status = 202;
    return answer;
}

/// What the configuration says of the pipeline.
void describe(DaemonStatus::Pipeline& shown, const PipelineConfig& config) {
    shown.name = config::name_of(config);
    if (const auto* ingest = std::get_if<config::Ingest>(&config.of_kind)) {
        shown.topic = config::to_string(ingest->topic);
        shown.table = config::tables_of(*ingest);
    } else {
        const auto& outbox = std::get<config::Outbox>(config.of_kind);
        shown.topic = config::to_string(outbox.topic);
        shown.table = outbox.table;
    }
}

/// On a thread of its own, until it is told to end.
std::jthread again_and_again(std::chrono::milliseconds pause, std::function<void()> what) {
    return std::jthread([pause, what = std::move(what)](const std::stop_token& end) {
        std::mutex mutex;
        std::condition_variable_any wake;
        std::unique_lock lock{mutex};
        do {
            what();
        } while (!wake.wait_for(lock, end, pause, [&] { return end.stop_requested(); }));
    });
}

AdminServer::Handler handler_of(const Admin::Parts& parts, std::function<DaemonStatus()> status,
                                const History& history, PipelineBooks& books,
                                LetterRetries& retries) {
    using Command = std::future<CommandResult> (Supervisor::*)(std::string);
    const auto command = [&supervisor = parts.supervisor,
                          &reloader = parts.reloader](Command post) {
        return [&supervisor, &reloader, post](const std::string& pipeline) {
            const CommandResult result = (supervisor.*post)(pipeline).get();
            return answer_to(result, pipeline, *reloader.config());
        };
    };
    auto routes = std::make_shared<const AdminRoutes>(AdminRoutes::Sources{
        .status = std::move(status),
        .metrics = [&registry = parts.registry] { return registry.text(); },
        .history = [&history](History::Span span) { return history.to_json(span); },
        .settings =
            [&reloader = parts.reloader, &supervisor = parts.supervisor, salt = new_salt()] {
                return to_json(publish(*reloader.config(), supervisor.status(), salt));
            },
        .books =
            [&reloader = parts.reloader, &books](const std::string& pipeline) {
                return answer_of(books, *reloader.config(), pipeline);
            },
        .token = [&reloader = parts.reloader] { return reloader.config()->admin.token.text; },
        .reload =
            [&reloader = parts.reloader] {
                return answer_to(reloader.request(ReloadTrigger::request).get());
            },
        .commands = {{"pause", command(&Supervisor::pause)},
                     {"resume", command(&Supervisor::resume)},
                     {"restart", command(&Supervisor::restart)},
                     {"retry-dead-letters",
                      [&reloader = parts.reloader, &retries](const std::string& pipeline) {
                          return retry_letters(retries, *reloader.config(), pipeline);
                      }}}});
    return [routes](const HttpRequest& request) { return routes->answer(request); };
}

}  // namespace

Admin::Admin(const Parts& parts)
    : parts_(parts),
      server_(parts.registry, handler_of(
                                  parts, [this] { return status(); }, history_, books_, retries_)),
      remembering_(again_and_again(History::between, [this] { remember(); })),
      looking_(again_and_again(between_looks_at_standing, [this] { look_at_standing(); })) {}

void Admin::remember() {
    std::vector<History::Sample> samples;
    for (const DaemonStatus::Pipeline& pipeline : status().pipelines) {
        History::Sample& sample = samples.emplace_back();
        sample.key = pipeline.key;
        if (const auto& outbox = pipeline.outbox) {
            sample.done = static_cast<double>(outbox->events);
            sample.behind = outbox->backlog_seconds;
        } else if (const auto& ingest = pipeline.ingest) {
            sample.done = static_cast<double>(ingest->rows);
            if (!ingest->partitions.empty()) sample.behind = static_cast<double>(ingest->lag());
            if (ingest->last_commit) {
                sample.freshness =
                    std::max(ingest->freshness_seconds, ingest->oldest_uncommitted_seconds);
            }
        }
    }
    history_.add(samples, History::Clock::now());
}

void Admin::look_at_standing() {
    stopped_lag_.look(*parts_.reloader.config(), parts_.supervisor.status());
}

DaemonStatus Admin::status() const {
    const auto config = parts_.reloader.config();
    const SupervisorStatus supervised = parts_.supervisor.status();
    DaemonStatus all{.version = version(),
                     .librdkafka = kafka::library_version(),
                     .started = started_,
                     .revision = config->revision,
                     .draining = supervised.draining,
                     .pipelines = {},
                     .reloads = {},
                     .log = recent_log().lines()};
    const auto configured = config::pipelines_of(*config);
    for (const auto& [key, status] : supervised.pipelines) {
        DaemonStatus::Pipeline& pipeline = all.pipelines.emplace_back();
        pipeline.key = key;
        pipeline.kind = key.substr(0, key.find('.'));
        pipeline.supervised = status;
        pipeline.ingest = parts_.observatory.ingest(key);
        pipeline.outbox = parts_.observatory.outbox(key);
        if (pipeline.ingest)
            pipeline.retry = retries_.latest(std::string(config::bare_name(key, "ingest")));
        if (pipeline.ingest && cannot_tell_its_lag(status.state)) {
            stopped_lag_.fill(key, *pipeline.ingest);
        }
        if (const auto found = configured.find(key); found != configured.end()) {
            describe(pipeline, found->second);
        }
    }
    for (const ReloadOutcome& outcome : parts_.reloader.history()) {
        all.reloads.push_back(shown(outcome));
    }
    return all;
}

}  // namespace sluice
