#include "daemon/observatory.h"
#include "daemon/reload_metrics.h"
#include "metrics/process_metrics.h"
#include "metrics/registry.h"
#include "pipeline/ingest_observer.h"

#include <doctest/doctest.h>

#include <fstream>
#include <set>
#include <string>

namespace sluice::metrics {
namespace {

std::set<std::string> lines_of(const std::string& document) {
    std::ifstream in(std::string(SLUICE_SOURCE_DIR) + "/" + document);
    REQUIRE_MESSAGE(in, "cannot read " << document);
    std::set<std::string> lines;
    for (std::string line; std::getline(in, line);) lines.insert(line);
    return lines;
}

std::string row_of(const Family& family) {
    std::string labels;
    for (const std::string& label : family.labels) labels += (labels.empty() ? "" : ", ") + label;
    return "| `" + family.name + "` | " + std::string(to_string(family.kind)) + " | " +
           (labels.empty() ? "none" : labels) + " | " + family.help + " |";
}

TEST_CASE("documentation: docs/metrics.md has each metric as the code has it") {
    Registry registry;
    const ProcessMetrics process{registry, "1"};
    Observatory observatory{registry, std::chrono::minutes(1)};
    PipelineConfig orders;
    orders.of_kind = config::Ingest{};
    const auto observer = observatory.observe(orders);
    observer->lane(0).on_took_up({});
    static_cast<void>(observer->on_began());
    GroupStatistics statistics;
    statistics.brokers.emplace_back();
    observer->on_statistics(statistics);
    PipelineConfig events;
    events.of_kind = config::Outbox{};
    const auto outbox = observatory.observe_outbox(events);
    ReloadMetrics reloads{registry};
    reloads.note({.result = ReloadOutcome::Result::applied, .revision = "1"});
    const std::set<std::string> documented = lines_of("docs/metrics.md");
    for (const Family& family : registry.families()) CHECK(documented.contains(row_of(family)));
}

}  // namespace
}  // namespace sluice::metrics
