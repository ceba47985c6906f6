#include "kafka/group_member.h"

#include "config/pipeline.h"
#include "kafka/client.h"
#include "kafka/group_description.h"
#include "kafka/statistics.h"
#include "kafka/topic.h"
#include "pipeline/errors.h"
#include "pipeline/log.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

namespace sluice::kafka {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds join_patience{3};
/// Longer than a healthy broker takes, whatever it is asked for.
constexpr std::chrono::seconds answer_patience{4};
/// What is asked only to be told costs the group no more than this.
constexpr std::chrono::seconds moment{1};
/// An answer to a Fetch is held twice while it is taken apart: half of the least budget.
constexpr const char* most_per_answer = "8388608";

/// How long a broker may hold back an answer to Fetch, if the user has said so.
std::chrono::milliseconds fetch_wait(const config::Kafka& kafka) {
    return milliseconds_of(kafka, "fetch.wait.max.ms", 0ms);
}

constexpr const char* refresh_property = "topic.metadata.refresh.interval.ms";

/// How often it is looked for new partitions and topics; librdkafka's own default is five minutes.
std::chrono::milliseconds refresh_of(const config::Kafka& kafka, const config::Topics& topics) {
    return milliseconds_of(kafka, refresh_property, topics.only() != nullptr ? 30s : 10s);
}

void empty(rd_kafka_queue_t& queue) {
    while (MessageHandle message{rd_kafka_consume_queue(&queue, 0)}) {
    }
}

/// An expression such as .* means no topic of Kafka's own.
std::string left_out(const config::Kafka& kafka) {
    const std::string kafkas_own = "^__";
    const auto found = kafka.properties.find("topic.blacklist");
    return found == kafka.properties.end() ? kafkas_own : found->second.text + "," + kafkas_own;
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
    own["session.timeout.ms"] = std::to_string(session_timeout(kafka).count());
    if (!kafka.properties.contains(refresh_property))
        own[refresh_property] = std::to_string(refresh_of(kafka, ingest.topic).count());
    if (!ingest.topic.regex.empty()) own["topic.blacklist"] = left_out(kafka);
    if (!kafka.properties.contains("fetch.max.bytes")) own["fetch.max.bytes"] = most_per_answer;
    return own;
}

}  // namespace

ConfHandle member_conf(const config::Kafka& kafka, const config::Ingest& ingest) {
    return make_conf(kafka, own_settings(kafka, ingest));
}

GroupMember::GroupMember(const config::Kafka& kafka, const config::Ingest& ingest,
                         PartitionTable& partitions, OnStatistics on_statistics, Patience patience)
    : name_(ingest.name),
      topics_(ingest.topic),
      is_read_(topics_),
      partitions_(partitions),
      instance_(kafka.instance),
      group_(ingest.group),
      on_statistics_(std::move(on_statistics)),
      patience_(std::move(patience)),
      throttle_(config::fetch_budget(ingest)),
      brokers_(answer_patience + fetch_wait(kafka)),
      access_(topics_.only() != nullptr ? std::optional(*topics_.only()) : std::nullopt),
      watch_(name_, topics_, refresh_of(kafka, topics_)),
      unclaimed_(ingest.group, topics_, !instance_.empty()) {
    ConfHandle conf = member_conf(kafka, ingest);
    rd_kafka_conf_set_opaque(conf.get(), this);
    rd_kafka_conf_set_rebalance_cb(conf.get(), on_rebalance);
    rd_kafka_conf_set_stats_cb(conf.get(), GroupMember::on_statistics);
    rd_kafka_conf_set_error_cb(conf.get(), on_error);
    throttle_.attach_to(*conf);
    client_ = make_client(RD_KAFKA_CONSUMER, std::move(conf), name_);
    rd_kafka_poll_set_consumer(client_.get());
    group_queue_.reset(rd_kafka_queue_get_consumer(client_.get()));
    for (int i = 0; i < ingest.lanes; ++i) {
        lanes_.push_back(std::make_unique<LaneQueue>(*client_, partitions_, throttle_));
    }
}

