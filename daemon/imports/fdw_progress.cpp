#include "daemon/imports/fdw_progress.h"

#include "config/pipeline.h"
#include "daemon/identity/writer_name.h"
#include "daemon/report/progress_line.h"
#include "daemon/report/report.h"
#include "kafka/client.h"
#include "kafka/topic.h"
#include "pipeline/errors.h"
#include "sinks/books/cloudberry_progress.h"
#include "sinks/schema/schema.h"

#include <algorithm>
#include <iostream>
#include <optional>

namespace sluice {
namespace {

/// What became of one partition of one pipeline.
struct TakenOver {
    std::string pipeline;
    PartitionNumber partition = 0;
    Offset imported_to = 0;          ///< where the import function would go on
    std::optional<Offset> progress;  ///< Sluice's, now; nullopt: there is none
    std::string note;
    bool fine = true;
};

std::string range_text(const OffsetRange& range) {
    return std::to_string(range.from) + " to " + std::to_string(range.to);
}

/// A foreign table whose progress was not taken over.
struct LeftOut {
    std::string text;
    bool on_purpose = false;
};

/// What will happen when a pipeline goes on at `next`.
void judge(TakenOver& taken, const OffsetRange& available) {
    if (taken.imported_to < available.from) {
        taken.note += "; Kafka has deleted " + std::to_string(available.from - taken.imported_to) +
                      " records that were not imported: on_offset_lost decides";
        taken.fine = false;
    } else if (taken.imported_to > available.to) {
        taken.note += "; Kafka holds only " + range_text(available) +
                      ": was the topic created anew? on_offset_lost decides";
        taken.fine = false;
    }
}

class TakeOver {
public:
    TakeOver(const config::Config& config, const std::string& dsn)
        : config_(config),
          session_(dsn, "sluice import-fdw"),
          client_(kafka::make_client(RD_KAFKA_CONSUMER, kafka::make_conf(config.kafka, {}),
                                     "import-fdw")),
          cluster_id_(kafka::cluster_id(*client_)) {
        Session own{config.cloudberry.dsn.text, "sluice import-fdw"};
        ensure_schema(own, config.cloudberry.schema);
    }

    void add(const FdwSource& source) {
        const config::Ingest* const found = config::find_ingest(config_, source.pipeline);
        const std::string topic = source.table.options.contains("topic")
                                      ? source.table.options.at("topic")
                                      : std::string();
        if (found == nullptr || !config::TopicMatcher(found->topic).matches(topic)) {
            // Nobody asked for it by name, and nobody wants it in the configuration.
            const bool on_purpose = found == nullptr && !source.named;
            leave_out(source,
                      "the configuration has no [ingest." + source.pipeline + "] with topic = \"" +
                          topic + "\": progress is kept under the pipeline's name",
                      on_purpose);
        } else if (source.table.progress_table.empty()) {
            leave_out(source,
                      "no table " + source.table.name +
                          "_import_progress: the pipeline begins where start = says",
                      true);
        } else {
            take_over(source, *found, topic);
        }
    }

    [[nodiscard]] const std::vector<TakenOver>& all() const { return all_; }
    [[nodiscard]] const std::vector<LeftOut>& left_out() const { return left_out_; }

private:
    void leave_out(const FdwSource& source, const std::string& why, bool on_purpose) {
        left_out_.push_back(
            {source.table.schema + "." + source.table.name + ": " + why, on_purpose});
    }

