#include "sinks/verify.h"

#include "sinks/cloudberry_progress.h"
#include "sinks/range_comparison.h"
#include "sinks/sql_text.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <tuple>

namespace sluice {
namespace {

constexpr std::size_t some = 10;
constexpr std::int64_t lines_per_call = 1024;

using Key = std::tuple<std::string, std::string, PartitionId>;  // cluster, topic, partition

/// Cells of one row of COPY … TO STDOUT, read one after the other: numbers, which COPY escapes
/// nothing in.
class Cells {
public:
    explicit Cells(std::string_view line) : rest_(line) {
        if (rest_.ends_with('\n')) rest_.remove_suffix(1);
    }
    /// nullopt: NULL.
    std::optional<std::int64_t> number() {
        const std::string_view cell = rest_.substr(0, rest_.find('\t'));
        rest_.remove_prefix(std::min(cell.size() + 1, rest_.size()));
        std::int64_t value = 0;
        if (std::from_chars(cell.data(), cell.data() + cell.size(), value).ec != std::errc())
            return std::nullopt;
        return value;
    }

private:
    std::string_view rest_;
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
        for (auto& [key, partition] : partitions_) judge_sums(partition);
        read_target();
        for (auto& [key, partition] : partitions_) note_rewinds(partition);
        Verification verification;
        verification.not_compared = not_compared_;
        for (auto& [key, partition] : partitions_)
            verification.partitions.push_back(std::move(partition.verified));
        return verification;
    }

private:
    struct Partition {
        VerifiedPartition verified;
        int incarnation = 0;       ///< the current one
        std::int64_t letters = 0;  ///< that were ever rejected, as dead letters have it
        /// Of the ledger's rows of the current incarnation.
        std::optional<Offset> begins;
        Offset ends = 0;
        /// Of the row that was read last.
        std::optional<int> last_incarnation;
        Offset last_to = 0;
        std::map<int, Offset> begins_of;  ///< by incarnation
        std::map<int, Offset> rewound;    ///< incarnations that a rewind ended, and where

        /// Offsets of a topic that was created anew repeat: only their number can be compared.
        [[nodiscard]] bool recreated() const {
            return rewound.size() + 1 < static_cast<std::size_t>(verified.incarnations);
        }
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

    /// In the order in which read_ledger() numbers them: COPY would escape their names.
    [[nodiscard]] std::vector<Partition*> partitions_of_ledger() {
        std::vector<Partition*> found;
        const Rows rows =
            session_.exec("SELECT DISTINCT cluster_id, topic, kafka_partition FROM " + schema_ +
                              ".ledger WHERE pipeline = $1 ORDER BY 1, 2, 3",
                          {options_.pipeline});
        for (std::size_t row = 0; row < rows.rows.size(); ++row) {
            const Key key = {rows.text(row, 0), rows.text(row, 1),
                             static_cast<PartitionId>(rows.number(row, 2))};
            const bool unknown = !partitions_.contains(key);
            Partition& partition = partitions_[key];
            found.push_back(&partition);
            if (!unknown) continue;
            partition.verified.cluster_id = rows.text(row, 0);
            partition.verified.topic = rows.text(row, 1);
            partition.verified.partition = std::get<2>(key);
            partition.verified.problems.push_back("the ledger has rows, progress has none");
        }
        return found;
    }

    /// Row by row, in the order of offsets: a ledger can be larger than memory.
    void read_ledger() {
        const std::vector<Partition*> partitions = partitions_of_ledger();
        session_.copy_out(
            "COPY (SELECT dense_rank() OVER (ORDER BY cluster_id, topic, kafka_partition),"
            " incarnation, from_offset, to_offset, loaded, rejected, filtered, gaps, lost,"
            " CASE kind WHEN 'rewound' THEN 1 ELSE 0 END FROM " +
                schema_ + ".ledger WHERE pipeline = " + quote_literal(options_.pipeline) +
                " ORDER BY cluster_id, topic, kafka_partition, incarnation, from_offset,"
                " to_offset) TO STDOUT",
            [&](std::string_view line) {
                Cells cells(line);
                const auto rank = static_cast<std::size_t>(cells.number().value());
                take_ledger_row(*partitions.at(rank - 1), cells);
            });
    }

    static void take_ledger_row(Partition& partition, Cells& cells) {
        const int incarnation = static_cast<int>(cells.number().value());
        const OffsetRange range{cells.number().value(), cells.number().value()};
        VerifiedPartition& sums = partition.verified;
        for (std::int64_t* sum :
             {&sums.loaded, &sums.rejected, &sums.filtered, &sums.gaps, &sums.lost})
            *sum += cells.number().value();
        partition.begins_of.try_emplace(incarnation, range.from);
        if (cells.number() == 1) partition.rewound[incarnation] = range.to;
        if (partition.last_incarnation == incarnation) judge_join(sums, partition.last_to, range);
        partition.last_incarnation = incarnation;
        partition.last_to = range.to;
        if (incarnation != partition.incarnation) return;
        if (!partition.begins) partition.begins = range.from;
        partition.ends = range.to;
    }

