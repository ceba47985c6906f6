#include "tests/bench/benchmarks.h"
#include "tests/bench/contestants.h"

#include <optional>
#include <stdexcept>

namespace sluice::bench {
namespace {

constexpr int many = 1000;
constexpr int many_pipelines = 100;
constexpr int many_topics = 500;

struct Figures {
    std::vector<double> rates;
    DaemonRun last;
};

void run_once(Stage& stage, const std::string& topic, int daemons, Figures& figures) {
    const std::int64_t records = record_count();
    stage.fresh_table("scaled", narrow_json().columns);
    figures.last =
        run_daemons(stage, {{.name = stage.new_name("scale"), .topic = topic, .table = "scaled"}},
                    records, daemons);
    if (stage.postgres().value("select count(*) from scaled") != std::to_string(records) ||
        stage.postgres().value("select count(distinct id) from scaled") !=
            std::to_string(records)) {
        throw std::runtime_error("scale: rows are missing or doubled");
    }
    figures.rates.push_back(static_cast<double>(records) / figures.last.seconds);
}

std::vector<std::string> row(const std::string& name, const Figures& figures, double base) {
    const DaemonRun& run = figures.last;
    return {name,
            spread(figures.rates),
            fixed(median(figures.rates) / base, 2),
            std::to_string(run.usage.threads),
            std::to_string(run.connections),
            fixed(run.usage.peak_mib, 0)};
}

/// Each topic has a pipeline of its own.
Figures run_pipelines(Stage& stage) {
    const std::int64_t each = record_count() / many_pipelines;
    std::vector<Ingest> pipelines;
    for (int i = 0; i < many_pipelines; ++i) {
        const std::string topic = stage.new_name("small");
        stage.fill_topic(topic, 1, each, narrow_json().record);
        stage.fresh_table(topic, narrow_json().columns);
        pipelines.push_back({.name = stage.new_name("many"),
                             .topic = topic,
                             .table = topic,
                             .more = "lanes = 1\nmemory = \"32MiB\"\n"});
    }
    Figures figures;
    figures.last = run_daemons(stage, pipelines, each * many_pipelines);
    figures.rates.push_back(static_cast<double>(each * many_pipelines) / figures.last.seconds);
    for (const Ingest& ingest : pipelines) {
        if (stage.postgres().value("select count(distinct id) from " + ingest.table) !=
            std::to_string(each)) {
            throw std::runtime_error(ingest.name + ": rows are missing");
        }
        stage.postgres().exec("drop table " + ingest.table);
        stage.broker().admin().delete_topic(ingest.topic);
    }
    return figures;
}

/// One pipeline for many topics of four partitions, each into a table of its own.
class ManyTopics {
public:
    explicit ManyTopics(Stage& stage) : stage_(stage) {
        for (int i = 0; i < many_topics; ++i) topics_.push_back("wide_" + std::to_string(i));
        stage.fill_topics(topics_, 4, record_count(), narrow_json().record);
    }

    /// Into new tables, and those before stay: ext4 looks for seconds, at each file that is made,
    /// through all that were just deleted, which would be the load's time.
    void run_once(Figures& figures) {
        const std::string schema = stage_.new_name("round");
        std::string tables;
        std::string all;
        for (const std::string& topic : topics_) {
            const std::string table = schema + "." + topic;
            tables += "create table " + table + " (" + narrow_json().columns + ");";
            all += (all.empty() ? "select tableoid, id from "
                                : " union all select tableoid, id from ") +
                   table;
        }
        stage_.postgres().exec("create schema " + schema + ";" + tables);
        stage_.postgres().exec("checkpoint");
        figures.last = run_daemons(stage_,
                                   {{.name = stage_.new_name("scale"),
                                     .topic = "{ regex = 'wide_[0-9]+' }",
                                     .table = schema + ".{topic}"}},
                                   record_count());
        const std::string count = std::to_string(record_count());
        if (stage_.postgres().value("select count(distinct id) || ' ' || count(*) || ' ' || "
                                    "count(distinct tableoid) from (" +
                                    all + ") wide") !=
            count + " " + count + " " + std::to_string(many_topics))
            throw std::runtime_error("scale: rows are missing or doubled");
        figures.rates.push_back(static_cast<double>(record_count()) / figures.last.seconds);
    }

private:
    Stage& stage_;
    std::vector<std::string> topics_;
};

}  // namespace

void run_scale(Stage& stage, Report& report) {
    stage.fill_topic("few_partitions", 4, record_count(), narrow_json().record);
    const bool has_partitions = is_wanted("partitions");
    if (has_partitions)
        stage.fill_topic("many_partitions", many, record_count(), narrow_json().record);
    std::optional<ManyTopics> topics;
    if (is_wanted("topics")) topics.emplace(stage);
    Figures few;
    Figures thousand;
    Figures two;
    Figures wide;
    for (int round = 0; round < round_count(); ++round) {
        run_once(stage, "few_partitions", 1, few);
        if (topics) topics->run_once(wide);
        if (!has_partitions) continue;
        run_once(stage, "many_partitions", 1, thousand);
        run_once(stage, "few_partitions", 2, two);
    }

    report.heading(whole(static_cast<double>(record_count())) +
                   " records, narrow_json, from the start of the daemon to the last commit");
    const double base = median(few.rates);
    std::vector<std::vector<std::string>> rows{
        {"", "rows/s: median (least - greatest)", "to 4 partitions", "threads", "connections",
         "peak MiB"},
        row("4 partitions", few, base)};
    if (has_partitions) {
        rows.push_back(row("1,000 partitions", thousand, base));
        rows.push_back(row("4 partitions, two daemons", two, base));
    }
    if (topics) rows.push_back(row("500 topics of 4 partitions, 500 tables", wide, base));
    if (is_wanted("pipelines"))
        rows.push_back(row("100 pipelines of 1 partition", run_pipelines(stage), base));
    report.table(rows);
}

}  // namespace sluice::bench
