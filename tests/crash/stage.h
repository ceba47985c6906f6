#pragma once

#include "tests/fixture/daemon.h"
#include "tests/fixture/kafka_broker.h"
#include "tests/fixture/postgres.h"
#include "tests/fixture/temp_dir.h"

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

namespace sluice::crash {

using namespace std::chrono_literals;

/// One broker, with room for a proxy in front of it, and one database server for all scenarios of
/// this process.
struct World {
    World();
    std::unique_ptr<fixture::KafkaBroker> broker;
    std::unique_ptr<fixture::Postgres> postgres;
};
World& world();

/// What every scenario has: a topic and a database of its own, a configuration, and daemons, each
/// by its name, which come and go.
class Stage {
public:
    Stage(const Stage&) = delete;
    Stage& operator=(const Stage&) = delete;

    /// The configuration file that the daemons get.
    [[nodiscard]] const std::filesystem::path& config() const { return config_; }
    /// Starts a daemon, or the one of this name anew.
    fixture::Daemon& start(const std::string& name = "a",
                           std::map<std::string, std::string> env = {});
    [[nodiscard]] fixture::Daemon& daemon(const std::string& name = "a") {
        return *daemons_.at(name);
    }
    /// The logs of all daemons, for messages.
    [[nodiscard]] std::string logs() const;
    /// What is in the daemon's log so far is not what is waited for; nor is what another run of it
    /// has left.
    void pass_over_log(const std::string& name = "a");
    /// For what nothing but the log tells. Throws WaitedTooLong with the logs.
    void wait_for_log(const std::string& text, const std::string& name = "a",
                      std::chrono::milliseconds deadline = 30s);

    [[nodiscard]] const std::string& topic() const { return topic_; }
    [[nodiscard]] const std::string& database() const { return database_; }
    void exec(const std::string& sql) const;
    [[nodiscard]] std::string value(const std::string& sql) const;

protected:
    explicit Stage(int partitions);
    ~Stage() = default;

    /// Writes a configuration of these pipelines, whose members leave their group within seconds,
    /// and makes Sluice's tables.
    void configure(const std::string& pipelines);
    /// Until the progress of all partitions, which began at 0, adds up to so many.
    void wait_for_progress(int records) const;

    std::string topic_;
    std::string database_;
    fixture::TempDir dir_{"crash"};
    std::filesystem::path config_;
    std::map<std::string, std::unique_ptr<fixture::Daemon>> daemons_;

private:
    std::map<std::string, std::size_t> passed_over_;  ///< bytes of each daemon's log
};

}  // namespace sluice::crash
