#include "sinks/verify.h"

#include "sinks/cloudberry_progress.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <tuple>

namespace sluice {
namespace {

constexpr std::size_t some = 10;
constexpr std::int64_t lines_per_call = 1024;

using Key = std::tuple<std::string, std::string, PartitionId>;  // cluster, topic, partition

/// What the ledger holds of one partition: read once, compared with the target's rows in passing.
struct LedgerRange {
    Offset from;
    Offset to;
    std::int64_t loaded;
    std::int64_t rejected;
    bool complete;  ///< nothing filtered, no gaps: every offset is a row or a dead letter
};

/// Compares one partition's ledger ranges with the offsets of target and dead letters, which come
/// in order.
class RangeComparison {
public:
    RangeComparison(VerifiedPartition& partition, std::vector<LedgerRange> ranges)
        : partition_(partition), ranges_(std::move(ranges)) {
        if (!ranges_.empty()) expected_ = ranges_.front().from;
    }

    void row(Offset offset, bool dead_letter) {
        while (at_ < ranges_.size() && offset >= ranges_[at_].to) end_range();
        if (!dead_letter) {
            ++*partition_.rows;
            if (offset == last_row_) {
                ++partition_.doubled;
                if (partition_.some_doubled.size() < some)
                    partition_.some_doubled.push_back(offset);
                return;
            }
            last_row_ = offset;
        }
        if (at_ == ranges_.size() || offset < ranges_[at_].from) {
            if (!dead_letter) ++partition_.unaccounted;
            return;
        }
        list_missing(offset);
        expected_ = offset + 1;
        if (!dead_letter) ++rows_in_range_;
    }

    void finish() {
        while (at_ < ranges_.size()) end_range();
    }

private:
    void list_missing(Offset until) {
        if (!ranges_[at_].complete) return;
        for (; expected_ < until && partition_.some_missing.size() < some; ++expected_)
            partition_.some_missing.push_back(expected_);
    }

    void end_range() {
        const LedgerRange& range = ranges_[at_];
        list_missing(range.to);
        partition_.missing += std::max<std::int64_t>(0, range.loaded - rows_in_range_);
        partition_.unaccounted += std::max<std::int64_t>(0, rows_in_range_ - range.loaded);
        rows_in_range_ = 0;
        ++at_;
        if (at_ < ranges_.size()) expected_ = ranges_[at_].from;
    }

    VerifiedPartition& partition_;
    std::vector<LedgerRange> ranges_;
    std::size_t at_ = 0;
    Offset expected_ = 0;
    Offset last_row_ = -1;
    std::int64_t rows_in_range_ = 0;
};

class Verifier {
public:
    Verifier(Session& session, const VerifyOptions& options)
        : session_(session), options_(options), schema_(quote_identifier(options.schema)) {}

    Verification run() {
        Transaction transaction(session_,
                                "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY");
        read_progress_rows();
        read_ledger();
        read_dead_letters();
        for (auto& [key, partition] : partitions_) judge_ledger(partition);
        read_target();
        Verification verification;
        verification.not_compared = not_compared_;
        for (auto& [key, partition] : partitions_)
            verification.partitions.push_back(std::move(partition.verified));
        return verification;
    }

private:
    struct Partition {
        VerifiedPartition verified;
        int incarnation = 0;  ///< the current one
        std::map<int, std::vector<LedgerRange>> ranges;
    };

    void read_progress_rows() {
        for (const ProgressRow& row : read_progress(session_, options_.schema, options_.pipeline)) {
            Partition& partition = partitions_[{row.cluster_id, row.topic, row.partition}];
            partition.incarnation = row.incarnation;
            VerifiedPartition& verified = partition.verified;
            verified.cluster_id = row.cluster_id;
            verified.topic = row.topic;
            verified.partition = row.partition;
            verified.incarnations = row.incarnation + 1;
            verified.anchor = row.anchor;
            verified.next = row.next;
        }
    }