    void take_over(const FdwSource& source, const config::Ingest& ingest,
                   const std::string& topic) {
        // Held until the anchors are committed: an import in between would load what they say is
        // not loaded yet.
        Transaction no_import(session_);
        std::vector<Position> imported;
        std::vector<PartitionId> partitions;
        const auto table = std::make_shared<PartitionTable>();
        for (const auto& [number, next] :
             read_fdw_progress(session_, source.table.progress_table)) {
            // Never imported: it begins with the first record that is there, which start finds.
            if (next <= 0) continue;
            partitions.push_back(table->id_of(topic, number));
            imported.push_back({partitions.back(), next});
        }
        CloudberryProgress progress(config_.cloudberry.dsn.text, identity(ingest, table));
        const auto before = progress.read(partitions);
        progress.anchor(imported);
        const auto after = progress.read(partitions);
        const auto known = kafka::partitions_of(*client_, topic);

        ProgressLine line{"offsets of " + topic, "partitions"};
        const std::size_t first = all_.size();
        for (const Position& position : imported) {
            TakenOver& taken = all_.emplace_back();
            taken.pipeline = ingest.name;
            taken.partition = (*table)[position.partition].number;
            taken.imported_to = position.next;
            taken.progress = next_of(after, position.partition);
            describe(taken, next_of(before, position.partition).has_value());
            if (std::ranges::find(known, taken.partition) == known.end()) {
                taken.note += "; the topic has no such partition";
                taken.fine = false;
            } else if (taken.fine) {
                judge(taken, kafka::available_offsets(*client_, topic, taken.partition));
            }
            line.at(static_cast<std::int64_t>(all_.size() - first),
                    static_cast<std::int64_t>(imported.size()));
        }
    }

    static std::optional<Offset> next_of(const std::vector<ResumePoint>& points,
                                         PartitionId partition) {
        const auto found = std::ranges::find(points, partition, &ResumePoint::partition);
        if (found == points.end()) return std::nullopt;
        return found->next;
    }

    static void describe(TakenOver& taken, bool was_there) {
        if (taken.progress == taken.imported_to) {
            taken.note = was_there ? "was there already" : "written";
        } else {
            taken.note = "has progress of its own, which was left as it is";
            taken.fine = false;
        }
    }

    [[nodiscard]] PipelineIdentity identity(const config::Ingest& ingest,
                                            const std::shared_ptr<PartitionTable>& table) const {
        return {.schema = config_.cloudberry.schema,
                .pipeline = ingest.name,
                .cluster_id = cluster_id_,
                .partitions = table,
                .writer = writer_name(),
                .revision = config_.revision};
    }

    const config::Config& config_;
    Session session_;
    const kafka::ClientHandle client_;
    const std::string cluster_id_;
    std::vector<TakenOver> all_;
    std::vector<LeftOut> left_out_;
};

void print_table(const TakeOver& result) {
    std::vector<std::vector<std::string>> rows = {
        {"pipeline", "partition", "imported to", "progress", ""}};
    for (const TakenOver& taken : result.all()) {
        rows.push_back({taken.pipeline, std::to_string(taken.partition),
                        std::to_string(taken.imported_to),
                        taken.progress ? std::to_string(*taken.progress) : "-", taken.note});
    }
    if (rows.size() > 1) std::cout << format_table(rows);
    for (const LeftOut& left_out : result.left_out()) std::cout << left_out.text << '\n';
}

void print_json(const TakeOver& result) {
    JsonWriter json;
    json.begin_object().key("partitions").begin_array();
    for (const TakenOver& taken : result.all()) {
        json.begin_object().field("pipeline", taken.pipeline);
        json.field("partition", static_cast<long long>(taken.partition));
        json.field("imported_to", static_cast<long long>(taken.imported_to));
        if (taken.progress) json.field("progress", static_cast<long long>(*taken.progress));
        json.field("fine", taken.fine).field("note", taken.note).end_object();
    }
    json.end_array().key("not_taken_over").begin_array();
    for (const LeftOut& left_out : result.left_out()) json.value(left_out.text);
    json.end_array().end_object();
    std::cout << json.text() << '\n';
}

}  // namespace

int take_over_progress(const config::Config& config, const std::string& dsn,
                       const std::vector<FdwSource>& sources, CommandLine::Output output) {
    TakeOver result(config, dsn);
    for (const FdwSource& source : sources) result.add(source);
    if (output == CommandLine::Output::json) {
        print_json(result);
    } else {
        print_table(result);
    }
    const bool all_fine =
        std::ranges::all_of(result.left_out(), &LeftOut::on_purpose) &&
        std::ranges::all_of(result.all(), [](const TakenOver& t) { return t.fine; });
    return all_fine ? fine : found_something_wrong;
}

}  // namespace sluice
