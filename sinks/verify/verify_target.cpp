#include "sinks/verify/verify_target.h"

#include "sinks/catalogue/finding.h"
#include "sinks/load/copy_cells.h"
#include "sinks/session/sql_text.h"
#include "sinks/verify/range_comparison.h"

#include <algorithm>

namespace sluice {
namespace {

constexpr std::size_t shown_offsets = 10;
constexpr std::int64_t lines_per_call = 1024;

class TargetVerifier {
public:
    TargetVerifier(Session& session, const VerifyOptions& options, AllBooks& books)
        : session_(session),
          options_(options),
          schema_(quote_identifier(options.schema)),
          partitions_(books) {}

    std::string run() {
        if (may_compare()) read_target();
        return not_compared_;
    }

private:
    [[nodiscard]] bool may_compare() {
        if (!options_.not_comparable.empty()) {
            not_compared_ = options_.not_comparable;
            return false;
        }
        if (!options_.partition_column || !options_.offset_column) {
            not_compared_ = "no columns are mapped to @partition and @offset";
            return false;
        }
        const std::string name = target();
        const Rows may =
            session_.exec("SELECT has_table_privilege($1::regclass, 'SELECT')", {name});
        if (may.text(0, 0) != "t") {
            not_compared_ = "this role may not read table " + name + "; GRANT SELECT ON " + name +
                            " TO " + role_of(session_) + " to compare";
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
        std::map<PartitionNumber, std::vector<PartitionBooks*>> by_number;
        for (auto& [key, partition] : partitions_)
            if (partition.verified.topic == options_.topic)
                by_number[partition.verified.partition].push_back(&partition);
        std::map<PartitionNumber, RangeComparison> comparisons;
        const auto counted_only = [](const std::vector<PartitionBooks*>& same) {
            return same.size() > 1 || same.front()->recreated();
        };
        for (auto& [number, same] : by_number) {
            VerifiedPartition& verified = same.front()->verified;
            verified.rows = 0;
            comparisons.try_emplace(number, verified,
                                    counted_only(same) ? std::vector<Offset>{0}
                                                       : same.front()->begins_by_incarnation());
        }
        copy_offsets(comparisons);
        for (auto& [number, same] : by_number) {
            comparisons.at(number).end_range();
            if (counted_only(same)) compare_counts(same);
            judge_target(same.front()->verified);
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

    void copy_offsets(std::map<PartitionNumber, RangeComparison>& comparisons) {
        std::int64_t elsewhere = 0;
        std::int64_t lines = 0;
        session_.copy_out(merged_offsets(), [&](std::string_view line) {
            if (++lines % lines_per_call == 0) options_.on_compared(lines);
            CopyCells cells(line);
            const auto partition = cells.number();
            const auto offset = cells.number();
            const auto found = partition && offset
                                   ? comparisons.find(static_cast<PartitionNumber>(*partition))
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

    static void compare(RangeComparison& comparison, Offset offset, CopyCells& cells) {
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

    static void compare_counts(const std::vector<PartitionBooks*>& same) {
        VerifiedPartition& verified = same.front()->verified;
        std::int64_t loaded = 0;
        for (const PartitionBooks* partition : same) loaded += partition->verified.loaded;
        verified.doubled = 0;
        verified.some_doubled.clear();
        verified.some_missing.clear();
        verified.before_rewind = 0;
        // Rows of what was rewound may have been deleted, and nobody can tell which those were.
        const bool rewound = std::ranges::any_of(
            same, [](const PartitionBooks* partition) { return !partition->rewound.empty(); });
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
            verified.problems.push_back(text + (which.size() >= shown_offsets ? ", …" : ""));
        };
        problem(verified.missing, " loaded records are missing in the table",
                verified.some_missing);
        problem(verified.doubled, " rows are doubled", verified.some_doubled);
        problem(verified.unaccounted, " rows are at offsets that the ledger does not account for",
                {});
    }

    Session& session_;
    const VerifyOptions& options_;
    const std::string schema_;
    AllBooks& partitions_;
    std::string not_compared_;
};

}  // namespace

std::string verify_target(Session& session, const VerifyOptions& options, AllBooks& books) {
    return TargetVerifier(session, options, books).run();
}

}  // namespace sluice
