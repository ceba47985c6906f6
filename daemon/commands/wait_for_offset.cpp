#include "config/units.h"
#include "config/words.h"
#include "daemon/commands/commands.h"
#include "daemon/commands/named_pipelines.h"
#include "daemon/commands/progress_line.h"
#include "daemon/commands/report.h"
#include "kafka/client.h"
#include "kafka/topic.h"
#include "pipeline/errors.h"
#include "sinks/books/cloudberry_progress.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <iostream>
#include <thread>

namespace sluice {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// What is waited for in one partition: progress at `until`, or beyond.
struct Goal {
    PartitionId partition = 0;
    Offset until = 0;
    std::optional<Offset> next;  ///< progress as it was read last; nullopt: there is none yet
    Offset end = 0;              ///< of the topic, as it was known last

    /// Progress beyond the end is that of a topic that is no more: it says nothing of this one.
    [[nodiscard]] bool beyond() const { return next && *next > end; }
    [[nodiscard]] bool reached() const { return next ? *next >= until && !beyond() : until == 0; }
};

template <class Number>
Number number_of(const CommandLine& line, const std::string& option) {
    const std::string text = line.option(option).value_or("");
    Number number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || error != std::errc() || end != text.data() + text.size() || number < 0) {
        throw WrongConfiguration(option + " takes a number, not " + config::in_quotes(text));
    }
    return number;
}

std::optional<std::chrono::milliseconds> timeout_of(const CommandLine& line) {
    const auto text = line.option("--timeout");
    if (!text) return std::nullopt;
    if (const auto timeout = config::parse_duration(*text)) return timeout;
    throw WrongConfiguration("--timeout takes a duration such as 30s, not " +
                             config::in_quotes(*text));
}

/// What the options ask for; nullopt: the end of all partitions.
std::optional<Goal> goal_of(const CommandLine& line) {
    const bool named = line.has("--partition") || line.has("--offset");
    if (named == line.has("--end") || line.has("--partition") != line.has("--offset")) {
        throw WrongConfiguration("\"wait\" needs --partition P and --offset N, or --end");
    }
    if (line.has("--end")) return std::nullopt;
    const auto partition = number_of<PartitionId>(line, "--partition");
    const auto offset = number_of<Offset>(line, "--offset");
    if (offset == std::numeric_limits<Offset>::max()) {
        throw WrongConfiguration("--offset is larger than any that Kafka gives");
    }
    return Goal{.partition = partition, .until = offset + 1, .next = {}};
}

/// The same, held against the topic.
std::vector<Goal> goals_in(rd_kafka_t& client, const std::string& topic,
                           const std::optional<Goal>& asked) {
    const std::vector<PartitionId> partitions = kafka::partitions_of(client, topic);
    if (asked) {
        if (std::ranges::find(partitions, asked->partition) == partitions.end()) {
            throw WrongConfiguration("topic \"" + topic + "\" has no partition " +
                                     std::to_string(asked->partition) + "; it has 0 to " +
                                     std::to_string(partitions.back()));
        }
        Goal goal = *asked;
        goal.end = kafka::available_offsets(client, topic, goal.partition).to;
        return {goal};
    }
    std::vector<Goal> goals;
    for (const PartitionId partition : partitions) {
        const OffsetRange range = kafka::available_offsets(client, topic, partition);
        goals.push_back({.partition = partition, .until = range.to, .next = {}, .end = range.to});
    }
    return goals;
}

/// Reads a pipeline's progress again and again, over any trouble, until it is where it should be.
class Waiting {
public:
    Waiting(const config::Config& config, const config::Ingest& ingest, rd_kafka_t& client)
        : client_(client),
          schema_(config.cloudberry.schema),
          pipeline_(ingest.name),
          topic_(ingest.topic),
          cluster_id_(kafka::cluster_id(client)),
          session_(config.cloudberry.dsn.text, "sluice wait") {}

