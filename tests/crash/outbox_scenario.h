#pragma once

#include "tests/crash/stage.h"

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
class OutboxScenario : public Stage {
public:
    explicit OutboxScenario(const OutboxOptions& options = {});
    ~OutboxScenario();

    /// That many events in one transaction.
    void write(int events);
    /// Threads, each with a connection of its own, at full speed with the given pause between
    /// transactions; and one that keeps each of its transactions open for a second.
    void start_writing(int threads, std::chrono::milliseconds pause);
    void stop_writing();

    void configure(const OutboxOptions& options);
    [[nodiscard]] const OutboxOptions& options() const { return options_; }
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
    std::atomic<bool> writing_ = false;
    std::vector<std::thread> writers_;
    int next_writer_ = 0;
};

}  // namespace sluice::crash
