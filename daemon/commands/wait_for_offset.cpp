#include "config/text/words.h"
#include "daemon/commands/asked_partitions.h"
#include "daemon/commands/commands.h"
#include "daemon/commands/named_pipelines.h"
#include "daemon/commands/progress_goals.h"
#include "daemon/report/progress_line.h"
#include "daemon/report/report.h"
#include "kafka/client.h"
#include "pipeline/errors.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <iostream>
#include <limits>
#include <thread>

namespace sluice {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// Of the record that the options ask for; nullopt: the end of all partitions.
std::optional<Offset> asked_by(const CommandLine& line) {
    const bool named = line.has("--partition") || line.has("--offset");
    if (named == line.has("--end") || line.has("--partition") != line.has("--offset")) {
        throw WrongConfiguration("\"wait\" needs --partition P and --offset N, or --end");
    }
    if (line.has("--end")) return std::nullopt;
    const std::string text = line.option("--offset").value_or("");
    Offset offset = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), offset);
    if (text.empty() || error != std::errc() || end != text.data() + text.size() || offset < 0)
        throw WrongConfiguration("--offset takes a number, not " + config::in_quotes(text));
    if (offset == std::numeric_limits<Offset>::max())
        throw WrongConfiguration("--offset is larger than any that Kafka gives");
    return offset;
}

/// Reads progress again and again, over any trouble, until it is where it should be.
class Waiting {
public:
    Waiting(const config::Config& config, const config::Ingest& ingest, ProgressGoals& goals)
        : goals_(goals),
          pipeline_(ingest.name),
          session_(config.cloudberry.dsn.text, "sluice wait") {}

    void wait(std::optional<std::chrono::milliseconds> timeout) {
        const auto began = Clock::now();
        ProgressLine line("wait " + pipeline_, "offsets");
        for (;;) {
            read();
            if (goals_.reached()) return;
            show(line);
            const auto waited = Clock::now() - began;
            if (timeout && waited >= *timeout) return;
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
    void read() {
        try {
            goals_.read(session_);
            trouble_.clear();
        } catch (const DatabaseError& error) {
            trouble_ = error.what();
        } catch (const TroubleOfTheWorld& error) {
            trouble_ = error.what();
        }
    }
    void show(ProgressLine& line) const {
        Offset done = 0;
        Offset all = 0;
        for (const ProgressGoal& goal : goals_.goals()) {
            done += std::min(goal.next.value_or(0), goal.until);
            all += goal.until;
        }
        line.at(done, all);
    }

    ProgressGoals& goals_;
    const std::string pipeline_;
    Session session_;
    std::string trouble_;
};

void print(const CommandLine& line, const config::Ingest& ingest, const ProgressGoals& waited) {
    if (line.output == CommandLine::Output::json) {
        JsonWriter json;
        json.begin_object().field("pipeline", ingest.name).field("reached", waited.reached());
        json.key("partitions").begin_array();
        for (const ProgressGoal& goal : waited.goals()) {
            json.begin_object().field("topic", goal.topic);
            json.field("partition", static_cast<long long>(goal.partition));
            json.field("waited_for", static_cast<long long>(goal.until));
            json.field("topic_ends", static_cast<long long>(goal.end));
            if (goal.next) json.field("next_offset", static_cast<long long>(*goal.next));
            json.field("reached", goal.reached()).end_object();
        }
        json.end_array().end_object();
        std::cout << json.text() << '\n';
        return;
    }
    for (const ProgressGoal& goal : waited.goals()) {
        const std::string place = goal.topic + "[" + std::to_string(goal.partition) + "]: ";
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
        config::Ingest ingest = ingest_named(config, line.words.front());
        const auto timeout = line.duration("--timeout");
        const std::optional<Offset> offset = asked_by(line);
        const AskedPartitions asked = asked_partitions(ingest, line);
        if (offset && !asked.number)
            throw WrongConfiguration("an offset is one partition's, so --partition takes a number");
        ingest.topic = asked.topics;
        const auto client =
            kafka::make_client(RD_KAFKA_CONSUMER, kafka::make_conf(config.kafka, {}), "wait");
        ProgressGoals goals(config, ingest, *client);
        if (offset) {
            for (const auto& [topic, partitions] : find(*client, asked))
                goals.aim_at(topic, partitions.front(), *offset);
        } else {
            goals.aim_at_ends();
        }
        Waiting waiting(config, ingest, goals);
        waiting.wait(timeout);
        print(line, ingest, goals);
        if (!waiting.trouble().empty()) std::cerr << "sluice: " << waiting.trouble() << '\n';
        return goals.reached() ? fine : found_something_wrong;
    } catch (const WrongConfiguration& wrong) {
        std::cerr << "sluice: " << wrong.what() << '\n';
        return used_or_configured_wrongly;
    }
}

}  // namespace sluice
