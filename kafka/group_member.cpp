#include "kafka/group_member.h"

#include "kafka/client.h"
#include "kafka/statistics.h"
#include "kafka/topic.h"
#include "kafka/unclaimed.h"
#include "pipeline/errors.h"
#include "pipeline/log.h"

#include <algorithm>
#include <utility>

namespace sluice::kafka {
namespace {

constexpr std::chrono::seconds join_patience{3};
/// librdkafka does not say that a group has no coordinator, and says only once that it may not be
/// used. A rebalance in which all members answer takes a few seconds.
constexpr std::chrono::seconds assignment_patience{30};
constexpr int seek_timeout_ms = 10000;
/// An answer to a Fetch is held twice while it is taken apart: half of the least budget.
constexpr const char* most_per_answer = "8388608";

/// Longer than any handing over should take, in which a partition is nobody's for a moment.
constexpr std::chrono::seconds unclaimed_patience{3};
constexpr std::chrono::seconds time_between_looks{1};
constexpr std::chrono::milliseconds look_timeout{500};
constexpr std::chrono::seconds time_between_questions{2};
constexpr std::chrono::milliseconds question_timeout{500};

/// The share of the pipeline's memory that is for records fetched and not taken yet.
std::size_t fetch_budget(const config::Ingest& ingest) {
    return ingest.memory - static_cast<std::size_t>(ingest.lanes) * ingest.batch.bytes;
}

std::map<std::string, std::string> own_settings(const config::Kafka& kafka,
                                                const config::Ingest& ingest) {
    std::map<std::string, std::string> own = {
        {"group.id", ingest.group},
        {"partition.assignment.strategy", "cooperative-sticky"},
        // Progress in the database decides; these offsets are for lag tools, stored after commit.
        {"enable.auto.commit", "true"},
        {"enable.auto.offset.store", "false"},
        // A position outside of the partition is a choice for us to make, never a silent jump.
        {"auto.offset.reset", "error"},
        {"isolation.level", "read_committed"},
        // Sparse, librdkafka 2.0.2 now and then sleeps a second before it connects to the first.
        {"enable.sparse.connections", "false"},
        // The end of a partition moves progress over markers behind the last record.
        {"enable.partition.eof", "true"},
        {"statistics.interval.ms", "2000"},
        // FetchThrottle says why these are out of the way.
        {"queued.min.messages", "10000000"},
        {"queued.max.messages.kbytes", "2097151"},
    };
    if (!kafka.instance.empty()) own["group.instance.id"] = kafka.instance;
    // For who is killed and comes back under another name; librdkafka's default is 45 s.
    constexpr const char* session = "session.timeout.ms";
    if (!kafka.properties.contains(session)) own[session] = "10000";
    // New partitions are noticed with this; librdkafka's own default is five minutes.
    constexpr const char* refresh = "topic.metadata.refresh.interval.ms";
    if (!kafka.properties.contains(refresh)) own[refresh] = "30000";
    if (!kafka.properties.contains("fetch.max.bytes")) own["fetch.max.bytes"] = most_per_answer;
    return own;
}

}  // namespace

GroupMember::GroupMember(const config::Kafka& kafka, const config::Ingest& ingest,
                         OnStatistics on_statistics)
    : name_(ingest.name),
      topic_(ingest.topic),
      group_(ingest.group),
      instance_(kafka.instance),
      on_statistics_(std::move(on_statistics)),
      throttle_(fetch_budget(ingest)),
      doubtful_(!instance_.empty()) {
    ConfHandle conf = make_conf(kafka, own_settings(kafka, ingest));
    rd_kafka_conf_set_opaque(conf.get(), this);
    rd_kafka_conf_set_rebalance_cb(conf.get(), on_rebalance);
    rd_kafka_conf_set_stats_cb(conf.get(), GroupMember::on_statistics);
    throttle_.attach_to(*conf);
    client_ = make_client(RD_KAFKA_CONSUMER, std::move(conf), name_);
    rd_kafka_poll_set_consumer(client_.get());
    group_queue_.reset(rd_kafka_queue_get_consumer(client_.get()));
    for (int i = 0; i < ingest.lanes; ++i) {
        lanes_.push_back(std::make_unique<LaneQueue>(*client_, topic_, throttle_));
    }
}

GroupMember::~GroupMember() {
    throttle_.release();
    const bool may_be_destroyed = finish_joining();
    // Closing revokes what is still assigned, through on_rebalance(), which answers for us.
    const ErrorHandle closing{rd_kafka_consumer_close_queue(client_.get(), group_queue_.get())};
    while (!closing && rd_kafka_consumer_closed(client_.get()) == 0) {
        const MessageHandle message{rd_kafka_consume_queue(group_queue_.get(), 100)};
        for (const Event& event : std::exchange(events_, {})) {
            if (event.kind == Event::Kind::revoked) {
                const PartitionList list = make_list(topic_, event.partitions);
                const ErrorHandle ignored{rd_kafka_incremental_unassign(client_.get(), list.get())};
            }
        }
    }
    lanes_.clear();
    group_queue_.reset();
    if (may_be_destroyed) return;
    // It has left the group; what is lost is its memory and some idle threads, which must not log
    // when the process ends and its logger is gone.
    rd_kafka_set_log_level(client_.get(), -1);
    static_cast<void>(client_.release());
}

/// A client that is destroyed between the answer to its first JoinGroup and its first assignment
/// ends the process by an assertion (librdkafka #4312, mended in 2.3.0): so a join that is under
/// way comes to its end first. False when it has not.
bool GroupMember::finish_joining() {
    const auto deadline = std::chrono::steady_clock::now() + join_patience;
    while (is_joining() && std::chrono::steady_clock::now() < deadline) {
        const MessageHandle message{rd_kafka_consume_queue(group_queue_.get(), 50)};
    }
    return !is_joining();
}

/// From the first answer of the coordinator, which names us, to the first assignment.
bool GroupMember::is_joining() const {
    if (!joined_ || assigned_once_) return false;
    char* const name = rd_kafka_memberid(client_.get());
    const bool named = name != nullptr && *name != '\0';
    if (name != nullptr) rd_kafka_mem_free(client_.get(), name);
    return named;
}

std::string GroupMember::cluster_id() {
    return kafka::cluster_id(*client_);
}

void GroupMember::adapt(const config::Ingest& ingest) {
    throttle_.set_budget(fetch_budget(ingest));
}

void GroupMember::join() {
    const PartitionList topics{rd_kafka_topic_partition_list_new(1)};
    rd_kafka_topic_partition_list_add(topics.get(), topic_.c_str(), RD_KAFKA_PARTITION_UA);
    check(rd_kafka_subscribe(client_.get(), topics.get()), "subscribing to \"" + topic_ + "\"");
    joined_ = true;
    unassigned_since_ = std::chrono::steady_clock::now();
}

std::string GroupMember::trouble() const {
    if (!trouble_.empty() || !unassigned_since_) return trouble_;
    if (std::chrono::steady_clock::now() - *unassigned_since_ < assignment_patience) return {};
    return "kafka: no assignment from group \"" + group_ +
           "\": it has no coordinator, does not let us in (Read on the group), or waits for a "
           "member that does not answer";
}

void GroupMember::on_rebalance(rd_kafka_t* client, rd_kafka_resp_err_t code,
                               rd_kafka_topic_partition_list_t* partitions, void* self) {
    Event event{
        code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS ? Event::Kind::assigned : Event::Kind::revoked,
        {}};
    for (int i = 0; i < partitions->cnt; ++i) {
        event.partitions.push_back(partitions->elems[i].partition);
    }
    auto& member = *static_cast<GroupMember*>(self);
    if (event.kind == Event::Kind::assigned) {
        member.assigned_once_ = true;
        member.unassigned_since_.reset();
    } else {
        member.unassigned_since_ = std::chrono::steady_clock::now();
    }
    member.events_.push_back(std::move(event));
    rd_kafka_yield(client);  // else poll() goes on waiting, and the group with it
}

/// Zero: librdkafka frees the text.
int GroupMember::on_statistics(rd_kafka_t* /*client*/, char* json, std::size_t size, void* self) {
    auto& member = *static_cast<GroupMember*>(self);
    if (!member.on_statistics_) return 0;
    GroupStatistics statistics = parse_statistics({json, size}, member.topic_);
    const FetchThrottle::Held held = member.throttle_.held();
    statistics.fetched_records = held.messages;
    statistics.fetched_bytes = held.bytes;
    statistics.throttled = held.waited;
    member.on_statistics_(statistics);
    return 0;
}

void GroupMember::poll(GroupListener& listener, std::chrono::milliseconds timeout) {
    const MessageHandle message{
        rd_kafka_consumer_poll(client_.get(), static_cast<int>(timeout.count()))};
    if (message) handle(*message);
    if (!trouble_.empty()) ask_whether_it_is_over();
    for (const Event& event : std::exchange(events_, {})) {
        if (event.kind == Event::Kind::assigned) {
            listener.on_assigned(event.partitions);
        } else {
            listener.on_revoked(event.partitions);
        }
    }
    if (doubtful_ && assigned_once_) look_for_unclaimed();
}

void GroupMember::handle(const rd_kafka_message_t& message) {
    if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) return;  // of a partition that nobody opened
    if (message.err == RD_KAFKA_RESP_ERR__FATAL) {
        char text[512];
        const auto code = rd_kafka_fatal_error(client_.get(), text, sizeof text);
        if (code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID) throw NameTaken(instance_);
        throw TroubleOfTheWorld("kafka: " + std::string(text));
    }
    const std::string text = std::string("kafka: ") + rd_kafka_message_errstr(&message);
    log(LogLevel::warn, name_, text);
    // The rest passes, or is tried again by librdkafka, within moments.
    switch (message.err) {
        case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
        case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
        case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
        case RD_KAFKA_RESP_ERR__AUTHENTICATION:
            trouble_ = text;
            next_question_ = std::chrono::steady_clock::now() + time_between_questions;
            break;
        default:
            break;
    }
}

