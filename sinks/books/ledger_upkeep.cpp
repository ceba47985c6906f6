#include "sinks/books/ledger_upkeep.h"

#include "sinks/books/giving_way.h"
#include "sinks/session/sql_text.h"

#include <algorithm>
#include <array>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace sluice {
namespace {

/// Whose offsets are summed up together.
struct Owner {
    std::string cluster_id;
    std::string topic;
    std::int64_t partition = 0;
    std::int64_t incarnation = 0;
    auto operator<=>(const Owner&) const = default;
};

/// from_offset, to_offset, and the seven sums.
using LedgerEntry = std::array<std::int64_t, 9>;
using Entries = std::vector<std::pair<Owner, LedgerEntry>>;

/// Few, and then a pause as long as the step took: while rows are folded, nobody commits.
constexpr int rows_per_fold = 2000;

/// One entry for each run without a hole: a hole must stay visible to verify.
Entries fold(Entries entries) {
    std::sort(entries.begin(), entries.end());
    Entries folded;
    for (const auto& [owner, entry] : entries) {
        if (folded.empty() || folded.back().first != owner || folded.back().second[1] != entry[0]) {
            folded.emplace_back(owner, entry);
            continue;
        }
        LedgerEntry& sum = folded.back().second;
        sum[1] = entry[1];
        for (std::size_t i = 2; i < sum.size(); ++i) sum[i] += entry[i];
    }
    return folded;
}

class LedgerFold {
public:
    LedgerFold(Session& session, const std::string& schema, std::string pipeline)
        : session_(session),
          ledger_(quote_identifier(schema) + ".ledger"),
          alone_(give_way + ("; LOCK TABLE " + ledger_) + " IN SHARE ROW EXCLUSIVE MODE"),
          pipeline_(std::move(pipeline)) {}

    /// Up to when the next step goes: so many rows further, in the order of the index on age.
    /// nullopt: nothing is old enough behind `behind`.
    [[nodiscard]] Cell next_step(const Cell& behind, std::chrono::seconds keep) {
        return session_
            .exec("SELECT max(committed_at) FROM (SELECT committed_at FROM " + ledger_ +
                      " WHERE pipeline = $1 AND committed_at > coalesce($2::timestamptz,"
                      " '-infinity') AND committed_at < now() - $3::int * interval '1 second'"
                      " ORDER BY committed_at LIMIT " +
                      std::to_string(rows_per_fold) + ") old",
                  {pipeline_, behind, std::to_string(keep.count())})
            .rows[0][0];
    }

    /// Folds all rows up to then, with what earlier steps have folded, while nobody writes: who
    /// does so has looked whether the row that comes before is there, and relies on it until it
    /// commits. The last row of each incarnation stays: it says where progress is.
    std::int64_t take(const Cell& until) {
        if (lasts_.empty()) find_lasts();
        Row parameters = {pipeline_, until};
        parameters.insert(parameters.end(), lasts_.begin(), lasts_.end());
        Transaction transaction(session_, alone_);
        const Rows deleted = session_.exec(
            "DELETE FROM " + ledger_ +
                " o USING (SELECT unnest($3::text[]) AS cluster_id, unnest($4::text[]) AS topic,"
                " unnest($5::int[]) AS kafka_partition, unnest($6::int[]) AS incarnation,"
                " unnest($7::bigint[]) AS from_offset) n"
                " WHERE o.pipeline = $1 AND o.committed_at <= $2::timestamptz"
                " AND o.kind NOT IN ('ended', 'rewound') AND o.cluster_id = n.cluster_id"
                " AND o.topic = n.topic AND o.kafka_partition = n.kafka_partition"
                " AND o.incarnation = n.incarnation AND o.from_offset < n.from_offset"
                " RETURNING o.cluster_id, o.topic, o.kafka_partition, o.incarnation,"
                " o.from_offset, to_offset, loaded, rejected, filtered, gaps, lost, superseded,"
                " unmatched",
            parameters);
        Entries entries;
        for (std::size_t row = 0; row < deleted.rows.size(); ++row) {
            auto& [owner, entry] = entries.emplace_back();
            owner = {deleted.text(row, 0), deleted.text(row, 1), deleted.number(row, 2),
                     deleted.number(row, 3)};
            for (std::size_t i = 0; i < entry.size(); ++i) entry[i] = deleted.number(row, i + 4);
        }
        const Entries folded = fold(entries);
        if (folded.size() == entries.size()) return 0;  // undone: nothing would change
        insert(folded, until);
        transaction.commit();
        return static_cast<std::int64_t>(entries.size() - folded.size());
    }

private:
    /// Looked up before anybody is kept out: a row that is the last one now stays for ever.
    void find_lasts() {
        const Rows found = session_.exec(
            "SELECT array_agg(cluster_id), array_agg(topic), array_agg(kafka_partition),"
            " array_agg(incarnation), array_agg(from_offset) FROM (SELECT cluster_id, topic,"
            " kafka_partition, incarnation, max(from_offset) AS from_offset FROM " +
                ledger_ + " WHERE pipeline = $1 GROUP BY 1, 2, 3, 4) lasts",
            {pipeline_});
        lasts_ = found.rows.at(0);
    }

    void insert(const Entries& folded, const Cell& until) {
        std::vector<std::string> clusters;
        std::vector<std::string> topics;
        std::array<std::vector<std::int64_t>, 11> numbers;
        for (const auto& [owner, entry] : folded) {
            clusters.push_back(owner.cluster_id);
            topics.push_back(owner.topic);
            numbers[0].push_back(owner.partition);
            numbers[1].push_back(owner.incarnation);
            for (std::size_t i = 0; i < entry.size(); ++i) numbers[i + 2].push_back(entry[i]);
        }
        Row parameters = {pipeline_, until, array_literal(clusters), array_literal(topics)};
        for (const auto& column : numbers) parameters.push_back(array_literal(column));
        session_.exec("INSERT INTO " + ledger_ +
                          " (pipeline, committed_at, cluster_id, topic, kafka_partition,"
                          " incarnation, from_offset, to_offset, loaded, rejected, filtered, gaps,"
                          " lost, superseded, unmatched, kind, writer, revision, last_offset,"
                          " last_timestamp_ms, last_checksum) SELECT $1::text, "
                          "$2::timestamptz,"
                          " unnest($3::text[]), unnest($4::text[]), unnest($5::int[]),"
                          " unnest($6::int[]), unnest($7::bigint[]), unnest($8::bigint[]),"
                          " unnest($9::bigint[]), unnest($10::bigint[]), unnest($11::bigint[]),"
                          " unnest($12::bigint[]), unnest($13::bigint[]), unnest($14::bigint[]),"
                          " unnest($15::bigint[]), 'folded', '', '', -1, -1, 0",
                      parameters);
    }

    Session& session_;
    std::string ledger_;
    std::string alone_;
    std::string pipeline_;
    Row lasts_;  ///< five arrays: whose row is the last of its incarnation, and where it begins
};

}  // namespace

Folded fold_ledger(Session& session, const std::string& schema, const std::string& pipeline,
                   std::chrono::seconds keep) {
    LedgerFold ledger(session, schema, pipeline);
    Folded result;
    result.gave_way = gave_way([&] {
        Cell until;
        while ((until = ledger.next_step(until, keep))) {
            const auto began = std::chrono::steady_clock::now();
            result.rows += ledger.take(until);
            std::this_thread::sleep_for(std::chrono::steady_clock::now() - began);
        }
    });
    return result;
}

}  // namespace sluice
