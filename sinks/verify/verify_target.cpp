#include "sinks/verify/verify_target.h"

#include "sinks/catalogue/finding.h"
#include "sinks/copy/copy_cells.h"
#include "sinks/session/sql_text.h"
#include "sinks/verify/range_comparison.h"

#include <algorithm>
#include <map>
#include <utility>

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
        not_compared_ = why_not(options_);
        for (const VerifyOptions& other : options_.beside)
            if (not_compared_.empty()) not_compared_ = why_not(other);
        return not_compared_.empty();
    }

    /// Why this table cannot be compared; empty: it can.
    [[nodiscard]] std::string why_not(const VerifyOptions& of) const {
        const auto of_several = [&](std::string why) {
            return options_.beside.empty() ? why : target(of) + ": " + std::move(why);
        };
        if (!of.not_comparable.empty()) return of_several(of.not_comparable);
        if (!of.partition_column || !of.offset_column)
            return of_several("no columns are mapped to @partition and @offset");
        if (options_.topics.only() == nullptr && !of.topic_column)
            return of_several("it reads several topics, and no column is mapped to @topic");
        const std::string name = target(of);
        const Rows may =
            session_.exec("SELECT has_table_privilege($1::regclass, 'SELECT')", {name});
        if (may.text(0, 0) == "t") return {};
        return "this role may not read table " + name + "; GRANT SELECT ON " + name + " TO " +
               role_of(session_) + " to compare";
    }

    [[nodiscard]] static std::string target(const VerifyOptions& of) {
        return quote_identifier(of.table.schema) + "." + quote_identifier(of.table.name);
    }

    /// A topic by its place in topics_, and a partition of it.
    using Place = std::pair<std::int64_t, PartitionNumber>;
    using Comparisons = std::map<Place, RangeComparison>;

    /// Partitions of the topics whose offsets mean one record each: offsets of a topic that was
    /// created anew repeat.
    void read_target() {
        std::map<Place, std::vector<PartitionBooks*>> by_place;
        const config::TopicMatcher matcher(options_.topics);
        for (auto& [key, partition] : partitions_)
            if (const std::string& topic = partition.verified.topic; matcher.matches(topic))
                by_place[{place_of(topic), partition.verified.partition}].push_back(&partition);
        if (topics_.empty()) return;
        Comparisons comparisons;
        const auto counted_only = [](const std::vector<PartitionBooks*>& same) {
            return same.size() > 1 || same.front()->recreated();
        };
        for (auto& [place, same] : by_place) {
            VerifiedPartition& verified = same.front()->verified;
            verified.rows = 0;
            comparisons.try_emplace(place, verified,
                                    counted_only(same) ? std::vector<Offset>{0}
                                                       : same.front()->begins_by_incarnation());
        }
        copy_offsets(comparisons);
        for (auto& [place, same] : by_place) {
            comparisons.at(place).end_range();
            if (counted_only(same)) compare_counts(same);
            judge_target(same.front()->verified);
        }
    }

    std::int64_t place_of(const std::string& topic) {
        const auto found = std::ranges::find(topics_, topic);
        const std::int64_t place = found - topics_.begin();
        if (found == topics_.end()) topics_.push_back(topic);
        return place;
    }

    /// What lies at one offset, in this order.
    enum class Kind { range, row, dead_letter, retried };

    [[nodiscard]] std::string joined_topics(const std::string& column) const {
        std::string topics;
        for (const std::string& topic : topics_)
            topics +=
                (topics.empty() ? "(0, " : ", (" + std::to_string(&topic - topics_.data()) + ", ") +
                quote_literal(topic) + "::text)";
        return " JOIN (VALUES " + topics +
               ") sluice_topics (place, name)"
               " ON sluice_topics.name = " +
               column;
    }

    /// Where the rows of a table are from.
    [[nodiscard]] std::string rows_of(const VerifyOptions& of, std::size_t number) const {
        // Without a column for it, all rows are of the only one.
        std::string topics = " CROSS JOIN (SELECT 0 AS place) sluice_topics";
        if (of.topic_column)
            topics = joined_topics("sluice_rows." + quote_identifier(*of.topic_column) + "::text");
        return "SELECT " + std::to_string(number) +
               " AS number, sluice_topics.place AS place, sluice_rows." +
               quote_identifier(*of.partition_column) + "::int AS kafka_partition, sluice_rows." +
               quote_identifier(*of.offset_column) + "::bigint AS kafka_offset FROM " + target(of) +
               " sluice_rows" + topics;
    }

    /// One for a record that several tables have; more where one of them has it more than once.
    [[nodiscard]] std::string rows_of_all() const {
        std::string all = rows_of(options_, 0);
        if (options_.beside.empty()) return all;
        for (const VerifyOptions& other : options_.beside)
            all += " UNION ALL " +
                   rows_of(other, static_cast<std::size_t>(&other - options_.beside.data()) + 1);
        return "SELECT place, kafka_partition, kafka_offset FROM (SELECT *, row_number() OVER"
               " (PARTITION BY number, place, kafka_partition, kafka_offset) AS copy FROM (" +
               all + ") each_table) copies GROUP BY place, kafka_partition, kafka_offset, copy";
    }

    /// Ledger, target and dead letters of the topics, merged by the database, so that nothing of
    /// them has to be held.
    [[nodiscard]] std::string merged_offsets() const {
        const std::string ours =
            joined_topics("topic") + " WHERE pipeline = " + quote_literal(options_.pipeline);
        return "COPY (SELECT place, kafka_partition, from_offset, 0, to_offset, loaded,"
               " CASE WHEN filtered + gaps + lost = 0 THEN 1 ELSE 0 END, incarnation FROM " +
               schema_ + ".ledger" + ours +
               " UNION ALL SELECT place, kafka_partition, kafka_offset, 1, 0, 0, 0, 0 FROM (" +
               rows_of_all() +
               ") sluice_rows"
               " UNION ALL SELECT place, kafka_partition, kafka_offset, 2, 0, 0, 0, incarnation"
               " FROM " +
               schema_ + ".open_dead_letter" + ours +
               " UNION ALL SELECT place, kafka_partition, kafka_offset,"
               " CASE outcome WHEN 'loaded' THEN 3 ELSE 2 END, 0, 0, 0, incarnation FROM " +
               schema_ + ".dead_letter_history" + ours + " AND outcome <> 'rejected'" +
               " ORDER BY 1, 2, 3, 4, 5) TO STDOUT";
    }

    void copy_offsets(Comparisons& comparisons) {
        std::int64_t elsewhere = 0;
        std::int64_t lines = 0;
        session_.copy_out(merged_offsets(), [&](std::string_view line) {
            if (++lines % lines_per_call == 0) options_.on_compared(lines);
            CopyCells cells(line);
            const std::int64_t place = cells.number().value();
            const auto partition = cells.number();
            const auto offset = cells.number();
            const auto found =
                partition && offset
                    ? comparisons.find({place, static_cast<PartitionNumber>(*partition)})
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
    std::vector<std::string> topics_;  // that are compared
    std::string not_compared_;
};

}  // namespace

std::string verify_target(Session& session, const VerifyOptions& options, AllBooks& books) {
    return TargetVerifier(session, options, books).run();
}

}  // namespace sluice
