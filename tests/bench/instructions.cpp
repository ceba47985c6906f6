#include "tests/bench/benchmarks.h"
#include "tests/bench/callgrind.h"
#include "tests/bench/contestants.h"
#include "tests/fixture/daemon.h"

#include <signal.h>

#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <thread>
#include <vector>

namespace sluice::bench {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t counted = 200'000;
constexpr double goal_narrow = 4'000;
constexpr double goal_wide = 18'000;
/// Callgrind runs one thread at a time, about forty times slower.
constexpr double longest_seconds = 900;

/// A part of a lane's work: what functions with these names in theirs take, of which none calls
/// another, without what those of another part take that they call.
struct Part {
    const char* name;
    std::vector<const char*> functions;
    std::vector<const char*> without{};
};

const std::vector<Part> parts{
    {"taking it from librdkafka's queue",
     {"rd_kafka_consume_batch_queue", "rd_kafka_consume_queue", "rd_kafka_message_destroy"}},
    {"its headers", {"rd_kafka_message_headers"}},
    {"keeping it for a dead letter", {"RecordLog::append("}},
    {"simdjson's first stage", {"JsonIndex::read("}},
    {"walk and keys", {"JsonDecoder::decode("}, {"JsonIndex::read("}},
    {"encoding", {"RowEncoder::encode("}},
    {"COPY, books and COMMIT", {"CloudberrySink::commit("}},
};

/// The thread that makes rows.
ThreadProfile lane_of(const std::filesystem::path& directory) {
    ThreadProfile lane;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
        if (!entry.path().filename().string().starts_with("callgrind.out")) continue;
        ThreadProfile profile = read_callgrind(entry.path());
        if (profile.within("RowMapper::map") > lane.within("RowMapper::map"))
            lane = std::move(profile);
    }
    if (lane.instructions == 0) throw std::runtime_error("callgrind saw no lane");
    return lane;
}

ThreadProfile profile(Stage& stage, const Shape& shape) {
    const std::string topic = stage.new_name(shape.name);
    stage.fill_topic(topic, 1, counted, shape.record);
    stage.fresh_table(shape.name, shape.columns);
    const std::string pipeline = stage.new_name("counted");
    const std::filesystem::path configuration = stage.configuration({{.name = pipeline,
                                                                      .topic = topic,
                                                                      .table = shape.name,
                                                                      .format = shape.format,
                                                                      .more = "lanes = 1\n"}});
    const fixture::TempDir directory("callgrind");
    fixture::Process daemon(
        {.argv = {"valgrind", "--tool=callgrind", "--separate-threads=yes", "--compress-strings=no",
                  "--compress-pos=no",
                  "--callgrind-out-file=" + (directory.path() / "callgrind.out").string(),
                  fixture::sluice_program(), "run", "-c", configuration.string()},
         .log = directory.path() / "log"});
    Progress progress(stage, {pipeline});
    const Stopwatch watch;
    while (progress.sum() < counted) {
        if (!daemon.running() || watch.seconds() > longest_seconds) {
            throw std::runtime_error("sluice under valgrind:\n" +
                                     fixture::read_file(directory.path() / "log"));
        }
        std::this_thread::sleep_for(100ms);
    }
    daemon.signal(SIGTERM);
    daemon.wait(120s);
    stage.broker().admin().delete_topic(topic);
    return lane_of(directory.path());
}

std::string per_record(std::uint64_t instructions) {
    return whole(static_cast<double>(instructions) / static_cast<double>(counted));
}

void print(Report& report, const Shape& shape, const ThreadProfile& lane, double goal) {
    std::vector<std::vector<std::string>> rows{{"a lane's instructions", "per record"}};
    std::uint64_t named = 0;
    for (const Part& part : parts) {
        std::uint64_t sum = 0;
        for (const char* function : part.functions) sum += lane.within(function);
        for (const char* function : part.without) sum -= lane.within(function);
        named += sum;
        rows.push_back({part.name, per_record(sum)});
    }
    rows.push_back({"the rest", per_record(lane.instructions - named)});
    rows.push_back({"all (goal: at most " + whole(goal) + ")", per_record(lane.instructions)});
    report.heading(shape.name + ", " + whole(static_cast<double>(counted)) +
                   " records, 1 partition, 1 lane");
    report.table(rows);
}

}  // namespace

void run_instructions(Stage& stage, Report& report) {
    print(report, narrow_json(), profile(stage, narrow_json()), goal_narrow);
    print(report, wide_json(), profile(stage, wide_json()), goal_wide);
}

}  // namespace sluice::bench
