#include "sinks/dead_letters/open_dead_letters.h"

#include "pipeline/values/hex.h"
#include "sinks/books/dead_letters.h"
#include "sinks/session/sql_text.h"
#include "sinks/session/where_sql.h"

#include <array>

namespace sluice {
namespace {

constexpr std::array<SqlField, 7> known_fields = {
    {{{"partition", config::FieldType::number}, "kafka_partition::bigint"},
     {{"offset", config::FieldType::number}, "kafka_offset"},
     {{"timestamp", config::FieldType::time}, "record_time"},
     {{"topic", config::FieldType::text}, "topic"},
     {{"rejected", config::FieldType::time}, "rejected_at"},
     {{"retries", config::FieldType::number}, "retries::bigint"},
     {{"reason", config::FieldType::text}, "reasons::text"}}};

/// Of a dead letter, and so of what its history and the order of pages go by.
constexpr const char* position =
    "pipeline, topic, kafka_partition, kafka_offset, incarnation, cluster_id, rejected_at";

constexpr const char* described =
    "pipeline, topic, kafka_partition, kafka_offset, incarnation, cluster_id, rejected_at::text,"
    " retries, retried_at::text, record_time::text, reasons::text,"
    " coalesce(octet_length(value), 0)";

Row position_of(const DeadLetter& letter) {
    return {letter.pipeline,
            letter.topic,
            std::to_string(letter.partition),
            std::to_string(letter.offset),
            std::to_string(letter.incarnation),
            letter.cluster_id,
            letter.rejected_at};
}

std::string open_letters(const std::string& schema) {
    return quote_identifier(schema) + ".open_dead_letter";
}

/// Whose letters: a condition on any table that has them.
std::string owner(const DeadLetterQuery& query, Row& parameters) {
    std::string sql = "true";
    const auto equals = [&](const char* column, const std::string& value) {
        if (value.empty()) return;
        parameters.push_back(value);
        sql.append(" AND ").append(column).append(" = $");
        sql.append(std::to_string(parameters.size())).append("::text");
    };
    equals("pipeline", query.pipeline);
    equals("topic", query.topic);
    return sql;
}

/// The query's own condition, on the columns of open_dead_letter.
std::string condition(const DeadLetterQuery& query, Row& parameters) {
    return query.where ? to_sql(*query.where, known_fields, parameters) : "true";
}

/// From the cells of `described`.
void describe(DeadLetter& letter, const Rows& rows, std::size_t row) {
    letter.pipeline = rows.text(row, 0);
    letter.topic = rows.text(row, 1);
    letter.partition = static_cast<PartitionNumber>(rows.number(row, 2));
    letter.offset = rows.number(row, 3);
    letter.incarnation = static_cast<int>(rows.number(row, 4));
    letter.cluster_id = rows.text(row, 5);
    letter.rejected_at = rows.text(row, 6);
    letter.retries = static_cast<int>(rows.number(row, 7));
    letter.retried_at = rows.rows[row][8].value_or("");
    letter.record_time = rows.rows[row][9].value_or("");
    letter.reasons = rows.text(row, 10);
    letter.value_bytes = rows.number(row, 11);
}

std::optional<std::string> bytes_of(const Cell& hex) {
    if (!hex) return std::nullopt;
    return from_hex(*hex);
}

const char* name_of(DeadLetterOutcome::Kind kind) {
    switch (kind) {
        case DeadLetterOutcome::Kind::loaded:
            return "loaded";
        case DeadLetterOutcome::Kind::filtered:
            return "filtered";
        case DeadLetterOutcome::Kind::discarded:
            return "discarded";
        case DeadLetterOutcome::Kind::rejected:
            break;
    }
    return "rejected";
}

}  // namespace

std::vector<config::Field> dead_letter_fields() {
    return names_of(known_fields);
}

std::int64_t count_dead_letters(Session& session, const DeadLetterQuery& query) {
    Row parameters;
    const std::string where = owner(query, parameters) + " AND " + condition(query, parameters);
    return session
        .exec("SELECT count(*) FROM " + open_letters(query.schema) + " WHERE " + where, parameters)
        .number(0, 0);
}

std::map<std::string, std::int64_t> count_dead_letters_by_topic(Session& session,
                                                                const DeadLetterQuery& query) {
    Row parameters;
    const std::string where = owner(query, parameters) + " AND " + condition(query, parameters);
    const Rows rows = session.exec("SELECT topic, count(*) FROM " + open_letters(query.schema) +
                                       " WHERE " + where + " GROUP BY topic",
                                   parameters);
    std::map<std::string, std::int64_t> counts;
    for (std::size_t row = 0; row < rows.rows.size(); ++row)
        counts[rows.text(row, 0)] = rows.number(row, 1);
    return counts;
}

std::map<std::string, OpenDeadLetters> count_open_dead_letters(Session& session,
                                                               const std::string& schema) {
    const Rows rows = session.exec(
        "SELECT pipeline, count(*), (extract(epoch FROM min(rejected_at)) * 1000)::bigint FROM " +
        open_letters(schema) + " GROUP BY pipeline");
    std::map<std::string, OpenDeadLetters> open;
    for (std::size_t row = 0; row < rows.rows.size(); ++row) {
        const std::chrono::milliseconds oldest{rows.number(row, 2)};
        open[rows.text(row, 0)] = {.count = rows.number(row, 1),
                                   .oldest = std::chrono::system_clock::time_point(oldest)};
    }
    return open;
}

std::vector<AlikeDeadLetters> sum_up_dead_letters(Session& session, const DeadLetterQuery& query,
                                                  std::int64_t limit) {
    Row parameters;
    const std::string where = owner(query, parameters) + " AND " + condition(query, parameters);
    // Plain ASCII: the server's encoding may lack anything else. Names in quotes stay, behind a
    // byte that stands for the quotes meanwhile; so does a number in them, or in a type:
    // numeric(5,2).
    const Rows rows = session.exec(
        R"sql(SELECT pipeline, coalesce(reasons->0->>'column', ''),
                  replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(
                      reasons->0->>'reason',
                      ': (Failing row contains|Key \().*', ''),
                      '(relation|constraint|column|domain|function|type|table|field) "([^"]*)"',
                      '\1 ' || chr(1) || '\2' || chr(1), 'g'),
                      '"[^"]*"', '"..."', 'g'),
                      '(?<![A-Za-z0-9_(,.])[0-9]+([.][0-9]+)?', 'N', 'g'),
                      chr(1), '"'), count(*) FROM )sql" +
            open_letters(query.schema) + " WHERE " + where +
            " GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3 LIMIT " + std::to_string(limit),
        parameters);
    std::vector<AlikeDeadLetters> all;
    for (std::size_t row = 0; row < rows.rows.size(); ++row) {
        all.push_back(
            {.pipeline = rows.text(row, 0),
             .reason = {.column = rows.text(row, 1), .text = rows.rows[row][2].value_or("none")},
             .count = rows.number(row, 3)});
    }
    return all;
}