/// librdkafka tells when brokers are gone, not when they are back.
void GroupMember::ask_whether_it_is_over() {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_question_) return;
    next_question_ = now + time_between_questions;
    try {
        static_cast<void>(partitions_of(*client_, topic_, question_timeout));
        trouble_.clear();
    } catch (const TroubleOfTheWorld& still) {
        trouble_ = still.what();
    }
}

/// Who died in the middle of a rebalance and comes back under its stable name gets what it was
/// assigned last, and Kafka sees no reason for another rebalance: what it had been about to hand
/// over stays nobody's. Who leaves and joins again is a reason.
void GroupMember::look_for_unclaimed() {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_look_) return;
    next_look_ = now + time_between_looks;
    const std::optional<bool> found =
        has_unclaimed_partition(*client_, group_, topic_, look_timeout);
    if (!found.value_or(false)) {
        unclaimed_since_.reset();
        if (found) doubtful_ = false;
        return;
    }
    if (!unclaimed_since_) unclaimed_since_ = now;
    if (now - *unclaimed_since_ < unclaimed_patience) return;
    log(LogLevel::warn, name_,
        "partitions are nobody's since a rebalance was cut short; joining anew");
    unclaimed_since_.reset();
    check(rd_kafka_unsubscribe(client_.get()), "leaving the group");
    join();
}

