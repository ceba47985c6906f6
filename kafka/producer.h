#pragma once

#include "config/config.h"
#include "kafka/handles.h"
#include "pipeline/message.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::kafka {

/// What became of a message, told on the thread that uses the producer, in send(), poll(), flush().
/// Each number that was sent is told of exactly once, unless the producer is destroyed before.
class DeliveryListener {
public:
    virtual ~DeliveryListener() = default;
    virtual void on_acknowledged(std::uint64_t number) = 0;
    /// Kafka does not have it: it was refused, purged, or nobody answered in time.
    virtual void on_failed(std::uint64_t number, rd_kafka_resp_err_t code) = 0;
};

/// Why a step of a transaction did not work, and what can be done.
struct TransactionError {
    enum class Kind {
        again,  ///< nothing is decided yet: the very same call again
        abort,  ///< the transaction must be aborted, and a new one can begin
        fatal,  ///< this producer is at its end: fenced, or not permitted
    };
    Kind kind = Kind::fatal;
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    std::string text;
};

/// The longest that Kafka lets a transaction stay open.
constexpr std::chrono::milliseconds transaction_timeout{60000};

struct ProducerOptions {
    std::string name;                ///< in the log, and in client.id
    std::string transactional_id{};  ///< empty: without transactions
    std::chrono::milliseconds transaction_timeout = kafka::transaction_timeout;
    std::size_t queue_bytes = 64u << 20;            ///< or what two of the largest messages need
    std::map<std::string, std::string> settings{};  ///< more of librdkafka's, over the user's
};

/// The settings of a producer's client. Throws WrongConfiguration.
[[nodiscard]] ConfHandle producer_conf(const config::Kafka& kafka, const ProducerOptions& options);

/// Sends messages, idempotently: each once and, per partition, in the order of send(). Keys choose
/// the partitions that Kafka's own Java producers choose, unless [kafka.properties] says otherwise.
/// One thread. The destructor drops what is still queued and aborts no transaction.
class Producer {
public:
    using Options = ProducerOptions;

    /// `listener` outlives the producer. Throws WrongConfiguration.
    Producer(const config::Kafka& kafka, const Options& options, DeliveryListener& listener);
    ~Producer();
    Producer(const Producer&) = delete;
    Producer& operator=(const Producer&) = delete;

    /// Queues a copy; waits while the queue is full. `number` is what the listener is told of: of a
    /// message that can not be sent at all, before this returns.
    void send(std::string_view topic, const Message& message, std::uint64_t number);
    /// Tells the listener what became of messages.
    void poll(std::chrono::milliseconds timeout);
    /// Waits until the listener was told of every message; false: not in time.
    [[nodiscard]] bool flush(std::chrono::milliseconds timeout);
    /// Gives up what is not acknowledged yet, also what is on its way: failed with
    /// RD_KAFKA_RESP_ERR__PURGE_QUEUE, or …_INFLIGHT, which Kafka may have all the same.
    void purge();

    /// In words; of a producer at its end, why it came to that.
    [[nodiscard]] std::string describe(rd_kafka_resp_err_t code) const;

    // Transactions: init once, then (begin, send…, commit or abort)…; nullopt: it worked. commit
    // flushes, and so tells the listener.
    [[nodiscard]] std::optional<TransactionError> init_transactions(
        std::chrono::milliseconds timeout);
    [[nodiscard]] std::optional<TransactionError> begin_transaction();
    [[nodiscard]] std::optional<TransactionError> commit_transaction(
        std::chrono::milliseconds timeout);
    [[nodiscard]] std::optional<TransactionError> abort_transaction(
        std::chrono::milliseconds timeout);

    /// For questions (kafka/topic.h), and for what only one user needs.
    [[nodiscard]] rd_kafka_t& client() { return *client_; }

private:
    static void on_delivery(rd_kafka_t* client, const rd_kafka_message_t* message, void* opaque);
    rd_kafka_topic_t& topic(std::string_view name);

    DeliveryListener& listener_;
    ClientHandle client_;
    std::map<std::string, TopicHandle, std::less<>> topics_;  // released before the client
    TopicHandle* last_topic_ = nullptr;  // most messages go where the one before went
    std::string last_name_;
    unsigned sent_ = 0;
};

}  // namespace sluice::kafka
