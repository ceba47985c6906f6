#include "sinks/books/schema.h"

#include "pipeline/errors.h"
#include "sinks/session/sql_text.h"

#include <array>

namespace sluice {
namespace {

std::string fill(std::string_view text, const std::string& schema, Family family,
                 int version = schema_version) {
    // On Cloudberry tables may be append-optimized by default; progress is updated, so it says so.
    const bool mpp = is_mpp(family);
    const auto distributed = [&](std::string_view columns) {
        return mpp ? "\nDISTRIBUTED BY (" + std::string(columns) + ")" : std::string();
    };
    return filled_in(
        text, {{"s", quote_identifier(schema)},
               {"version", std::to_string(version)},
               {"hot", mpp ? "WITH (appendonly=false, fillfactor=50)" : "WITH (fillfactor=50)"},
               {"heap", mpp ? "WITH (appendonly=false)" : ""},
               {"by_pipeline", distributed("pipeline")},
               {"by_relay", distributed("relay")},
               {"by_name", distributed("name")},
               {"by_key", distributed("key")},
               {"by_offset", distributed("kafka_partition, kafka_offset")},
               {"by_version", distributed("version")}});
}

constexpr std::string_view tables = R"(CREATE TABLE IF NOT EXISTS @s@.schema_version (
    version      int NOT NULL,
    installed_at timestamptz NOT NULL DEFAULT now()
) @heap@@by_version@;
COMMENT ON TABLE @s@.schema_version IS
    'Sluice: which version of these tables is installed';

CREATE TABLE IF NOT EXISTS @s@.progress (
    pipeline          text NOT NULL,
    cluster_id        text NOT NULL,
    topic             text NOT NULL,
    kafka_partition   int NOT NULL,
    next_offset       bigint NOT NULL CHECK (next_offset >= 0),
    anchor_offset     bigint NOT NULL,
    incarnation       int NOT NULL DEFAULT 0,
    last_offset       bigint NOT NULL DEFAULT -1,
    last_timestamp_ms bigint NOT NULL DEFAULT -1,
    last_checksum     bigint NOT NULL DEFAULT 0,
    moved_at          timestamptz NOT NULL DEFAULT now(),
    writer            text NOT NULL,
    PRIMARY KEY (pipeline, cluster_id, topic, kafka_partition)
) @hot@@by_pipeline@;
COMMENT ON TABLE @s@.progress IS
    'Sluice: where each partition of each pipeline goes on; moves in the transaction that loads';
COMMENT ON COLUMN @s@.progress.next_offset IS
    'the next offset to read, as Kafka counts: everything below is accounted for in the ledger';
COMMENT ON COLUMN @s@.progress.anchor_offset IS
    'where the pipeline began to read this partition';
COMMENT ON COLUMN @s@.progress.incarnation IS
    'counts how often offsets began to repeat: the topic was created anew, or progress was rewound';
COMMENT ON COLUMN @s@.progress.last_checksum IS
    'CRC-32 of the last record''s key and value: tells a topic that was created anew';

CREATE TABLE IF NOT EXISTS @s@.ledger (
    pipeline        text NOT NULL,
    cluster_id      text NOT NULL,
    topic           text NOT NULL,
    kafka_partition int NOT NULL,
    incarnation     int NOT NULL,
    from_offset     bigint NOT NULL,
    to_offset       bigint NOT NULL,
    loaded          bigint NOT NULL,
    rejected        bigint NOT NULL,
    filtered        bigint NOT NULL,
    gaps            bigint NOT NULL,
    lost            bigint NOT NULL,
    kind            text NOT NULL,
    writer          text NOT NULL,
    revision        text NOT NULL,
    committed_at    timestamptz NOT NULL DEFAULT now(),
    superseded      bigint NOT NULL DEFAULT 0,
    unmatched       bigint NOT NULL DEFAULT 0,
    CHECK (loaded + superseded + unmatched + rejected + filtered + gaps + lost
           = to_offset - from_offset)
) @heap@@by_pipeline@;
CREATE INDEX IF NOT EXISTS ledger_age ON @s@.ledger (pipeline, committed_at);
COMMENT ON TABLE @s@.ledger IS
    'Sluice: what became of every offset, one row per batch and partition; ranges are half-open';
COMMENT ON COLUMN @s@.ledger.superseded IS
    'changes of a key of which the same batch had a later one, or the table a newer one';
COMMENT ON COLUMN @s@.ledger.unmatched IS
    'updates of keys that the table had no row of';
COMMENT ON COLUMN @s@.ledger.kind IS
    'batch; skipped: offsets that Kafka had lost; moved: skipped by sluice progress set; folded: the sum of pruned rows; ended: the topic was created anew; rewound: sluice progress set went back';

CREATE TABLE IF NOT EXISTS @s@.dead_letter (
    pipeline        text NOT NULL,
    cluster_id      text NOT NULL,
    topic           text NOT NULL,
    kafka_partition int NOT NULL,
    incarnation     int NOT NULL,
    kafka_offset    bigint NOT NULL,
    record_time     timestamptz,
    key             bytea,
    value           bytea,
    headers         jsonb,
    reasons         jsonb NOT NULL,
    rejected_at     timestamptz NOT NULL DEFAULT now()
) @heap@@by_offset@;
CREATE INDEX IF NOT EXISTS dead_letter_position
    ON @s@.dead_letter (pipeline, topic, kafka_partition, kafka_offset);
COMMENT ON TABLE @s@.dead_letter IS
    'Sluice: records that could not become rows, whole, with the reasons';
COMMENT ON COLUMN @s@.dead_letter.headers IS
    '[{"name": …, "value": … or null}]; name_hex and value_hex where the bytes are no UTF-8 text';

CREATE TABLE IF NOT EXISTS @s@.dead_letter_history (
    pipeline        text NOT NULL,
    cluster_id      text NOT NULL,
    topic           text NOT NULL,
    kafka_partition int NOT NULL,
    incarnation     int NOT NULL,
    kafka_offset    bigint NOT NULL,
    rejected_at     timestamptz NOT NULL,
    round           int NOT NULL,
    outcome         text NOT NULL,
    reasons         jsonb,
    writer          text NOT NULL,
    revision        text NOT NULL,
    decided_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (pipeline, topic, kafka_partition, kafka_offset, incarnation, cluster_id,
                 rejected_at, round)
) @heap@@by_offset@;
COMMENT ON TABLE @s@.dead_letter_history IS
    'Sluice: what became of dead letters afterwards, a row for each retry and discard; insert only, save for the purge';
COMMENT ON COLUMN @s@.dead_letter_history.rejected_at IS
    'as in dead_letter: tells two of one position apart';
COMMENT ON COLUMN @s@.dead_letter_history.round IS
    'counts the decisions about one dead letter, from 1: of two who decide at once, one is refused';
COMMENT ON COLUMN @s@.dead_letter_history.outcome IS
    'loaded, filtered or discarded: that was the last; rejected: it stays, with these reasons';

CREATE OR REPLACE VIEW @s@.open_dead_letter AS
    SELECT pipeline, cluster_id, topic, kafka_partition, incarnation, kafka_offset, record_time, key,
           value, headers, latest_reasons AS reasons, rejected_at, retries, retried_at
    FROM (SELECT stories.*, first_value(outcome) OVER backwards AS latest_outcome,
                 first_value(reasons) OVER backwards AS latest_reasons,
                 first_value(round) OVER backwards AS retries,
                 first_value(decided_at) OVER backwards AS retried_at
          FROM (SELECT pipeline, topic, kafka_partition, kafka_offset, incarnation, cluster_id,
                       rejected_at, 0 AS round, record_time, key, value, headers, reasons,
                       'rejected'::text AS outcome, NULL::timestamptz AS decided_at
                FROM @s@.dead_letter
                UNION ALL
                SELECT pipeline, topic, kafka_partition, kafka_offset, incarnation, cluster_id,
                       rejected_at, round, NULL, NULL, NULL, NULL, reasons, outcome, decided_at
                FROM @s@.dead_letter_history) stories
          WINDOW backwards AS (PARTITION BY pipeline, topic, kafka_partition, kafka_offset,
                                            incarnation, cluster_id, rejected_at
                               ORDER BY round DESC)) told
    WHERE round = 0 AND latest_outcome = 'rejected';
COMMENT ON VIEW @s@.open_dead_letter IS
    'Sluice: dead letters that were neither loaded since nor discarded, with their latest reasons';

CREATE TABLE IF NOT EXISTS @s@.outbox_relay (
    relay    text NOT NULL,
    origin   text NOT NULL,
    began_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (relay)
) @heap@@by_relay@;
COMMENT ON TABLE @s@.outbox_relay IS
    'Sluice: outbox pipelines, each with the name under which Kafka keeps its mark';
COMMENT ON COLUMN @s@.outbox_relay.origin IS
    'made once, at random: a pipeline of the same name in another database has another mark';

CREATE TABLE IF NOT EXISTS @s@.outbox_table (
    name     text NOT NULL,
    relay    text NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (name)
) @heap@@by_name@;
COMMENT ON TABLE @s@.outbox_table IS
    'Sluice: which outbox pipeline has which table, for ever: another one would send its rows again, and delete what is not sent';
COMMENT ON COLUMN @s@.outbox_table.name IS
    'with its schema, both quoted';

CREATE TABLE IF NOT EXISTS @s@.outbox_batch (
    relay    text NOT NULL,
    batch    bigint NOT NULL,
    round    int NOT NULL,
    kind     text NOT NULL,
    ids      text[] NOT NULL,
    writer   text NOT NULL,
    revision text NOT NULL,
    made_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (relay, batch, round)
) @heap@@by_relay@;
COMMENT ON TABLE @s@.outbox_batch IS
    'Sluice: which rows of the outbox were claimed by which batch; insert only, save for the purge';
COMMENT ON COLUMN @s@.outbox_batch.round IS
    '0: the claim itself; above: decisions about the batch, one after the other; below: notes of the purge';
COMMENT ON COLUMN @s@.outbox_batch.kind IS
    'claim: ids of rows; retry: refused events, as "batch:place"; taken_over; refused: ids that are not sent with the batch; purged: no row of earlier batches is left, and of this one -1 - round';

CREATE TABLE IF NOT EXISTS @s@.refused_event (
    relay           text NOT NULL,
    batch           bigint NOT NULL,
    place           int NOT NULL,
    id              text NOT NULL,
    topic           text,
    kafka_partition int,
    key             bytea,
    value           bytea,
    headers         text,
    timestamp_ms    bigint NOT NULL,
    reason          text NOT NULL,
    detail          text NOT NULL,
    refused_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (relay, batch, place)
) @heap@@by_relay@;
COMMENT ON TABLE @s@.refused_event IS
    'Sluice: events of an outbox that Kafka cannot take, whole, with the reason';
COMMENT ON COLUMN @s@.refused_event.place IS 'in its batch, from 0';
COMMENT ON COLUMN @s@.refused_event.headers IS
    'JSON, [{"name": …, "value": … or null}]; as the row had it where that was not understood';
COMMENT ON COLUMN @s@.refused_event.timestamp_ms IS 'since 1970 UTC; -1: none';

CREATE TABLE IF NOT EXISTS @s@.removed_row (
    target     text NOT NULL,
    key        bytea NOT NULL,
    position   bytea NOT NULL,
    removed_at timestamptz NOT NULL DEFAULT now()
) @heap@@by_key@;
CREATE INDEX IF NOT EXISTS removed_row_key ON @s@.removed_row (target, key);
CREATE INDEX IF NOT EXISTS removed_row_age ON @s@.removed_row (removed_at);
COMMENT ON TABLE @s@.removed_row IS
    'Sluice: rows that a pipeline with an order has removed, so that older changes do not bring them back; insert only, save for the purge';
COMMENT ON COLUMN @s@.removed_row.position IS
    'the removal in the order: of two the newer one has the greater bytes';

INSERT INTO @s@.schema_version (version)
    SELECT @version@ WHERE NOT EXISTS (SELECT 1 FROM @s@.schema_version);
)";

