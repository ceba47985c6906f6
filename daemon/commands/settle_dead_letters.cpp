#include "config/pipeline.h"
#include "daemon/commands/commands.h"
#include "daemon/commands/dead_letter_report.h"
#include "daemon/commands/terminal/confirm.h"
#include "daemon/commands/where_option.h"
#include "daemon/identity/writer_name.h"
#include "daemon/report/progress_line.h"
#include "pipeline/errors.h"
#include "registry/registry_client.h"
#include "sinks/dead_letters/dead_letter_pass.h"
#include "sinks/dead_letters/dead_letter_retry.h"

#include <algorithm>
#include <iostream>
#include <limits>

namespace sluice {
namespace {

enum class Action { list, show, retry, discard };

struct Asked {
    Action action = Action::list;
    std::optional<std::string> pipeline;
    std::optional<config::Condition> where;
    std::optional<std::int64_t> limit;
    CommandLine::Output output = CommandLine::Output::table;
};

Action action_of(const std::string& word) {
    if (word == "list") return Action::list;
    if (word == "show") return Action::show;
    if (word == "retry") return Action::retry;
    if (word == "discard") return Action::discard;
    throw WrongConfiguration("\"" + word + "\" is none of list, show, retry, discard");
}

Asked asked(const CommandLine& line) {
    Asked asked;
    asked.action = action_of(line.words.at(0));
    asked.output = line.output;
    if (line.words.size() > 1) asked.pipeline = config::bare_name(line.words[1], "ingest");
    asked.where = where_of(line, dead_letter_fields());
    asked.limit = line.limit();
    const bool changes = asked.action == Action::retry || asked.action == Action::discard;
    if (line.has("--yes") && !changes) throw WrongConfiguration("--yes is for retry and discard");
    return asked;
}

/// Told before anybody is asked.
void refuse_outbox(const config::Config& config, const std::string& name) {
    if (config::find_ingest(config, name) != nullptr) return;
    if (config::find_outbox(config, name) == nullptr) return;
    const std::string outbox(config::bare_name(name, "outbox"));
    throw WrongConfiguration("[outbox." + outbox +
                             "] is an outbox; what Kafka could not take: sluice outbox list " +
                             outbox);
}

class DeadLetterCommand {
public:
    DeadLetterCommand(const config::Config& config, const CommandLine& line)
        : line_(line),
          config_(config),
          asked_(asked(line)),
          session_(config.cloudberry.dsn.text, "sluice dead-letters") {}

    int run() {
        switch (asked_.action) {
            case Action::list:
                return list();
            case Action::show:
                return show();
            case Action::retry:
                return retry();
            case Action::discard:
                break;
        }
        return discard();
    }

private:
    [[nodiscard]] DeadLetterQuery query(const std::string& pipeline) const {
        return {.schema = config_.cloudberry.schema,
                .pipeline = pipeline,
                .topic = "",
                .where = asked_.where};
    }

    /// Dead letters outlive their pipeline's configuration; a name that neither knows is a mistake.
    std::int64_t count_all() {
        const DeadLetterQuery all = query(asked_.pipeline.value_or(""));
        const std::int64_t count = count_dead_letters(session_, all);
        if (count == 0 && asked_.pipeline &&
            config::find_ingest(config_, *asked_.pipeline) == nullptr)
            throw WrongConfiguration("there is no pipeline \"" + *asked_.pipeline +
                                     "\", and no dead letter of one");
        return count;
    }

    int list() {
        constexpr std::int64_t most = 50;
        constexpr std::int64_t most_reasons = 20;
        const DeadLetterQuery asked = query(asked_.pipeline.value_or(""));
        const std::int64_t all = count_all();
        print_list({.letters = newest_dead_letters(session_, asked, asked_.limit.value_or(most)),
                    .all = all,
                    .by_reason = sum_up_dead_letters(session_, asked, most_reasons)},
                   asked_.output);
        return fine;
    }

