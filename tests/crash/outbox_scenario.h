#pragma once

#include "tests/crash/scenario.h"

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace sluice::crash {

struct OutboxOptions {
    int partitions = 3;
    int batch_rows = 300;
    enum class Ids { mixed, serial, uuid } ids = Ids::mixed;
    enum class Locks { of_postgresql, of_mpp } locks = Locks::of_postgresql;
    std::string brokers{};  ///< empty: those of the world
    std::string dsn{};      ///< empty: the world's
    std::string outbox{};   ///< further lines of [outbox.events]
};

/// A topic, an outbox table, applications that write to it, daemons that send, and a judge who
/// reads the topic with kcat. Each scenario has its own topic, marks and database.
///
/// Every writer has keys of its own and writes its events in transactions one after the other, some
/// of which roll back; what commits is in the table `truth` by the same transaction.
class OutboxScenario {
public:
    explicit OutboxScenario(const OutboxOptions& options = {});
    ~OutboxScenario();
    OutboxScenario(const OutboxScenario&) = delete;
    OutboxScenario& operator=(const OutboxScenario&) = delete;

    /// That many events in one transaction.
    void write(int events);
    /// Threads, each with a connection of its own, at full speed with the given pause between
    /// transactions; and one that keeps each of its transactions open for a second.
    void start_writing(int threads, std::chrono::milliseconds pause);
    void stop_writing();

    void configure(const OutboxOptions& options);
    [[nodiscard]] const OutboxOptions& options() const { return options_; }
    fixture::Daemon& start(const std::string& name = "a",
                           std::map<std::string, std::string> env = {});
    [[nodiscard]] fixture::Daemon& daemon(const std::string& name = "a") {
        return *daemons_.at(name);
    }
    [[nodiscard]] const std::filesystem::path& config() const { return config_; }
    [[nodiscard]] std::string logs() const;

    [[nodiscard]] const std::string& topic() const { return topic_; }
    [[nodiscard]] const std::string& database() const { return database_; }
    void exec(const std::string& sql) const;
    [[nodiscard]] std::string value(const std::string& sql) const;
    /// Events that the topic holds, committed transactions only, as kcat reads them.
    struct Event {
        int partition = 0;
        std::int64_t offset = 0;
        std::string key;
        std::string value;
    };
    [[nodiscard]] std::vector<Event> read_topic() const;

    /// While nobody writes: how many events there are.
    [[nodiscard]] std::int64_t sent() const;
    void wait_for_more_sent(std::chrono::milliseconds deadline = 30s);
    /// Until every committed row was sent and purged.
    void wait_until_drained(std::chrono::milliseconds deadline = 60s);
    void wait_for_log(const std::string& text, const std::string& name = "a",
                      std::chrono::milliseconds deadline = 30s);

    /// Everything that is wrong, in words.
    [[nodiscard]] std::string judge() const;
    /// Waits until all is sent, then judges.
    [[nodiscard]] std::string verdict(std::chrono::milliseconds deadline = 60s);

private:
    class Writer;
    [[nodiscard]] std::int64_t purged() const;
    void create_tables();
    [[nodiscard]] std::string configuration() const;

    OutboxOptions options_;
    std::string topic_;
    std::string database_;
    fixture::TempDir dir_{"outbox"};
    std::filesystem::path config_;
    std::map<std::string, std::unique_ptr<fixture::Daemon>> daemons_;
    std::atomic<bool> writing_ = false;
    std::vector<std::thread> writers_;
    int next_writer_ = 0;
};

}  // namespace sluice::crash