/// From each version to the next, for tables that are there already; `tables` is what they lead to.
/// A step runs in the transaction that notes its version. It may run beside daemons of the version
/// before, so it must leave to them what they write; @places@ are filled in as in `tables`.
constexpr std::array<Migration, schema_version - 1> steps{
    {{2, R"(ALTER TABLE @s@.ledger ADD COLUMN superseded bigint NOT NULL DEFAULT 0;
ALTER TABLE @s@.ledger ADD COLUMN unmatched bigint NOT NULL DEFAULT 0;
ALTER TABLE @s@.ledger DROP CONSTRAINT ledger_check;
ALTER TABLE @s@.ledger ADD CONSTRAINT ledger_check
    CHECK (loaded + superseded + unmatched + rejected + filtered + gaps + lost
           = to_offset - from_offset);
COMMENT ON COLUMN @s@.ledger.superseded IS
    'changes of a key of which the same batch had a later one';
COMMENT ON COLUMN @s@.ledger.unmatched IS
    'updates of keys that the table had no row of';
)"},
     {3, R"(CREATE TABLE IF NOT EXISTS @s@.removed_row (
    target     text NOT NULL,
    key        bytea NOT NULL,
    position   bytea NOT NULL,
    removed_at timestamptz NOT NULL DEFAULT now()
) @heap@@by_key@;
CREATE INDEX IF NOT EXISTS removed_row_key ON @s@.removed_row (target, key);
CREATE INDEX IF NOT EXISTS removed_row_age ON @s@.removed_row (removed_at);
COMMENT ON TABLE @s@.removed_row IS
    'Sluice: rows that a pipeline with an order has removed, so that older changes do not bring them back; insert only, save for the purge';
COMMENT ON COLUMN @s@.removed_row.position IS
    'the removal in the order: of two the newer one has the greater bytes';
COMMENT ON COLUMN @s@.ledger.superseded IS
    'changes of a key of which the same batch had a later one, or the table a newer one';
)"}}};

}  // namespace

