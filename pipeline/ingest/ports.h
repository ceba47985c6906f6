#pragma once

#include "config/config.h"
#include "pipeline/batch.h"
#include "pipeline/mapping/targets.h"
#include "pipeline/record.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// What a pipeline needs of the world. Kafka and Cloudberry implement them in
/// kafka/ and sinks/; tests/ has fakes with the faults of the real ones.
namespace sluice {

struct Position {
    PartitionId partition = 0;
    Offset next = 0;
    bool operator==(const Position&) const = default;
};

/// Where a partition goes on: what the database says of it.
struct ResumePoint {
    PartitionId partition = 0;
    Offset next = 0;
    RecordIdentity last;  ///< of the last record before `next`, if one is known
    int incarnation = 0;  ///< counts how often the topic was created anew; see begin_anew()
};

/// What a source delivers, in the order of each partition's offsets.
struct Arrival {
    enum class Kind {
        record,
        end,  ///< all below `record.offset` was delivered or never comes (markers, aborted)
        out_of_range,  ///< Kafka has no record at the position that was asked for
        /// Why nothing comes of the partition now, in `trouble`. The source goes on by itself, and
        /// does not tell when it is over: the next record, or end, does.
        trouble,
    };
    Kind kind = Kind::record;
    Record record;  ///< of the other kinds: where they are from
    std::string trouble{};
};

/// One per lane; used by the lane's thread only, save wake().
class RecordSource {
public:
    virtual ~RecordSource() = default;
    /// From here on the partition's records arrive. Before this call, and after close(), none does
    /// in the poll() that follows, even if some were already fetched. close() may come late, when
    /// the partition has been unassigned and assigned again meanwhile: it leaves alone what was
    /// fetched since.
    virtual void open(PartitionId partition) = 0;
    virtual void close(PartitionId partition) = 0;
    /// Waits until something is there, the time is up or wake() is called, for so long as it
    /// returns; next() has a bounded number of arrivals then.
    virtual std::chrono::nanoseconds poll(std::chrono::milliseconds timeout) = 0;
    /// Valid until the next call, or poll(); nullptr: no more before that.
    virtual const Arrival* next() = 0;
    /// Ends a poll() that is waiting, or the next one. From any thread.
    virtual void wake() = 0;
    /// Tells lag tools how far the database is. Best effort; nothing depends on it.
    virtual void report_committed(std::span<const Position> positions) = 0;
};

struct Committed {
    std::chrono::nanoseconds writing{};  ///< rows and books: from BEGIN to COMMIT
    std::chrono::nanoseconds commit{};   ///< COMMIT alone
    bool settled = false;  ///< an earlier COMMIT of it, not answered, had taken effect
    std::string stop{};    ///< the reject before which the batch was cut, if any
    std::map<std::string, std::int64_t> rows{};  ///< of several tables, by their names
};
/// Another writer moved the progress of one of the batch's partitions: nothing of the batch was
/// written. Drop it, read progress again.
struct Fenced {
    std::vector<PartitionId> partitions;
};
/// Trouble of the world: nothing is known to be written; offer the very same batch again later.
struct Retry {
    std::string reason;
};
/// Of several targets, these take no rows now, each of which the batch has some for: nothing is
/// written. Give their partitions back, and offer the rest.
struct HeldUp {
    struct Target {
        TargetId id = 0;
        std::string reason;
    };
    std::vector<Target> targets;
};
using CommitResult = std::variant<Committed, Fenced, Retry, HeldUp>;

/// What a sink has made of a batch's rows beforehand, for itself.
class PreparedBatch {
public:
    virtual ~PreparedBatch() = default;
};

/// One per lane, used by one thread, save prepare(). Connects on first use and reconnects on its
/// own; holds no transaction open between calls.
class Sink {
public:
    virtual ~Sink() = default;
    /// Who is told of each step that a commit() takes, on its thread: a statement was done, or has
    /// found a row that is refused. What fails by trouble of the world is none, and no commit()
    /// goes on taking steps for ever. Before the first commit().
    virtual void tell_steps_to(const std::function<void()>&) {}
    /// What of a commit needs no database, of the batch that comes next: by the lane's thread while
    /// the batch before it is being committed. From then on the batch gets no rows, but may lose
    /// some, and its TargetRows stay where they are in memory. Null: nothing.
    [[nodiscard]] virtual std::unique_ptr<PreparedBatch> prepare(const Batch&) { return nullptr; }
    /// Before the first commit() of each batch: what was prepared of it, or null.
    virtual void use(std::unique_ptr<PreparedBatch>) {}
    /// Writes rows, dead letters, ledger and, last, progress in one transaction; blocks until the
    /// outcome is known. A row that the database refuses becomes a reject of the batch. When the
    /// answer to an earlier COMMIT of this batch was lost, that is settled before anything is sent.
    virtual CommitResult commit(Batch& batch) = 0;
};

/// Of progress that is moved without records: whether it was still where it was looked at.
enum class Move { made, overtaken };

/// Progress as the control thread of a pipeline needs it. Used by one thread. Calls throw
/// TroubleOfTheWorld when the database cannot answer now.
class ProgressStore {
public:
    virtual ~ProgressStore() = default;
    /// Where the given partitions go on; a partition without progress is left out.
    virtual std::vector<ResumePoint> read(std::span<const PartitionId> partitions) = 0;
    /// Of which any partition has progress: if so, a partition of theirs without is a new one.
    virtual std::set<std::string> topics() = 0;
    /// Fixes where partitions start. Who is first wins; an existing progress is never changed.
    virtual void anchor(std::span<const Position> starts) = 0;
    /// Moves progress from `range.from` to `range.to` without loading, and writes the skipped
    /// offsets to the ledger as lost.
    [[nodiscard]] virtual Move skip_lost(PartitionId partition, OffsetRange range) = 0;
    /// The topic was created anew: progress goes from `next` to `start` and a new incarnation of
    /// the partition begins, whose offsets are accounted for by themselves.
    [[nodiscard]] virtual Move begin_anew(PartitionId partition, Offset next, Offset start) = 0;
};

/// What the group coordinator decided, in the order it did.
class GroupListener {
public:
    virtual ~GroupListener() = default;
    virtual void on_assigned(std::span<const PartitionId> partitions) = 0;
    /// The group waits until unassign() is called for them.
    virtual void on_revoked(std::span<const PartitionId> partitions) = 0;
    /// The topic is not seen any more: whatever is read of that name next may be another one.
    virtual void on_lost_sight(const std::string& topic) = 0;
};

/// A pipeline's membership in its consumer group. Used by the pipeline's control thread only, save
/// wake(). Calls throw TroubleOfTheWorld when Kafka cannot answer now.
class ConsumerGroup {
public:
    virtual ~ConsumerGroup() = default;
    /// Serves the membership: must be called often, whatever else goes on. Events that arrived are
    /// handed over before it returns, outside of any lock.
    virtual void poll(GroupListener& listener, std::chrono::milliseconds timeout) = 0;
    /// Ends a poll() that is waiting, or the next one. From any thread.
    virtual void wake() = 0;
    /// Accepts assigned partitions and begins to fetch at the given positions. Records are held
    /// back until a lane opens the partition.
    virtual void assign(std::span<const Position> positions) = 0;
    virtual void unassign(std::span<const PartitionId> partitions) = 0;
    /// Fetches nothing of these, which stay ours, until they are assigned again. For closed ones.
    virtual void set_aside(std::span<const PartitionId> partitions) = 0;
    /// Fetches on from other positions; what was fetched before is dropped. For closed partitions.
    virtual void seek(std::span<const Position> positions) = 0;

    /// Why nothing can arrive now, in words; empty when Kafka is there, as far as is known.
    [[nodiscard]] virtual std::string trouble() const = 0;

    /// All partitions that the topics have now.
    virtual std::vector<PartitionId> partitions() = 0;
    /// Whether this topic came to be after the membership, as far as it has seen.
    [[nodiscard]] virtual bool is_new(const std::string& topic) const = 0;
    /// False: it was not seen when it was looked for last.
    [[nodiscard]] virtual bool is_seen(const std::string& topic) const = 0;
    /// Where `start` lies in each of these partitions now.
    virtual std::vector<Position> resolve(const config::Start& start,
                                          std::span<const PartitionId> partitions) = 0;
    /// The offsets that the partition holds now: from the first that is still there to its end.
    virtual OffsetRange available(PartitionId partition) = 0;
    /// Where these end now for a reader of committed records. Asked in a moment or not at all: what
    /// Kafka does not tell is left out.
    virtual std::vector<Position> ends(std::span<const PartitionId> partitions) = 0;
};

}  // namespace sluice
