#pragma once

#include "config/config.h"
#include "daemon/commands/produce/deliveries.h"
#include "daemon/commands/produce/input_file.h"
#include "daemon/commands/produce/produce_request.h"
#include "kafka/producer.h"
#include "produce/message_builder.h"
#include "produce/row_reader.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace sluice {

struct Produced {
    std::uint64_t messages = 0;  ///< that Kafka has, and that readers see
    std::string problem;  ///< why it ended early, what was delivered, how to go on; empty: all fine
};

/// Sends a file to a topic, once. With a transaction: all of it or nothing.
class FileSender {
public:
    /// All outlive it. Throws WrongConfiguration, TroubleOfTheWorld.
    FileSender(const config::Kafka& kafka, const ProduceRequest& request, const InputFile& file);

    [[nodiscard]] Produced run(RowReader& rows, produce::MessageBuilder& builder);

private:
    using Clock = std::chrono::steady_clock;

    void start_transaction(const config::Kafka& kafka);
    /// Sends row after row; empty, or why it ended before the end.
    std::string send_all(RowReader& rows, produce::MessageBuilder& builder);
    std::string place(const InputRow& row, std::size_t position) const;
    /// Why sending does not go on; empty: it does.
    std::string obstacle() const;
    std::string failure_text() const;
    void await_deliveries();
    Produced finish(const std::string& problem);
    Produced finish_transaction(const std::string& problem);
    std::string commit();
    std::string too_slow() const;
    std::string how_to_go_on() const;

    const ProduceRequest& request_;
    const InputFile& file_;
    Deliveries deliveries_;
    std::unique_ptr<kafka::Producer> producer_;
    std::uint64_t lines_ = 0;  // of the file so far, the header and blank ones apart
    std::chrono::milliseconds transaction_timeout_{0};
    Clock::time_point began_ = Clock::now();
};

}  // namespace sluice
