#include "metrics/process_metrics.h"
#include "metrics/registry.h"

#include <doctest/doctest.h>

#include <array>
#include <thread>
#include <vector>

namespace sluice::metrics {
namespace {

bool has(const std::string& text, const std::string& line) {
    return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST_CASE("metrics: a series is there for as long as somebody holds it") {
    Registry registry;
    {
        Counter rows = registry.counter("rows_total", "Rows", {{"pipeline", "orders"}});
        rows.add(3);
        CHECK(has(registry.text(), "rows_total{pipeline=\"orders\"} 3"));
        CHECK(has(registry.text(), "# TYPE rows_total counter"));
    }
    CHECK(registry.text().find("orders") == std::string::npos);
    REQUIRE(registry.families().size() == 1);
    CHECK(registry.families()[0].labels == std::vector<std::string>{"pipeline"});
}

TEST_CASE("metrics: who asks for the same series counts on, and neither takes it from the other") {
    Registry registry;
    Counter first = registry.counter("rows_total", "Rows", {{"pipeline", "orders"}});
    first.add(3);
    Counter second = registry.counter("rows_total", "Rows", {{"pipeline", "orders"}});
    first = {};
    second.add(2);
    CHECK(has(registry.text(), "rows_total{pipeline=\"orders\"} 5"));
}

TEST_CASE("metrics: an instrument that holds nothing counts nothing") {
    Counter counter;
    counter.add();
    Gauge gauge;
    gauge.set(1);
    Histogram histogram;
    histogram.observe(1);
}

TEST_CASE("metrics: a counter follows a sum that somebody else keeps, also when that begins anew") {
    Registry registry;
    Counter errors = registry.counter("errors_total", "Errors");
    for (const double total : {2.0, 5.0, 5.0, 1.0}) errors.follow(total);
    CHECK(has(registry.text(), "errors_total 6"));
}

TEST_CASE("metrics: a histogram takes many values that were sorted before") {
    Registry registry;
    const std::array bounds{1.0, 10.0};
    Histogram sizes = registry.histogram({"sizes", "Sizes"}, bounds);
    sizes.observe(std::array{2.0, 1.0, 4.0}, 500);
    sizes.observe(0.5);
    const std::string text = registry.text();
    CHECK(has(text, "sizes_bucket{le=\"1\"} 3"));
    CHECK(has(text, "sizes_bucket{le=\"10\"} 4"));
    CHECK(has(text, "sizes_bucket{le=\"+Inf\"} 8"));
    CHECK(has(text, "sizes_sum 500.5"));
}

TEST_CASE("metrics: a hook runs before each text, until it is destroyed") {
    Registry registry;
    Gauge age = registry.gauge("age_seconds", "Age");
    int seconds = 0;
    {
        const Registry::Hook hook = registry.before_text([&] { age.set(++seconds); });
        CHECK(has(registry.text(), "age_seconds 1"));
        CHECK(has(registry.text(), "age_seconds 2"));
    }
    CHECK(has(registry.text(), "age_seconds 2"));
}

TEST_CASE("metrics: labels may hold anything") {
    Registry registry;
    const Gauge gauge = registry.gauge("g", "G", {{"about", "a \"quote\", a \\ and\na newline"}});
    CHECK(has(registry.text(), R"(g{about="a \"quote\", a \\ and\na newline"} 0)"));
}

TEST_CASE("metrics: pipelines come and go while others count and Prometheus looks") {
    Registry registry;
    Counter steady = registry.counter("rows_total", "Rows", {{"pipeline", "steady"}});
    std::vector<std::jthread> threads;
    for (int i = 0; i < 3; ++i) {
        threads.emplace_back([&] {
            for (int n = 0; n < 300; ++n) {
                Counter passing = registry.counter("rows_total", "Rows", {{"pipeline", "passing"}});
                passing.add();
                steady.add();
                if (n % 50 == 0) static_cast<void>(registry.text());
            }
        });
    }
    threads.clear();
    CHECK(has(registry.text(), "rows_total{pipeline=\"steady\"} 900"));
    CHECK(registry.text().find("passing") == std::string::npos);
}

TEST_CASE("metrics: the process tells what it uses") {
    Registry registry;
    const ProcessMetrics process{registry, {{"version", "1.2.3"}, {"librdkafka", "2.0.2"}}};
    const std::string text = registry.text();
    CHECK(has(text, "sluice_build_info{librdkafka=\"2.0.2\",version=\"1.2.3\"} 1"));
    for (const char* name : {"process_resident_memory_bytes", "process_open_fds", "process_threads",
                             "process_start_time_seconds", "process_max_fds"}) {
        CHECK_MESSAGE(text.find("\n" + std::string(name) + " 0\n") == std::string::npos, name);
    }
}

}  // namespace
}  // namespace sluice::metrics
