#pragma once

#include "pipeline/mapping/row_mapper.h"
#include "pipeline/mapping/targets.h"
#include "tests/fakes/partitions.h"

#include <doctest/doctest.h>

#include <string>

namespace sluice::test {

/// Adds the partition's next record, which is at `offset`, and its row of the target that has the
/// partition's number.
inline void add_routed_record(Batch& batch, const Targets& targets, PartitionId partition,
                              Offset offset, const std::string& value) {
    const auto target = static_cast<TargetId>(partition);
    Record record;
    record.from = fakes::orders(partition);
    record.offset = offset;
    record.value = value;
    const Targets::Target& of = targets[target];
    RowMapper mapper(of.ingest, of.table);
    batch.use(target);
    Rejection none;
    REQUIRE(mapper.map(batch.records.append(record), batch, target, none) ==
            RowMapper::Outcome::row);
    Slice& slice = batch.slice(partition, offset);
    ++slice.loaded;
    slice.range.to = offset + 1;
    slice.last = identify(record);
}

}  // namespace sluice::test
