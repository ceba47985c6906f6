#pragma once

#include "tests/bench/report.h"
#include "tests/bench/stage.h"

/// What `./dev bench` measures; docs/benchmarks.md explains each figure.
namespace sluice::bench {

/// The daemon beside `psql \copy` and beside consuming alone, for several kinds of records.
void run_speed(Stage& stage, Report& report);
/// The first kind of them only.
void run_quick(Stage& stage, Report& report);
/// What bad records cost.
void run_trouble(Stage& stage, Report& report);
/// From a record's timestamp until its row is seen, and from a restart to the first new row.
void run_freshness(Stage& stage, Report& report);
/// A table that follows a topic, SQL, and filters.
void run_merge(Stage& stage, Report& report);
/// Many partitions, many pipelines, two daemons.
void run_scale(Stage& stage, Report& report);
/// An outbox table to a topic, beside what table and broker do alone.
void run_outbox(Stage& stage, Report& report);
/// Rows from memory to segments that fetch them; neither broker nor database.
void run_segments(Report& report);
/// What a lane's thread executes for a record, counted by callgrind: a busy machine does not
/// matter.
void run_instructions(Stage& stage, Report& report);
/// Kafka Connect with Debezium's JDBC sink: JSON, Avro by a registry, upserts, a kill -9.
void run_peers(Stage& stage, Report& report);

}  // namespace sluice::bench
