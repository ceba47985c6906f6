#pragma once

#include "config/condition/condition.h"
#include "config/text/url.h"
#include "config/topics.h"
#include "schemas/schema_text.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

/// What a user can configure, typed and checked. Plain data: reading it from TOML is config/load.h.
namespace sluice::config {

/// A string that may be a secret: it came from { env = … } or { file = … }, or may hold a password.
/// Never logged then.
struct Secret {
    std::string text;
    bool secret = false;
    bool operator==(const Secret&) const = default;
};

/// [kafka]
struct Kafka {
    Secret brokers;
    /// [kafka.properties]: librdkafka's own names, checked by librdkafka.
    std::map<std::string, Secret> properties;
    /// group.instance.id; empty: none; of_the_host (instance.h): the daemon's own.
    std::string instance;
    bool operator==(const Kafka&) const = default;
};

/// [cloudberry]
struct Cloudberry {
    Secret dsn;
    std::string schema = "sluice";
    std::chrono::seconds ledger_keep = std::chrono::hours(24 * 30);
    bool operator==(const Cloudberry&) const = default;
};

/// [registry]: where writers' schemas are.
struct Registry {
    std::vector<Url> urls;  ///< of Confluent's API, in the order in which they are asked
    Secret user;
    Secret password;
    Secret token;                              ///< instead of user and password
    std::string ca;                            ///< PEM; empty: the system's
    std::string certificate;                   ///< PEM, of this client; with `key`
    Secret key;                                ///< PEM
    std::chrono::milliseconds timeout{10000};  ///< of one request to one of them
    bool operator==(const Registry&) const = default;
};

/// [segments]: where the segments of an MPP database find the daemon.
struct Segments {
    std::string listen;                         ///< "host:port"; empty: nowhere
    std::string advertise;                      ///< "host:port", as segments find it
    std::chrono::milliseconds timeout{600000};  ///< of one statement for which they read
    std::string certificate;                    ///< PEM, of the daemon; with `key`; empty: no TLS
    Secret key;                                 ///< PEM
    std::string ca;                             ///< PEM: who vouches for segments
    /// Of it the tokens are made by which statements read and write topics; empty: none can.
    Secret sql_secret;
    std::size_t sql_bytes = std::size_t{1} << 30;  ///< of records, for one statement that reads
    std::int64_t sql_statements = 8;               ///< of these at once
    std::vector<std::string> sql_writable;         ///< topics that statements may write to
    bool operator==(const Segments&) const = default;
};

/// [daemon]
struct Daemon {
    /// How long SIGTERM waits for batches in flight before it gives them up.
    std::chrono::milliseconds drain_deadline{30000};
    std::string log_level = "info";   ///< trace | debug | info | warn | error
    std::string log_format = "text";  ///< text | json
    bool operator==(const Daemon&) const = default;
};

/// [admin]
struct Admin {
    std::string listen = "127.0.0.1:9187";  ///< "host:port"; empty: no admin server
    Secret token;  ///< for calls that change something; empty: those are off
    /// How long a pipeline may have work to do and make no progress before it counts as stuck.
    std::chrono::milliseconds stuck_after{60000};
    bool operator==(const Admin&) const = default;
};

enum class Format { json, csv, text, binary, avro, protobuf };
/// Whether fields have names, and may lie within each other.
[[nodiscard]] constexpr bool names_fields(Format format) {
    return format == Format::json || format == Format::avro || format == Format::protobuf;
}
enum class OnReject { dead_letter, stop };
/// How many rejects a pipeline bears: more of them hold it.
struct MaxRejects {
    enum class Unit { records, percent };
    Unit unit = Unit::records;
    double most = 0;
    std::string text;  ///< as written in the configuration
    bool operator==(const MaxRejects&) const = default;
};
enum class OnMissing { null, reject };
/// A record that holds none of the fields that columns take.
enum class OnEmpty { reject, load };
enum class OnExtra { ignore, reject, add_column };
enum class OnInvalid { reject, null };
enum class OnTombstone { filter, reject };  ///< text and binary load NULL
/// A record that the filters of all targets keep out.
enum class OnUnrouted { filter, reject };
/// What stands around a row's fields.
enum class Envelope { none, debezium };
/// A change event that says that the source's table was emptied.
enum class OnTruncate { reject, ignore, apply };
enum class OnUnknownSchema { stop, dead_letter };
enum class OnOffsetLost { stop, earliest };
/// What records do to the table: add rows, bring the row of their key to what they say, or the same
/// only where there is such a row.
enum class Mode { append, merge, update };
/// How rows get to the database: through COPY, to whom the segments are to fetch them, or the one
/// for small batches and the other for large ones.
enum class Load { copy, segments, by_size };
/// Which records say that a row is gone.
enum class DeleteWhen { never, tombstone, condition };

/// Where a partition without progress starts.
struct Start {
    enum class Kind { earliest, latest, time };
    Kind kind = Kind::earliest;
    std::int64_t time_ms = 0;  ///< since 1970 UTC, for Kind::time
    bool operator==(const Start&) const = default;
};

/// Ends a batch: whichever comes first.
struct BatchLimits {
    std::size_t rows = 50000;
    std::size_t bytes = 16u << 20;
    std::chrono::milliseconds delay{500};
    bool operator==(const BatchLimits&) const = default;
};

/// Where the schema of a value or a key comes from, and what stands around its bytes.
struct Schema {
    enum class From { none, registry, file };
    enum class Wire {
        plain,     ///< nothing
        registry,  ///< the schema's id, in a header or before them
    };
    From from = From::none;
    Wire wire = Wire::plain;
    std::vector<schemas::NamedSchema> files;  ///< the one of the configuration, then its imports
    std::string message;                      ///< of a .proto file; empty: it has only one
    bool operator==(const Schema&) const = default;
};

/// How CSV is written; the defaults are those of COPY … CSV.
struct Csv {
    char delimiter = ',';
    char quote = '"';
    char escape = '"';
    std::string null;  ///< an unquoted field with this text is NULL
    bool operator==(const Csv&) const = default;
};

/// Where a column's value comes from.
struct Source {
    enum class Kind {
        field,      ///< `path` into the value, whose fields have names
        position,   ///< CSV field number `position`, from 1
        value,      ///< the record's whole value
        key,        ///< the whole key
        key_field,  ///< `path` into the key
        topic,
        partition,
        offset,
        timestamp,  ///< the record's own, as a timestamp
        envelope,   ///< `path` into the change event around the row
        headers,    ///< all, as a JSON object
        header,     ///< the one called `name`
    };
    Kind kind = Kind::field;
    std::vector<std::string> path;  ///< a JSON Pointer's reference tokens, unescaped
    int position = 0;
    std::string name;
    std::string text;  ///< as written in the configuration, for messages
    bool operator==(const Source&) const = default;
};

/// How the source's text is to be understood before its column sees it.
enum class Conversion {
    none,
    epoch_s,
    epoch_ms,
    epoch_us,
    epoch_ns,
    epoch_days,
    time_ms,  ///< since midnight
    time_us,
    time_ns,
    decimal,  ///< base64 of a whole number's bytes, with `scale` of its digits behind the point
    base64,
    hex,
    json,
    sha256,  ///< of the mapping's salt and the text
    mask,    ///< stars for all but so many characters, `scale`, of its end
};
/// Whether what is stored no longer tells the value.
[[nodiscard]] constexpr bool hides(Conversion as) {
    return as == Conversion::sha256 || as == Conversion::mask;
}

struct ColumnMapping {
    std::string column;
    Source source;
    Conversion as = Conversion::none;
    std::int32_t scale = 0;
    std::string salt{};  ///< secret
    std::optional<std::string>
        default_value;  ///< when the source is missing or null; "now": the time
    /// What is left out of the JSON: paths into it, a list standing for each of its elements.
    std::vector<std::vector<std::string>> drop{};
    bool operator==(const ColumnMapping&) const = default;
};

/// A column that gets SQL over fields, judged by the database.
struct SqlColumn {
    std::string column;
    std::string sql;
    bool operator==(const SqlColumn&) const = default;
};

/// A typed input of SQL, beside the columns that are mapped.
struct SqlField {
    ColumnMapping mapping;  ///< its `column` is the field's name
    std::string type;       ///< in SQL; empty: that of the table's column of the same name
    bool operator==(const SqlField&) const = default;
};

/// Of which records something holds: of those that fulfil the condition.
struct Filter {
    std::string text;            ///< as written in the configuration
    std::vector<Source> fields;  ///< what the condition's fields are
    Condition condition;         ///< over `fields`, each of FieldType::any
    bool operator==(const Filter&) const = default;
};

/// Where a pipeline says what it has committed: a row of an outbox table per batch and partition.
struct Receipts {
    std::string table;
    std::string topic;  ///< for its column "topic"; empty: it has none
    bool operator==(const Receipts&) const = default;
};

/// SQL that runs when something was committed, at most once in `every`.
struct AfterCommit {
    std::string sql;
    std::chrono::milliseconds every{60000};
    bool operator==(const AfterCommit&) const = default;
};

/// When a pipeline runs: each day from one time to another, by a zone's clocks.
struct Schedule {
    std::chrono::minutes from{};  ///< since midnight, as the next one
    std::chrono::minutes to{};    ///< before `from`: of the next day
    std::string zone = "UTC";
    std::string text;  ///< as written in the configuration: "02:00-06:00"
    bool operator==(const Schedule&) const = default;
};

/// [ingest.NAME]
struct Ingest {
    std::string name;
    Topics topic;
    std::string table;  ///< as written; "schema.table" or "table", quoted parts permitted
    bool tables_by_topic = false;  ///< `table` has places that a topic fills (table_pattern.h)
    Format format = Format::json;
    Schema schema;
    std::string subject = "${topic}-value";  ///< under which a registry has the values' schema
    Envelope envelope = Envelope::none;
    /// What Debezium writes for a large value that did not change.
    std::string unavailable = "__debezium_unavailable_value";
    Format key_format = Format::json;  ///< one whose fields have names
    Schema key_schema;
    OnUnknownSchema on_unknown_schema = OnUnknownSchema::stop;
    Start start;
    BatchLimits batch;
    int lanes = 2;
    std::size_t memory = 96u << 20;  ///< all records that the pipeline holds: fetched and batched
    std::string group;               ///< group.id; default "sluice." + name
    std::optional<Filter> filter;
    /// Of a table that records name: those that name this one. `filter` demands it as well, of the
    /// same field, which is its first.
    std::optional<Filter> choice;
    OnReject on_reject = OnReject::dead_letter;
    std::optional<MaxRejects> max_rejects;  ///< nullopt: any number
    OnMissing on_missing = OnMissing::null;
    OnEmpty on_empty = OnEmpty::reject;
    OnExtra on_extra = OnExtra::ignore;
    OnInvalid on_invalid = OnInvalid::reject;
    /// nullopt: never.
    std::optional<std::chrono::milliseconds> reject_after = std::chrono::minutes(10);
    OnTombstone on_tombstone = OnTombstone::filter;
    OnOffsetLost on_offset_lost = OnOffsetLost::stop;
    Load load = Load::copy;
    Mode mode = Mode::append;
    std::vector<std::string> key;  ///< columns; empty: the table's primary key
    std::string order;             ///< the column that tells which change is newer; empty: none
    DeleteWhen delete_when = DeleteWhen::never;
    OnTruncate on_truncate = OnTruncate::reject;
    std::optional<Filter> deletes;  ///< DeleteWhen::condition
    Csv csv;
    std::vector<ColumnMapping> columns;  ///< in the order of the file; empty: by name or by order
    std::vector<SqlColumn> computed;     ///< in the order of the file
    std::vector<SqlField> fields;        ///< what SQL is about besides the columns
    std::string where;                   ///< SQL that rows fulfil; empty: none
    /// The array of whose elements each becomes a row.
    std::optional<Source> explode;
    std::optional<Receipts> receipts;
    std::optional<AfterCommit> after_commit;
    std::optional<Schedule> schedule;  ///< nullopt: always
    OnUnrouted on_unrouted = OnUnrouted::filter;
    bool create = false;  ///< the table, by its records' schema, where there is none
    /// WITH (…) of a table that is made, in the order of the file.
    std::vector<std::pair<std::string, std::string>> storage;
    /// Several targets, each as a pipeline of its own, with what the pipeline says of all of them;
    /// what is said here of a table and its rows means nothing then. Their own `into` is empty.
    std::vector<Ingest> into;

