#include "kafka/event_transactions.h"

#include "config/text/names.h"
#include "kafka/client.h"
#include "kafka/marks.h"
#include "kafka/topic.h"
#include "kafka/topic_presence.h"
#include "pipeline/errors.h"
#include "pipeline/fail_point.h"
#include "pipeline/log.h"

#include <algorithm>
#include <limits>

namespace sluice::kafka {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t mark_number = std::numeric_limits<std::uint64_t>::max();
constexpr auto init_patience = 30s;
constexpr auto abort_patience = 10s;
constexpr auto flush_patience = 10s;
constexpr int offers_of_a_suspect = 3;
// A record's own frame, about; what counts exactly is the broker's business.
constexpr std::size_t record_overhead = 70;

std::size_t size_of(const OutboxEvent& event) {
    std::size_t size = record_overhead;
    if (event.key) size += event.key->size();
    if (event.value) size += event.value->size();
    for (const Header& header : event.headers) {
        size += header.name.size() + (header.value ? header.value->size() : 0) + 10;
    }
    return size;
}

/// What a broker says of a message, or of others that travelled with it, and would say again.
std::optional<RefusalReason> refusal_of(rd_kafka_resp_err_t code) {
    switch (code) {
        case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
            return RefusalReason::too_large;
        case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
        case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
            return RefusalReason::unknown_topic;
        case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
            return RefusalReason::bad_topic;
        case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
            return RefusalReason::bad_partition;
        case RD_KAFKA_RESP_ERR_INVALID_RECORD:
        case RD_KAFKA_RESP_ERR_INVALID_MSG:
        case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
        case RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT:
            return RefusalReason::refused_by_broker;
        default:
            return std::nullopt;
    }
}

bool is_fence(rd_kafka_resp_err_t code) {
    return code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
           code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
}

}  // namespace

EventTransactions::EventTransactions(const config::Kafka& kafka, Options options)
    : kafka_(kafka), options_(std::move(options)) {}

std::optional<BatchNumber> EventTransactions::start() {
    producer_.reset();
    Producer::Options options{.name = options_.name,
                              .transactional_id = options_.transactional_id,
                              .transaction_timeout = options_.transaction_timeout,
                              .queue_bytes = options_.queue_bytes};
    if (batch_size_ > 0) options.settings["batch.size"] = std::to_string(batch_size_);
    DeliveryListener& listener = *this;
    producer_ = std::make_unique<Producer>(kafka_, options, listener);
    largest_message_ = number_setting(*rd_kafka_conf(&producer_->client()), "message.max.bytes");
    partitions_.clear();
    ensure_marks_topic(producer_->client(), options_.marks_topic);
    if (const auto error = producer_->init_transactions(init_patience)) {
        throw TroubleOfTheWorld("transactional.id " + options_.transactional_id + ": " +
                                error->text);
    }
    return read_mark(kafka_, options_.marks_topic, options_.transactional_id);
}

std::vector<Refusal> EventTransactions::inspect(const EventBatch& events) {
    std::vector<Refusal> refusals;
    too_few_.clear();
    for (std::size_t i = 0; i < events.events().size(); ++i) {
        if (events.events()[i].refused) continue;
        if (auto refusal = judge(events.events()[i])) {
            refusal->event = i;
            refusals.push_back(std::move(*refusal));
        }
    }
    return refusals;
}

std::optional<Refusal> EventTransactions::judge(const OutboxEvent& event) {
    if (!event.topic) return Refusal{0, RefusalReason::no_topic, "the row names no topic"};
    const std::string topic{*event.topic};
    if (!config::is_topic_name(topic)) {
        return Refusal{0, RefusalReason::bad_topic,
                       "\"" + topic + "\" is not a name that Kafka takes"};
    }
    if (partitions(topic, 1) == 0) {
        return Refusal{0, RefusalReason::unknown_topic, "there is no topic \"" + topic + "\""};
    }
    if (const std::size_t size = size_of(event); size > largest_message_) {
        return Refusal{0, RefusalReason::too_large,
                       "about " + std::to_string(size) +
                           " bytes; message.max.bytes of [kafka.properties] is " +
                           std::to_string(largest_message_)};
    }
    return judge_partition(event, topic);
}

