#include "tests/unit/config_setup.h"

#include <doctest/doctest.h>

namespace sluice::config {
namespace {

using namespace test;

Registry accepted_registry(const std::string& keys) {
    return accepted(head + "[registry]\n" + keys).registry;
}

std::string problem(const std::string& keys) {
    return problem_of(head + "[registry]\n" + keys);
}

TEST_CASE("config: a registry has urls, in the order in which they are asked") {
    CHECK(accepted(head).registry.urls.empty());
    const Registry registry =
        accepted_registry("url = 'https://a/b/, http://[::1]:8081'\ntimeout = '2s'");
    REQUIRE(registry.urls.size() == 2);
    CHECK(to_string(registry.urls[0]) == "https://a/b");
    CHECK(registry.urls[0].port == "443");
    CHECK(registry.urls[1].host == "::1");
    CHECK(to_string(registry.urls[1]) == "http://[::1]:8081");
    CHECK(registry.timeout == std::chrono::seconds(2));
}

TEST_CASE("config: what is no url of a registry is told why") {
    CHECK(contains(problem("user = 'u'\npassword = 'p'"), "[registry] has no \"url\""));
    CHECK(contains(problem("url = 'registry:8081'"), "begins neither with http://"));
    CHECK(contains(problem("url = 'http://'"), "has no host"));
    CHECK(contains(problem("url = 'http://a,'"), "begins neither"));
    CHECK(contains(problem("url = 'http://u:p@a'"), "holds a user"));
    CHECK(contains(problem("url = 'http://a:b'"), "has a port that is no number"));
    CHECK(contains(problem("url = 'http://a/?x=1'"), "has more than a path"));
    CHECK(contains(problem("url = 'http://a'\nurls = 'http://b'"), "did you mean \"url\"?"));
}

TEST_CASE("config: credentials of a registry are secret, and go together") {
    const std::string url = "url = 'http://a'\n";
    const Registry registry = accepted_registry(url + "user = 'u'\npassword = 'p'");
    CHECK(registry.password == Secret{"p", true});
    CHECK(contains(problem(url + "password = 'p'"), "\"password\" without \"user\""));
    CHECK(contains(problem(url + "user = 'u'\ntoken = 't'"), "remove one"));
    CHECK(contains(problem(url + "user = 'a:b'"), "holds a colon"));
    CHECK(contains(problem(url + "certificate = '-----BEGIN x'"), "belong together"));
}

TEST_CASE("config: a certificate is PEM, or the path of a file with it") {
    const std::string url = "url = 'http://a'\n";
    CHECK(accepted_registry(url + "ca = '-----BEGIN CERTIFICATE-----'").ca ==
          "-----BEGIN CERTIFICATE-----");
    CHECK(contains(problem(url + "ca = 'no/such/file'"), "\"no/such/file\""));
    CHECK(contains(problem(url + "ca = '/etc/hostname'"), "is not PEM"));
    CHECK(contains(problem(url + "ca = { file = '/etc/hostname' }"), "is not PEM"));
}

}  // namespace
}  // namespace sluice::config
