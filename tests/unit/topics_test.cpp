#include "config/topics.h"

#include "config/pipeline.h"
#include "config/settings.h"
#include "tests/unit/config_setup.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace sluice::config;
using namespace sluice::config::test;
using Names = std::vector<std::string>;

namespace {

Topics topics_of(const std::string& toml) {
    return accepted(head + "[ingest.x]\ntable = 't'\ntopic = " + toml + "\n").ingest.front().topic;
}

std::string wrong(const std::string& toml) {
    return problem_of(head + "[ingest.x]\ntable = 't'\ntopic = " + toml + "\n");
}

std::string setting_of(const std::string& toml) {
    const Config config = accepted(head + "[ingest.x]\ntable = 't'\ntopic = " + toml + "\n");
    const Settings settings = settings_of(pipelines_of(config).begin()->second);
    return std::ranges::find(settings, "topic", &Setting::key)->value;
}

}  // namespace

TEST_CASE("topics: one, a list, or an expression") {
    CHECK(topics_of("'orders'").names == Names{"orders"});
    CHECK(*topics_of("'orders'").only() == "orders");
    CHECK(topics_of("['returns', 'orders']").names == Names{"orders", "returns"});
    CHECK(topics_of("['returns', 'orders']").only() == nullptr);
    const Topics by_regex = topics_of(R"({ regex = '^shop\.(.+)$' })");
    CHECK(by_regex.regex == R"(^shop\.(.+)$)");
    CHECK(by_regex.names.empty());
    CHECK(by_regex.only() == nullptr);
}

TEST_CASE("topics: the order of a list does not matter, and one in a list is one") {
    CHECK(setting_of("['b', 'a']") == setting_of("['a', 'b']"));
    CHECK(setting_of("['a']") == setting_of("'a'"));
    CHECK(setting_of("'a'") == "a");
    CHECK(setting_of("{ regex = 'a' }") != setting_of("'a'"));
}

TEST_CASE("topics: what is wrong is told") {
    CHECK(contains(wrong("[]"), "\"topic\" must be a list of strings, not empty"));
    CHECK(contains(wrong("['a', 'a b']"), "\"topic\": \"a b\" is not a name that Kafka takes"));
    CHECK(contains(wrong("['a', 'a']"), "\"topic\" names \"a\" twice; remove one"));
    CHECK(contains(wrong("['a', 1]"), "must be a string"));
    CHECK(contains(problems_of(head + "[ingest.x]\ntable = 't'\ntopic = { regexp = 'a' }\n")[0],
                   "regex"));
    CHECK(contains(wrong("{ regex = 'a(b' }"), "\"regex\" is no regular expression"));
    CHECK(contains(wrong("{ regex = 'a)(b' }"), "\"regex\" is no regular expression"));
    CHECK(contains(wrong(R"({ regex = '(a)\1' })"), "refers back to a group"));
    CHECK(contains(wrong(R"({ regex = 'num\.\d+' })"), "has \\d, which POSIX's expressions do"));
    CHECK(contains(wrong(R"({ regex = 'num\.\D' })"), "write [^0-9]"));
    CHECK(topics_of(R"({ regex = 'a\\d' })").regex == R"(a\\d)");
    CHECK(contains(wrong("{ regex = '((a{1,200}){1,200}){1,200}' }"), "repeats too much"));
    CHECK(contains(wrong("{ regex = '" + std::string(2000, 'a') + "' }"), "is too long"));
    CHECK(contains(wrong("1"), "\"topic\" must be a string"));
}

TEST_CASE("topics: an expression fits whole names only, and tells what it caught") {
    const TopicMatcher matcher(topics_of(R"({ regex = 'shop\.([a-z]+)(\.v([0-9]{1,2}))?' })"));
    CHECK(matcher.matches("shop.orders"));
    CHECK_FALSE(matcher.matches("my.shop.orders"));
    CHECK_FALSE(matcher.matches("shop.orders.old"));
    CHECK_FALSE(matcher.matches("shopXorders"));
    CHECK(*matcher.caught("shop.orders.v12") == Names{"shop.orders.v12", "orders", ".v12", "12"});
    CHECK(*matcher.caught("shop.orders") == Names{"shop.orders", "orders", "", ""});

    const TopicMatcher either(topics_of("{ regex = 'a|bc' }"));
    CHECK(either.matches("a"));
    CHECK(either.matches("bc"));
    CHECK_FALSE(either.matches("ac"));
    CHECK_FALSE(either.matches("abc"));
}

TEST_CASE("topics: names fit as they are") {
    const TopicMatcher matcher(topics_of("['a.b', 'c']"));
    CHECK(matcher.matches("a.b"));
    CHECK(matcher.matches("c"));
    CHECK_FALSE(matcher.matches("aXb"));
    CHECK(*matcher.caught("c") == Names{"c"});
}

TEST_CASE("topics: people are shown few of many") {
    CHECK(to_string(topics_of("'orders'")) == "orders");
    CHECK(to_string(topics_of("['d', 'c', 'b', 'a']")) == "a, b, c, d");
    CHECK(to_string(topics_of("['e', 'd', 'c', 'b', 'a']")) == "a, b, c and 2 more");
    CHECK(to_string(topics_of("{ regex = 'a.+' }")) == "/a.+/");
}
