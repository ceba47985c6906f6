#include "kafka/forbidden_topics.h"

#include <doctest/doctest.h>

namespace sluice::kafka {
namespace {

using namespace std::chrono_literals;

TEST_CASE("forbidden topics: several are given up although one try finds one of them") {
    ForbiddenTopics topics(60s);
    const ForbiddenTopics::Clock::time_point began{};
    CHECK_FALSE(topics.knows("a"));
    topics.on_forbidden("a", "why", began);
    topics.on_forbidden("b", "why", began + 20s);
    CHECK(topics.left("a", began + 20s) == 40s);
    CHECK_FALSE(topics.gives_up("a", began + 59s));
    topics.on_forbidden("a", "still", began + 70s);
    CHECK(topics.gives_up("a", began + 70s));
    CHECK(topics.why("a") == "still");
    topics.on_forbidden("b", "still", began + 90s);
    CHECK(topics.gives_up("a", began + 110s));
    CHECK(topics.gives_up("b", began + 110s));
    CHECK_FALSE(topics.gives_up("a", began + 131s));  // Kafka is asked again
    topics.on_permitted("a");
    CHECK_FALSE(topics.knows("a"));
}

TEST_CASE("forbidden topics: one that nobody has named for long is waited for as at first") {
    ForbiddenTopics topics(60s);
    const ForbiddenTopics::Clock::time_point began{};
    topics.on_forbidden("a", "why", began);
    topics.on_forbidden("a", "why", began + 50min);
    CHECK(topics.left("a", began + 50min) == 0s);
    topics.on_forbidden("a", "why", began + 3h);
    CHECK(topics.left("a", began + 3h) == 60s);
}

}  // namespace
}  // namespace sluice::kafka