void GroupMember::wake() {
    rd_kafka_queue_yield(group_queue_.get());
}

void GroupMember::assign(std::span<const Position> positions) {
    for (const Position& position : positions) {
        hold_back(*client_, topic_, position.partition, throttle_);
    }
    const PartitionList list = make_list(topic_, positions);
    check(rd_kafka_incremental_assign(client_.get(), list.get()), "taking over partitions");
}

void GroupMember::unassign(std::span<const PartitionId> partitions) {
    for (const PartitionId partition : partitions) static_cast<void>(throttle_.let_go(partition));
    throttle_.tell_waiting();
    const PartitionList list = make_list(topic_, partitions);
    check(rd_kafka_incremental_unassign(client_.get(), list.get()), "handing over partitions");
}

void GroupMember::seek(std::span<const Position> positions) {
    const PartitionList list = make_list(topic_, positions);
    // With the first call librdkafka disowns what it has fetched, so that goes out of the queues at
    // that very moment; the second one, to the same place, tells whether it can be done.
    std::vector<PartitionId> partitions;
    for (const Position& position : positions) partitions.push_back(position.partition);
    throttle_.drop(partitions, [&] {
        const ErrorHandle ignored{rd_kafka_seek_partitions(client_.get(), list.get(), 0)};
    });
    check(rd_kafka_seek_partitions(client_.get(), list.get(), seek_timeout_ms), "seeking");
    std::vector<Position> stopped;
    for (int i = 0; i < list->cnt; ++i) {
        const auto& entry = list->elems[i];
        if (entry.err == RD_KAFKA_RESP_ERR__STATE) {
            stopped.push_back(positions[static_cast<std::size_t>(i)]);
            continue;
        }
        check(entry.err, "seeking in " + topic_ + "[" + std::to_string(entry.partition) + "]");
    }
    if (!stopped.empty()) fetch_anew(stopped);
}

// auto.offset.reset = error ends fetching for good: librdkafka then refuses to seek.
void GroupMember::fetch_anew(const std::vector<Position>& positions) {
    const PartitionList list = make_list(topic_, positions);
    check(rd_kafka_incremental_unassign(client_.get(), list.get()), "seeking");
    // The end of fetching takes back the queue's forwarding, which a lane may be about to set. It
    // comes before this seek, whose answer, a refusal, is waited for.
    check(rd_kafka_seek_partitions(client_.get(), list.get(), seek_timeout_ms), "seeking");
    assign(positions);
}

std::vector<PartitionId> GroupMember::partitions() {
    return partitions_of(*client_, topic_);
}

std::vector<Position> GroupMember::resolve(const config::Start& start,
                                           std::span<const PartitionId> partitions) {
    return resolve_start(*client_, topic_, start, partitions);
}

OffsetRange GroupMember::available(PartitionId partition) {
    return available_offsets(*client_, topic_, partition);
}

}  // namespace sluice::kafka