    void read_ledger() {
        const Rows rows = session_.exec(
            "SELECT cluster_id, topic, kafka_partition, incarnation, from_offset, to_offset,"
            " loaded, rejected, filtered, gaps, lost FROM " +
                schema_ +
                ".ledger WHERE pipeline = $1"
                " ORDER BY cluster_id, topic, kafka_partition, incarnation, from_offset, to_offset",
            {options_.pipeline});
        for (std::size_t row = 0; row < rows.rows.size(); ++row) {
            const Key key = {rows.text(row, 0), rows.text(row, 1),
                             static_cast<PartitionId>(rows.number(row, 2))};
            const auto found = partitions_.find(key);
            if (found == partitions_.end()) {
                Partition& unknown = partitions_[key];
                unknown.verified.cluster_id = rows.text(row, 0);
                unknown.verified.topic = rows.text(row, 1);
                unknown.verified.partition = std::get<2>(key);
                unknown.verified.problems.push_back("the ledger has rows, progress has none");
            }
            Partition& partition = partitions_[key];
            VerifiedPartition& sums = partition.verified;
            sums.loaded += rows.number(row, 6);
            sums.rejected += rows.number(row, 7);
            sums.filtered += rows.number(row, 8);
            sums.gaps += rows.number(row, 9);
            sums.lost += rows.number(row, 10);
            const bool complete =
                rows.number(row, 8) + rows.number(row, 9) + rows.number(row, 10) == 0;
            partition.ranges[static_cast<int>(rows.number(row, 3))].push_back(
                {rows.number(row, 4), rows.number(row, 5), rows.number(row, 6), rows.number(row, 7),
                 complete});
        }
    }

    void read_dead_letters() {
        const Rows rows =
            session_.exec("SELECT cluster_id, topic, kafka_partition, count(*) FROM " + schema_ +
                              ".dead_letter WHERE pipeline = $1 GROUP BY 1, 2, 3",
                          {options_.pipeline});
        for (std::size_t row = 0; row < rows.rows.size(); ++row) {
            const auto found = partitions_.find({rows.text(row, 0), rows.text(row, 1),
                                                 static_cast<PartitionId>(rows.number(row, 2))});
            if (found != partitions_.end())
                found->second.verified.dead_letters = rows.number(row, 3);
        }
    }

    static void judge_ledger(Partition& partition) {
        VerifiedPartition& verified = partition.verified;
        const auto problem = [&](std::string text) {
            verified.problems.push_back(std::move(text));
        };
        const auto number = [](Offset offset) { return std::to_string(offset); };
        for (const auto& [incarnation, ranges] : partition.ranges) {
            for (std::size_t i = 1; i < ranges.size(); ++i) {
                const Offset before = ranges[i - 1].to;
                const Offset after = ranges[i].from;
                if (after > before)
                    problem("the ledger has a hole: offsets " + number(before) + " to " +
                            number(after) + " are accounted for nowhere");
                if (after < before)
                    problem("the ledger overlaps: offsets " + number(after) + " to " +
                            number(before) + " are accounted for twice");
            }
        }
        const auto current = partition.ranges.find(partition.incarnation);
        const bool none = current == partition.ranges.end();
        const Offset from = none ? verified.anchor : current->second.front().from;
        const Offset to = none ? verified.anchor : current->second.back().to;
        if (from != verified.anchor)
            problem("the ledger begins at " + number(from) + ", the pipeline at " +
                    number(verified.anchor));
        if (to != verified.next)
            problem("the ledger ends at " + number(to) + ", progress is at " +
                    number(verified.next));
        if (verified.dead_letters != verified.rejected)
            problem(number(verified.rejected) +
                    " records were rejected, sluice.dead_letter holds " +
                    number(verified.dead_letters));
    }

    [[nodiscard]] bool may_compare() {
        if (!options_.partition_column || !options_.offset_column) {
            not_compared_ = "no columns are mapped to @partition and @offset";
            return false;
        }
        const std::string name = target();
        const Rows may =
            session_.exec("SELECT has_table_privilege($1::regclass, 'SELECT')", {name});
        if (may.text(0, 0) != "t") {
            not_compared_ = "this role may not read table " + name + "; GRANT SELECT to compare";
            return false;
        }
        return true;
    }

    [[nodiscard]] std::string target() const {
        return quote_identifier(options_.table.schema) + "." +
               quote_identifier(options_.table.name);
    }

