#include "pipeline/ingest/reject_count.h"

#include <doctest/doctest.h>

using namespace sluice;
using Unit = config::MaxRejects::Unit;

namespace {

Batch batch_of(std::int64_t records, std::int64_t rejected, std::int64_t gaps = 0) {
    Batch batch;
    Slice& slice = batch.slice(0, 0);
    slice.range.to = records + gaps;
    slice.rejected = rejected;
    slice.loaded = records - rejected;
    slice.gaps = gaps;
    return batch;
}

const config::MaxRejects three{.unit = Unit::records, .most = 3, .text = "3"};
const config::MaxRejects one_percent{.unit = Unit::percent, .most = 1, .text = "1%"};

bool holds(RejectCount& count, const Batch& batch, const config::MaxRejects& limit) {
    return !count.add(batch, limit).empty();
}

}  // namespace

TEST_CASE("reject count: a number is of all since the last hold, and as many are borne") {
    RejectCount count;
    CHECK_FALSE(holds(count, batch_of(1'000'000, 2), three));
    CHECK_FALSE(holds(count, batch_of(10, 1), three));
    CHECK(count.add(batch_of(5, 1), three) ==
          "4 of 1000015 records were rejected, and max_rejects = 3; their dead letters say why: "
          "mend that and resume the pipeline, which counts anew, or raise max_rejects");
    CHECK_FALSE(holds(count, batch_of(5, 3), three));
    CHECK(holds(count, batch_of(5, 1), three));
}

TEST_CASE("reject count: a share is judged of ten thousand records in a row") {
    RejectCount count;
    // However few the records are, a hundred rejects are borne.
    CHECK_FALSE(holds(count, batch_of(100, 100), one_percent));
    CHECK(count.add(batch_of(9'899, 1, 50'000), one_percent)
              .starts_with(
                  "101 of the latest 9999 records were rejected, and max_rejects = \"1%\";"));
    // A stretch that was good is over: the next one is judged by itself.
    CHECK_FALSE(holds(count, batch_of(9'000, 0), one_percent));
    CHECK_FALSE(holds(count, batch_of(1'000, 100), one_percent));
    CHECK_FALSE(holds(count, batch_of(50, 50), one_percent));
    CHECK(holds(count, batch_of(51, 51), one_percent));
}

TEST_CASE("reject count: of a batch that is longer than a stretch, the share is the batch's") {
    RejectCount count;
    CHECK_FALSE(holds(count, batch_of(50'000, 500), one_percent));
    CHECK(holds(count, batch_of(50'000, 501), one_percent));
}