std::span<const Migration> schema_migrations() {
    return steps;
}

Family family_of(std::string_view version) {
    if (version.find("Cloudberry") != std::string_view::npos) return Family::cloudberry;
    if (version.find("Greenplum") != std::string_view::npos) return Family::greenplum;
    return Family::postgresql;
}

Family family_of(Session& session) {
    return family_of(session.exec("SELECT version()").text(0, 0));
}

std::string schema_ddl(Family family, const std::string& schema) {
    return fill("CREATE SCHEMA IF NOT EXISTS @s@;\n\n", schema, family) +
           fill(tables, schema, family);
}

std::string upgrade_ddl(Family family, const std::string& schema, int installed,
                        std::span<const Migration> migrations) {
    std::string ddl;
    for (const Migration& migration : migrations) {
        if (migration.to <= installed) continue;
        ddl += fill(migration.sql, schema, family);
        ddl += fill("INSERT INTO @s@.schema_version (version) VALUES (@version@);\n", schema,
                    family, migration.to);
    }
    return ddl;
}

bool has_own_table(Session& session, const std::string& schema, const std::string& table) {
    // By the catalogue: to_regclass() wants USAGE on the schema.
    return session
               .exec(
                   "SELECT EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n"
                   " ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2)",
                   {schema, table})
               .text(0, 0) == "t";
}

