#include "tests/bench/benchmarks.h"

namespace sluice::bench {
void run_peers(Stage&, Report&) {}
}  // namespace sluice::bench
