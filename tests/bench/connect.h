#pragma once

#include "tests/bench/stage.h"
#include "tests/fixture/process.h"
#include "tests/fixture/temp_dir.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace sluice::bench {

using ConnectSettings = std::map<std::string, std::string>;

/// Values are JSON; plain JSON has no types, so the converter is told each field's.
[[nodiscard]] ConnectSettings json_values(
    const std::vector<std::pair<std::string, std::string>>& fields);
/// Values are Avro behind the prefix of Confluent's clients; the URL is of Apicurio's own API.
[[nodiscard]] ConnectSettings avro_values(const std::string& registry_url);
/// Each record becomes a row.
[[nodiscard]] ConnectSettings inserts();
/// The row of a record's `id` is replaced, or comes new.
[[nodiscard]] ConnectSettings upserts();

/// One sink: from this topic into this table.
struct Connector {
    std::string topic;
    std::string table;
    ConnectSettings values;  ///< how records are read: json_values() or avro_values()
    ConnectSettings rows;    ///< how they are written: inserts() or upserts()
};

/// A standalone worker of Kafka Connect with Debezium's JDBC sink, as fast as its settings make it.
/// Used by one thread at a time.
class ConnectWorker {
public:
    /// Installs the jars when they are not there yet, and starts the worker without connectors.
    explicit ConnectWorker(Stage& stage);

    /// Returns when Connect has taken it.
    void add_connector(const Connector& connector);
    void remove_connector(const std::string& topic);
    /// kill -9.
    void kill();
    /// Anew, with one connector from its beginning.
    void start_with(const Connector& connector);

    [[nodiscard]] pid_t pid() const { return process_->pid(); }
    [[nodiscard]] bool running() { return process_->running(); }
    [[nodiscard]] std::string log() const;

private:
    void start(const std::vector<std::string>& connector_files);
    void request(const std::string& method, const std::string& target, const std::string& json);
    [[nodiscard]] std::string document(const Connector& connector) const;

    Stage& stage_;
    fixture::TempDir dir_{"connect"};
    std::uint16_t port_;
    std::unique_ptr<fixture::Process> process_;
};

}  // namespace sluice::bench
