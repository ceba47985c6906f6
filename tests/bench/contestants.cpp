#include "tests/bench/contestants.h"

#include "tests/fixture/kafka_handle.h"

#include <signal.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <stdexcept>
#include <thread>

namespace sluice::bench {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds longest_run = 300s;

void psql(Stage& stage, const std::string& command) {
    const std::filesystem::path log = stage.directory() / "psql.log";
    fixture::Process process({.argv = {"psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d",
                                       stage.postgres().dsn(), "-c", command},
                              .log = log});
    // Finer than Process::wait() looks.
    const Stopwatch watch;
    while (process.running() && watch.seconds() < Seconds(longest_run).count()) {
        std::this_thread::sleep_for(1ms);
    }
    if (process.wait(1ms) != 0) throw std::runtime_error("psql: " + fixture::read_file(log));
}

struct Poll {
    double seconds = 0;
    double first_seconds = 0;
};

/// To ask takes CPU that the contestant needs: seldom in the midst of a run, and a few per cent of
/// a core towards its end, which must not be seen late.
Seconds rest_before_next(std::int64_t sum, std::int64_t records, Seconds answering) {
    constexpr int rest_per_question = 25;
    if (sum == 0) return 20ms;
    if (sum < records / 10 * 9) return 50ms;
    return std::clamp<Seconds>(answering * rest_per_question, 5ms, 20ms);
}

Poll poll_until(Progress& progress, std::int64_t records, const Stopwatch& watch,
                std::vector<std::unique_ptr<fixture::Daemon>>& daemons) {
    Poll poll;
    for (;;) {
        const double asked = watch.seconds();
        const std::int64_t sum = progress.sum();
        const Seconds answering(watch.seconds() - asked);
        if (sum > 0 && poll.first_seconds == 0) poll.first_seconds = watch.seconds();
        if (sum >= records) break;
        for (const auto& daemon : daemons) {
            if (!daemon->running()) throw std::runtime_error("sluice ended:\n" + daemon->log());
            if (watch.seconds() > Seconds(longest_run).count()) {
                throw std::runtime_error("sluice is at " + std::to_string(sum) + " of " +
                                         std::to_string(records) + " records:\n" + daemon->log());
            }
        }
        std::this_thread::sleep_for(rest_before_next(sum, records, answering));
    }
    poll.seconds = watch.seconds();
    return poll;
}

}  // namespace

double copy_seconds(Stage& stage, const std::string& table, const std::filesystem::path& file,
                    CopyFormat format) {
    const Stopwatch watch;
    psql(stage, "\\copy " + table + " from '" + file.string() + "' with (format " +
                    (format == CopyFormat::csv ? "csv" : "binary") + ")");
    return watch.seconds();
}

std::filesystem::path binary_file(Stage& stage, const std::string& table) {
    std::filesystem::path file = stage.directory() / (table + ".bin");
    psql(stage, "\\copy " + table + " to '" + file.string() + "' with (format binary)");
    return file;
}

double consume_seconds(Stage& stage, const std::string& topic, int partitions,
                       std::int64_t records) {
    const Stopwatch watch;
    fixture::KafkaProperties properties = stage.broker().client();
    properties["group.id"] = stage.new_name("consumer");
    properties["enable.auto.commit"] = "false";
    properties["queued.min.messages"] = "10000000";
    properties["queued.max.messages.kbytes"] = "1048576";
    const fixture::KafkaHandle client = fixture::make_kafka(RD_KAFKA_CONSUMER, properties);
    rd_kafka_poll_set_consumer(client.get());
    const fixture::TopicPartitions assignment(rd_kafka_topic_partition_list_new(partitions));
    for (int p = 0; p < partitions; ++p) {
        rd_kafka_topic_partition_list_add(assignment.get(), topic.c_str(), p)->offset = 0;
    }
    rd_kafka_assign(client.get(), assignment.get());
    const fixture::QueueHandle queue(rd_kafka_queue_get_consumer(client.get()));
    std::array<rd_kafka_message_t*, 10000> messages{};
    std::int64_t seen = 0;
    while (seen < records) {
        const auto count =
            rd_kafka_consume_batch_queue(queue.get(), 10, messages.data(), messages.size());
        for (ssize_t m = 0; m < count; ++m) {
            const fixture::MessageHandle message(messages[static_cast<std::size_t>(m)]);
            if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) ++seen;
        }
        if (watch.seconds() > Seconds(longest_run).count()) {
            throw std::runtime_error(topic + ": the consumer does not get all records");
        }
    }
    return watch.seconds();
}

Progress::Progress(Stage& stage, const std::vector<std::string>& pipelines)
    : session_(stage.postgres().connect()) {
    for (const std::string& pipeline : pipelines) {
        where_ += (where_.empty() ? "'" : ", '") + pipeline + "'";
    }
    where_ = " where pipeline in (" + where_ + ")";
}

fixture::SqlRows Progress::ask(const std::string& sql) {
    try {
        return session_.query(sql);
    } catch (const fixture::SqlError& error) {
        // The daemon makes its tables when it first starts.
        if (error.sqlstate() == "42P01") return {};
        throw;
    }
}

std::int64_t Progress::sum() {
    // The view looks into the ledger for each partition: of thousands, over and over, that is a
    // core's work, which the contestants need.
    const fixture::SqlRows rows =
        ask("select coalesce(sum(to_offset - from_offset), 0) from sluice.ledger" + where_);
    return rows.empty() ? 0 : std::stoll(rows[0][0].value());
}

std::vector<std::int64_t> Progress::next_offsets() {
    std::vector<std::int64_t> result;
    for (const auto& row :
         ask("select next_offset from sluice.progress" + where_ + " order by kafka_partition")) {
        result.push_back(std::stoll(row[0].value()));
    }
    return result;
}

DaemonRun run_daemons(Stage& stage, const std::vector<Ingest>& pipelines, std::int64_t records,
                      int daemons) {
    std::vector<std::string> names;
    for (const Ingest& ingest : pipelines) names.push_back(ingest.name);
    const std::filesystem::path configuration = stage.configuration(pipelines);
    Progress progress(stage, names);

    const Stopwatch watch;
    std::vector<std::unique_ptr<fixture::Daemon>> running;
    for (int i = 0; i < daemons; ++i) {
        running.push_back(std::make_unique<fixture::Daemon>(configuration));
    }
    const Poll poll = poll_until(progress, records, watch, running);
    DaemonRun run;
    run.seconds = poll.seconds;
    run.first_seconds = poll.first_seconds;
    for (const auto& daemon : running) {
        const Usage usage = usage_of(daemon->pid());
        run.usage.cpu_seconds += usage.cpu_seconds;
        run.usage.peak_mib += usage.peak_mib;
        run.usage.threads += usage.threads;
    }
    run.connections = std::stoi(stage.postgres().value(
        "select count(*) from pg_stat_activity where application_name like 'sluice%'"));
    for (const auto& daemon : running) {
        if (daemon->stop() != 0) throw std::runtime_error("sluice ended badly:\n" + daemon->log());
    }
    return run;
}

}  // namespace sluice::bench
