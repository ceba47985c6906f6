-- Sluice's own tables in version 1, as `sluice schema` printed them. Never changed: tests upgrade it.
CREATE SCHEMA IF NOT EXISTS sluice;

CREATE TABLE IF NOT EXISTS sluice.schema_version (
    version      int NOT NULL,
    installed_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE sluice.schema_version IS
    'Sluice: which version of these tables is installed';

CREATE TABLE IF NOT EXISTS sluice.progress (
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
) WITH (fillfactor=50);
COMMENT ON TABLE sluice.progress IS
    'Sluice: where each partition of each pipeline goes on; moves in the transaction that loads';
COMMENT ON COLUMN sluice.progress.next_offset IS
    'the next offset to read, as Kafka counts: everything below is accounted for in the ledger';
COMMENT ON COLUMN sluice.progress.anchor_offset IS
    'where the pipeline began to read this partition';
COMMENT ON COLUMN sluice.progress.incarnation IS
    'counts how often offsets began to repeat: the topic was created anew, or progress was rewound';
COMMENT ON COLUMN sluice.progress.last_checksum IS
    'CRC-32 of the last record''s key and value: tells a topic that was created anew';

CREATE TABLE IF NOT EXISTS sluice.ledger (
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
    CHECK (loaded + rejected + filtered + gaps + lost = to_offset - from_offset)
);
CREATE INDEX IF NOT EXISTS ledger_age ON sluice.ledger (pipeline, committed_at);
COMMENT ON TABLE sluice.ledger IS
    'Sluice: what became of every offset, one row per batch and partition; ranges are half-open';
COMMENT ON COLUMN sluice.ledger.kind IS
    'batch; skipped: offsets that Kafka had lost; moved: skipped by sluice progress set; folded: the sum of pruned rows; ended: the topic was created anew; rewound: sluice progress set went back';

CREATE TABLE IF NOT EXISTS sluice.dead_letter (
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
);
CREATE INDEX IF NOT EXISTS dead_letter_position
    ON sluice.dead_letter (pipeline, topic, kafka_partition, kafka_offset);
COMMENT ON TABLE sluice.dead_letter IS
    'Sluice: records that could not become rows, whole, with the reasons';
COMMENT ON COLUMN sluice.dead_letter.headers IS
    '[{"name": …, "value": … or null}]; name_hex and value_hex where the bytes are no UTF-8 text';

CREATE TABLE IF NOT EXISTS sluice.dead_letter_history (
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
);
COMMENT ON TABLE sluice.dead_letter_history IS
    'Sluice: what became of dead letters afterwards, a row for each retry and discard; insert only, save for the purge';
COMMENT ON COLUMN sluice.dead_letter_history.rejected_at IS
    'as in dead_letter: tells two of one position apart';
COMMENT ON COLUMN sluice.dead_letter_history.round IS
    'counts the decisions about one dead letter, from 1: of two who decide at once, one is refused';
COMMENT ON COLUMN sluice.dead_letter_history.outcome IS
    'loaded, filtered or discarded: that was the last; rejected: it stays, with these reasons';

CREATE OR REPLACE VIEW sluice.open_dead_letter AS
    SELECT pipeline, cluster_id, topic, kafka_partition, incarnation, kafka_offset, record_time, key,
           value, headers, latest_reasons AS reasons, rejected_at, retries, retried_at
    FROM (SELECT stories.*, first_value(outcome) OVER backwards AS latest_outcome,
                 first_value(reasons) OVER backwards AS latest_reasons,
                 first_value(round) OVER backwards AS retries,
                 first_value(decided_at) OVER backwards AS retried_at
          FROM (SELECT pipeline, topic, kafka_partition, kafka_offset, incarnation, cluster_id,
                       rejected_at, 0 AS round, record_time, key, value, headers, reasons,
                       'rejected'::text AS outcome, NULL::timestamptz AS decided_at
                FROM sluice.dead_letter
                UNION ALL
                SELECT pipeline, topic, kafka_partition, kafka_offset, incarnation, cluster_id,
                       rejected_at, round, NULL, NULL, NULL, NULL, reasons, outcome, decided_at
                FROM sluice.dead_letter_history) stories
          WINDOW backwards AS (PARTITION BY pipeline, topic, kafka_partition, kafka_offset,
                                            incarnation, cluster_id, rejected_at
                               ORDER BY round DESC)) told
    WHERE round = 0 AND latest_outcome = 'rejected';
COMMENT ON VIEW sluice.open_dead_letter IS
    'Sluice: dead letters that were neither loaded since nor discarded, with their latest reasons';

CREATE TABLE IF NOT EXISTS sluice.outbox_relay (
    relay    text NOT NULL,
    origin   text NOT NULL,
    began_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (relay)
);
COMMENT ON TABLE sluice.outbox_relay IS
    'Sluice: outbox pipelines, each with the name under which Kafka keeps its mark';
COMMENT ON COLUMN sluice.outbox_relay.origin IS
    'made once, at random: a pipeline of the same name in another database has another mark';

CREATE TABLE IF NOT EXISTS sluice.outbox_table (
    name     text NOT NULL,
    relay    text NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (name)
);
COMMENT ON TABLE sluice.outbox_table IS
    'Sluice: which outbox pipeline has which table, for ever: another one would send its rows again, and delete what is not sent';
COMMENT ON COLUMN sluice.outbox_table.name IS
    'with its schema, both quoted';

CREATE TABLE IF NOT EXISTS sluice.outbox_batch (
    relay    text NOT NULL,
    batch    bigint NOT NULL,
    round    int NOT NULL,
    kind     text NOT NULL,
    ids      text[] NOT NULL,
    writer   text NOT NULL,
    revision text NOT NULL,
    made_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (relay, batch, round)
);
COMMENT ON TABLE sluice.outbox_batch IS
    'Sluice: which rows of the outbox were claimed by which batch; insert only, save for the purge';
COMMENT ON COLUMN sluice.outbox_batch.round IS
    '0: the claim itself; above: decisions about the batch, one after the other; below: notes of the purge';
COMMENT ON COLUMN sluice.outbox_batch.kind IS
    'claim: ids of rows; retry: refused events, as "batch:place"; taken_over; refused: ids that are not sent with the batch; purged: no row of earlier batches is left, and of this one -1 - round';

CREATE TABLE IF NOT EXISTS sluice.refused_event (
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
);
COMMENT ON TABLE sluice.refused_event IS
    'Sluice: events of an outbox that Kafka cannot take, whole, with the reason';
COMMENT ON COLUMN sluice.refused_event.place IS 'in its batch, from 0';
COMMENT ON COLUMN sluice.refused_event.headers IS
    'JSON, [{"name": …, "value": … or null}]; as the row had it where that was not understood';
COMMENT ON COLUMN sluice.refused_event.timestamp_ms IS 'since 1970 UTC; -1: none';

INSERT INTO sluice.schema_version (version)
    SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM sluice.schema_version);
