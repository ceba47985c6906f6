#include "tests/bench/benchmarks.h"
#include "tests/bench/contestants.h"

#include <stdexcept>

namespace sluice::bench {
namespace {

constexpr int many = 1000;
constexpr int many_pipelines = 100;

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

Figures many_topics(Stage& stage) {
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

}  // namespace

void run_scale(Stage& stage, Report& report) {
    stage.fill_topic("few_partitions", 4, record_count(), narrow_json().record);
    stage.fill_topic("many_partitions", many, record_count(), narrow_json().record);
    Figures few;
    Figures thousand;
    Figures two;
    for (int round = 0; round < round_count(); ++round) {
        run_once(stage, "few_partitions", 1, few);
        run_once(stage, "many_partitions", 1, thousand);
        run_once(stage, "few_partitions", 2, two);
    }
    const Figures hundred = many_topics(stage);

    report.heading(whole(static_cast<double>(record_count())) +
                   " records, narrow_json, from the start of the daemon to the last commit");
    const double base = median(few.rates);
    report.table({{"", "rows/s: median (least - greatest)", "to 4 partitions", "threads",
                   "connections", "peak MiB"},
                  row("4 partitions", few, base),
                  row("1,000 partitions", thousand, base),
                  row("4 partitions, two daemons", two, base),
                  row("100 pipelines of 1 partition", hundred, base)});
}

}  // namespace sluice::bench
