#pragma once

#include "tests/bench/stage.h"
#include "tests/fixture/process.h"
#include "tests/fixture/temp_dir.h"

#include <cstdint>
#include <memory>
#include <string>

namespace sluice::bench {

/// A standalone worker of Kafka Connect with Debezium's JDBC sink, as fast as its settings make it.
/// Used by one thread at a time.
class ConnectWorker {
public:
    /// Installs the jars when they are not there yet, and starts the worker without connectors.
    explicit ConnectWorker(Stage& stage);

    /// One more connector, from this topic into this table; returns when Connect has taken it.
    void add_connector(const std::string& topic, const std::string& table);
    void remove_connector(const std::string& topic);
    /// kill -9.
    void kill();
    /// Anew, with one connector from its beginning.
    void start_with(const std::string& topic, const std::string& table);

    [[nodiscard]] pid_t pid() const { return process_->pid(); }
    [[nodiscard]] bool running() { return process_->running(); }
    [[nodiscard]] std::string log() const;

private:
    void start(const std::vector<std::string>& connector_files);
    void request(const std::string& what, const std::string& body);
    [[nodiscard]] std::string connector(const std::string& topic, const std::string& table) const;

    Stage& stage_;
    fixture::TempDir dir_{"connect"};
    std::uint16_t port_;
    std::unique_ptr<fixture::Process> process_;
};

}  // namespace sluice::bench
