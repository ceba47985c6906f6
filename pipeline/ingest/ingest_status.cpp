#include "pipeline/ingest/ingest_status.h"

#include <algorithm>

namespace sluice {

const char* name_of(LaneActivity activity) {
    switch (activity) {
        case LaneActivity::reading:
            return "reading";
        case LaneActivity::writing:
            return "writing";
        case LaneActivity::backing_off:
            break;
    }
    return "backing_off";
}

Offset IngestStatus::lag() const {
    Offset sum = 0;
    for (const Partition& partition : partitions) sum += partition.lag;
    return sum;
}

double IngestStatus::lag_seconds() const {
    double most = 0;
    for (const Partition& partition : partitions) most = std::max(most, partition.lag_seconds);
    return most;
}

}  // namespace sluice