std::optional<Refusal> EventTransactions::judge_partition(const OutboxEvent& event,
                                                          const std::string& topic) {
    if (!event.partition) return std::nullopt;
    const auto needed = static_cast<std::size_t>(std::max(*event.partition, 0)) + 1;
    const std::size_t there = partitions(topic, needed);
    if (*event.partition >= 0 && there >= needed) return std::nullopt;
    return Refusal{0, RefusalReason::bad_partition,
                   "partition " + std::to_string(*event.partition) + " of topic \"" + topic +
                       "\", which has " + std::to_string(there)};
}

/// As many as are needed, or fewer where Kafka has confirmed that.
std::size_t EventTransactions::partitions(const std::string& topic, std::size_t needed) {
    const auto known = partitions_.find(topic);
    if (known != partitions_.end() && known->second >= needed) return known->second;
    const auto found = too_few_.find(topic);
    if (found != too_few_.end()) return found->second;
    const std::size_t count = confirmed_partitions(
        producer_->client(),
        {.topic = topic, .partitions = needed, .witness = options_.marks_topic});
    if (count == 0 && topic == options_.fixed_topic) {
        throw TroubleOfTheWorld("there is no topic \"" + topic + "\"; create it");
    }
    if (count < needed) too_few_[topic] = count;
    return partitions_[topic] = count;
}

void EventTransactions::send(BatchNumber mark, const EventBatch& events) {
    events_ = &events;
    failures_.clear();
    mark_failed_.reset();
    ended_ = false;
    committing_ = false;
    queued_ = 0;
    acknowledged_ = 0;
    not_begun_ = producer_->begin_transaction();
    if (not_begun_) return;
    for (std::size_t i = 0; i < events.events().size() && is_well(); ++i) {
        const OutboxEvent& event = events.events()[i];
        if (event.refused) continue;
        producer_->send(*event.topic, event.message(), i);
        ++queued_;
    }
    if (!is_well()) return;
    SLUICE_FAIL_POINT("outbox_before_mark");
    const std::string value = std::to_string(mark);
    Message message;
    message.key = options_.transactional_id;
    message.value = value;
    producer_->send(options_.marks_topic, message, mark_number);
    ++queued_;
}

SendResult EventTransactions::finish(std::chrono::milliseconds patience) {
    if (not_begun_) return fail(*not_begun_);
    // What librdkafka did not even queue is no reason for it not to commit the rest. Of what it has
    // ended by itself it commits nothing, but says why; and while it commits, it lets nobody abort.
    if ((!failures_.empty() || mark_failed_) && !ended_ && !committing_) {
        if (!abort()) return SendFailed{"the transaction could not be aborted"};
        if (mark_failed_) return SendFailed{producer_->describe(*mark_failed_)};
        return settle_failures();
    }
    committing_ = true;
    const auto error = producer_->commit_transaction(patience);
    if (!error && acknowledged_ != queued_) {
        return SendFailed{"kafka acknowledged " + std::to_string(acknowledged_) + " messages of " +
                          std::to_string(queued_)};
    }
    if (!error) return Sent{};
    if (error->kind == TransactionError::Kind::again) return Undecided{};
    if (error->kind == TransactionError::Kind::fatal || is_fence(error->code)) return fail(*error);
    if (!abort()) return SendFailed{error->text};
    if (failures_.empty() || mark_failed_) return SendFailed{error->text};
    return settle_failures();
}

SendResult EventTransactions::fail(const TransactionError& error) const {
    if (is_fence(error.code)) return Superseded{};
    return SendFailed{error.text};
}

bool EventTransactions::abort() {
    const auto error = producer_->abort_transaction(abort_patience);
    return !error.has_value();
}

