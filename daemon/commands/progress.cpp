#include "config/text/units.h"
#include "config/text/words.h"
#include "daemon/commands/asked_partitions.h"
#include "daemon/commands/commands.h"
#include "daemon/commands/named_pipelines.h"
#include "daemon/identity/writer_name.h"
#include "daemon/report/report.h"
#include "kafka/client.h"
#include "kafka/group_description.h"
#include "kafka/topic.h"
#include "pipeline/errors.h"
#include "sinks/books/cloudberry_progress.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace sluice {
namespace {

using namespace std::chrono_literals;
/// Of each partition by its topic and number: what it holds now.
using Ranges = std::map<std::pair<std::string, PartitionNumber>, OffsetRange>;

std::optional<std::int64_t> number_in(std::string_view text) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || number < 0) return std::nullopt;
    return number;
}

kafka::ClientHandle client_of(const config::Config& config) {
    return kafka::make_client(RD_KAFKA_CONSUMER, kafka::make_conf(config.kafka, {}), "progress");
}

Ranges available(rd_kafka_t& client, const kafka::TopicPartitions& topics) {
    Ranges ranges;
    for (const auto& [topic, partitions] : topics)
        for (const auto& [partition, range] : kafka::available_offsets(client, topic, partitions))
            ranges[{topic, partition}] = range;
    return ranges;
}

// ---- show ----

struct Shown {
    std::string pipeline;
    ProgressRow row;
    std::optional<OffsetRange> available;  ///< nullopt: Kafka does not answer, or another topic
};

void print_table(const std::vector<Shown>& all) {
    std::vector<std::vector<std::string>> rows = {{"pipeline", "topic", "partition", "progress",
                                                   "anchor", "incarnation", "topic begins",
                                                   "topic ends", "behind", "moved at", "by"}};
    for (const Shown& shown : all) {
        const auto& held = shown.available;
        const auto number = [&](Offset offset) { return held ? std::to_string(offset) : "-"; };
        const OffsetRange range = held.value_or(OffsetRange{});
        rows.push_back({shown.pipeline, shown.row.topic, std::to_string(shown.row.partition),
                        std::to_string(shown.row.next), std::to_string(shown.row.anchor),
                        std::to_string(shown.row.incarnation), number(range.from), number(range.to),
                        number(std::max<Offset>(0, range.to - shown.row.next)), shown.row.moved_at,
                        shown.row.writer});
    }
    std::cout << format_table(rows);
}

void print_json(const std::vector<Shown>& all) {
    JsonWriter json;
    json.begin_object().key("progress").begin_array();
    for (const Shown& shown : all) {
        const auto number = [&](const char* name, std::int64_t of) {
            json.field(name, static_cast<long long>(of));
        };
        json.begin_object().field("pipeline", shown.pipeline).field("topic", shown.row.topic);
        json.field("cluster_id", shown.row.cluster_id);
        number("partition", shown.row.partition);
        number("next_offset", shown.row.next);
        number("anchor_offset", shown.row.anchor);
        number("incarnation", shown.row.incarnation);
        if (shown.available) {
            number("topic_begins", shown.available->from);
            number("topic_ends", shown.available->to);
        }
        json.field("moved_at", shown.row.moved_at).field("writer", shown.row.writer).end_object();
    }
    json.end_array().end_object();
    std::cout << json.text() << '\n';
}

int show(const config::Config& config, const CommandLine& line) {
    std::vector<const config::Ingest*> asked;
    for (auto word = line.words.begin() + 1; word != line.words.end(); ++word) {
        asked.push_back(&ingest_named(config, *word));
    }
    Session session{config.cloudberry.dsn.text, "sluice progress"};
    const kafka::ClientHandle client = client_of(config);
    std::vector<Shown> all;
    for (const config::Ingest& ingest : config.ingest) {
        if (!asked.empty() && std::ranges::find(asked, &ingest) == asked.end()) continue;
        Ranges ranges;
        std::string cluster;
        try {
            cluster = kafka::cluster_id(*client);
            ranges = available(*client, kafka::partitions_of(*client, ingest.topic));
        } catch (const TroubleOfTheWorld& trouble) {
            std::cerr << "sluice: " << ingest.name << ": " << trouble.what() << '\n';
        }
        for (ProgressRow& row : read_progress(session, config.cloudberry.schema, ingest.name)) {
            const auto found = ranges.find({row.topic, row.partition});
            const bool known = found != ranges.end() && row.cluster_id == cluster;
            all.push_back(
                {ingest.name, std::move(row), known ? std::optional(found->second) : std::nullopt});
        }
    }
    if (line.output == CommandLine::Output::json) {
        print_json(all);
    } else {
        print_table(all);
    }
    return fine;
}

