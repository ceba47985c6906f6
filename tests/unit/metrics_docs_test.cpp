#include "daemon/admin/admin_server.h"
#include "daemon/reload/reload_metrics.h"
#include "daemon/supervisor/observatory.h"
#include "daemon/tables/topic_scan.h"
#include "daemon/tables/topic_write.h"
#include "metrics/process_metrics.h"
#include "metrics/registry.h"
#include "pipeline/ingest/ingest_observer.h"
#include "registry/registry_metrics.h"
#include "segments/channel.h"
#include "tests/fixture/source_dir.h"

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <regex>
#include <set>
#include <string>

namespace sluice::metrics {
namespace {

std::set<std::string> lines_of(const std::string& document) {
    std::ifstream in(sluice::fixture::source_dir() + "/" + document);
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

/// What looks like a metric's name in the sources.
std::set<std::string> names_in_code() {
    const std::regex name{"\"((?:sluice|process)_[a-z_]+)\""};
    std::set<std::string> names;
    for (const char* folder : {"metrics", "pipeline", "registry", "segments", "daemon"}) {
        for (const auto& file : std::filesystem::recursive_directory_iterator(
                 std::filesystem::path(sluice::fixture::source_dir()) / folder)) {
            if (file.path().extension() != ".cpp") continue;
            std::ifstream in(file.path());
            const std::string text{std::istreambuf_iterator<char>(in), {}};
            for (std::sregex_iterator at(text.begin(), text.end(), name), end; at != end; ++at) {
                names.insert((*at)[1]);
            }
        }
    }
    return names;
}

TEST_CASE("observatory: a pipeline that is added while somebody looks is not forgotten") {
    Registry registry;
    Observatory observatory{registry, std::chrono::minutes(1)};
    PipelineConfig orders;
    config::Ingest ingest;
    ingest.name = "orders";
    orders.of_kind = ingest;
    std::future<void> added;
    observatory.watch([&] {
        // What the supervisor knew when it was asked: not yet this one.
        added =
            std::async(std::launch::async, [&] { static_cast<void>(observatory.observe(orders)); });
        added.wait_for(std::chrono::milliseconds(100));
        return SupervisorStatus{};
    });
    static_cast<void>(registry.text());
    added.get();
    observatory.watch([] { return SupervisorStatus{}; });
    CHECK(observatory.ingest("ingest.orders").has_value());
}

/// The same name, type, labels and meaning on both sides, and nothing on one side only.
TEST_CASE("documentation: docs/metrics.md has each metric as the code has it") {
    Registry registry;
    const ProcessMetrics process{registry, {{"version", "1"}, {"librdkafka", "2"}}};
    Observatory observatory{registry, std::chrono::minutes(1)};
    PipelineConfig orders;
    orders.of_kind = config::Ingest{};
    const auto observer = observatory.observe(orders);
    const int number = observer->on_began(1);
    ResumePoint point;
    point.partition = observer->partitions().id_of("orders", 0);
    observer->lane(0).on_took_up(point);
    observer->lane(0).on_committed({}, {.rows = {{"public.orders", 1}}});
    GroupStatistics statistics;
    statistics.brokers.emplace_back();
    observer->on_statistics(number, statistics);
    observer->on_open_dead_letters({});
    observer->on_after_commit({});
    PipelineConfig events;
    events.of_kind = config::Outbox{};
    const auto outbox = observatory.observe_outbox(events);
    outbox->on_open_refused_events(0);
    ReloadMetrics reloads{registry};
    reloads.note({.result = ReloadOutcome::Result::applied, .revision = "1"});
    const registry::RegistryMetrics of_registry{registry};
    const AdminServer admin{registry, [](const HttpRequest&) { return HttpResponse{}; }};
    segments::Server segments{registry};
    const segments::Channel channel{segments, "orders"};
    const TopicCounts of_sql = topic_counts(registry, "orders");
    const WriteCounts of_writing = write_counts(registry, "orders");

    std::set<std::string> in_code;
    std::set<std::string> names;
    for (const Family& family : registry.families()) {
        in_code.insert(row_of(family));
        names.insert(family.name);
    }
    std::set<std::string> documented;
    for (const std::string& line : lines_of("docs/metrics.md")) {
        if (line.starts_with("| `sluice_") || line.starts_with("| `process_"))
            documented.insert(line);
    }
    for (const std::string& row : in_code) CHECK_MESSAGE(documented.contains(row), row);
    for (const std::string& row : documented) CHECK_MESSAGE(in_code.contains(row), row);
    CHECK(names_in_code() == names);  // none that this test does not bring about
}

}  // namespace
}  // namespace sluice::metrics
