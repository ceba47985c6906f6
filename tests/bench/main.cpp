#include "tests/bench/benchmarks.h"

#include <cstdio>
#include <exception>
#include <string>

namespace {

int usage() {
    std::fputs(
        "usage: sluice_bench "
        "[main|quick|speed|trouble|freshness|merge|outbox|scale|segments|instructions|peers]\n"
        "main (the default) is speed, trouble and freshness; quick is the first table of speed.\n"
        "SLUICE_BENCH_RECORDS=100000 SLUICE_BENCH_ROUNDS=1 make a quick run;\n"
        "SLUICE_BENCH_ONLY=narrow_ leaves of speed and trouble what has that in its name, and of\n"
        "peers one of json, avro, merge and kill, of scale one of partitions, topics, pipelines;\n"
        "SLUICE_BENCH_TABLE=10000000 lets merge and peers begin with a table of so many rows.\n",
        stderr);
    return 2;
}

}  // namespace

int main(int argc, char** argv) {
    using namespace sluice::bench;
    const std::string what = argc > 1 ? argv[1] : "main";
    const auto chosen = [&](const char* name) { return what == name; };
    const bool known = chosen("main") || chosen("quick") || chosen("speed") || chosen("trouble") ||
                       chosen("freshness") || chosen("merge") || chosen("outbox") ||
                       chosen("scale") || chosen("segments") || chosen("instructions") ||
                       chosen("peers");
    if (argc > 2 || !known) return usage();
    try {
        Report report;
        if (chosen("segments")) {
            run_segments(report);
            return 0;
        }
        Stage stage;
        if (chosen("quick")) run_quick(stage, report);
        if (chosen("main") || chosen("speed")) run_speed(stage, report);
        if (chosen("main") || chosen("trouble")) run_trouble(stage, report);
        if (chosen("main") || chosen("freshness")) run_freshness(stage, report);
        if (chosen("merge")) run_merge(stage, report);
        if (chosen("outbox")) run_outbox(stage, report);
        if (chosen("scale")) run_scale(stage, report);
        if (chosen("instructions")) run_instructions(stage, report);
        if (chosen("peers")) run_peers(stage, report);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "sluice_bench: %s\n", error.what());
        return 1;
    }
    return 0;
}
