#pragma once

#include "pipeline/ingest/ports.h"
#include "sinks/books/identity.h"
#include "sinks/books/tips_read.h"
#include "sinks/session/session.h"

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace sluice {

/// By a person's wish: this partition goes on at `to`.
struct ProgressMove {
    PartitionId partition = 0;
    std::optional<ResumePoint> now;  ///< as it was read; nullopt: there is none yet
    Offset to = 0;
};

/// One pipeline's progress in the database. One per pipeline, used by its control thread only;
/// connects on first use and again after the connection broke. Every call is one transaction.
class CloudberryProgress : public ProgressStore {
public:
    /// `read`: where to note what was read, for the pipeline's sinks; null: nowhere.
    CloudberryProgress(const std::string& dsn, PipelineIdentity identity,
                       std::shared_ptr<TipsRead> read = nullptr);

    /// As Session has it.
    void tell_steps_to(std::function<void()> on_step) {
        session_.tell_steps_to(std::move(on_step));
    }
    std::vector<ResumePoint> read(std::span<const PartitionId> partitions) override;
    std::set<std::string> topics() override;
    void anchor(std::span<const Position> starts) override;
    Move skip_lost(PartitionId partition, OffsetRange range) override;
    Move begin_anew(PartitionId partition, Offset next, Offset start) override;
    /// All of them, or none: false when progress of one was not as it was read any more. Back
    /// begins another incarnation, forth is in the ledger as lost.
    bool set(std::span<const ProgressMove> moves);

private:
    template <typename Call>
    auto guarded(Call call);
    /// A row of the ledger for what is not a batch.
    struct Step {
        PartitionId partition = 0;
        OffsetRange range;                 ///< that it covers; progress must be at its beginning
        const char* kind = "";             ///< of the row
        std::optional<Offset> anchor{};    ///< where another incarnation begins
        std::optional<int> incarnation{};  ///< that progress must be of, where the caller knows
    };
    [[nodiscard]] static Step step_of(const ProgressMove& move);
    /// In the caller's transaction, which has to roll back when it is false: progress had moved.
    bool take(const Step& step);
    Move take_alone(const Step& step);
    /// The same; how many had no progress.
    std::size_t insert(std::span<const Position> starts);

    PipelineIdentity identity_;
    Session session_;
    const std::shared_ptr<TipsRead> read_;
};

/// A row of progress, for status and verify.
struct ProgressRow {
    std::string cluster_id;
    std::string topic;
    PartitionNumber partition = 0;
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