GroupMember::~GroupMember() {
    for (const auto& lane : lanes_) lane->drop();
    throttle_.release();
    const bool may_be_destroyed = finish_joining();
    // Closing revokes what is still assigned, through on_rebalance(), which answers for us.
    const ErrorHandle closing{rd_kafka_consumer_close_queue(client_.get(), group_queue_.get())};
    while (!closing && rd_kafka_consumer_closed(client_.get()) == 0) {
        const MessageHandle message{rd_kafka_consume_queue(group_queue_.get(), 100)};
        for (const Event& event : std::exchange(events_, {})) {
            if (event.kind == Event::Kind::revoked) {
                const ErrorHandle ignored = stop_fetching(event.partitions);
            }
        }
    }
    empty_own_queues();
    lanes_.clear();
    group_queue_.reset();
    if (may_be_destroyed) return;
    // It has left the group; what is lost is its memory and some idle threads, which must not log
    // when the process ends and its logger is gone.
    rd_kafka_set_log_level(client_.get(), -1);
    static_cast<void>(client_.release());
}

/// A partition whose topic was deleted while it was read is told so in its own queue, where nobody
/// takes it any more; it holds the partition, and that the client, whose end then never comes
/// (librdkafka #4724, mended in 2.6.1).
void GroupMember::empty_own_queues() {
    for (const auto& [partition, queue] : own_queues_) empty(*queue);
}

/// By name it is not found any more when its topic is gone: asked for then, librdkafka makes
/// another one, and wants the partition again.
void GroupMember::keep_own_queue(PartitionId partition) {
    const TopicPartition& named = partitions_[partition];
    QueueHandle& kept = own_queues_[partition];
    if (kept) {
        // That of a topic which has been made anew is another one, and flows into a lane's still:
        // to empty it would take what is there of other partitions.
        rd_kafka_queue_forward(kept.get(), nullptr);
        empty(*kept);
    }
    kept.reset(rd_kafka_queue_get_partition(client_.get(), named.topic.c_str(), named.number));
}

/// A client that is destroyed between the answer to its first JoinGroup and its first assignment
/// ends the process by an assertion (librdkafka #4312, mended in 2.3.0): so a join that is under
/// way comes to its end first, and one that has not been answered yet is taken back, after which
/// librdkafka discards the answer. False when it has not come to its end.
bool GroupMember::finish_joining() {
    if (!joined_ || assigned_once_) return true;
    if (!is_coming_in()) rd_kafka_unsubscribe(client_.get());
    const auto deadline = std::chrono::steady_clock::now() + join_patience;
    while (is_coming_in() && std::chrono::steady_clock::now() < deadline) {
        const MessageHandle message{rd_kafka_consume_queue(group_queue_.get(), 50)};
    }
    return !is_coming_in();
}

/// From the coordinator's first answer, which names us or the protocol, to the first assignment.
bool GroupMember::is_coming_in() const {
    if (assigned_once_) return false;
    const char* const protocol = rd_kafka_rebalance_protocol(client_.get());
    if (protocol == nullptr || std::string_view(protocol) != "NONE") return true;
    char* const name = rd_kafka_memberid(client_.get());
    const bool named = name != nullptr && *name != '\0';
    if (name != nullptr) rd_kafka_mem_free(client_.get(), name);
    return named;
}

std::string GroupMember::cluster_id() {
    return kafka::cluster_id(*client_);
}

void GroupMember::adapt(const config::Ingest& ingest) {
    throttle_.set_budget(config::fetch_budget(ingest));
}

void GroupMember::join() {
    static_cast<void>(watch_.look(*client_));
    subscribe();
    joined_ = true;
    on_owed();
}

