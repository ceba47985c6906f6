#pragma once

#include "pipeline/record.h"

#include <chrono>
#include <cstdint>
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

    std::int64_t records = 0;  ///< all since the pipeline was configured, as are these
    std::int64_t bytes = 0;
    std::int64_t rows = 0;
    std::int64_t rejects = 0;
    double rows_per_second = 0;
    double bytes_per_second = 0;
    double freshness_seconds = 0;  ///< of the oldest record in the latest batch, when it committed
    double oldest_uncommitted_seconds = 0;
    std::optional<std::chrono::system_clock::time_point> last_commit;
    std::vector<Partition> partitions;
    std::vector<Lane> lanes;
    std::vector<DeadLetter> dead_letters;              ///< the latest, newest first
    std::optional<OpenDeadLetters> open_dead_letters;  ///< once they were counted
    std::string rejecting;  ///< in words, when nearly all of the latest records are rejects

    [[nodiscard]] Offset lag() const;
    [[nodiscard]] double lag_seconds() const;  ///< of the partition that is furthest behind
};

}  // namespace sluice
