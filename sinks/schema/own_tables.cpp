#include "sinks/schema/own_tables.h"

#include "sinks/session/sql_text.h"

namespace sluice {
namespace {

/// Of each partition the latest anchor, and the last row that the ledger has of it. An MPP database
/// has no plan for a look that depends on the row beside it, so there rows are numbered; those who
/// load ask for one partition at a time (tip.h).
constexpr std::string_view latest_by_look = R"(@s@.anchor a LEFT JOIN LATERAL (
        SELECT to_offset, last_offset, last_timestamp_ms, last_checksum, committed_at, writer
        FROM @s@.ledger l
        WHERE l.pipeline = a.pipeline AND l.cluster_id = a.cluster_id AND l.topic = a.topic
              AND l.kafka_partition = a.kafka_partition AND l.incarnation = a.incarnation
        ORDER BY l.from_offset DESC LIMIT 1) l ON true
    WHERE NOT EXISTS (
        SELECT 1 FROM @s@.anchor b
        WHERE b.pipeline = a.pipeline AND b.cluster_id = a.cluster_id AND b.topic = a.topic
              AND b.kafka_partition = a.kafka_partition AND b.incarnation > a.incarnation))";
constexpr std::string_view latest_by_number = R"((
        SELECT *, row_number() OVER (PARTITION BY pipeline, cluster_id, topic, kafka_partition
                                     ORDER BY incarnation DESC) AS nth
        FROM @s@.anchor) a
    LEFT JOIN (
        SELECT *, row_number() OVER (PARTITION BY pipeline, cluster_id, topic, kafka_partition,
                                                  incarnation
                                     ORDER BY from_offset DESC) AS nth
        FROM @s@.ledger) l
        ON l.pipeline = a.pipeline AND l.cluster_id = a.cluster_id AND l.topic = a.topic
           AND l.kafka_partition = a.kafka_partition AND l.incarnation = a.incarnation
           AND l.nth = 1
    WHERE a.nth = 1)";

constexpr std::string_view progress_view = R"(CREATE OR REPLACE VIEW @s@.progress AS
    SELECT a.pipeline, a.cluster_id, a.topic, a.kafka_partition,
           coalesce(l.to_offset, a.anchor_offset) AS next_offset, a.anchor_offset, a.incarnation,
           coalesce(l.last_offset, -1) AS last_offset,
           coalesce(l.last_timestamp_ms, -1) AS last_timestamp_ms,
           coalesce(l.last_checksum, 0) AS last_checksum,
           coalesce(l.committed_at, a.anchored_at) AS moved_at,
           coalesce(l.writer, a.writer) AS writer
    FROM @latest@;
COMMENT ON VIEW @s@.progress IS
    'Sluice: where each partition of each pipeline goes on: at the end of what the ledger has of it, or at its anchor';
COMMENT ON COLUMN @s@.progress.next_offset IS
    'the next offset to read, as Kafka counts: everything below is accounted for in the ledger';
)";

constexpr std::string_view tables = R"(CREATE TABLE IF NOT EXISTS @s@.schema_version (
    version      int NOT NULL,
    installed_at timestamptz NOT NULL DEFAULT now()
) @heap@@by_version@;
COMMENT ON TABLE @s@.schema_version IS
    'Sluice: which version of these tables is installed';

CREATE TABLE IF NOT EXISTS @s@.anchor (
    pipeline        text NOT NULL,
    cluster_id      text NOT NULL,
    topic           text NOT NULL,
    kafka_partition int NOT NULL,
    incarnation     int NOT NULL DEFAULT 0,
    anchor_offset   bigint NOT NULL,
    anchored_at     timestamptz NOT NULL DEFAULT now(),
    writer          text NOT NULL,
    PRIMARY KEY (pipeline, cluster_id, topic, kafka_partition, incarnation)
) @heap@@by_pipeline@;
COMMENT ON TABLE @s@.anchor IS
    'Sluice: where reading of each partition began; insert only';
COMMENT ON COLUMN @s@.anchor.anchor_offset IS
    'where the pipeline began to read this partition';