    bool wait(std::vector<Goal>& goals, std::optional<std::chrono::milliseconds> timeout) {
        const auto began = Clock::now();
        Offset all = 0;
        for (const Goal& goal : goals) all += goal.until;
        ProgressLine line("wait " + pipeline_, "offsets");
        for (;;) {
            read(goals);
            if (std::ranges::all_of(goals, &Goal::reached)) return true;
            Offset done = 0;
            for (const Goal& goal : goals) done += std::min(goal.next.value_or(0), goal.until);
            line.at(done, all);
            const auto waited = Clock::now() - began;
            if (timeout && waited >= *timeout) return false;
            auto pause = waited < 5s ? 50ms : 250ms;
            if (!trouble_.empty()) pause = 1s;
            if (timeout) {
                pause = std::min(pause,
                                 std::chrono::ceil<std::chrono::milliseconds>(*timeout - waited));
            }
            std::this_thread::sleep_for(pause);
        }
    }
    /// Of the latest reading; empty: it worked.
    [[nodiscard]] const std::string& trouble() const { return trouble_; }

private:
    void read(std::vector<Goal>& goals) {
        try {
            for (const ProgressRow& row : read_progress(session_, schema_, pipeline_)) {
                if (row.topic != topic_ || row.cluster_id != cluster_id_) continue;
                const auto goal = std::ranges::find(goals, row.partition, &Goal::partition);
                if (goal == goals.end()) continue;
                goal->next = row.next;
                // The topic may have grown since it was asked.
                if (goal->beyond())
                    goal->end = kafka::available_offsets(client_, topic_, goal->partition).to;
            }
            trouble_.clear();
        } catch (const DatabaseError& error) {
            trouble_ = error.what();
        } catch (const TroubleOfTheWorld& error) {
            trouble_ = error.what();
        }
    }

    rd_kafka_t& client_;
    const std::string schema_;
    const std::string pipeline_;
    const std::string topic_;
    const std::string cluster_id_;
    Session session_;
    std::string trouble_;
};

void print(const CommandLine& line, const config::Ingest& ingest, const std::vector<Goal>& goals,
           bool reached) {
    if (line.output == CommandLine::Output::json) {
        JsonWriter json;
        json.begin_object().field("pipeline", ingest.name).field("reached", reached);
        json.key("partitions").begin_array();
        for (const Goal& goal : goals) {
            json.begin_object().field("partition", static_cast<long long>(goal.partition));
            json.field("waited_for", static_cast<long long>(goal.until));
            json.field("topic_ends", static_cast<long long>(goal.end));
            if (goal.next) json.field("next_offset", static_cast<long long>(*goal.next));
            json.field("reached", goal.reached()).end_object();
        }
        json.end_array().end_object();
        std::cout << json.text() << '\n';
        return;
    }
    for (const Goal& goal : goals) {
        const std::string place = ingest.topic + "[" + std::to_string(goal.partition) + "]: ";
        if (goal.reached()) {
            std::cout << place << "everything below offset " << goal.until << " is committed\n";
        } else if (goal.beyond()) {
            std::cout << place << "progress is at " << *goal.next << ", and the topic ends at "
                      << goal.end
                      << ": it was created anew or has lost records, and what it holds now is not "
                         "loaded; sluice status says what the pipeline makes of it\n";
        } else if (goal.next) {
            std::cout << place << "everything below offset " << *goal.next
                      << " is committed, not yet all below " << goal.until << '\n';
        } else {
            std::cout << place << "no progress yet; is sluice run at work on [ingest."
                      << ingest.name << "]?\n";
        }
    }
}

}  // namespace

int wait_for_offset(const config::Config& config, const CommandLine& line) {
    try {
        const config::Ingest& ingest = ingest_named(config, line.words.front());
        const auto timeout = timeout_of(line);
        const std::optional<Goal> asked = goal_of(line);
        const auto client =
            kafka::make_client(RD_KAFKA_CONSUMER, kafka::make_conf(config.kafka, {}), "wait");
        std::vector<Goal> goals = goals_in(*client, ingest.topic, asked);
        Waiting waiting(config, ingest, *client);
        const bool reached = waiting.wait(goals, timeout);
        print(line, ingest, goals, reached);
        if (!waiting.trouble().empty()) std::cerr << "sluice: " << waiting.trouble() << '\n';
        return reached ? fine : found_something_wrong;
    } catch (const WrongConfiguration& wrong) {
        std::cerr << "sluice: " << wrong.what() << '\n';
        return used_or_configured_wrongly;
    }
}

}  // namespace sluice
