#pragma once

#include "pipeline/record.h"
#include "sinks/books/identity.h"
#include "sinks/session/session.h"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sluice {

/// Where one partition is, by the books: the end of the last row that the ledger has of the latest
/// incarnation, or that one's anchor.
struct Tip {
    PartitionId partition = 0;
    Offset next = 0;
    int incarnation = 0;
    std::optional<Offset> begins;  ///< that last row; nullopt: there is none, but an anchor
    RecordIdentity last;           ///< of the last record before `next`, if one is known
};

/// Of one partition's rows of either table, by parameters that are partition_key().
inline constexpr const char* of_partition =
    " WHERE pipeline = $1::text AND cluster_id = $2::text AND topic = $3::text"
    " AND kafka_partition = $4::int";
[[nodiscard]] Row partition_key(const PipelineIdentity& identity, PartitionId partition);

/// Of the partition that its parameters name, partition_key(), a row of the columns below, by two
/// looks into primary keys, however long the ledger is; none where there is no anchor.
[[nodiscard]] std::string tip_statement(const std::string& schema);
/// What it says. Throws DatabaseError.
[[nodiscard]] Rows read_tip_row(Session& session, const std::string& schema, const Row& key);
enum TipColumn : std::size_t {
    tip_next,
    tip_anchor,
    tip_incarnation,
    tip_begins,
    tip_last_offset,
    tip_last_timestamp,
    tip_last_checksum,
    tip_moved_at,
    tip_writer,
    tip_columns  ///< how many there are
};

/// The same; nullopt: there is no anchor.
[[nodiscard]] std::optional<Tip> read_tip(Session& session, const PipelineIdentity& identity,
                                          PartitionId partition);

/// The same of many, by one statement where the database has a plan for that; those without an
/// anchor are left out.
[[nodiscard]] std::vector<Tip> read_tips(Session& session, const PipelineIdentity& identity,
                                         std::span<const PartitionId> partitions);

enum class TipKeys {
    written_out,  ///< for an MPP database, and for few: planning it takes the square of their
                  ///< number
    joined        ///< as arrays, for many
};
/// Of these last rows, one at least, topic and kafka_partition of those that the ledger still has
/// as they were seen, or whose anchor is still there: a table, for an INSERT of rows that begin
/// there. $1 and $2 are pipeline and cluster. The ledger is distributed by pipeline: what is joined
/// to this alone is done by one process of one segment.
[[nodiscard]] std::string still_there(const PipelineIdentity& identity, std::span<const Tip> tips,
                                      TipKeys keys = TipKeys::written_out);

}  // namespace sluice
