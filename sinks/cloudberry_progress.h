#pragma once

#include "pipeline/ports.h"
#include "sinks/identity.h"
#include "sinks/session.h"

#include <optional>
#include <string>
#include <vector>

namespace sluice {

/// One pipeline's progress in the database. One per pipeline, used by its control thread only;
/// connects on first use and again after the connection broke. Every call is one transaction.
class CloudberryProgress : public ProgressStore {
public:
    CloudberryProgress(const std::string& dsn, PipelineIdentity identity);

    std::vector<ResumePoint> read(std::span<const PartitionId> partitions) override;
    bool any() override;
    void anchor(std::span<const Position> starts) override;
    bool skip_lost(PartitionId partition, OffsetRange range) override;
    bool begin_anew(PartitionId partition, Offset next, Offset start) override;
    /// By a person's wish: goes on at `to`. Back begins another incarnation, forth is in the ledger
    /// as lost. False when progress was not as `now` says any more.
    bool set(const ResumePoint& now, Offset to);

private:
    template <typename Call>
    auto guarded(Call call);
    /// One ledger row of what is not a batch, then progress over it; false when it had moved.
    struct Step {
        PartitionId partition = 0;
        OffsetRange range;      ///< that the ledger row covers; progress must be at its beginning
        const char* kind = "";  ///< of the ledger row
        std::string set;        ///< what becomes of the progress row
        std::optional<int> incarnation{};  ///< that progress must be of, where the caller knows
    };
    bool take(const Step& step);

    PipelineIdentity identity_;
    Session session_;
};

/// A row of progress, for status and verify.
struct ProgressRow {
    std::string cluster_id;
    std::string topic;
    PartitionId partition = 0;
    Offset next = 0;
    Offset anchor = 0;
    int incarnation = 0;
    std::string moved_at;
    std::string writer;
};

/// All progress of a pipeline, by cluster, topic and partition. Throws DatabaseError.
[[nodiscard]] std::vector<ProgressRow> read_progress(Session& session, const std::string& schema,
                                                     const std::string& pipeline);

}  // namespace sluice