/// Nothing of the transaction is in Kafka. Whose fault was it?
SendResult EventTransactions::settle_failures() {
    std::vector<std::size_t> suspects;
    const auto failures = failures_;
    for (const Failure& failure : failures) {
        const auto reason = refusal_of(failure.code);
        // That the one topic of the configuration is gone is no event's fault.
        const bool is_gone =
            reason == RefusalReason::unknown_topic && !options_.fixed_topic.empty();
        if (reason && !is_gone) suspects.push_back(failure.event);
    }
    if (suspects.empty()) return SendFailed{producer_->describe(failures.front().code)};
    auto refusals = probe(suspects);
    if (!refusals.empty()) return EventsRefused{std::move(refusals)};
    // Only together were they too much for the broker.
    const std::size_t now = number_setting(*rd_kafka_conf(&producer_->client()), "batch.size");
    batch_size_ = std::max<std::size_t>(now / 4, 1000);
    return SendFailed{std::string(rd_kafka_err2str(failures.front().code)) +
                      ": no single event, but what was sent together; trying smaller requests"};
}

/// Offers each suspect alone, in transactions that are always aborted: a broker that refuses one
/// message of a request refuses them all.
std::vector<Refusal> EventTransactions::probe(const std::vector<std::size_t>& suspects) {
    std::vector<Refusal> refusals;
    bool open = false;
    partitions_.clear();
    too_few_.clear();
    for (const std::size_t suspect : suspects) {
        for (int offer = 1;; ++offer) {
            const auto failure = offer_alone(suspect, open);
            if (!failure) break;
            if (const auto reason = refusal_of(*failure)) {
                refusals.push_back(confirm({suspect, *reason, rd_kafka_err2str(*failure)}));
                break;
            }
            // librdkafka 2.0.2 goes on counting behind a message that the broker refused, so that
            // the next one is out of sequence; to abort that one begins a new sequence.
            if (offer == offers_of_a_suspect) throw TroubleOfTheWorld(rd_kafka_err2str(*failure));
        }
    }
    if (open && !abort()) throw TroubleOfTheWorld("kafka: the transaction cannot be aborted");
    return refusals;
}

/// What is said of a topic may come from a broker that does not know it yet.
Refusal EventTransactions::confirm(Refusal refusal) {
    if (refusal.reason != RefusalReason::unknown_topic &&
        refusal.reason != RefusalReason::bad_partition) {
        return refusal;
    }
    auto judged = judge(events_->events()[refusal.event]);
    if (!judged) throw TroubleOfTheWorld(refusal.detail + ", and yet it is there now");
    judged->event = refusal.event;
    return *judged;
}

/// What Kafka says against it; nullopt: nothing. `open`: whether a transaction is, before and
/// after.
std::optional<rd_kafka_resp_err_t> EventTransactions::offer_alone(std::size_t suspect, bool& open) {
    const OutboxEvent& event = events_->events()[suspect];
    if (!open && producer_->begin_transaction()) throw TroubleOfTheWorld("kafka: no transaction");
    open = true;
    failures_.clear();
    producer_->send(*event.topic, event.message(), suspect);
    if (!producer_->flush(flush_patience)) throw TroubleOfTheWorld("kafka does not answer");
    if (failures_.empty()) return std::nullopt;
    const auto code = failures_.front().code;
    if (!abort()) throw TroubleOfTheWorld(rd_kafka_err2str(code));
    open = false;
    return code;
}

void EventTransactions::on_acknowledged(std::uint64_t) {
    ++acknowledged_;
}

void EventTransactions::on_failed(std::uint64_t number, rd_kafka_resp_err_t code) {
    // Two that follow from a failure, and are none of this message.
    if (code == RD_KAFKA_RESP_ERR__PURGE_QUEUE || code == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT) return;
    if (code == RD_KAFKA_RESP_ERR__STATE || code == RD_KAFKA_RESP_ERR__FATAL) {
        ended_ = true;
    } else if (number == mark_number) {
        mark_failed_ = code;
    } else {
        failures_.push_back({static_cast<std::size_t>(number), code});
    }
}

}  // namespace sluice::kafka