std::vector<DeadLetter> newest_dead_letters(Session& session, const DeadLetterQuery& query,
                                            std::int64_t limit) {
    Row parameters;
    const std::string where = owner(query, parameters) + " AND " + condition(query, parameters);
    const Rows rows = session.exec(
        std::string("SELECT ") + described + " FROM " + open_letters(query.schema) + " WHERE " +
            where +
            " ORDER BY open_dead_letter.rejected_at DESC, pipeline, topic, kafka_partition,"
            " kafka_offset LIMIT " +
            std::to_string(limit),
        parameters);
    std::vector<DeadLetter> letters(rows.rows.size());
    for (std::size_t row = 0; row < letters.size(); ++row) describe(letters[row], rows, row);
    return letters;
}

namespace {

/// What a page is taken from: dead letters of one partition, settled or not, in the order of their
/// positions. Equalities and a range of offsets are what planners know how to estimate, and what
/// the indexes of both tables begin with: however many dead letters there are, a page costs what is
/// in it. (Comparisons of whole positions are estimated by their first column, and became scans.)
struct Stretch {
    Row partition;   ///< pipeline, topic, partition
    Row behind;      ///< a position, or only its part up to the offset; empty: from the first one
    std::string to;  ///< an offset, this one included; empty: to the last one

    [[nodiscard]] std::string sql(Row& parameters) const {
        const auto put = [&](const Cell& value, const char* type) {
            parameters.push_back(value);
            return "$" + std::to_string(parameters.size()) + "::" + type;
        };
        std::string text = "pipeline = " + put(partition[0], "text");
        text += " AND topic = " + put(partition[1], "text");
        text += " AND kafka_partition = " + put(partition[2], "int");
        if (!to.empty()) text += " AND kafka_offset <= " + put(to, "bigint");
        if (behind.empty()) return text;
        const std::string offset = put(behind[3], "bigint");
        if (behind.size() == 4) return text + " AND kafka_offset > " + offset;
        text += " AND kafka_offset >= " + offset + " AND (kafka_offset > " + offset +
                " OR (incarnation, cluster_id, rejected_at) > (" + put(behind[4], "int");
        text += ", " + put(behind[5], "text");
        return text + ", " + put(behind[6], "timestamptz") + "))";
    }
};

constexpr int letters_per_stretch = 5000;

/// The partition after this one that has dead letters; `partition` may be one that there is not,
/// such as -1. Each question is one step into the index.
std::optional<Row> next_partition(Session& session, const DeadLetterQuery& query, Row partition) {
    const auto least = [&](const std::string& column, const std::string& where, std::size_t known) {
        return session
            .exec("SELECT min(" + column + ") FROM " + quote_identifier(query.schema) +
                      ".dead_letter WHERE " + where,
                  Row(partition.begin(), partition.begin() + static_cast<std::ptrdiff_t>(known)))
            .rows[0][0];
    };
    for (;;) {
        Cell found =
            least("kafka_partition",
                  "pipeline = $1::text AND topic = $2::text AND kafka_partition > $3::int", 3);
        if (found) return Row{partition[0], partition[1], found};
        if (query.topic.empty()) {
            found = least("topic", "pipeline = $1::text AND topic > $2::text", 2);
            if (found) {
                partition = {partition[0], found, "-1"};
                continue;
            }
        }
        if (!query.pipeline.empty()) return std::nullopt;
        found = least("pipeline", "pipeline > $1::text", 1);
        if (!found) return std::nullopt;
        partition = {found, query.topic, "-1"};
    }
}

Stretch next_stretch(Session& session, const DeadLetterQuery& query, const Row& partition,
                     const Row& behind) {
    Stretch stretch{partition, behind, ""};
    Row parameters;
    const std::string where = stretch.sql(parameters);
    const Rows end =
        session.exec("SELECT kafka_offset FROM " + quote_identifier(query.schema) +
                         ".dead_letter WHERE " + where + " ORDER BY kafka_offset OFFSET " +
                         std::to_string(letters_per_stretch - 1) + " LIMIT 1",
                     parameters);
    if (!end.rows.empty()) stretch.to = end.text(0, 0);
    return stretch;
}

constexpr std::size_t besides_payload = 1000;

/// As read_stretch() counts it.
std::size_t size_of(const WholeDeadLetter& letter) {
    return besides_payload + letter.key.value_or("").size() + letter.value.value_or("").size() +
           letter.headers.size();
}

std::vector<WholeDeadLetter> read_stretch(Session& session, const DeadLetterQuery& query,
                                          const DeadLetterPage& page, const Stretch& stretch) {
    Row parameters;
    const std::string where = stretch.sql(parameters) + " AND " + condition(query, parameters);
    // The sizes decide where the page ends before any payload leaves the database.
    const Rows rows = session.exec(
        std::string("SELECT ") + described +
            ", round((extract(epoch FROM record_time) * 1000)::numeric)::bigint,"
            " encode(key, 'hex'), encode(value, 'hex'), headers::text FROM (SELECT page.*,"
            " sum(size) OVER (ORDER BY " +
            position + ") - size AS before FROM (SELECT *, " + std::to_string(besides_payload) +
            " + coalesce(octet_length(key), 0)"
            " + coalesce(octet_length(value), 0) + octet_length(coalesce(headers, '[]')::text)"
            " AS size FROM " +
            open_letters(query.schema) + " WHERE " + where + " ORDER BY " + position + " LIMIT " +
            std::to_string(page.limit) + ") page) sized WHERE before < " +
            std::to_string(page.bytes) +
            " ORDER BY pipeline, topic, kafka_partition, kafka_offset, incarnation, cluster_id,"
            " sized.rejected_at",
        parameters);
    std::vector<WholeDeadLetter> found(rows.rows.size());
    for (std::size_t row = 0; row < found.size(); ++row) {
        WholeDeadLetter& letter = found[row];
        describe(letter, rows, row);
        if (rows.rows[row][12]) letter.timestamp_ms = rows.number(row, 12);
        letter.key = bytes_of(rows.rows[row][13]);
        letter.value = bytes_of(rows.rows[row][14]);
        letter.headers = rows.rows[row][15].value_or("[]");
    }
    return found;
}

}  // namespace