    /// Where two rows of the ledger meet.
    static void judge_join(VerifiedPartition& verified, Offset before, const OffsetRange& next) {
        if (next.from == before) return;
        const bool hole = next.from > before;
        const std::string between = std::to_string(std::min(before, next.from)) + " to " +
                                    std::to_string(std::max(before, next.from));
        add_problem(verified,
                    hole
                        ? "the ledger has a hole: offsets " + between + " are accounted for nowhere"
                        : "the ledger overlaps: offsets " + between + " are accounted for twice");
    }

    /// A ledger in ruins must not fill the memory with complaints.
    static void add_problem(VerifiedPartition& verified, std::string text) {
        constexpr std::size_t most = 20;
        if (verified.problems.size() < most) verified.problems.push_back(std::move(text));
    }

    /// Those that are open, and what became of the others: together, what was ever rejected.
    void read_dead_letters() {
        const Rows rows = session_.exec(
            "SELECT cluster_id, topic, kafka_partition, 'open', count(*) FROM " + schema_ +
                ".open_dead_letter WHERE pipeline = $1 GROUP BY 1, 2, 3"
                " UNION ALL SELECT cluster_id, topic, kafka_partition, outcome, count(*) FROM " +
                schema_ +
                ".dead_letter_history WHERE pipeline = $1 AND outcome <> 'rejected'"
                " GROUP BY 1, 2, 3, 4",
            {options_.pipeline});
        for (std::size_t row = 0; row < rows.rows.size(); ++row) {
            const auto found = partitions_.find({rows.text(row, 0), rows.text(row, 1),
                                                 static_cast<PartitionId>(rows.number(row, 2))});
            if (found == partitions_.end()) continue;
            Partition& partition = found->second;
            const std::string& what = rows.text(row, 3);
            const std::int64_t count = rows.number(row, 4);
            VerifiedPartition& verified = partition.verified;
            partition.letters += count;
            if (what == "open") verified.dead_letters = count;
            if (what == "discarded") verified.discarded = count;
            if (what == "filtered") verified.filtered += count;
            if (what != "loaded") continue;
            verified.retried = count;
            verified.loaded += count;
        }
    }

    static void judge_sums(Partition& partition) {
        VerifiedPartition& verified = partition.verified;
        const auto number = [](Offset offset) { return std::to_string(offset); };
        const Offset from = partition.begins.value_or(verified.anchor);
        const Offset to = partition.begins ? partition.ends : verified.anchor;
        if (from != verified.anchor)
            add_problem(verified, "the ledger begins at " + number(from) + ", the pipeline at " +
                                      number(verified.anchor));
        if (to != verified.next)
            add_problem(verified, "the ledger ends at " + number(to) + ", progress is at " +
                                      number(verified.next));
        if (partition.letters != verified.rejected)
            add_problem(verified, number(verified.rejected) +
                                      " records were rejected, sluice.dead_letter holds " +
                                      number(partition.letters) + ", settled ones included");
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
        std::map<PartitionId, std::vector<Partition*>> by_number;
        for (auto& [key, partition] : partitions_)
            if (partition.verified.topic == options_.topic)
                by_number[partition.verified.partition].push_back(&partition);
        std::map<PartitionId, RangeComparison> comparisons;
        const auto counted_only = [](const std::vector<Partition*>& same) {
            return same.size() > 1 || same.front()->recreated();
        };
        for (auto& [number, same] : by_number) {
            VerifiedPartition& verified = same.front()->verified;
            verified.rows = 0;
            comparisons.try_emplace(
                number, verified,
                counted_only(same) ? std::vector<Offset>{0} : begins_of(*same.front()));
        }
        copy_offsets(comparisons);
        for (auto& [number, same] : by_number) {
            comparisons.at(number).end_range();
            if (counted_only(same)) compare_counts(same);
            judge_target(same.front()->verified);
        }
    }

    /// Where each incarnation began to read.
    static std::vector<Offset> begins_of(const Partition& partition) {
        std::vector<Offset> begins;
        for (const auto& [incarnation, begin] : partition.begins_of) begins.push_back(begin);
        // Nothing was read of the current one yet.
        if (!partition.begins_of.contains(partition.incarnation)) {
            begins.push_back(partition.verified.anchor);
        }
        return begins;
    }

