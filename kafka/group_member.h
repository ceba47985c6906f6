#pragma once

#include "config/config.h"
#include "kafka/broker_watch.h"
#include "kafka/fetch_throttle.h"
#include "kafka/handles.h"
#include "kafka/lane_queue.h"
#include "kafka/topic.h"
#include "kafka/topic_access.h"
#include "kafka/topic_watch.h"
#include "kafka/unclaimed_watch.h"
#include "pipeline/errors.h"
#include "pipeline/ingest/group_statistics.h"
#include "pipeline/ingest/ports.h"

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace sluice::kafka {

/// The group has no place any more for this member under the name that it joined with: another one
/// took it, or Kafka was away for longer than the member's session.
class MemberFenced : public TroubleOfTheWorld {
public:
    MemberFenced(std::string name, std::string group)
        : TroubleOfTheWorld("kafka: the group has let go of the member \"" + name +
                            "\": it was away for longer than its session, or another one took its "
                            "name; joining anew"),
          name_(std::move(name)),
          group_(std::move(group)) {}
    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] const std::string& group() const { return group_; }

private:
    std::string name_;
    std::string group_;
};

/// The settings of a member's client. Throws WrongConfiguration.
[[nodiscard]] ConfHandle member_conf(const config::Kafka& kafka, const config::Ingest& ingest);

/// One pipeline's membership in its consumer group, with one queue per lane. Cooperative: a
/// rebalance stops only the partitions that move. Joins on join(), leaves when destroyed (with
/// static membership it stays in the group until its session times out, as Kafka defines it).
///
/// `instance` of the configuration is the name to join with, as it was decided.
///
/// Throws WrongConfiguration where [kafka] is not accepted, TroubleOfTheWorld where Kafka fails,
/// after which it can only be destroyed when the error was librdkafka's own and fatal.
class GroupMember : public ConsumerGroup {
public:
    using OnStatistics = std::function<void(const GroupStatistics&)>;
    /// How long joining may take before it is trouble.
    using Patience = std::function<std::chrono::milliseconds()>;
    /// `on_statistics` is called within poll(), every two seconds.
    /// `partitions` outlives it, and knows what it is assigned.
    GroupMember(const config::Kafka& kafka, const config::Ingest& ingest,
                PartitionTable& partitions, OnStatistics on_statistics = {},
                Patience patience = {});
    ~GroupMember() override;

    /// Blocks for a bounded time until Kafka answers.
    [[nodiscard]] std::string cluster_id();
    void join();
    /// Takes over `memory` and `batch` of the pipeline's section while it is a member. From any
    /// thread.
    void adapt(const config::Ingest& ingest);
    /// Whether the group has still to say what is ours, and nothing is. From any thread.
    [[nodiscard]] bool joining() const { return joining_since_.load() != Clock::time_point{}; }
    /// The source of the lane with this number; lives as long as the member.
    [[nodiscard]] RecordSource& lane(std::size_t number) { return *lanes_[number]; }

    void poll(GroupListener& listener, std::chrono::milliseconds timeout) override;
    void wake() override;
    void assign(std::span<const Position> positions) override;
    void unassign(std::span<const PartitionId> partitions) override;
    void set_aside(std::span<const PartitionId> partitions) override;
    void seek(std::span<const Position> positions) override;
    [[nodiscard]] std::string trouble() const override;
    std::vector<PartitionId> partitions() override;
    [[nodiscard]] bool is_new(const std::string& topic) const override {
        return watch_.is_new(topic);
    }
    [[nodiscard]] bool is_seen(const std::string& topic) const override {
        return watch_.is_seen(topic);
    }
    std::vector<Position> resolve(const config::Start& start,
                                  std::span<const PartitionId> partitions) override;
    OffsetRange available(PartitionId partition) override;
    std::vector<Position> ends(std::span<const PartitionId> partitions) override;

private:
    using Clock = std::chrono::steady_clock;

    struct Event {
        enum class Kind { assigned, revoked };
        Kind kind;
        std::vector<PartitionId> partitions;
    };

    static void on_rebalance(rd_kafka_t* client, rd_kafka_resp_err_t code,
                             rd_kafka_topic_partition_list_t* partitions, void* self);
    static int on_statistics(rd_kafka_t* client, char* json, std::size_t size, void* self);
    static void on_error(rd_kafka_t* client, int code, const char* text, void* self);
    void end_if_fatal() const;
    void handle(const rd_kafka_message_t& message);
    void on_owed();
    [[nodiscard]] std::vector<PartitionId> those_to_read(const std::vector<PartitionId>& assigned);
    void subscribe();
    void join_anew(const std::string& why);
    [[nodiscard]] bool finish_joining();
    [[nodiscard]] bool is_coming_in() const;
    [[nodiscard]] ErrorHandle stop_fetching(std::span<const PartitionId> partitions);
    void fetch_anew(const std::vector<Position>& positions);
    void await_end_of_fetching(const std::vector<Position>& positions);
    [[nodiscard]] TopicPartitions by_topic(std::span<const PartitionId> partitions) const;
    [[nodiscard]] std::vector<Position> positions_of(const TopicOffsets& offsets) const;
    void keep_own_queue(PartitionId partition);
    void empty_own_queues();

    const std::string name_;
    const config::Topics topics_;
    const config::TopicMatcher is_read_;
    PartitionTable& partitions_;
    const std::string instance_;
    const std::string group_;
    const OnStatistics on_statistics_;
    const Patience patience_;
    FetchThrottle throttle_;
    std::vector<Event> events_;  // filled by on_rebalance() inside poll()
    BrokerWatch brokers_;
    TopicAccess access_;
    TopicWatch watch_;
    UnclaimedWatch unclaimed_;
    std::vector<std::string> subscribed_;
    bool joined_ = false;
    bool assigned_once_ = false;
    std::size_t owned_ = 0;                           ///< partitions
    std::atomic<Clock::time_point> joining_since_{};  ///< {}: it is not
    std::string said_while_joining_;                  ///< last, by Kafka against it

    // Last: what librdkafka calls back while they end uses what is above.
    ClientHandle client_;
    QueueHandle group_queue_;
    std::map<PartitionId, QueueHandle> own_queues_;  ///< of those that were ever assigned
    std::vector<std::unique_ptr<LaneQueue>> lanes_;
};

}  // namespace sluice::kafka