    /// Each record has to be routed: there is more than the one table.
    [[nodiscard]] bool routes() const { return tables_by_topic || !into.empty(); }
    /// Columns are filled by their names or their order.
    [[nodiscard]] bool implies_columns() const { return columns.empty() && computed.empty(); }
    /// The table follows the schemas of its records.
    [[nodiscard]] bool grows() const { return create || on_extra == OnExtra::add_column; }
    [[nodiscard]] bool asks_sql() const { return !computed.empty() || !where.empty(); }
    bool operator==(const Ingest&) const = default;
};

enum class OnRefused { dead_letter, stop };
enum class OnMarkLost { stop, resend };

/// How long an outbox waits between two reads of its table.
struct Poll {
    std::chrono::milliseconds busy{5};    ///< after one that found something
    std::chrono::milliseconds idle{250};  ///< at most, after several that found nothing
    bool operator==(const Poll&) const = default;
};

/// A piece of a topic's name: a text, or the name of the column that holds it.
struct TopicPiece {
    enum class Kind { text, column };
    Kind kind = Kind::text;
    std::string text;
    bool operator==(const TopicPiece&) const = default;
};

/// Which columns of an outbox table hold what. nullopt: the default name, if the table has such a
/// column; empty: none.
struct OutboxColumns {
    std::string id = "id";
    std::optional<std::string> topic;
    std::optional<std::string> partition;
    std::optional<std::string> key;
    std::optional<std::string> value;
    std::optional<std::string> headers;
    std::optional<std::string> timestamp;
    bool operator==(const OutboxColumns&) const = default;
};

struct HeaderFromColumn {
    std::string header;
    std::string column;
    bool operator==(const HeaderFromColumn&) const = default;
};

/// What messages' values are written as: what the row holds, or records by a registry's schema.
enum class ValueFormat { plain, avro, protobuf, json_schema };

/// [outbox.NAME]
struct Outbox {
    std::string name;
    std::string table;              ///< as written, as in Ingest
    std::vector<TopicPiece> topic;  ///< empty: a column holds it
    std::string order;              ///< the column that rows of one read are sorted by; default: id
    std::size_t batch_rows = 50000;
    std::size_t batch_bytes = 16u << 20;
    Poll poll;
    std::chrono::milliseconds sweep{60000};    ///< no read holds its snapshot for longer
    std::chrono::milliseconds purge_wait{30};  ///< how long a purge may make others wait for it
    std::string marks_topic = "sluice.outbox_marks";
    OnRefused on_refused = OnRefused::dead_letter;
    OnMarkLost on_mark_lost = OnMarkLost::stop;
    ValueFormat value_format = ValueFormat::plain;
    std::string value_subject = "${topic}-value";  ///< of the registry; "${topic}" is the event's
    std::string value_message;                     ///< of a .proto file; empty: it has only one
    /// Of which the value is a JSON object; empty: one column holds it.
    std::vector<std::string> value_columns;
    OutboxColumns columns;
    std::vector<HeaderFromColumn> headers;  ///< in the order of the file
    bool operator==(const Outbox&) const = default;
};

struct Config {
    Kafka kafka;
    Cloudberry cloudberry;
    Daemon daemon;
    Admin admin;
    Registry registry;  ///< without a url: none is configured
    Segments segments;
    std::vector<Ingest> ingest;  ///< by name
    std::vector<Outbox> outbox;  ///< by name
    std::string revision;        ///< 12 hex digits: a hash of what is configured, secrets apart
    bool operator==(const Config&) const = default;
};

}  // namespace sluice::config
