#include "daemon/commands/commands.h"
#include "daemon/commands/verify_outbox.h"
#include "daemon/report/progress_line.h"
#include "daemon/report/report.h"
#include "pipeline/errors.h"
#include "pipeline/mapping/target.h"
#include "sinks/books/cloudberry_progress.h"
#include "sinks/catalogue/catalogue.h"
#include "sinks/verify/verify.h"

#include <algorithm>
#include <iostream>
#include <map>
#include <set>
#include <utility>

namespace sluice {
namespace {

struct Verified {
    std::string pipeline;
    Verification result;
};

std::optional<std::string> column_of(const config::Ingest& ingest, config::Source::Kind kind) {
    const auto found = std::ranges::find_if(
        ingest.columns, [&](const auto& mapping) { return mapping.source.kind == kind; });
    if (found == ingest.columns.end()) return std::nullopt;
    return found->column;
}

std::string not_comparable(const config::Ingest& ingest) {
    if (ingest.mode != config::Mode::append)
        return "rows hold the last change of their key, so that none tells of the changes before";
    if (ingest.explode) return "a record has as many rows as its array has elements";
    return "";
}

/// With the table's topics as `ingest` has them.
VerifyOptions options_of(Session& session, const config::Config& config,
                         const config::Ingest& ingest) {
    using Filled = config::Source::Kind;
    VerifyOptions options{.schema = config.cloudberry.schema,
                          .pipeline = ingest.name,
                          .topics = ingest.topic,
                          .table = read_table(session, ingest.table),
                          .not_comparable = not_comparable(ingest),
                          .partition_column = column_of(ingest, Filled::partition),
                          .offset_column = column_of(ingest, Filled::offset),
                          .topic_column = column_of(ingest, Filled::topic)};
    if (ingest.mode != config::Mode::append)
        options.key = ingest.key.empty() ? options.table.primary_key : ingest.key;
    return options;
}

/// Where these topics have no table to compare with.
VerifyOptions options_without_table(const config::Config& config, const std::string& pipeline,
                                    config::Topics topics, std::string why) {
    return {.schema = config.cloudberry.schema,
            .pipeline = pipeline,
            .topics = std::move(topics),
            .table = {},
            .not_comparable = std::move(why),
            .partition_column = {},
            .offset_column = {},
            .topic_column = {}};
}

/// Of one or several tables that the same records go to.
VerifyOptions options_of_all(Session& session, const config::Config& config,
                             const std::vector<config::Ingest>& targets) {
    VerifyOptions all = options_of(session, config, targets.front());
    std::set<std::string> tables{targets.front().table};
    for (std::size_t i = 1; i < targets.size(); ++i) {
        all.beside.push_back(options_of(session, config, targets[i]));
        if (!tables.insert(targets[i].table).second)
            all.beside.back().not_comparable = "a record may have a row by each of its targets";
    }
    return all;
}

/// Of the tables that topics with progress have; topics may share them.
std::vector<VerifyOptions> options_by_topic(Session& session, const config::Config& config,
                                            const config::Ingest& ingest) {
    const config::TopicMatcher matcher(ingest.topic);
    std::set<std::string> topics;
    for (const ProgressRow& row : read_progress(session, config.cloudberry.schema, ingest.name))
        if (matcher.matches(row.topic)) topics.insert(row.topic);
    std::vector<VerifyOptions> all;
    std::map<std::vector<std::string>, std::vector<config::Ingest>> by_tables;
    for (const std::string& topic : topics) {
        try {
            auto targets = targets_of_topic(ingest, topic, config.cloudberry.schema);
            std::vector<std::string> tables;
            for (const config::Ingest& target : targets) tables.push_back(target.table);
            const auto [found, is_new] = by_tables.try_emplace(tables, std::move(targets));
            for (config::Ingest& target : found->second)
                if (!is_new) target.topic.names.push_back(topic);
        } catch (const WrongConfiguration& none) {
            all.push_back(options_without_table(config, ingest.name, topic, none.what()));
        }
    }
    for (const auto& [tables, targets] : by_tables) {
        try {
            all.push_back(options_of_all(session, config, targets));
        } catch (const WrongConfiguration& gone) {
            all.push_back(
                options_without_table(config, ingest.name, targets.front().topic, gone.what()));
        }
    }
    if (all.empty())
        all.push_back(options_without_table(config, ingest.name, ingest.topic,
                                            "none of its topics was read yet"));
    return all;
}

Verified verify_pipeline(Session& session, const config::Config& config,
                         const config::Ingest& ingest) {
    ProgressLine progress{"verify " + ingest.name, "rows"};
    std::vector<VerifyOptions> tables;
    if (ingest.routes())
        tables = options_by_topic(session, config, ingest);
    else
        tables.push_back(options_of(session, config, ingest));
    for (VerifyOptions& options : tables)
        options.on_compared = [&](std::int64_t rows) { progress.at(rows); };
    return {ingest.name, verify(session, tables)};
}

std::string joined(const std::vector<Offset>& offsets) {
    std::string text;
    for (const Offset offset : offsets) text += (text.empty() ? "" : ", ") + std::to_string(offset);
    return text;
}

void print_table(const std::vector<Verified>& all) {
    for (const Verified& verified : all) {
        const auto& partitions = verified.result.partitions;
        std::cout << verified.pipeline << ": "
                  << (partitions.empty()       ? "nothing was read yet"
                      : verified.result.fine() ? "every offset is accounted for, once"
                                               : "NOT every offset is accounted for, once");
        if (!verified.result.not_compared.empty()) {
            std::cout << " (by the ledger alone: " << verified.result.not_compared << ")";
        }
        std::cout << "\n";
        if (const auto& keys = verified.result.keys) {
            std::cout << verified.pipeline << ": " << keys->rows << " rows, ";
            if (keys->doubled == 0)
                std::cout << "each with a key of its own; ";
            else
                std::cout << "and " << keys->doubled << " KEYS HAVE MORE THAN ONE ROW; ";
            std::cout << "that each is as its last change says, only the topic could prove\n";
        }
        const auto any = [&](std::int64_t VerifiedPartition::*count) {
            return std::ranges::any_of(partitions, [&](const auto& p) { return p.*count > 0; });
        };
        const bool superseded = any(&VerifiedPartition::superseded);
        const bool unmatched = any(&VerifiedPartition::unmatched);
        const bool topics = std::ranges::any_of(
            partitions, [&](const auto& p) { return p.topic != partitions.front().topic; });
        std::vector<std::vector<std::string>> rows(1);
        if (topics) rows[0].push_back("topic");
        for (const char* title : {"partition", "from", "progress", "loaded"})
            rows[0].push_back(title);
        if (superseded) rows[0].push_back("superseded");
        if (unmatched) rows[0].push_back("unmatched");
        for (const char* title :
             {"dead letters", "filtered", "gaps", "lost", "rows", "missing", "doubled"})
            rows[0].push_back(title);
        for (const VerifiedPartition& p : partitions) {
            const auto compared = [&](std::int64_t count) {
                return p.rows ? std::to_string(count) : std::string("-");
            };
            auto& row = rows.emplace_back();
            if (topics) row.push_back(p.topic);
            for (const std::int64_t number :
                 {std::int64_t{p.partition}, p.anchor, p.next, p.loaded})
                row.push_back(std::to_string(number));
            if (superseded) row.push_back(std::to_string(p.superseded));
            if (unmatched) row.push_back(std::to_string(p.unmatched));
            for (const std::int64_t number : {p.dead_letters, p.filtered, p.gaps, p.lost})
                row.push_back(std::to_string(number));
            for (const std::int64_t number : {p.rows.value_or(0), p.missing, p.doubled})
                row.push_back(compared(number));
        }
        if (rows.size() > 1) std::cout << format_table(rows);
        for (const VerifiedPartition& p : partitions) {
            const std::string where =
                verified.pipeline + ": " + p.topic + "[" + std::to_string(p.partition) + "]: ";
            for (const std::string& problem : p.problems) std::cout << where << problem << '\n';
            for (const std::string& note : p.notes) std::cout << where << note << '\n';
            if (p.retried > 0) {
                std::cout << where << p.retried << " of the loaded were dead letters before\n";
            }
            if (p.discarded > 0) {
                std::cout << where << p.discarded << " dead letters were discarded\n";
            }
            if (p.before_anchor > 0) {
                std::cout << where << p.before_anchor
                          << " rows are from before the pipeline began: not its own\n";
            }
            if (!p.some_missing.empty()) {
                std::cout << where << "missing offsets: " << joined(p.some_missing) << " …\n";
            }
            if (!p.some_doubled.empty()) {
                std::cout << where << "doubled offsets: " << joined(p.some_doubled) << " …\n";
            }
        }
    }
}

void add(JsonWriter& json, const VerifiedPartition& p) {
    json.begin_object()
        .field("topic", p.topic)
        .field("partition", static_cast<long long>(p.partition));
    const auto number = [&](const char* name, std::int64_t count) {
        json.field(name, static_cast<long long>(count));
    };
    number("anchor", p.anchor);
    number("progress", p.next);
    number("loaded", p.loaded);
    number("superseded", p.superseded);
    number("unmatched", p.unmatched);
    number("rejected", p.rejected);
    number("dead_letters", p.dead_letters);
    number("retried", p.retried);
    number("discarded", p.discarded);
    number("filtered", p.filtered);
    number("gaps", p.gaps);
    number("lost", p.lost);
    if (p.rows) {
        number("rows", *p.rows);
        number("missing", p.missing);
        number("doubled", p.doubled);
        number("unaccounted", p.unaccounted);
        number("before_anchor", p.before_anchor);
        number("before_rewind", p.before_rewind);
    }
    json.key("problems").begin_array();
    for (const std::string& problem : p.problems) json.value(problem);
    json.end_array().key("notes").begin_array();
    for (const std::string& note : p.notes) json.value(note);
    json.end_array().end_object();
}

void print_table(const VerifiedOutbox& verified) {
    const OutboxBooks& books = verified.books;
    std::cout << "outbox." << verified.pipeline << ": "
              << (verified.problems.empty() ? "every claimed event was sent, once"
                                            : "NOT every claimed event was sent, once")
              << "\n  mark " << (verified.mark ? std::to_string(*verified.mark) : "none")
              << ", last claim " << books.last << "; of " << books.batches
              << " batches in the books " << verified.sent << " sent";
    if (verified.read_back) {
        std::cout << ", " << verified.read_back->once << " found in the topic";
    } else {
        std::cout << ", not compared with the topic: " << verified.not_compared;
    }
    std::cout << "\n  " << books.rows << " rows in the table, " << books.unclaimed
              << " of them unclaimed; " << books.refused_events << " refused events\n";
    for (const std::string& problem : verified.problems) {
        std::cout << "outbox." << verified.pipeline << ": " << problem << '\n';
    }
}

void add(JsonWriter& json, const VerifiedOutbox& verified) {
    const auto number = [&](const char* name, std::int64_t count) {
        json.field(name, static_cast<long long>(count));
    };
    json.begin_object().field("name", verified.pipeline).field("fine", verified.problems.empty());
    if (verified.mark) number("mark", *verified.mark);
    number("last_claim", verified.books.last);
    number("batches", verified.books.batches);
    number("sent", verified.sent);
    number("rows", verified.books.rows);
    number("unclaimed", verified.books.unclaimed);
    number("refused", verified.books.refused_events);
    if (verified.read_back) number("read_back", verified.read_back->once);
    json.key("problems").begin_array();
    for (const std::string& problem : verified.problems) json.value(problem);
    json.end_array().end_object();
}

void print_json(const std::vector<Verified>& all, const std::vector<VerifiedOutbox>& outboxes) {
    JsonWriter json;
    json.begin_object().key("pipelines").begin_array();
    for (const Verified& verified : all) {
        json.begin_object().field("name", verified.pipeline);
        json.field("fine", verified.result.fine());
        if (!verified.result.not_compared.empty()) {
            json.field("target_not_compared", verified.result.not_compared);
        }
        if (const auto& keys = verified.result.keys)
            json.field("rows", static_cast<long long>(keys->rows))
                .field("doubled_keys", static_cast<long long>(keys->doubled));
        json.key("partitions").begin_array();
        for (const VerifiedPartition& partition : verified.result.partitions) add(json, partition);
        json.end_array().end_object();
    }
    json.end_array().key("outboxes").begin_array();
    for (const VerifiedOutbox& verified : outboxes) add(json, verified);
    json.end_array().end_object();
    std::cout << json.text() << '\n';
}

}  // namespace

int verify_pipelines(const config::Config& config, const CommandLine& line) {
    Session session{config.cloudberry.dsn.text, "sluice verify"};
    std::vector<Verified> all;
    for (const config::Ingest& ingest : config.ingest) {
        if (line.names("ingest." + ingest.name))
            all.push_back(verify_pipeline(session, config, ingest));
    }
    std::vector<VerifiedOutbox> outboxes;
    for (const config::Outbox& outbox : config.outbox) {
        if (line.names("outbox." + outbox.name))
            outboxes.push_back(verify_outbox(session, config, outbox));
    }
    if (line.output == CommandLine::Output::json) {
        print_json(all, outboxes);
    } else {
        print_table(all);
        for (const VerifiedOutbox& verified : outboxes) print_table(verified);
    }
    const bool fine_all =
        std::ranges::all_of(all, [](const Verified& verified) { return verified.result.fine(); });
    const bool sent_all = std::ranges::all_of(
        outboxes, [](const VerifiedOutbox& verified) { return verified.problems.empty(); });
    return fine_all && sent_all ? fine : found_something_wrong;
}

}  // namespace sluice