    int show() {
        constexpr std::size_t bytes = 256u << 20;
        const std::int64_t all = count_all();
        print_whole(read_dead_letters(session_, query(asked_.pipeline.value_or("")),
                                      {.limit = asked_.limit.value_or(1), .bytes = bytes}),
                    all, asked_.output);
        return fine;
    }

    int retry() {
        std::vector<const config::Ingest*> pipelines;
        for (const config::Ingest& ingest : config_.ingest)
            if (!asked_.pipeline || *asked_.pipeline == ingest.name) pipelines.push_back(&ingest);
        if (pipelines.empty())
            throw WrongConfiguration(
                "a retry needs the pipeline's mapping, and none is configured" +
                (asked_.pipeline ? " as \"" + *asked_.pipeline + "\"" : std::string()));
        std::int64_t all = 0;
        std::vector<DeadLetterRetry> retries;
        for (const config::Ingest* ingest : pipelines) {
            retries.emplace_back(session_, *ingest, query(ingest->name));
            all += retries.back().all();
        }
        confirm_all("retry", all);
        const auto registry = registry::client_of(config_.registry);
        std::vector<DeadLetterResult> results;
        for (std::size_t i = 0; i < pipelines.size(); ++i) {
            DeadLetterResult& result = results.emplace_back(
                DeadLetterResult{pipelines[i]->name, {}, retries[i].of_other_topics()});
            ProgressLine progress{"retry " + result.pipeline, "dead letters"};
            const std::int64_t meant = std::min(retries[i].all(), left_);
            retries[i].run(registry, by(), left_, [&](const DeadLetterCounts& batch) {
                result.counts += batch;
                progress.at(result.counts.all(), meant);
                return left_ -= batch.all();
            });
        }
        print_results(results, asked_.output);
        const bool any_left = std::ranges::any_of(results, [](const DeadLetterResult& result) {
            return result.counts.rejected > 0 || result.of_other_topics > 0;
        });
        return any_left ? found_something_wrong : fine;
    }

    int discard() {
        if (!asked_.pipeline) throw WrongConfiguration("discard needs the name of a pipeline");
        confirm_all("discard", count_all());
        std::vector<DeadLetterResult> results = {{*asked_.pipeline, {}, 0}};
        DeadLetterCounts& counts = results[0].counts;
        const DeadLetterQuery which = query(*asked_.pipeline);
        const std::int64_t all = std::min(count_dead_letters(session_, which), left_);
        ProgressLine progress{"discard " + *asked_.pipeline, "dead letters"};
        DeadLetterPass pass(session_, {.query = which, .by = by()},
                            [](const std::vector<WholeDeadLetter>& letters) {
                                return [count = letters.size()] {
                                    return std::vector<DeadLetterOutcome>(
                                        count, {DeadLetterOutcome::Kind::discarded, {}});
                                };
                            });
        while (left_ > 0) {
            const auto batch = pass.next(left_);
            if (!batch) break;
            counts += *batch;
            left_ -= batch->all();
            progress.at(counts.all(), all);
        }
        print_results(results, asked_.output);
        return fine;
    }

    [[nodiscard]] DecidedBy by() const { return {writer_name(), config_.revision}; }

    void confirm_all(const std::string& action, std::int64_t count) {
        if (asked_.limit) left_ = *asked_.limit;
        const std::int64_t meant = std::min(count, left_);
        if (meant > 0) confirm(line_, action + " " + std::to_string(meant) + " dead letters");
    }

    const CommandLine& line_;
    const config::Config& config_;
    const Asked asked_;
    Session session_;
    std::int64_t left_ = std::numeric_limits<std::int64_t>::max();  ///< of --limit
};

}  // namespace

int settle_dead_letters(const config::Config& config, const CommandLine& line) {
    try {
        if (line.words.size() > 1) refuse_outbox(config, line.words[1]);
        return DeadLetterCommand(config, line).run();
    } catch (const WrongConfiguration& wrong) {
        std::cerr << "sluice dead-letters: " << wrong.what() << '\n';
        return used_or_configured_wrongly;
    }
}

}  // namespace sluice
