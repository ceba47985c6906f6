#include "sinks/schema/schema.h"

#include <array>

namespace sluice {
namespace {

/// From each version to the next, for tables that are there already; own_tables() is what they lead
/// to. A step runs in the transaction that notes its version. It may run beside daemons of the
/// version before, so it must leave to them what they write; @places@ are filled in as there.
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
)"},
     // The table of progress becomes that of anchors, which leaves its rights to who had them, and
     // would leave to it the views that are made of it. Of rows that begin at one offset, since
     // progress was moved by hand, the last one stays; where it was moved to, beside the ledger,
     // another incarnation begins. Without a default for the last record, older daemons can fold
     // no rows: they would lose it, and know nothing of whom a fold has to keep out.
     {4, R"(DO $$
DECLARE made_of_it text;
BEGIN
    SELECT string_agg(DISTINCT r.ev_class::regclass::text, ', ') INTO made_of_it
        FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid
        WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
              AND d.refobjid = @progresses@::regclass;
    IF made_of_it IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'dependent_objects_still_exist', MESSAGE =
            @progresses@ || ' becomes a view, and these are made of the table that it is: ' ||
            made_of_it || '; drop them, and make them again after the upgrade';
    END IF;
END $$;
LOCK TABLE @s@.progress, @s@.ledger IN ACCESS EXCLUSIVE MODE;
ALTER TABLE @s@.ledger ADD COLUMN last_offset bigint NOT NULL DEFAULT -1;
ALTER TABLE @s@.ledger ADD COLUMN last_timestamp_ms bigint NOT NULL DEFAULT -1;
ALTER TABLE @s@.ledger ADD COLUMN last_checksum bigint NOT NULL DEFAULT 0;
COMMENT ON TABLE @s@.ledger IS
    'Sluice: what became of every offset, one row per batch and partition; ranges are half-open, and each begins where the one before it ends';
COMMENT ON COLUMN @s@.ledger.last_checksum IS
    'CRC-32 of the last record''s key and value: tells a topic that was created anew';
UPDATE @s@.ledger l SET incarnation = -n.surplus
    FROM (SELECT pipeline, place@segment@, row_number() OVER (
              PARTITION BY pipeline, cluster_id, topic, kafka_partition, from_offset) AS surplus
          FROM (SELECT pipeline, cluster_id, topic, kafka_partition, from_offset,
                       ctid AS place@segment@,
                       row_number() OVER (
                           PARTITION BY pipeline, cluster_id, topic, kafka_partition, incarnation,
                                        from_offset
                           ORDER BY committed_at DESC) AS nth FROM @s@.ledger) numbered
          WHERE nth > 1) n
    WHERE l.pipeline = n.pipeline AND l.ctid = n.place@same_segment@;
UPDATE @s@.ledger l SET last_offset = p.last_offset, last_timestamp_ms = p.last_timestamp_ms,
                        last_checksum = p.last_checksum
    FROM @s@.progress p
    WHERE l.pipeline = p.pipeline AND l.cluster_id = p.cluster_id AND l.topic = p.topic
          AND l.kafka_partition = p.kafka_partition AND l.incarnation = p.incarnation
          AND l.to_offset = p.next_offset AND l.from_offset < l.to_offset;
ALTER TABLE @s@.ledger
    ALTER last_offset DROP DEFAULT, ALTER last_timestamp_ms DROP DEFAULT,
    ALTER last_checksum DROP DEFAULT,
    ADD PRIMARY KEY (pipeline, cluster_id, topic, kafka_partition, incarnation, from_offset);
ALTER TABLE @s@.progress DROP CONSTRAINT progress_pkey;
INSERT INTO @s@.progress (pipeline, cluster_id, topic, kafka_partition, next_offset, anchor_offset,
                          incarnation, moved_at, writer)
    SELECT p.pipeline, p.cluster_id, p.topic, p.kafka_partition, p.next_offset, p.next_offset,
           greatest(p.incarnation, m.latest) + 1, p.moved_at, p.writer
    FROM @s@.progress p LEFT JOIN (
        SELECT DISTINCT ON (pipeline, cluster_id, topic, kafka_partition, incarnation)
               pipeline, cluster_id, topic, kafka_partition, incarnation, to_offset AS ends
        FROM @s@.ledger
        ORDER BY pipeline, cluster_id, topic, kafka_partition, incarnation, from_offset DESC) l
        ON l.pipeline = p.pipeline AND l.cluster_id = p.cluster_id AND l.topic = p.topic
           AND l.kafka_partition = p.kafka_partition AND l.incarnation = p.incarnation
    LEFT JOIN (
        SELECT pipeline, cluster_id, topic, kafka_partition, max(incarnation) AS latest
        FROM @s@.ledger GROUP BY 1, 2, 3, 4) m
        ON m.pipeline = p.pipeline AND m.cluster_id = p.cluster_id AND m.topic = p.topic
           AND m.kafka_partition = p.kafka_partition
    WHERE coalesce(l.ends, p.anchor_offset) <> p.next_offset OR m.latest > p.incarnation;
INSERT INTO @s@.progress (pipeline, cluster_id, topic, kafka_partition, next_offset, anchor_offset,
                          incarnation, moved_at, writer)
    SELECT l.pipeline, l.cluster_id, l.topic, l.kafka_partition, 0, l.begins, l.incarnation,
           l.began_at, ''
    FROM (
        SELECT pipeline, cluster_id, topic, kafka_partition, incarnation,
               min(from_offset) AS begins, min(committed_at) AS began_at
        FROM @s@.ledger GROUP BY 1, 2, 3, 4, 5) l
    JOIN (
        SELECT DISTINCT pipeline, cluster_id, topic, kafka_partition FROM @s@.progress) p
        ON l.pipeline = p.pipeline AND l.cluster_id = p.cluster_id AND l.topic = p.topic
           AND l.kafka_partition = p.kafka_partition
    LEFT JOIN @s@.progress a
        ON l.pipeline = a.pipeline AND l.cluster_id = a.cluster_id AND l.topic = a.topic
           AND l.kafka_partition = a.kafka_partition AND l.incarnation = a.incarnation
    WHERE a.pipeline IS NULL;
ALTER TABLE @s@.progress RENAME TO anchor;
ALTER TABLE @s@.anchor RENAME COLUMN moved_at TO anchored_at;
ALTER TABLE @s@.anchor DROP COLUMN next_offset;
ALTER TABLE @s@.anchor DROP COLUMN last_offset;
ALTER TABLE @s@.anchor DROP COLUMN last_timestamp_ms;
ALTER TABLE @s@.anchor DROP COLUMN last_checksum;
ALTER TABLE @s@.anchor
    ADD PRIMARY KEY (pipeline, cluster_id, topic, kafka_partition, incarnation);
ALTER TABLE @s@.anchor RESET (fillfactor);
COMMENT ON TABLE @s@.anchor IS
    'Sluice: where reading of each partition began; insert only';
@progress@DO $$
DECLARE reader text;
BEGIN
    FOR reader IN SELECT DISTINCT CASE r.grantee WHEN 0 THEN 'PUBLIC'
                                  ELSE quote_ident(pg_get_userbyid(r.grantee)) END
        FROM pg_class c, aclexplode(c.relacl) r
        WHERE c.oid = @anchors@::regclass AND r.privilege_type = 'SELECT' LOOP
        EXECUTE @grant@ || reader;
    END LOOP;
END $$;
)"}}};

}  // namespace

std::span<const Migration> schema_migrations() {
    return steps;
}

}  // namespace sluice
