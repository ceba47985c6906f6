#pragma once

#include "pipeline/ingest/group_statistics.h"
#include "pipeline/record.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sluice {

/// What a lane is at.
enum class LaneActivity { reading, writing, backing_off };
[[nodiscard]] const char* name_of(LaneActivity activity);

/// A pipeline's dead letters that were neither loaded since nor discarded, as the database has
/// them.
struct OpenDeadLetters {
    std::int64_t count = 0;
    std::optional<std::chrono::system_clock::time_point> oldest{};  ///< when it was rejected
};

/// An ingest pipeline's work at one moment: a value, for people and machines who look.
struct IngestStatus {
    struct Partition {
        static constexpr int no_lane = -1;
        std::string topic;
        PartitionNumber partition = 0;
        int lane = 0;
        Offset next = 0;            ///< progress
        std::optional<Offset> end;  ///< once Kafka has told
        Offset lag = 0;
        double lag_seconds = 0;
        bool recognised = true;  ///< its last record was seen to be the one that was read
    };
    struct Lane {
        LaneActivity activity = LaneActivity::reading;
        double seconds = 0;  ///< since when
    };
    struct DeadLetter {
        std::string topic;
        PartitionNumber partition = 0;
        Offset offset = 0;
        std::string reasons;
        std::chrono::system_clock::time_point at;
    };

    /// What after_commit has done.
    struct AfterCommit {
        std::int64_t done = 0;
        std::int64_t failed = 0;
        std::string error;  ///< of the latest run; empty: it went well
        std::chrono::system_clock::time_point at;
    };

    std::int64_t records = 0;  ///< all since the pipeline was configured, as are these
    std::int64_t bytes = 0;
    std::int64_t rows = 0;
    std::int64_t rejects = 0;
    std::map<std::string, std::int64_t> rows_by_table;  ///< where there are several
    double rows_per_second = 0;
    double bytes_per_second = 0;
    double freshness_seconds = 0;  ///< of the oldest record in the latest batch, when it committed
    double oldest_uncommitted_seconds = 0;
    std::optional<std::chrono::system_clock::time_point> last_commit;
    std::vector<Partition> partitions;
    std::vector<Lane> lanes;
    std::vector<DeadLetter> dead_letters;              ///< the latest, newest first
    std::optional<OpenDeadLetters> open_dead_letters;  ///< once they were counted
    std::optional<AfterCommit> after_commit;           ///< once it ran
    std::string rejecting;  ///< in words, when nearly all of the latest records are rejects
    std::string filtering;  ///< in words, when none of them became a row or a reject
    std::vector<GroupStatistics::MissingTopic> missing_topics;
    struct HeldTopic {
        std::string why;
        int failures = 0;  ///< in a row
    };
    std::size_t assigned = 0;  ///< partitions, of which those that are read are above
    std::map<std::string, HeldTopic> held_up_topics;  ///< whose targets take no rows
    std::string held_up;  ///< in words, what of it waits for somebody while the rest goes on

    [[nodiscard]] Offset lag() const;
    [[nodiscard]] double lag_seconds() const;  ///< of the partition that is furthest behind
};

}  // namespace sluice