// ---- set ----

struct ProgressChange {
    enum class Outcome { planned, unchanged, made, overtaken };
    TopicPartition partition;
    std::optional<ResumePoint> now;  ///< nullopt: no progress yet
    Offset to = 0;
    Outcome outcome = Outcome::planned;
};

/// Where --offset lies in each of these.
std::map<PartitionNumber, Offset> goals_of(rd_kafka_t& client, const std::string& topic,
                                           const CommandLine& line,
                                           const std::vector<PartitionNumber>& partitions) {
    using Kind = config::Start::Kind;
    const std::string text = line.option("--offset").value_or("");
    if (text == "earliest") return kafka::resolve_start(client, topic, {}, partitions);
    if (text == "latest")
        return kafka::resolve_start(client, topic, {.kind = Kind::latest}, partitions);
    if (const auto number = number_in(text)) {
        std::map<PartitionNumber, Offset> goals;
        for (const auto& [partition, range] : kafka::available_offsets(client, topic, partitions)) {
            if (*number < range.from || *number > range.to) {
                throw WrongConfiguration(topic + "[" + std::to_string(partition) +
                                         "] holds offsets " + std::to_string(range.from) + " to " +
                                         std::to_string(range.to) + ", so it cannot go on at " +
                                         text + "; earliest and latest are words for its ends");
            }
            goals[partition] = *number;
        }
        return goals;
    }
    const auto time = config::parse_time(text);
    if (time && *time >= 0)
        return kafka::resolve_start(client, topic, {.kind = Kind::time, .time_ms = *time},
                                    partitions);
    throw WrongConfiguration(
        "--offset takes a number, earliest, latest, or a time as in 2026-01-31T12:00:00Z, not " +
        config::in_quotes(text));
}

std::string meaning(const config::Ingest& ingest, const ProgressChange& change) {
    const auto between = [&](Offset from, Offset to) {
        return "offsets " + std::to_string(from) + " to " + std::to_string(to - 1);
    };
    if (!change.now) return "reading begins there";
    if (change.to < change.now->next) {
        // It may hold other records there than it did, or hold none yet.
        return between(change.to, change.now->next) +
               " are read again: what Kafka holds there, now or later, is " +
               (ingest.mode == config::Mode::append ? "loaded beside what they gave before"
                                                    : "made once more, from older to newer");
    }
    if (change.to > change.now->next) {
        return between(change.now->next, change.to) + " are skipped: the ledger calls them lost";
    }
    return "it is there already";
}

const char* name_of(ProgressChange::Outcome outcome) {
    switch (outcome) {
        case ProgressChange::Outcome::planned:
            return "planned";
        case ProgressChange::Outcome::unchanged:
            return "unchanged";
        case ProgressChange::Outcome::made:
            return "made";
        case ProgressChange::Outcome::overtaken:
            break;
    }
    return "overtaken";
}

void print(const config::Ingest& ingest, const std::vector<ProgressChange>& changes,
           std::ostream& out) {
    std::vector<std::vector<std::string>> rows = {
        {"pipeline", "topic", "partition", "progress", "becomes", "outcome", "which means"}};
    for (const ProgressChange& change : changes) {
        rows.push_back(
            {ingest.name, change.partition.topic, std::to_string(change.partition.number),
             change.now ? std::to_string(change.now->next) : "-", std::to_string(change.to),
             name_of(change.outcome), meaning(ingest, change)});
    }
    out << format_table(rows);
}

void print_json(const config::Ingest& ingest, const std::vector<ProgressChange>& changes) {
    JsonWriter json;
    json.begin_object().field("pipeline", ingest.name).key("partitions").begin_array();
    for (const ProgressChange& change : changes) {
        json.begin_object().field("topic", change.partition.topic);
        json.field("partition", static_cast<long long>(change.partition.number));
        if (change.now) json.field("from", static_cast<long long>(change.now->next));
        json.field("to", static_cast<long long>(change.to));
        json.field("outcome", name_of(change.outcome)).end_object();
    }
    json.end_array().end_object();
    std::cout << json.text() << '\n';
}