int installed_schema_version(Session& session, const std::string& schema) {
    if (!has_own_table(session, schema)) return 0;
    const Rows version = session.exec("SELECT coalesce(max(version), 0) FROM " +
                                      quote_identifier(schema) + ".schema_version");
    return static_cast<int>(version.number(0, 0));
}

std::string complaint_of_encoding(Session& session) {
    const Rows rows = session.exec("SELECT current_setting('server_encoding'), current_database()");
    if (rows.text(0, 0) == "UTF8") return "";
    return "database " + quote_identifier(rows.text(0, 1)) + ": its encoding is " +
           rows.text(0, 0) +
           ", which cannot hold every text that a record brings; use one made with ENCODING 'UTF8'";
}

std::string newer_than_program(const std::string& schema, int installed, int known) {
    return "schema " + quote_identifier(schema) + ": its tables have version " +
           std::to_string(installed) + ", which a newer sluice has made; this one knows versions " +
           "up to " + std::to_string(known) + ": run the newer one";
}

namespace {

/// Creates the tables, or brings them up to `known`. Of two daemons that start at the same time the
/// second one finds it done.
void install(Session& session, const std::string& schema, std::span<const Migration> migrations) {
    const Family family = family_of(session);
    // CREATE SCHEMA IF NOT EXISTS asks for a right on the database even if the schema is there.
    const Rows there =
        session.exec("SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1)", {schema});
    Transaction transaction(session);
    if (installed_schema_version(session, schema) == 0) {
        if (there.text(0, 0) != "t") session.run("CREATE SCHEMA " + quote_identifier(schema));
        session.run(fill(tables, schema, family));
    } else {
        session.run("LOCK TABLE " + quote_identifier(schema) +
                    ".schema_version IN ACCESS EXCLUSIVE MODE");
        const int installed = installed_schema_version(session, schema);
        const std::string ddl = upgrade_ddl(family, schema, installed, migrations);
        if (!ddl.empty()) session.run(ddl);
    }
    transaction.commit();
}

}  // namespace

void ensure_schema(Session& session, const std::string& schema,
                   std::span<const Migration> migrations) {
    if (const std::string why = complaint_of_encoding(session); !why.empty())
        throw WrongConfiguration(why);
    const int known = migrations.empty() ? schema_version : migrations.back().to;
    const auto installed = [&] {
        const int version = installed_schema_version(session, schema);
        if (version > known) throw TroubleOfTheWorld(newer_than_program(schema, version, known));
        return version;
    };
    const int before = installed();
    if (before == known) return;
    try {
        install(session, schema, migrations);
    } catch (const DatabaseError& error) {
        // Another daemon that starts at the same time may have been faster.
        if (error.trouble() != Trouble::world && installed() == known) return;
        throw TroubleOfTheWorld(
            "schema " + quote_identifier(schema) +
            (before == 0 ? ": sluice's tables are missing and cannot be created: "
                         : ": its tables have version " + std::to_string(before) +
                               " and cannot be upgraded to " + std::to_string(known) + ": ") +
            error.details().message + "; let their owner run: sluice schema" +
            (before == 0 ? " | psql" : " --apply"));
    } catch (const OutcomeUnknown& error) {
        throw TroubleOfTheWorld(error.what());
    }
}

}  // namespace sluice