/// To what is there. With a name that Kafka does not know, librdkafka 2.0.2 asks for it each time
/// that it joins, and an answer that comes while it joins, as each look of ours is one, has it join
/// anew: members that come or go can keep all from their partitions for as long as the topic is
/// missing.
void GroupMember::subscribe() {
    // To librdkafka, what begins with ^ is an expression.
    std::vector<std::string> names = topics_.regex.empty()
                                         ? watch_.to_subscribe()
                                         : std::vector{config::anchored(topics_.regex)};
    if (names == subscribed_) return;
    const PartitionList list{rd_kafka_topic_partition_list_new(static_cast<int>(names.size()))};
    for (const std::string& name : names)
        rd_kafka_topic_partition_list_add(list.get(), name.c_str(), RD_KAFKA_PARTITION_UA);
    check(rd_kafka_subscribe(client_.get(), list.get()),
          "subscribing to " + config::to_string(topics_));
    subscribed_ = std::move(names);
}

std::string GroupMember::trouble() const {
    if (!brokers_.trouble().empty()) return brokers_.trouble();
    if (!access_.trouble().empty()) return access_.trouble();
    if (std::string none = watch_.trouble(); !none.empty()) return none;
    if (!joining() || !patience_ || Clock::now() - joining_since_.load() < patience_()) return {};
    // librdkafka does not say that a group has no coordinator.
    return "kafka: no assignment from group \"" + group_ + "\": " +
           (said_while_joining_.empty()
                ? "it has no coordinator, does not let us in (Read on the group), or waits for a "
                  "member that does not answer"
                : said_while_joining_);
}

/// From here on the group has to say what is ours, be it nothing.
void GroupMember::on_owed() {
    if (owned_ == 0 && !joining()) joining_since_ = Clock::now();
}

void GroupMember::on_rebalance(rd_kafka_t* client, rd_kafka_resp_err_t code,
                               rd_kafka_topic_partition_list_t* partitions, void* self) {
    Event event{
        code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS ? Event::Kind::assigned : Event::Kind::revoked,
        {}};
    auto& member = *static_cast<GroupMember*>(self);
    for (int i = 0; i < partitions->cnt; ++i) {
        const auto& entry = partitions->elems[i];
        event.partitions.push_back(member.partitions_.id_of(entry.topic, entry.partition));
    }
    if (event.kind == Event::Kind::assigned) {
        member.assigned_once_ = true;
        member.owned_ += event.partitions.size();
        member.joining_since_ = Clock::time_point{};
        member.said_while_joining_.clear();
        member.access_.on_assigned();
    } else {
        member.owned_ -= std::min(member.owned_, event.partitions.size());
        member.on_owed();
    }
    member.events_.push_back(std::move(event));
    rd_kafka_yield(client);  // else poll() goes on waiting, and the group with it
}

/// Zero: librdkafka frees the text.
int GroupMember::on_statistics(rd_kafka_t* /*client*/, char* json, std::size_t size, void* self) {
    auto& member = *static_cast<GroupMember*>(self);
    GroupStatistics statistics = parse_statistics({json, size}, member.partitions_);
    const FetchThrottle::Held held = member.throttle_.held();
    if (held.waits) {
        for (GroupStatistics::Broker& broker : statistics.brokers) broker.silent = {};
    }
    member.brokers_.on_statistics(statistics);
    if (!member.on_statistics_) return 0;
    statistics.missing = member.watch_.missing();
    statistics.fetched_records = held.messages;
    statistics.fetched_bytes = held.bytes;
    statistics.throttled = held.waited;
    member.on_statistics_(statistics);
    return 0;
}

/// Of connections; what the coordinator or a leader refuses comes to handle().
void GroupMember::on_error(rd_kafka_t* /*client*/, int code, const char* text, void* self) {
    auto& member = *static_cast<GroupMember*>(self);
    const std::string reason = text;
    log(LogLevel::warn, member.name_, "kafka: " + reason);
    member.brokers_.on_error(static_cast<rd_kafka_resp_err_t>(code), reason);
}

