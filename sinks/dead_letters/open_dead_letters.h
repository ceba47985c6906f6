#pragma once

#include "config/condition/condition.h"
#include "pipeline/batch.h"
#include "pipeline/ingest/ingest_status.h"
#include "sinks/session/session.h"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sluice {

/// A dead letter that nothing has become of yet.
struct DeadLetter {
    std::string pipeline;
    std::string cluster_id;
    std::string topic;
    PartitionNumber partition = 0;
    int incarnation = 0;
    Offset offset = 0;
    std::string rejected_at;  ///< tells two of one position apart: progress may have been rewound
    int retries = 0;
    std::string retried_at;  ///< empty: never
    std::string record_time;
    std::string reasons;  ///< JSON, as reasons_json() made it; of the latest try
    std::int64_t value_bytes = 0;
};

/// With the record itself.
struct WholeDeadLetter : DeadLetter {
    std::int64_t timestamp_ms = -1;
    std::optional<std::string> key;
    std::optional<std::string> value;
    std::string headers;  ///< JSON, as headers_json() made it
};

/// Which ones.
struct DeadLetterQuery {
    std::string schema = "sluice";
    std::string pipeline;                    ///< empty: of all
    std::string topic;                       ///< empty: of all
    std::optional<config::Condition> where;  ///< over dead_letter_fields()
};
/// partition, offset, timestamp, topic, rejected, retries, reason.
[[nodiscard]] std::vector<config::Field> dead_letter_fields();

/// These throw DatabaseError.
[[nodiscard]] std::int64_t count_dead_letters(Session& session, const DeadLetterQuery& query);
/// By topic, of those that have some.
[[nodiscard]] std::map<std::string, std::int64_t> count_dead_letters_by_topic(
    Session& session, const DeadLetterQuery& query);
/// Of every pipeline that has some.
[[nodiscard]] std::map<std::string, OpenDeadLetters> count_open_dead_letters(
    Session& session, const std::string& schema);

/// Dead letters that have the first of their reasons in common, but for the values in it.
struct AlikeDeadLetters {
    std::string pipeline;
    Reason reason;  ///< "..." stands for what was in quotes and no name, N for numbers
    std::int64_t count = 0;
};
/// The most frequent ones first.
[[nodiscard]] std::vector<AlikeDeadLetters> sum_up_dead_letters(Session& session,
                                                                const DeadLetterQuery& query,
                                                                std::int64_t limit);
/// The latest ones first.
[[nodiscard]] std::vector<DeadLetter> newest_dead_letters(Session& session,
                                                          const DeadLetterQuery& query,
                                                          std::int64_t limit);

/// A page in the order of positions, behind `after`: at most so many, and no more once `bytes` are
/// reached.
struct DeadLetterPage {
    const DeadLetter* after = nullptr;
    std::int64_t limit = 0;
    std::size_t bytes = 0;
};
[[nodiscard]] std::vector<WholeDeadLetter> read_dead_letters(Session& session,
                                                             const DeadLetterQuery& query,
                                                             const DeadLetterPage& page);

/// What became of a dead letter when it was taken up.
struct DeadLetterOutcome {
    enum class Kind { loaded, filtered, discarded, rejected };
    Kind kind = Kind::rejected;
    std::vector<Reason> reasons;  ///< rejected again: why
};

/// Who says so.
struct DecidedBy {
    std::string writer;
    std::string revision;
};

/// Notes, in the session's open transaction, what became of each of these. False when somebody else
/// has decided about one of them meanwhile: the transaction must roll back. Waits for transactions
/// that are deciding about the same ones.
[[nodiscard]] bool note_outcomes(Session& session, const std::string& schema, const DecidedBy& by,
                                 std::span<const WholeDeadLetter> letters,
                                 std::span<const DeadLetterOutcome> outcomes);
/// Whether somebody has noted an outcome of this letter since it was read.
[[nodiscard]] bool is_decided(Session& session, const std::string& schema,
                              const DeadLetter& letter);
/// Whether this writer has noted its outcome of this letter, as the letter was read.
[[nodiscard]] bool has_noted(Session& session, const std::string& schema, const DecidedBy& by,
                             const DeadLetter& letter);

}  // namespace sluice
