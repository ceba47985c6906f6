#include "kafka/event_transactions.h"

#include "config/text/names.h"
#include "kafka/client.h"
#include "kafka/marks.h"
#include "kafka/topic.h"
#include "pipeline/errors.h"
#include "pipeline/fail_point.h"
#include "pipeline/log.h"

#include <algorithm>
#include <array>
#include <limits>

namespace sluice::kafka {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t mark_number = std::numeric_limits<std::uint64_t>::max();
constexpr auto init_patience = 30s;
constexpr auto abort_patience = 10s;
constexpr auto flush_patience = 10s;
constexpr auto probe_patience = 10s;
constexpr int offers_of_a_group = 3;
constexpr std::size_t smallest_batch = 1000;
// Before larger requests are tried again.
constexpr int many_batches = 100;
// In a transaction Kafka calls them not authorized, whatever the ACLs.
constexpr std::array<std::string_view, 3> kafkas_own{"__consumer_offsets", "__transaction_state",
                                                     "__share_group_state"};
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

/// So that there is the partition that it names.
std::size_t needed_partitions(const OutboxEvent& event) {
    return static_cast<std::size_t>(std::max(event.partition.value_or(0), 0)) + 1;
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
    : kafka_(kafka),
      options_(std::move(options)),
      unseen_(options_.forbidden_patience),
      unwritable_(options_.forbidden_patience) {}

std::optional<BatchNumber> EventTransactions::start() {
    producer_.reset();
    Producer::Options options{.name = options_.name,
                              .transactional_id = options_.transactional_id,
                              .transaction_timeout = options_.transaction_timeout,
                              .queue_bytes = options_.queue_bytes};
    if (sent_so_ >= many_batches) batch_size_ = 0;
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
    std::set<std::string> topics;
    PartitionCounts needed;  // of all together: what is not there is sought for a second
    for (const OutboxEvent& event : events.events()) {
        if (event.refused) continue;
        if (judge_topic(event)) continue;
        const std::string topic{*event.topic};
        if (unwritable_.gives_up(topic)) continue;  // to ask that costs more than a question
        topics.insert(topic);
        const std::size_t count = needed_partitions(event);
        const auto known = partitions_.find(topic);
        if (known != partitions_.end() && known->second >= count) continue;
        needed[topic] = std::max(needed[topic], count);
    }
    look_up(std::move(needed));
    try_to_write(topics);
    wait_for_permission(topics);
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
    if (auto refusal = judge_topic(event)) return refusal;
    const std::string topic{*event.topic};
    if (const ForbiddenTopics* known = gives_up(topic))
        return Refusal{0, RefusalReason::not_permitted, known->why(topic)};
    if (partitions(topic, 1) == 0) {
        return Refusal{0, RefusalReason::unknown_topic, "there is no topic \"" + topic + "\""};
    }
    if (const std::size_t size = size_of(event);
        size > largest_message_ && !options_.encodes_later) {
        return Refusal{0, RefusalReason::too_large,
                       "about " + std::to_string(size) +
                           " bytes; message.max.bytes of [kafka.properties] is " +
                           std::to_string(largest_message_)};
    }
    return judge_partition(event, topic);
}

/// What its name alone tells.
std::optional<Refusal> EventTransactions::judge_topic(const OutboxEvent& event) const {
    if (!event.topic) return Refusal{0, RefusalReason::no_topic, "the row names no topic"};
    const std::string topic{*event.topic};
    const auto bad = [&](const char* why) {
        return Refusal{0, RefusalReason::bad_topic, "\"" + topic + "\" " + why};
    };
    if (!config::is_topic_name(topic)) return bad("is not a name that Kafka takes");
    if (std::ranges::find(kafkas_own, topic) != std::ranges::end(kafkas_own))
        return bad("is Kafka's own, which lets no producer write it");
    if (topic == options_.marks_topic)
        return bad("is marks_topic, which says what was sent and holds nothing else");
    return std::nullopt;
}

std::optional<Refusal> EventTransactions::judge_partition(const OutboxEvent& event,
                                                          const std::string& topic) {
    if (!event.partition) return std::nullopt;
    const std::size_t needed = needed_partitions(event);
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
    look_up({{topic, needed}});
    if (unseen_.knows(topic)) throw TroubleOfTheWorld(unseen_.why(topic));
    return partitions_[topic];
}

void EventTransactions::look_up(PartitionCounts needed) {
    while (!needed.empty()) {
        try {
            for (const auto& [topic, count] :
                 confirmed_partitions(producer_->client(),
                                      {.partitions = needed, .witness = options_.marks_topic})) {
                if (count == 0 && topic == options_.fixed_topic) {
                    throw TroubleOfTheWorld("there is no topic \"" + topic + "\"; create it");
                }
                if (count < needed.at(topic)) too_few_[topic] = count;
                partitions_[topic] = count;
                unseen_.on_permitted(topic);
            }
            return;
        } catch (const TopicForbidden& forbidden) {
            partitions_.erase(forbidden.topic());
            unseen_.on_forbidden(forbidden.topic(), forbidden.what());
            needed.erase(forbidden.topic());
        }
    }
}

/// After a transaction that Kafka refused for one of its topics, without saying for which: each is
/// tried by itself, in a transaction of its own that is aborted.
void EventTransactions::try_to_write(const std::set<std::string>& topics) {
    std::vector<std::string> suspects;
    if (write_refused_) suspects.push_back(options_.marks_topic);
    for (const std::string& topic : topics) {
        const bool is_suspect =
            unwritable_.knows(topic) || (write_refused_ && !writable_.contains(topic));
        if (is_suspect && !unseen_.knows(topic) && partitions_[topic] > 0)
            suspects.push_back(topic);
    }
    // One is found by each try, so those that are known come last: all are waited for together.
    std::stable_partition(suspects.begin(), suspects.end(),
                          [&](const std::string& topic) { return !unwritable_.knows(topic); });
    for (const std::string& topic : suspects) {
        if (may_write(topic)) {
            writable_.insert(topic);
            unwritable_.on_permitted(topic);
            continue;
        }
        const std::string why =
            "kafka does not let this user write topic \"" + topic + "\": permit Write on it";
        if (topic == options_.marks_topic) throw TroubleOfTheWorld(why + "; it is marks_topic");
        unwritable_.on_forbidden(topic, why + ", or correct the row that names it");
        wait_for_permission({topic});
        // librdkafka's producer is at its end after this.
        throw TroubleOfTheWorld(why + "; its events are refused now");
    }
    write_refused_ = false;
}

bool EventTransactions::may_write(const std::string& topic) {
    failures_.clear();
    ended_ = false;
    acknowledged_ = 0;
    if (producer_->begin_transaction()) throw TroubleOfTheWorld("kafka: no transaction");
    Message message;
    message.key = "sluice";
    producer_->send(topic, message, 0);
    const auto deadline = std::chrono::steady_clock::now() + probe_patience;
    while (acknowledged_ == 0 && failures_.empty()) {
        producer_->poll(20ms);
        // In the midst of a transaction it is refused, and says what has ended that, if anything.
        const auto state = producer_->begin_transaction();
        if (state && state->code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) return false;
        if (ended_ || std::chrono::steady_clock::now() > deadline)
            throw TroubleOfTheWorld("kafka does not say whether topic \"" + topic +
                                    "\" may be written");
    }
    const bool refused = !failures_.empty() &&
                         failures_.front().code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    if (!abort()) throw TroubleOfTheWorld("kafka: the transaction cannot be aborted");
    return !refused;
}

/// Nothing is refused as long as a person may mend it, with the order of events as it is.
void EventTransactions::wait_for_permission(const std::set<std::string>& topics) const {
    for (const std::string& topic : topics) {
        for (const ForbiddenTopics* known : {&unseen_, &unwritable_}) {
            if (!known->knows(topic)) continue;
            if (topic == options_.fixed_topic) throw TroubleOfTheWorld(known->why(topic));
            const auto left = known->left(topic);
            if (left.count() == 0) continue;
            throw TroubleOfTheWorld(known->why(topic) + "; in " + std::to_string(left.count()) +
                                    " s its events are refused, and the others go on");
        }
    }
}

/// Who knows that this topic is for ever not for us, as far as can be told; null: nobody.
const ForbiddenTopics* EventTransactions::gives_up(const std::string& topic) const {
    if (topic == options_.fixed_topic) return nullptr;
    for (const ForbiddenTopics* known : {&unseen_, &unwritable_})
        if (known->gives_up(topic)) return known;
    return nullptr;
}

void EventTransactions::heed(rd_kafka_resp_err_t code) {
    if (code != RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) return;
    write_refused_ = true;
    writable_.clear();
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
    if (!error) {
        ++sent_so_;
        return Sent{};
    }
    if (error->kind == TransactionError::Kind::again) return Undecided{};
    heed(error->code);
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
    auto said = failures.front().code;
    for (const Failure& failure : failures) {
        heed(failure.code);
        const auto reason = refusal_of(failure.code);
        // That the one topic of the configuration is gone is no event's fault.
        const bool is_gone =
            reason == RefusalReason::unknown_topic && !options_.fixed_topic.empty();
        if (!reason || is_gone) continue;
        if (suspects.empty()) said = failure.code;
        suspects.push_back(failure.event);
    }
    if (suspects.empty()) return SendFailed{producer_->describe(said)};
    auto refusals = probe(suspects);
    if (!refusals.empty()) return EventsRefused{std::move(refusals)};
    const std::string text = rd_kafka_err2str(said);
    if (refusal_of(said) != RefusalReason::too_large) {
        return SendFailed{text + ": of no event by itself; trying again"};
    }
    const std::size_t now = number_setting(*rd_kafka_conf(&producer_->client()), "batch.size");
    batch_size_ = std::max(now / 4, smallest_batch);
    sent_so_ = 0;
    return SendFailed{text +
                      ": no single event, but what was sent together; trying smaller "
                      "requests"};
}

/// Which of them Kafka refuses, each by itself: some, where that takes long. A broker that refuses
/// one message of a request refuses them all, so they are offered in ever smaller groups.
std::vector<Refusal> EventTransactions::probe(const std::vector<std::size_t>& suspects) {
    std::vector<Refusal> refusals;
    partitions_.clear();
    too_few_.clear();
    struct Group {
        Suspects suspects;
        bool is_first_half = false;  // the other one is behind it
        bool is_split = false;       // unasked: if it is not the first half, it is this one
    };
    std::vector<Group> groups{{suspects}};
    const auto enough = std::chrono::steady_clock::now() + probe_patience;
    while (!groups.empty() && (refusals.empty() || std::chrono::steady_clock::now() < enough)) {
        const Group group = groups.back();
        groups.pop_back();
        const std::size_t half = group.suspects.size() / 2;
        if (half == 0 || !group.is_split) {
            const auto code = answer_to(group.suspects);
            if (!code && group.is_first_half) groups.back().is_split = true;
            if (!code) continue;
            if (half == 0) {
                refusals.push_back(
                    confirm({group.suspects.front(), *refusal_of(*code), rd_kafka_err2str(*code)}));
                continue;
            }
        }
        groups.push_back({.suspects = group.suspects.subspan(half)});
        groups.push_back({.suspects = group.suspects.first(half), .is_first_half = true});
    }
    return refusals;
}

/// What Kafka says against one of them, or against them together; nullopt: nothing.
std::optional<rd_kafka_resp_err_t> EventTransactions::answer_to(Suspects suspects) {
    for (int tries = 1;; ++tries) {
        const auto code = offer(suspects);
        if (!code || refusal_of(*code)) return code;
        // librdkafka 2.0.2 goes on counting behind a message that the broker refused, so that the
        // next one is out of sequence; to abort that one begins a new sequence.
        if (tries == offers_of_a_group) throw TroubleOfTheWorld(rd_kafka_err2str(*code));
    }
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

/// In a transaction of their own, which is aborted.
std::optional<rd_kafka_resp_err_t> EventTransactions::offer(Suspects suspects) {
    failures_.clear();
    ended_ = false;
    acknowledged_ = 0;
    if (producer_->begin_transaction()) throw TroubleOfTheWorld("kafka: no transaction");
    for (std::size_t i = 0; i < suspects.size() && is_well(); ++i) {
        const OutboxEvent& event = events_->events()[suspects[i]];
        producer_->send(*event.topic, event.message(), suspects[i]);
    }
    if (!producer_->flush(flush_patience)) throw TroubleOfTheWorld("kafka does not answer");
    if (!abort()) throw TroubleOfTheWorld("kafka: the transaction cannot be aborted");
    const auto refusal = std::ranges::find_if(
        failures_, [](const Failure& failure) { return refusal_of(failure.code).has_value(); });
    if (refusal != failures_.end()) return refusal->code;
    if (!failures_.empty()) return failures_.front().code;
    // Those that were given up with the transaction are neither taken nor refused.
    if (acknowledged_ != suspects.size()) return RD_KAFKA_RESP_ERR__STATE;
    return std::nullopt;
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