void GroupMember::poll(GroupListener& listener, std::chrono::milliseconds timeout) {
    const MessageHandle message{
        rd_kafka_consumer_poll(client_.get(), static_cast<int>(timeout.count()))};
    end_if_fatal();
    if (message) handle(*message);
    access_.ask_whether_it_is_over(*client_);
    if (watch_.look(*client_) && joined_) subscribe();
    for (const Event& event : std::exchange(events_, {})) {
        if (event.kind == Event::Kind::assigned) {
            listener.on_assigned(those_to_read(event.partitions));
        } else {
            listener.on_revoked(event.partitions);
        }
    }
    for (const std::string& topic : watch_.take_lost()) listener.on_lost_sight(topic);
    if (!assigned_once_) return;
    if (const std::string why = unclaimed_.why_to_join_anew(*client_); !why.empty()) join_anew(why);
}

/// Kafka hands a member that comes back under its name what it had, whatever it subscribes to now.
std::vector<PartitionId> GroupMember::those_to_read(const std::vector<PartitionId>& assigned) {
    std::vector<PartitionId> read;
    std::ranges::copy_if(assigned, std::back_inserter(read), [&](PartitionId partition) {
        const std::string& topic = partitions_[partition].topic;
        return is_read_.matches(topic) && (!unclaimed_.in_doubt() || watch_.may_be_there(topic));
    });
    if (read.size() < assigned.size()) unclaimed_.on_outdated();
    return read;
}

/// Such a client does nothing any more, whatever it is asked: another one has to be built.
void GroupMember::end_if_fatal() const {
    char text[512];
    const auto code = rd_kafka_fatal_error(client_.get(), text, sizeof text);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return;
    if (code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID) throw MemberFenced(instance_, group_);
    throw TroubleOfTheWorld("kafka: " + std::string(text));
}

void GroupMember::handle(const rd_kafka_message_t& message) {
    if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) return;  // of a partition that nobody opened
    const std::string said = rd_kafka_message_errstr(&message);
    const std::string text = "kafka: " + said;
    log(LogLevel::warn, name_, text);
    if (joining() && message.rkt == nullptr) said_while_joining_ = said;
    if (topics_.only() != nullptr || message.rkt == nullptr)
        return access_.on_error(message.err, text);
    if (message.err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
        watch_.on_refused(rd_kafka_topic_name(message.rkt), text);
}

void GroupMember::join_anew(const std::string& why) {
    log(LogLevel::warn, name_, why + "; joining anew");
    check(rd_kafka_unsubscribe(client_.get()), "leaving the group");
    subscribed_.clear();
    join();
}

void GroupMember::wake() {
    rd_kafka_queue_yield(group_queue_.get());
}

void GroupMember::assign(std::span<const Position> positions) {
    for (const Position& position : positions) {
        const TopicPartition& partition = partitions_[position.partition];
        if (QueueHandle queue = cut_off(*client_, partition))
            throttle_.hold(partition.id, std::move(queue));
        keep_own_queue(partition.id);
    }
    const PartitionList list = make_list(partitions_, positions);
    check(rd_kafka_incremental_assign(client_.get(), list.get()), "taking over partitions");
}

void GroupMember::unassign(std::span<const PartitionId> partitions) {
    for (const PartitionId partition : partitions) static_cast<void>(throttle_.let_go(partition));
    throttle_.tell_waiting();
    check(stop_fetching(partitions).release(), "handing over partitions");
}

