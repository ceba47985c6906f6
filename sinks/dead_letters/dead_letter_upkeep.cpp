#include "sinks/dead_letters/dead_letter_upkeep.h"

#include "sinks/books/giving_way.h"
#include "sinks/session/sql_text.h"

namespace sluice {
namespace {

constexpr int letters_per_step = 10000;

/// Rows `a` and `b` are about the same dead letter.
std::string same_letter(const std::string& a, const std::string& b) {
    std::string sql;
    for (const char* column : {"pipeline", "topic", "kafka_partition", "kafka_offset",
                               "incarnation", "cluster_id", "rejected_at"})
        sql.append(sql.empty() ? "" : " AND ")
            .append(a + "." + column)
            .append(" = ")
            .append(b + "." + column);
    return sql;
}

class DeadLetterPurge {
public:
    DeadLetterPurge(Session& session, const std::string& schema, const std::string& pipeline)
        : session_(session),
          letters_(quote_identifier(schema) + ".dead_letter"),
          history_(quote_identifier(schema) + ".dead_letter_history"),
          pipeline_(pipeline) {}

    [[nodiscard]] bool permitted() {
        return session_
                   .exec(
                       "SELECT has_table_privilege($1, 'DELETE') AND"
                       " has_table_privilege($2, 'DELETE')",
                       {letters_, history_})
                   .text(0, 0) == "t";
    }

    /// Up to when the next step goes; nullopt: nothing is left to do.
    [[nodiscard]] Cell next_step(std::chrono::seconds keep) {
        return session_
            .exec("SELECT max(decided_at) FROM (SELECT h.decided_at FROM " + history_ + " h JOIN " +
                      letters_ + " d ON " + same_letter("h", "d") +
                      " WHERE h.pipeline = $1 AND h.outcome <> 'rejected'"
                      " AND h.decided_at < now() - $2::int * interval '1 second'"
                      " ORDER BY h.decided_at LIMIT " +
                      std::to_string(letters_per_step) + ") old",
                  {pipeline_, std::to_string(keep.count())})
            .rows[0][0];
    }

    std::int64_t take(const Cell& until) {
        Transaction transaction(session_, give_way);
        const std::string old =
            " AND last.pipeline = $1 AND last.outcome <> 'rejected'"
            " AND last.decided_at <= $2::timestamptz";
        session_.exec("DELETE FROM " + history_ + " h USING " + history_ + " last WHERE " +
                          same_letter("h", "last") + " AND h.outcome = 'rejected'" + old,
                      {pipeline_, until});
        const Rows purged = session_.exec("DELETE FROM " + letters_ + " d USING " + history_ +
                                              " last WHERE " + same_letter("d", "last") + old,
                                          {pipeline_, until});
        transaction.commit();
        return purged.affected;
    }

private:
    Session& session_;
    const std::string letters_;
    const std::string history_;
    const std::string pipeline_;
};

}  // namespace

Purged purge_dead_letters(Session& session, const std::string& schema, const std::string& pipeline,
                          std::chrono::seconds keep) {
    DeadLetterPurge purge(session, schema, pipeline);
    Purged result;
    if (!purge.permitted()) return result;
    result.gave_way = gave_way([&] {
        while (const Cell until = purge.next_step(keep)) result.letters += purge.take(until);
    });
    return result;
}

}  // namespace sluice
