#pragma once

#include "kafka/forbidden_topics.h"
#include "kafka/producer.h"
#include "kafka/topic_presence.h"
#include "pipeline/outbox/outbox_ports.h"

#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace sluice::kafka {

/// An outbox relay's side of Kafka: one transactional producer, made anew by each start(), so that
/// whatever went wrong with the one before ends there.
class EventTransactions : public EventProducer, private DeliveryListener {
public:
    struct Options {
        std::string name;              ///< the pipeline's
        std::string transactional_id;  ///< the relay's, for ever; also the key of its mark
        std::string marks_topic;
        std::string fixed_topic{};  ///< of all events; empty: each names its own
        /// Values are encoded behind inspect(), so that nobody knows there how large they will be.
        bool encodes_later = false;
        std::size_t queue_bytes = 64u << 20;
        std::chrono::milliseconds transaction_timeout = kafka::transaction_timeout;
        /// How long a topic that is not for us, save the fixed one, holds up the others.
        std::chrono::milliseconds forbidden_patience{60000};
    };
    EventTransactions(const config::Kafka& kafka, Options options);

    std::optional<BatchNumber> start() override;
    std::vector<Refusal> inspect(const EventBatch& events) override;
    void send(BatchNumber mark, const EventBatch& events) override;
    SendResult finish(std::chrono::milliseconds patience) override;

private:
    void on_acknowledged(std::uint64_t number) override;
    void on_failed(std::uint64_t number, rd_kafka_resp_err_t code) override;

    [[nodiscard]] std::optional<Refusal> judge(const OutboxEvent& event);
    [[nodiscard]] std::optional<Refusal> judge_topic(const OutboxEvent& event) const;
    [[nodiscard]] std::optional<Refusal> judge_partition(const OutboxEvent& event,
                                                         const std::string& topic);
    [[nodiscard]] std::size_t partitions(const std::string& topic, std::size_t needed);
    void look_up(PartitionCounts needed);
    void try_to_write(const std::set<std::string>& topics);
    [[nodiscard]] bool may_write(const std::string& topic);
    void wait_for_permission(const std::set<std::string>& topics) const;
    [[nodiscard]] const ForbiddenTopics* gives_up(const std::string& topic) const;
    void heed(rd_kafka_resp_err_t code);
    /// Nothing has failed so far.
    [[nodiscard]] bool is_well() const { return failures_.empty() && !ended_; }
    [[nodiscard]] SendResult fail(const TransactionError& error) const;
    [[nodiscard]] SendResult settle_failures();
    [[nodiscard]] std::vector<Refusal> probe(const std::vector<std::size_t>& suspects);
    [[nodiscard]] Refusal confirm(Refusal refusal);
    using Suspects = std::span<const std::size_t>;  ///< places in the batch
    [[nodiscard]] std::optional<rd_kafka_resp_err_t> answer_to(Suspects suspects);
    [[nodiscard]] std::optional<rd_kafka_resp_err_t> offer(Suspects suspects);
    bool abort();

    const config::Kafka kafka_;
    const Options options_;
    std::unique_ptr<Producer> producer_;
    std::size_t largest_message_ = 0;
    std::size_t batch_size_ = 0;  ///< librdkafka's batch.size; 0: as configured
    int sent_so_ = 0;             ///< batches, since that was made smaller
    PartitionCounts partitions_;
    PartitionCounts too_few_;  ///< just confirmed: not asked again for a batch
    ForbiddenTopics unseen_;   ///< or not there
    ForbiddenTopics unwritable_;
    bool write_refused_ = false;      ///< for some topic: Kafka does not say for which
    std::set<std::string> writable_;  ///< tried since then

    // Of the transaction that runs:
    const EventBatch* events_ = nullptr;
    struct Failure {
        std::size_t event;
        rd_kafka_resp_err_t code;
    };
    std::vector<Failure> failures_;
    std::optional<rd_kafka_resp_err_t> mark_failed_;
    bool ended_ = false;  ///< by librdkafka, for a failure: it takes nothing more
    bool committing_ = false;
    std::optional<TransactionError> not_begun_;
    std::size_t queued_ = 0;
    std::size_t acknowledged_ = 0;
};

}  // namespace sluice::kafka
