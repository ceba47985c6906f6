#include "config/pipeline.h"
#include "daemon/admin/outbox_mark.h"
#include "daemon/commands/commands.h"
#include "daemon/commands/terminal/confirm.h"
#include "daemon/commands/where_option.h"
#include "daemon/identity/writer_name.h"
#include "daemon/report/progress_line.h"
#include "daemon/report/report.h"
#include "pipeline/errors.h"
#include "sinks/outbox/refused_events.h"

#include <chrono>
#include <iostream>
#include <thread>

namespace sluice {
namespace {

using Clock = std::chrono::steady_clock;
using Decision = RefusedEventPass::Decision;

/// How long others may be in the way, one after the other, before it is said.
constexpr std::chrono::seconds patience{60};
constexpr std::chrono::milliseconds pause_after_giving_way{200};

RefusedEventQuery query_of(const config::Config& config, const CommandLine& line) {
    return {.schema = config.cloudberry.schema,
            .relay = std::string(config::bare_name(line.words.at(1), "outbox")),
            .where = where_of(line, refused_event_fields())};
}

void print_json(const std::vector<RefusedEvent>& events, const RefusedEventCount& count) {
    JsonWriter json;
    json.begin_object().field("open", static_cast<long long>(count.open));
    json.field("to_be_sent", static_cast<long long>(count.claimed));
    json.key("events").begin_array();
    for (const RefusedEvent& event : events) {
        json.begin_object().field("batch", static_cast<long long>(event.batch));
        json.field("place", static_cast<long long>(event.place)).field("id", event.id);
        if (event.topic) json.field("topic", *event.topic);
        if (event.partition) json.field("partition", *event.partition);
        json.field("reason", event.reason).field("detail", event.detail);
        json.field("refused_at", event.refused_at);
        json.field("state", event.claimed ? "to be sent" : "open").end_object();
    }
    json.end_array().end_object();
    std::cout << json.text() << '\n';
}

int list(Session& session, const RefusedEventQuery& query, const CommandLine& line) {
    const RefusedEventCount count = count_refused_events(session, query);
    const auto events = newest_refused_events(session, query, line.limit().value_or(50));
    if (line.output == CommandLine::Output::json) {
        print_json(events, count);
        return fine;
    }
    std::vector<std::vector<std::string>> table = {
        {"refused", "id", "topic", "partition", "state", "reason", "detail"}};
    for (const RefusedEvent& event : events) {
        table.push_back({event.refused_at, event.id, event.topic.value_or(""),
                         event.partition.value_or(""), event.claimed ? "to be sent" : "open",
                         event.reason, event.detail});
    }
    if (!events.empty()) std::cout << format_table(table);
    std::cout << count.open << " open, " << count.claimed << " to be sent again";
    const auto shown = static_cast<std::int64_t>(events.size());
    if (shown < count.open + count.claimed) std::cout << "; the latest " << shown << " are shown";
    std::cout << '\n';
    return fine;
}

/// All pages, however often others are in the way.
std::int64_t go_through(RefusedEventPass& pass, ProgressLine& progress, std::int64_t all) {
    std::int64_t done = 0;
    auto moved = Clock::now();
    for (;;) {
        try {
            const auto page = pass.next();
            if (!page) return done;
            done += *page;
            moved = Clock::now();
            progress.at(done, all);
        } catch (const DatabaseError& error) {
            if (error.trouble() != Trouble::again || Clock::now() - moved > patience) throw;
            std::this_thread::sleep_for(pause_after_giving_way);
        }
    }
}

void refuse_ingest(const config::Config& config, const std::string& name) {
    if (config::find_outbox(config, name) != nullptr) return;
    if (config::find_ingest(config, name) == nullptr) return;
    const std::string ingest(config::bare_name(name, "ingest"));
    throw WrongConfiguration("[ingest." + ingest +
                             "] is no outbox; what it could not load: sluice dead-letters list " +
                             ingest);
}

std::string events_text(std::int64_t count) {
    return std::to_string(count) + (count == 1 ? " event" : " events");
}

int decide(Session& session, const config::Config& config, const CommandLine& line,
           RefusedEventPass::Options options) {
    const std::string& action = line.words.at(0);
    const bool again = options.decision == Decision::send_again;
    const config::Outbox* const outbox = config::find_outbox(config, options.query.relay);
    if (again && outbox == nullptr) {
        throw WrongConfiguration("there is no [outbox." + options.query.relay +
                                 "] to send them again");
    }
    const std::int64_t open = count_refused_events(session, options.query).open;
    if (open > 0) confirm(line, action + " " + std::to_string(open) + " refused events");
    // Only a claim above it is ever looked at.
    if (again) options.mark = mark_of(session, config, *outbox).value_or(0);
    std::int64_t done = 0;
    {
        ProgressLine progress(action + " " + options.query.relay, "events");
        RefusedEventPass pass(session, options);
        done = go_through(pass, progress, open);
    }
    if (line.output == CommandLine::Output::json) {
        JsonWriter json;
        json.begin_object().field(again ? "to_be_sent" : "discarded", static_cast<long long>(done));
        std::cout << json.end_object().text() << '\n';
    } else if (again) {
        std::cout << events_text(done)
                  << " will be sent again; those that are refused again are listed again\n";
    } else {
        std::cout << events_text(done) << " discarded\n";
    }
    return fine;
}

}  // namespace

int settle_refused_events(const config::Config& config, const CommandLine& line) {
    try {
        const std::string& action = line.words.at(0);
        const RefusedEventQuery query = query_of(config, line);
        refuse_ingest(config, query.relay);
        Session session{config.cloudberry.dsn.text, "sluice outbox"};
        if (config::find_outbox(config, query.relay) == nullptr) {
            const RefusedEventCount all =
                count_refused_events(session, {.schema = query.schema, .relay = query.relay});
            if (all.open + all.claimed == 0) {
                throw WrongConfiguration("there is no [outbox." + query.relay +
                                         "], and no refused event of one");
            }
        }
        if (action == "list") return list(session, query, line);
        if (action != "retry" && action != "discard") {
            throw WrongConfiguration("\"" + action + "\" is none of list, retry, discard");
        }
        return decide(session, config, line,
                      {.query = query,
                       .decision = action == "retry" ? Decision::send_again : Decision::discard,
                       .writer = writer_name(),
                       .revision = config.revision});
    } catch (const WrongConfiguration& wrong) {
        std::cerr << "sluice outbox: " << wrong.what() << '\n';
        return used_or_configured_wrongly;
    }
}

}  // namespace sluice
