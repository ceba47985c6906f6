#include "kafka/topic_watch.h"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::kafka;
using namespace std::chrono_literals;

namespace {

config::Topics by_regex() {
    config::Topics topics;
    topics.regex = "t.*";
    return topics;
}

config::Topics named() {
    config::Topics topics;
    topics.names = {"a", "b"};
    return topics;
}

}  // namespace

TEST_CASE("topic watch: of those that are named, each that is not there is missing") {
    TopicWatch watch("p", named(), 1s);
    CHECK(watch.missing().empty());  // nobody has looked
    watch.saw({{"a", {0}}});
    REQUIRE(watch.missing().size() == 1);
    CHECK(watch.missing().front().topic == "b");
    CHECK(watch.missing().front().named);
    CHECK(watch.trouble().empty());
    CHECK_FALSE(watch.is_new("a"));

    watch.saw({{"a", {0}}, {"b", {0}}});
    CHECK(watch.missing().empty());
    CHECK(watch.is_new("b"));
    CHECK_FALSE(watch.is_new("a"));
}

TEST_CASE("topic watch: a topic is gone once it was missed twice, and may come back") {
    TopicWatch watch("p", by_regex(), 1s);
    watch.saw({{"t1", {0}}, {"t2", {0}}});
    watch.saw({{"t1", {0}}});
    CHECK(watch.missing().empty());
    watch.saw({{"t1", {0}}, {"t2", {0}}});
    watch.saw({{"t1", {0}}});
    CHECK(watch.missing().empty());
    watch.saw({{"t1", {0}}});
    REQUIRE(watch.missing().size() == 1);
    CHECK(watch.missing().front().topic == "t2");
    CHECK_FALSE(watch.missing().front().named);
    watch.saw({{"t1", {0}}, {"t2", {0}}});
    CHECK(watch.missing().empty());
    CHECK(watch.is_new("t2"));
}

TEST_CASE("topic watch: of which sight is lost is told once, at the first look that misses it") {
    TopicWatch watch("p", by_regex(), 1s);
    watch.saw({{"t1", {0}}, {"t2", {0}}});
    CHECK(watch.take_lost().empty());
    watch.saw({{"t1", {0}}});
    CHECK_FALSE(watch.is_seen("t2"));
    CHECK(watch.is_seen("t1"));
    CHECK(watch.may_be_there("t2"));
    CHECK(watch.take_lost() == std::set<std::string>{"t2"});
    watch.saw({{"t1", {0}}});
    CHECK_FALSE(watch.is_seen("t2"));
    CHECK(watch.take_lost().empty());
    watch.saw({{"t1", {0}}, {"t2", {0}}});
    CHECK(watch.is_seen("t2"));
    watch.saw({{"t1", {0}}});
    CHECK(watch.take_lost() == std::set<std::string>{"t2"});
}

TEST_CASE("topic watch: where there is none at all, that is the pipeline's trouble") {
    TopicWatch by_name("p", named(), 1s);
    CHECK(by_name.trouble().empty());
    by_name.saw({});
    CHECK(by_name.trouble() ==
          "kafka: none of the topics a, b is there; create them, or correct topic = in the "
          "configuration");
    TopicWatch by_expression("p", by_regex(), 1s);
    by_expression.saw({});
    CHECK(by_expression.trouble().find("no topic whose whole name fits") != std::string::npos);
    by_expression.saw({{"t", {0}}});
    CHECK(by_expression.trouble().empty());
}

TEST_CASE("topic watch: what can be had is subscribed to, or all that is named where nothing can") {
    TopicWatch watch("p", named(), 1s);
    using Names = std::vector<std::string>;
    CHECK(watch.to_subscribe() == Names{"a", "b"});  // nobody has looked
    watch.saw({});
    CHECK(watch.to_subscribe() == Names{"a", "b"});
    watch.saw({{"a", {0}}});
    CHECK(watch.to_subscribe() == Names{"a"});
    watch.on_refused("b", "kafka: Topic authorization failed");  // the group tells when it is not
    CHECK(watch.to_subscribe() == Names{"a", "b"});
    watch.saw({{"b", {0}}});
    watch.saw({{"b", {0}}});
    CHECK(watch.to_subscribe() == Names{"b"});
}

TEST_CASE("topic watch: a topic that was refused is missing, and not new once it is not") {
    TopicWatch watch("p", named(), 1s);
    watch.saw({{"a", {0}}});
    watch.on_refused("b", "kafka: Topic authorization failed");
    REQUIRE(watch.missing().size() == 1);
    CHECK(watch.missing().front().why == "kafka: Topic authorization failed");
    watch.saw({{"a", {0}}, {"b", {0}}});
    CHECK(watch.missing().empty());
    CHECK_FALSE(watch.is_new("b"));
}