/// The fence holds whoever runs; this is so that nobody is surprised by it. A daemon that was
/// stopped keeps its place in the group until its session is over, so that much is waited for.
void refuse_while_running(rd_kafka_t& client, const config::Kafka& kafka,
                          const config::Ingest& ingest) {
    const auto session = kafka::session_timeout(kafka);
    const auto gone_by = std::chrono::steady_clock::now() + session + 2s;
    for (bool is_first = true;; is_first = false) {
        const std::vector<std::string> members = kafka::members_of(client, ingest.group);
        if (members.empty()) return;
        std::string list;
        for (const std::string& member : members) list += (list.empty() ? "" : ", ") + member;
        if (std::chrono::steady_clock::now() > gone_by) {
            throw TroubleOfTheWorld("pipeline \"" + ingest.name + "\" is running: group \"" +
                                    ingest.group + "\" has the members " + list +
                                    "; pause it, take it out of their configuration, or stop its "
                                    "daemons, first");
        }
        if (is_first) {
            std::cerr << "group \"" << ingest.group << "\" has the members " << list
                      << "; Kafka remembers one that was stopped for up to "
                      << std::chrono::ceil<std::chrono::seconds>(session).count()
                      << " s, waiting for that\n";
        }
        std::this_thread::sleep_for(250ms);
    }
}

bool confirmed(const CommandLine& line) {
    if (line.has("--yes")) return true;
    if (::isatty(STDIN_FILENO) != 1) {
        throw WrongConfiguration("nobody is there to be asked; --yes does it without");
    }
    std::cerr << "type yes to change this: " << std::flush;
    std::string answer;
    return std::getline(std::cin, answer) && answer == "yes";
}

/// All of them, or, when somebody else moved one meanwhile, none.
void make(CloudberryProgress& progress, std::vector<ProgressChange>& changes) {
    using Outcome = ProgressChange::Outcome;
    std::vector<ProgressMove> moves;
    for (const ProgressChange& change : changes)
        moves.push_back({change.partition.id, change.now, change.to});
    const Outcome outcome = progress.set(moves) ? Outcome::made : Outcome::overtaken;
    for (ProgressChange& change : changes) {
        const bool there = change.now && change.now->next == change.to;
        change.outcome = there ? Outcome::unchanged : outcome;
    }
}

int set(const config::Config& config, const CommandLine& line) {
    if (line.words.size() != 2 || !line.has("--partition") || !line.has("--offset")) {
        throw WrongConfiguration(
            "\"progress set\" needs the name of a pipeline, --partition P and --offset N, and "
            "--topic T where it reads several");
    }
    const config::Ingest& ingest = ingest_named(config, line.words[1]);
    const AskedPartitions asked = asked_partitions(ingest, line);
    const kafka::ClientHandle client = client_of(config);
    std::map<std::string, std::map<PartitionNumber, Offset>> goals;
    for (const auto& [topic, partitions] : find(*client, asked))
        goals[topic] = goals_of(*client, topic, line, partitions);
    refuse_while_running(*client, config.kafka, ingest);
    const auto table = std::make_shared<PartitionTable>();
    CloudberryProgress progress{config.cloudberry.dsn.text,
                                {.schema = config.cloudberry.schema,
                                 .pipeline = ingest.name,
                                 .cluster_id = kafka::cluster_id(*client),
                                 .partitions = table,
                                 .writer = writer_name(),
                                 .revision = config.revision}};
    std::vector<ProgressChange> changes;
    std::vector<PartitionId> ids;
    for (const auto& [topic, of_topic] : goals) {
        for (const auto& [number, to] : of_topic) {
            changes.push_back({table->of(topic, number), {}, to});
            ids.push_back(changes.back().partition.id);
        }
    }
    for (const ResumePoint& point : progress.read(ids)) {
        const auto change = std::ranges::find(
            changes, point.partition, [](const ProgressChange& each) { return each.partition.id; });
        if (change != changes.end()) change->now = point;
    }
    if (!line.has("--yes")) print(ingest, changes, std::cerr);
    if (!confirmed(line)) {
        std::cerr << "nothing was changed\n";
        return found_something_wrong;
    }
    make(progress, changes);
    if (line.output == CommandLine::Output::json) {
        print_json(ingest, changes);
    } else {
        print(ingest, changes, std::cout);
    }
    const bool overtaken = std::ranges::any_of(changes, [](const ProgressChange& change) {
        return change.outcome == ProgressChange::Outcome::overtaken;
    });
    if (overtaken) {
        std::cerr << "sluice: somebody else moved progress meanwhile, so it was left as it is\n";
    }
    return overtaken ? found_something_wrong : fine;
}

}  // namespace

int progress(const config::Config& config, const CommandLine& line) {
    try {
        if (line.words.front() == "show") return show(config, line);
        if (line.words.front() == "set") return set(config, line);
        throw WrongConfiguration("\"progress\" knows show and set, not " +
                                 config::in_quotes(line.words.front()));
    } catch (const WrongConfiguration& wrong) {
        std::cerr << "sluice: " << wrong.what() << '\n';
        return used_or_configured_wrongly;
    }
}

}  // namespace sluice