COMMENT ON COLUMN @s@.anchor.incarnation IS
    'counts how often offsets began to repeat: the topic was created anew, or progress was rewound';

CREATE TABLE IF NOT EXISTS @s@.ledger (
    pipeline          text NOT NULL,
    cluster_id        text NOT NULL,
    topic             text NOT NULL,
    kafka_partition   int NOT NULL,
    incarnation       int NOT NULL,
    from_offset       bigint NOT NULL,
    to_offset         bigint NOT NULL,
    loaded            bigint NOT NULL,
    rejected          bigint NOT NULL,
    filtered          bigint NOT NULL,
    gaps              bigint NOT NULL,
    lost              bigint NOT NULL,
    kind              text NOT NULL,
    writer            text NOT NULL,
    revision          text NOT NULL,
    committed_at      timestamptz NOT NULL DEFAULT now(),
    superseded        bigint NOT NULL DEFAULT 0,
    unmatched         bigint NOT NULL DEFAULT 0,
    last_offset       bigint NOT NULL,
    last_timestamp_ms bigint NOT NULL,
    last_checksum     bigint NOT NULL,
    CHECK (loaded + superseded + unmatched + rejected + filtered + gaps + lost
           = to_offset - from_offset),
    PRIMARY KEY (pipeline, cluster_id, topic, kafka_partition, incarnation, from_offset)
) @heap@@by_pipeline@;
CREATE INDEX IF NOT EXISTS ledger_age ON @s@.ledger (pipeline, committed_at);
COMMENT ON TABLE @s@.ledger IS
    'Sluice: what became of every offset, one row per batch and partition; ranges are half-open, and each begins where the one before it ends';
COMMENT ON COLUMN @s@.ledger.superseded IS
    'changes of a key of which the same batch had a later one, or the table a newer one';
COMMENT ON COLUMN @s@.ledger.unmatched IS
    'updates of keys that the table had no row of';
COMMENT ON COLUMN @s@.ledger.kind IS
    'batch; skipped: offsets that Kafka had lost; moved: skipped by sluice progress set; folded: the sum of pruned rows; ended: the topic was created anew; rewound: sluice progress set went back';
COMMENT ON COLUMN @s@.ledger.last_checksum IS
    'CRC-32 of the last record''s key and value: tells a topic that was created anew';

@progress@
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

}  // namespace

std::string_view own_tables() {
    return tables;
}

std::string filled_in(std::string_view text, const std::string& schema, Family family,
                      int version) {
    const bool mpp = is_mpp(family);
    const std::string quoted = quote_identifier(schema);
    const std::string latest = filled_in(mpp ? latest_by_number : latest_by_look, {{"s", quoted}});
    const auto distributed = [&](std::string_view columns) {
        return mpp ? "\nDISTRIBUTED BY (" + std::string(columns) + ")" : std::string();
    };
    return filled_in(text,
                     {{"s", quoted},
                      {"version", std::to_string(version)},
                      {"progress", filled_in(progress_view, {{"s", quoted}, {"latest", latest}})},
                      {"anchors", quote_literal(quoted + ".anchor")},
                      {"progresses", quote_literal(quoted + ".progress")},
                      {"grant", quote_literal("GRANT SELECT ON " + quoted + ".progress TO ")},
                      // Tables may be append-optimized by default, which know no ON CONFLICT.
                      {"heap", mpp ? "WITH (appendonly=false)" : ""},
                      // An MPP database finds no row by ctid alone.
                      {"segment", mpp ? ", gp_segment_id" : ""},
                      {"same_segment", mpp ? " AND l.gp_segment_id = n.gp_segment_id" : ""},
                      {"by_pipeline", distributed("pipeline")},
                      {"by_relay", distributed("relay")},
                      {"by_name", distributed("name")},
                      {"by_key", distributed("key")},
                      {"by_offset", distributed("kafka_partition, kafka_offset")},
                      {"by_version", distributed("version")}});
}

}  // namespace sluice