std::vector<WholeDeadLetter> read_dead_letters(Session& session, const DeadLetterQuery& query,
                                               const DeadLetterPage& page) {
    Row behind = page.after != nullptr ? position_of(*page.after) : Row();
    std::optional<Row> partition =
        behind.empty() ? next_partition(session, query, {query.pipeline, query.topic, "-1"})
                       : Row(behind.begin(), behind.begin() + 3);
    std::vector<WholeDeadLetter> found;
    DeadLetterPage rest = page;
    while (partition) {
        const Stretch stretch = next_stretch(session, query, *partition, behind);
        for (WholeDeadLetter& letter : read_stretch(session, query, rest, stretch)) {
            --rest.limit;
            rest.bytes -= std::min(rest.bytes, size_of(letter));
            found.push_back(std::move(letter));
        }
        if (rest.limit <= 0 || rest.bytes == 0) break;
        behind.clear();
        if (stretch.to.empty()) {
            partition = next_partition(session, query, *partition);
        } else {
            if (!found.empty()) break;
            behind = *partition;
            behind.emplace_back(stretch.to);
        }
    }
    return found;
}

bool note_outcomes(Session& session, const std::string& schema, const DecidedBy& by,
                   std::span<const WholeDeadLetter> letters,
                   std::span<const DeadLetterOutcome> outcomes) {
    std::array<std::vector<std::string>, 6> texts;
    std::array<std::vector<std::int64_t>, 4> numbers;
    for (std::size_t i = 0; i < letters.size(); ++i) {
        const DeadLetter& letter = letters[i];
        const bool again = outcomes[i].kind == DeadLetterOutcome::Kind::rejected;
        const std::string of_letter[] = {
            letter.pipeline,           letter.topic,
            letter.cluster_id,         letter.rejected_at,
            name_of(outcomes[i].kind), again ? reasons_json(outcomes[i].reasons) : ""};
        for (std::size_t column = 0; column < texts.size(); ++column)
            texts[column].push_back(of_letter[column]);
        numbers[0].push_back(letter.partition);
        numbers[1].push_back(letter.offset);
        numbers[2].push_back(letter.incarnation);
        numbers[3].push_back(letter.retries + 1);
    }
    Row parameters = {by.writer, by.revision};
    for (const auto& column : texts) parameters.push_back(array_literal(column));
    for (const auto& column : numbers) parameters.push_back(array_literal(column));
    // The primary key decides between two who retry the same letter: the second one waits for the
    // first one's end, and then its row is not inserted.
    const Rows noted = session.exec(
        "INSERT INTO " + quote_identifier(schema) +
            ".dead_letter_history (writer, revision, pipeline, topic, cluster_id, rejected_at,"
            " outcome, reasons, kafka_partition, kafka_offset, incarnation, round, decided_at)"
            " SELECT $1::text, $2::text, v.pipeline, v.topic, v.cluster_id,"
            " v.rejected_at::timestamptz, v.outcome, nullif(v.reasons, '')::jsonb,"
            " v.kafka_partition, v.kafka_offset, v.incarnation, v.round, clock_timestamp()"
            " FROM (SELECT unnest($3::text[]) AS pipeline, unnest($4::text[]) AS topic,"
            " unnest($5::text[]) AS cluster_id, unnest($6::text[]) AS rejected_at,"
            " unnest($7::text[]) AS outcome, unnest($8::text[]) AS reasons,"
            " unnest($9::int[]) AS kafka_partition, unnest($10::bigint[]) AS kafka_offset,"
            " unnest($11::int[]) AS incarnation, unnest($12::int[]) AS round) v"
            " ON CONFLICT DO NOTHING",
        parameters);
    return noted.affected == static_cast<std::int64_t>(letters.size());
}

namespace {

/// Who has noted an outcome of this letter, as the letter was read; nullopt: nobody.
Cell decider_of(Session& session, const std::string& schema, const DeadLetter& letter) {
    Row parameters = position_of(letter);
    parameters.emplace_back(std::to_string(letter.retries + 1));
    return session
        .exec("SELECT max(writer) FROM " + quote_identifier(schema) +
                  ".dead_letter_history WHERE (" + position +
                  ", round) = ($1::text, $2::text, $3::int, $4::bigint, $5::int, $6::text,"
                  " $7::timestamptz, $8::int)",
              parameters)
        .rows[0][0];
}

}  // namespace

bool is_decided(Session& session, const std::string& schema, const DeadLetter& letter) {
    return decider_of(session, schema, letter).has_value();
}

bool has_noted(Session& session, const std::string& schema, const DecidedBy& by,
               const DeadLetter& letter) {
    return decider_of(session, schema, letter) == by.writer;
}

}  // namespace sluice