    static void note_rewinds(Partition& partition) {
        std::vector<std::string>& notes = partition.verified.notes;
        const std::vector<Offset> begins = begins_of(partition);
        for (const auto& [incarnation, end] : partition.rewound) {
            const auto next = static_cast<std::size_t>(incarnation) + 1;
            if (next >= begins.size()) continue;
            notes.push_back("rewound to " + std::to_string(begins[next]) + ", so offsets " +
                            std::to_string(begins[next]) + " to " + std::to_string(end - 1) +
                            " are loaded again");
        }
        if (const std::int64_t rows = partition.verified.before_rewind; rows > 0) {
            notes.push_back(std::to_string(rows) + " rows from before a rewind are still there");
        }
    }

    /// What lies at one offset, in this order.
    enum class Kind { range, row, dead_letter, retried };

    /// Ledger, target and dead letters of the topic, merged by the database, so that nothing of
    /// them has to be held.
    [[nodiscard]] std::string merged_offsets() const {
        const std::string partition = quote_identifier(*options_.partition_column) + "::int";
        const std::string offset = quote_identifier(*options_.offset_column) + "::bigint";
        const std::string ours = " WHERE pipeline = " + quote_literal(options_.pipeline) +
                                 " AND topic = " + quote_literal(options_.topic);
        std::string of_topic;
        if (options_.topic_column)
            of_topic = " WHERE " + quote_identifier(*options_.topic_column) +
                       "::text = " + quote_literal(options_.topic);
        return "COPY (SELECT kafka_partition, from_offset, 0, to_offset, loaded,"
               " CASE WHEN filtered + gaps + lost = 0 THEN 1 ELSE 0 END, incarnation FROM " +
               schema_ + ".ledger" + ours + " UNION ALL SELECT " + partition + ", " + offset +
               ", 1, 0, 0, 0, 0 FROM " + target() + of_topic +
               " UNION ALL SELECT kafka_partition, kafka_offset, 2, 0, 0, 0, incarnation FROM " +
               schema_ + ".open_dead_letter" + ours +
               " UNION ALL SELECT kafka_partition, kafka_offset,"
               " CASE outcome WHEN 'loaded' THEN 3 ELSE 2 END, 0, 0, 0, incarnation FROM " +
               schema_ + ".dead_letter_history" + ours + " AND outcome <> 'rejected'" +
               " ORDER BY 1, 2, 3, 4) TO STDOUT";
    }

    void copy_offsets(std::map<PartitionId, RangeComparison>& comparisons) {
        std::int64_t elsewhere = 0;
        std::int64_t lines = 0;
        session_.copy_out(merged_offsets(), [&](std::string_view line) {
            if (++lines % lines_per_call == 0) options_.on_compared(lines);
            Cells cells(line);
            const auto partition = cells.number();
            const auto offset = cells.number();
            const auto found = partition && offset
                                   ? comparisons.find(static_cast<PartitionId>(*partition))
                                   : comparisons.end();
            if (found == comparisons.end()) {
                ++elsewhere;
            } else {
                compare(found->second, *offset, cells);
            }
        });
        if (elsewhere > 0 && !comparisons.empty())
            not_compared_ = std::to_string(elsewhere) +
                            " rows have no partition that this pipeline reads: they came from "
                            "elsewhere and were left out";
    }

    static void compare(RangeComparison& comparison, Offset offset, Cells& cells) {
        const auto kind = static_cast<Kind>(cells.number().value());
        LedgerRange range{.offsets = {offset, cells.number().value()},
                          .loaded = cells.number().value(),
                          .complete = cells.number() == 1,
                          .incarnation = static_cast<int>(cells.number().value())};
        switch (kind) {
            case Kind::range:
                return comparison.begin_range(range);
            case Kind::row:
                return comparison.row(offset);
            case Kind::dead_letter:
                return comparison.dead_letter(offset, range.incarnation);
            case Kind::retried:
                return comparison.retried(offset, range.incarnation);
        }
    }

    static void compare_counts(const std::vector<Partition*>& same) {
        VerifiedPartition& verified = same.front()->verified;
        std::int64_t loaded = 0;
        for (const Partition* partition : same) loaded += partition->verified.loaded;
        verified.doubled = 0;
        verified.some_doubled.clear();
        verified.some_missing.clear();
        verified.before_rewind = 0;
        // Rows of what was rewound may have been deleted, and nobody can tell which those were.
        const bool rewound = std::ranges::any_of(
            same, [](const Partition* partition) { return !partition->rewound.empty(); });
        verified.missing = rewound ? 0 : std::max<std::int64_t>(0, loaded - *verified.rows);
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
