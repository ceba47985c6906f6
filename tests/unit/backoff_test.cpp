#include "pipeline/backoff.h"

#include <doctest/doctest.h>

#include <set>

using sluice::Backoff;
using std::chrono::milliseconds;

TEST_CASE("backoff: doubles up to the limit, at most a quarter off") {
    Backoff backoff{milliseconds(100), milliseconds(1000)};
    for (const int full : {100, 200, 400, 800, 1000, 1000}) {
        const auto next = backoff.next();
        CHECK(next <= milliseconds(full));
        CHECK(next >= milliseconds(full * 3 / 4));
    }
}

TEST_CASE("backoff: begins anew after a reset") {
    Backoff backoff{milliseconds(100), milliseconds(1000)};
    for (int i = 0; i < 5; ++i) static_cast<void>(backoff.next());
    backoff.reset();
    CHECK(backoff.next() <= milliseconds(100));
}

TEST_CASE("backoff: two that fail together do not come back together") {
    std::set<milliseconds> first;
    for (int i = 0; i < 50; ++i) {
        Backoff backoff{milliseconds(100'000), milliseconds(100'000)};
        first.insert(backoff.next());
    }
    CHECK(first.size() > 10);
}

TEST_CASE("backoff: a limit below the first wait, and no wait at all, are obeyed") {
    Backoff none{milliseconds(0), milliseconds(0)};
    CHECK(none.next() == milliseconds(0));
    CHECK(none.next() == milliseconds(0));
    Backoff steady{milliseconds(8), milliseconds(8)};
    for (int i = 0; i < 10; ++i) CHECK(steady.next() >= milliseconds(6));
}