    /// Partitions of the topic whose offsets mean one record each: offsets of a topic that was
    /// created anew repeat.
    void read_target() {
        if (!may_compare()) return;
        std::map<PartitionId, RangeComparison> comparisons;
        std::map<PartitionId, std::vector<Partition*>> by_number;
        for (auto& [key, partition] : partitions_)
            if (partition.verified.topic == options_.topic)
                by_number[partition.verified.partition].push_back(&partition);
        for (auto& [number, same] : by_number) {
            VerifiedPartition& verified = same.front()->verified;
            verified.rows = 0;
            std::vector<LedgerRange> ranges;
            if (same.size() == 1 && verified.incarnations == 1 && !same.front()->ranges.empty())
                ranges = same.front()->ranges.begin()->second;
            comparisons.try_emplace(number, verified, std::move(ranges));
        }
        copy_offsets(comparisons);
        for (auto& [number, same] : by_number) {
            if (same.size() > 1 || same.front()->verified.incarnations > 1)
                compare_counts(same);
            else
                comparisons.at(number).finish();
            judge_target(same.front()->verified);
        }
    }

    void copy_offsets(std::map<PartitionId, RangeComparison>& comparisons) {
        const std::string partition = quote_identifier(*options_.partition_column) + "::int";
        const std::string offset = quote_identifier(*options_.offset_column) + "::bigint";
        std::string of_topic;
        if (options_.topic_column)
            of_topic = " WHERE " + quote_identifier(*options_.topic_column) +
                       "::text = " + quote_literal(options_.topic);
        const std::string sql =
            "COPY (SELECT " + partition + ", " + offset + ", 0 FROM " + target() + of_topic +
            " UNION ALL SELECT kafka_partition, kafka_offset, 1 FROM " + schema_ +
            ".dead_letter WHERE pipeline = " + quote_literal(options_.pipeline) +
            " AND topic = " + quote_literal(options_.topic) + " ORDER BY 1, 2) TO STDOUT";
        std::int64_t elsewhere = 0;
        std::int64_t lines = 0;
        session_.copy_out(sql, [&](std::string_view line) {
            if (++lines % lines_per_call == 0) options_.on_compared(lines);
            std::int64_t fields[3] = {};
            const char* at = line.data();
            const char* const end = at + line.size();
            for (std::int64_t& field : fields) {
                const auto [next, error] = std::from_chars(at, end, field);
                if (error != std::errc()) {  // \N: a row that came from elsewhere
                    ++elsewhere;
                    return;
                }
                at = next + 1;
            }
            const auto found = comparisons.find(static_cast<PartitionId>(fields[0]));
            if (found == comparisons.end())
                ++elsewhere;
            else
                found->second.row(fields[1], fields[2] == 1);
        });
        if (elsewhere > 0 && !comparisons.empty())
            not_compared_ = std::to_string(elsewhere) +
                            " rows have no partition that this pipeline reads: they came from "
                            "elsewhere and were left out";
    }

    static void compare_counts(const std::vector<Partition*>& same) {
        VerifiedPartition& verified = same.front()->verified;
        std::int64_t loaded = 0;
        for (const Partition* partition : same) loaded += partition->verified.loaded;
        verified.doubled = 0;
        verified.some_doubled.clear();
        verified.missing = std::max<std::int64_t>(0, loaded - *verified.rows);
        verified.unaccounted = std::max<std::int64_t>(0, *verified.rows - loaded);
    }

    static void judge_target(VerifiedPartition& verified) {
        const auto problem = [&](std::int64_t count, const char* what,
                                 const std::vector<Offset>& which) {
            if (count == 0) return;
            std::string text = std::to_string(count) + what;
            for (const Offset& offset : which)
                text += (&offset == &which.front() ? ": " : ", ") + std::to_string(offset);
            verified.problems.push_back(text + (which.size() >= some ? ", …" : ""));
        };
        problem(verified.missing, " loaded records are missing in the table",
                verified.some_missing);
        problem(verified.doubled, " rows are doubled", verified.some_doubled);
        problem(verified.unaccounted, " rows are at offsets that the ledger does not account for",
                {});
    }

    Session& session_;
    const VerifyOptions& options_;
    std::string schema_;
    std::map<Key, Partition> partitions_;
    std::string not_compared_;
};

}  // namespace

bool Verification::fine() const {
    return std::all_of(partitions.begin(), partitions.end(),
                       [](const VerifiedPartition& p) { return p.problems.empty(); });
}

Verification verify(Session& session, const VerifyOptions& options) {
    return Verifier(session, options).run();
}

}  // namespace sluice
