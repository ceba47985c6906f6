#include "sinks/verify/verify_books.h"

#include "sinks/books/cloudberry_progress.h"
#include "sinks/copy/copy_cells.h"
#include "sinks/session/sql_text.h"

#include <algorithm>

namespace sluice {
namespace {

class BooksReader {
public:
    BooksReader(Session& session, const VerifyOptions& options)
        : session_(session), options_(options), schema_(quote_identifier(options.schema)) {}

    AllBooks read() {
        read_progress_rows();
        read_ledger();
        read_dead_letters();
        for (auto& [key, partition] : partitions_) judge_sums(partition);
        return std::move(partitions_);
    }

private:
    void read_progress_rows() {
        for (const ProgressRow& row : read_progress(session_, options_.schema, options_.pipeline)) {
            PartitionBooks& partition = partitions_[{row.cluster_id, row.topic, row.partition}];
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
    [[nodiscard]] std::vector<PartitionBooks*> partitions_of_ledger() {
        std::vector<PartitionBooks*> found;
        const Rows rows =
            session_.exec("SELECT DISTINCT cluster_id, topic, kafka_partition FROM " + schema_ +
                              ".ledger WHERE pipeline = $1 ORDER BY 1, 2, 3",
                          {options_.pipeline});
        for (std::size_t row = 0; row < rows.rows.size(); ++row) {
            const AllBooks::key_type key = {rows.text(row, 0), rows.text(row, 1),
                                            static_cast<PartitionNumber>(rows.number(row, 2))};
            const bool unknown = !partitions_.contains(key);
            PartitionBooks& partition = partitions_[key];
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
        const std::vector<PartitionBooks*> partitions = partitions_of_ledger();
        session_.copy_out(
            "COPY (SELECT dense_rank() OVER (ORDER BY cluster_id, topic, kafka_partition),"
            " incarnation, from_offset, to_offset, loaded, superseded, unmatched, rejected,"
            " filtered, gaps, lost,"
            " CASE kind WHEN 'rewound' THEN 1 ELSE 0 END FROM " +
                schema_ + ".ledger WHERE pipeline = " + quote_literal(options_.pipeline) +
                " ORDER BY cluster_id, topic, kafka_partition, incarnation, from_offset,"
                " to_offset) TO STDOUT",
            [&](std::string_view line) {
                CopyCells cells(line);
                const auto rank = static_cast<std::size_t>(cells.number().value());
                take_ledger_row(*partitions.at(rank - 1), cells);
            });
    }

    static void take_ledger_row(PartitionBooks& partition, CopyCells& cells) {
        const int incarnation = static_cast<int>(cells.number().value());
        const OffsetRange range{cells.number().value(), cells.number().value()};
        VerifiedPartition& sums = partition.verified;
        for (std::int64_t* sum : {&sums.loaded, &sums.superseded, &sums.unmatched, &sums.rejected,
                                  &sums.filtered, &sums.gaps, &sums.lost})
            *sum += cells.number().value();
        partition.begins_of.try_emplace(incarnation, range.from);
        if (cells.number() == 1) partition.rewound[incarnation] = range.to;
        if (partition.last_incarnation == incarnation) judge_join(sums, partition.last_to, range);
        partition.last_incarnation = incarnation;
        partition.last_to = range.to;
        if (incarnation != partition.incarnation) return;
        if (!partition.begins) partition.begins = range.from;
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
            const auto found =
                partitions_.find({rows.text(row, 0), rows.text(row, 1),
                                  static_cast<PartitionNumber>(rows.number(row, 2))});
            if (found == partitions_.end()) continue;
            PartitionBooks& partition = found->second;
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

    static void judge_sums(PartitionBooks& partition) {
        VerifiedPartition& verified = partition.verified;
        const auto number = [](Offset offset) { return std::to_string(offset); };
        const Offset from = partition.begins.value_or(verified.anchor);
        if (from != verified.anchor)
            add_problem(verified, "the ledger begins at " + number(from) + ", the pipeline at " +
                                      number(verified.anchor));
        if (partition.letters != verified.rejected)
            add_problem(verified, number(verified.rejected) +
                                      " records were rejected, sluice.dead_letter holds " +
                                      number(partition.letters) + ", settled ones included");
    }

    Session& session_;
    const VerifyOptions& options_;
    const std::string schema_;
    AllBooks partitions_;
};

}  // namespace

std::vector<Offset> PartitionBooks::begins_by_incarnation() const {
    std::vector<Offset> all;
    // Below 0 are rows of the ledger that progress had left before tables of version 4.
    for (const auto& [which, begin] : begins_of)
        if (which >= 0) all.push_back(begin);
    // Nothing was read of the current one yet.
    if (!begins_of.contains(incarnation)) all.push_back(verified.anchor);
    return all;
}

AllBooks verify_books(Session& session, const VerifyOptions& options) {
    return BooksReader(session, options).read();
}

}  // namespace sluice
