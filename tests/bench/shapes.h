#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace sluice::bench {

/// A kind of record: how record `i` looks on a topic, how the same row looks in a CSV file, and the
/// table that both go to. The same `i` gives the same record in every run.
struct Shape {
    using Append = std::function<void(std::int64_t i, std::string& to)>;

    std::string name;              ///< for people, and part of topics and tables
    std::string format;            ///< as in [ingest.NAME]
    std::string columns;           ///< between the parentheses of CREATE TABLE
    Append record;                 ///< appends the value of a Kafka record
    Append csv_line;               ///< appends a line with its end
    std::string schema_file = {};  ///< of formats with a schema: how its file is called
    std::string schema = {};       ///< its text
    std::string keys = {};         ///< further lines of [ingest.NAME]
};

/// Four columns (int, text, date, timestamp), about 140 bytes of JSON.
[[nodiscard]] Shape narrow_json();
/// The same rows; the record is the CSV line.
[[nodiscard]] Shape narrow_csv();
/// The same rows, with types.
[[nodiscard]] Shape narrow_avro();
/// The same rows as Kafka Connect can take them from Avro: milliseconds in UTC, whole seconds.
[[nodiscard]] Shape millis_avro();
/// The same rows; Protobuf has no dates, so a birthday is a text.
[[nodiscard]] Shape narrow_protobuf();
/// The same rows within Debezium's change events, as its connectors write them in Avro.
[[nodiscard]] Shape debezium_avro();
/// Thirty columns of mixed types.
[[nodiscard]] Shape wide_json();

/// The records of narrow_json, but every 100th, or only record 500,000, has an id that is no
/// number.
void append_with_one_percent_bad(std::int64_t i, std::string& to);
void append_with_one_bad(std::int64_t i, std::string& to);
/// The same, but every 100th record has the id of the one four before it: of its own partition,
/// where there are four.
void append_with_one_percent_doubled(std::int64_t i, std::string& to);
/// Records with a colour, an address and a span of time; and the same where every 100th has an
/// unknown colour and texts that are no address and no interval.
void append_with_exotic_texts(std::int64_t i, std::string& to);
void append_with_one_percent_unreadable(std::int64_t i, std::string& to);

}  // namespace sluice::bench
