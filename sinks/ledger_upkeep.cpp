#include "sinks/ledger_upkeep.h"

#include <algorithm>
#include <array>
#include <vector>

namespace sluice {
namespace {

// DELETE takes the whole table for itself on an MPP database: waiting for it makes writers queue.
constexpr const char* give_way = "SET LOCAL lock_timeout = '100ms'";
constexpr int rows_per_step = 10000;

/// from_offset, to_offset, and the five sums.
using Entry = std::array<std::int64_t, 7>;

/// One entry for each run without a hole: a hole must stay visible to verify.
std::vector<Entry> fold(std::vector<Entry> entries) {
    std::sort(entries.begin(), entries.end());
    std::vector<Entry> folded;
    for (const Entry& entry : entries) {
        if (folded.empty() || folded.back()[1] != entry[0]) {
            folded.push_back(entry);
            continue;
        }
        Entry& sum = folded.back();
        sum[1] = entry[1];
        for (std::size_t i = 2; i < sum.size(); ++i) sum[i] += entry[i];
    }
    return folded;
}

class LedgerFold {
public:
    LedgerFold(Session& session, const std::string& schema)
        : session_(session), ledger_(quote_identifier(schema) + ".ledger") {}

    /// The partitions with more than one row that is old enough, each with how far a step goes.
    [[nodiscard]] std::vector<Row> steps(const std::string& pipeline, std::chrono::seconds keep) {
        return session_
            .exec(
                "SELECT pipeline, cluster_id, topic, kafka_partition, incarnation,"
                " max(committed_at) FROM (SELECT l.*, row_number() OVER (PARTITION BY cluster_id,"
                " topic, kafka_partition, incarnation ORDER BY committed_at, from_offset) AS"
                " number FROM " +
                    ledger_ +
                    " l WHERE pipeline = $1 AND kind <> 'ended'"
                    " AND committed_at < now() - $2::int * interval '1 second') old"
                    " WHERE number <= " +
                    std::to_string(rows_per_step) + " GROUP BY 1, 2, 3, 4, 5 HAVING count(*) > 1",
                {pipeline, std::to_string(keep.count())})
            .rows;
    }

    /// What DELETE returns is ours alone, whoever else folds at the same time.
    std::int64_t take(const Row& step) {
        Transaction transaction(session_, give_way);
        const Rows deleted = session_.exec(
            "DELETE FROM " + ledger_ +
                " WHERE pipeline = $1 AND cluster_id = $2 AND topic = $3 AND kafka_partition = $4"
                " AND incarnation = $5 AND kind <> 'ended' AND committed_at <= $6::timestamptz"
                " RETURNING from_offset, to_offset, loaded, rejected, filtered, gaps, lost",
            step);
        std::vector<Entry> entries;
        for (std::size_t row = 0; row < deleted.rows.size(); ++row) {
            Entry& entry = entries.emplace_back();
            for (std::size_t i = 0; i < entry.size(); ++i) entry[i] = deleted.number(row, i);
        }
        const std::vector<Entry> folded = fold(entries);
        for (const Entry& entry : folded) insert(step, entry);
        transaction.commit();
        return static_cast<std::int64_t>(entries.size() - folded.size());
    }

private:
    void insert(const Row& step, const Entry& entry) {
        Row parameters = step;
        for (const std::int64_t number : entry) parameters.push_back(std::to_string(number));
        session_.exec("INSERT INTO " + ledger_ +
                          " (pipeline, cluster_id, topic, kafka_partition, incarnation,"
                          " committed_at, from_offset, to_offset, loaded, rejected, filtered, gaps,"
                          " lost, kind, writer, revision) VALUES ($1, $2, $3, $4, $5, $6, $7, $8,"
                          " $9, $10, $11, $12, $13, 'folded', '', '')",
                      parameters);
    }

    Session& session_;
    std::string ledger_;
};

}  // namespace

Folded fold_ledger(Session& session, const std::string& schema, const std::string& pipeline,
                   std::chrono::seconds keep) {
    LedgerFold ledger(session, schema);
    Folded result;
    try {
        // Until a round finds nothing more to do; a hole keeps rows apart for ever, so it counts
        // what was folded, not what is left.
        for (bool more = true; more;) {
            more = false;
            for (const Row& step : ledger.steps(pipeline, keep)) {
                const std::int64_t rows = ledger.take(step);
                result.rows += rows;
                more = more || rows > 0;
            }
        }
    } catch (const DatabaseError& error) {
        if (error.trouble() != Trouble::again) throw;
        result.gave_way = true;
    } catch (const OutcomeUnknown& error) {
        throw DatabaseError({{}, error.what(), {}, {}});
    }
    return result;
}

}  // namespace sluice