/// Of those that are assigned still: librdkafka takes none of them back where one is not, as after
/// an attempt that ended between this and what was to come behind it. It waits for the call, be
/// there any or not, when it has told of partitions that are revoked.
ErrorHandle GroupMember::stop_fetching(std::span<const PartitionId> partitions) {
    rd_kafka_topic_partition_list_t* all = nullptr;
    if (const auto code = rd_kafka_assignment(client_.get(), &all);
        code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return ErrorHandle{rd_kafka_error_new(code, "%s", rd_kafka_err2str(code))};
    const PartitionList listed{all};
    std::set<PartitionId> assigned;
    for (int i = 0; i < all->cnt; ++i)
        assigned.insert(partitions_.id_of(all->elems[i].topic, all->elems[i].partition));
    std::vector<PartitionId> still;
    std::ranges::copy_if(partitions, std::back_inserter(still),
                         [&](PartitionId each) { return assigned.contains(each); });
    const PartitionList list = make_list(partitions_, still);
    return ErrorHandle{rd_kafka_incremental_unassign(client_.get(), list.get())};
}

void GroupMember::set_aside(std::span<const PartitionId> partitions) {
    unassign(partitions);
    std::vector<Position> anywhere;
    for (const PartitionId partition : partitions) anywhere.push_back({partition, 0});
    await_end_of_fetching(anywhere);
}

void GroupMember::seek(std::span<const Position> positions) {
    const PartitionList list = make_list(partitions_, positions);
    // With the first call librdkafka disowns what it has fetched, so that goes out of the queues at
    // that very moment; the second one, to the same place, tells whether it can be done.
    std::vector<PartitionId> partitions;
    for (const Position& position : positions) partitions.push_back(position.partition);
    throttle_.drop(partitions, [&] {
        const ErrorHandle ignored{rd_kafka_seek_partitions(client_.get(), list.get(), 0)};
    });
    kafka::seek(*client_, *list, "seeking");
    std::vector<Position> stopped;
    for (int i = 0; i < list->cnt; ++i) {
        const auto& entry = list->elems[i];
        if (entry.err == RD_KAFKA_RESP_ERR__STATE) {
            stopped.push_back(positions[static_cast<std::size_t>(i)]);
            continue;
        }
        check(
            entry.err,
            "seeking in " + name_of(partitions_[positions[static_cast<std::size_t>(i)].partition]));
    }
    if (!stopped.empty()) fetch_anew(stopped);
}

// auto.offset.reset = error ends fetching for good: librdkafka then refuses to seek.
void GroupMember::fetch_anew(const std::vector<Position>& positions) {
    std::vector<PartitionId> partitions;
    for (const Position& position : positions) partitions.push_back(position.partition);
    check(stop_fetching(partitions).release(), "seeking");
    await_end_of_fetching(positions);
    assign(positions);
}

/// It takes back the queue's forwarding, which a lane may be about to set. It comes before this
/// seek, whose answer, a refusal, is waited for.
void GroupMember::await_end_of_fetching(const std::vector<Position>& positions) {
    const PartitionList list = make_list(partitions_, positions);
    kafka::seek(*client_, *list, "seeking");
}

std::vector<PartitionId> GroupMember::partitions() {
    const TopicPartitions there = partitions_of(*client_, topics_);
    if (topics_.only() == nullptr) watch_.saw(there);
    std::vector<PartitionId> all;
    for (const auto& [topic, numbers] : there)
        for (const PartitionNumber number : numbers)
            all.push_back(partitions_.id_of(topic, number));
    return all;
}

std::vector<Position> GroupMember::resolve(const config::Start& start,
                                           std::span<const PartitionId> partitions) {
    return positions_of(resolve_start(*client_, by_topic(partitions), start));
}

TopicPartitions GroupMember::by_topic(std::span<const PartitionId> partitions) const {
    TopicPartitions by_topic;
    for (const PartitionId partition : partitions) {
        const TopicPartition& named = partitions_[partition];
        by_topic[named.topic].push_back(named.number);
    }
    return by_topic;
}

std::vector<Position> GroupMember::positions_of(const TopicOffsets& offsets) const {
    std::vector<Position> positions;
    for (const auto& [topic, numbers] : offsets)
        for (const auto& [number, next] : numbers)
            positions.push_back({partitions_.id_of(topic, number), next});
    return positions;
}

OffsetRange GroupMember::available(PartitionId partition) {
    const TopicPartition& named = partitions_[partition];
    return available_offsets(*client_, named.topic, named.number);
}

/// A topic that is gone is not asked for: its leaders would be waited for.
std::vector<Position> GroupMember::ends(std::span<const PartitionId> partitions) {
    std::vector<PartitionId> there;
    std::ranges::copy_if(partitions, std::back_inserter(there), [&](PartitionId partition) {
        return watch_.may_be_there(partitions_[partition].topic);
    });
    return positions_of(ends_of(*client_, by_topic(there), moment));
}

}  // namespace sluice::kafka
