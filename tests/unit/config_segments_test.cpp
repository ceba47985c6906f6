#include "tests/unit/config_setup.h"

#include <doctest/doctest.h>

namespace sluice::config {
namespace {

using namespace test;

const std::string listen = "listen = '0.0.0.0:9188'\n";

std::string section(const std::string& keys) {
    return head + "[segments]\n" + keys;
}

std::string advertised_as(const std::string& advertise) {
    return accepted(section(listen + "advertise = '" + advertise + "'")).segments.advertise;
}

TEST_CASE("config: segments find the daemon at a host, with the port where it listens") {
    CHECK(accepted(head).segments.listen.empty());
    CHECK(advertised_as("10.0.0.7") == "10.0.0.7:9188");
    CHECK(advertised_as("sluice-0.sluice") == "sluice-0.sluice:9188");
    CHECK(advertised_as("sluice-0.sluice:80") == "sluice-0.sluice:80");
    CHECK(advertised_as("fd00::7") == "[fd00::7]:9188");
    CHECK(advertised_as("[fd00::7]") == "[fd00::7]:9188");
    CHECK(advertised_as("[fd00::7]:1") == "[fd00::7]:1");
    const Segments segments =
        accepted(section(listen + "advertise = 'h'\ntimeout = '1m'")).segments;
    CHECK(segments.listen == "0.0.0.0:9188");
    CHECK(segments.timeout == std::chrono::minutes(1));
}

TEST_CASE("config: what is no place for segments is told why") {
    CHECK(contains(problem_of(section(listen)), "[segments] has no \"advertise\""));
    CHECK(contains(problem_of(section("listen = '9188'\nadvertise = 'h'")), "is not host:port"));
    for (const char* const host : {"a b", "gpfdist://h", "h:0", "'", "h/x"})
        CHECK_MESSAGE(contains(problem_of(section(listen + "advertise = \"" + host + "\"")),
                               "is no name or address of this host"),
                      std::string(host));
    const std::string whole = listen + "advertise = 'h'\n";
    const std::string pem = " = '-----BEGIN x'\n";
    CHECK(contains(problem_of(section(whole + "ca" + pem)), "have both or none"));
    CHECK(
        contains(problem_of(section(whole + "ca" + pem + "certificate" + pem)), "belong together"));
    CHECK(accepted(section(whole + "ca" + pem + "certificate" + pem + "key" + pem)).segments.key ==
          Secret{"-----BEGIN x", true});
}

TEST_CASE("config: statements read topics by a secret, within limits") {
    const std::string whole = listen + "advertise = 'h'\n";
    CHECK(accepted(section(whole)).segments.sql_secret.text.empty());
    const Segments segments = accepted(section(whole + "sql_secret = '0123456789abcdef'\n"
                                                       "sql_bytes = '2MiB'\nsql_statements = 3"))
                                  .segments;
    CHECK(segments.sql_secret == Secret{"0123456789abcdef", true});
    CHECK(segments.sql_bytes == 2u << 20);
    CHECK(segments.sql_statements == 3);
    CHECK(contains(problem_of(section(whole + "sql_secret = 'short'")), "openssl rand -hex 32"));
    CHECK(contains(problem_of(section(whole + "sql_bytes = '2MiB'")), "takes an \"sql_secret\""));
}

TEST_CASE("config: statements write to the topics that are named, and to no other") {
    const std::string whole = listen + "advertise = 'h'\nsql_secret = '0123456789abcdef'\n";
    CHECK(accepted(section(whole)).segments.sql_writable.empty());
    CHECK(accepted(section(whole + "sql_writable = ['b', 'a.c']")).segments.sql_writable ==
          std::vector<std::string>{"a.c", "b"});
    CHECK(contains(problem_of(section(whole + "sql_writable = ['a', 'a']")), "twice"));
    CHECK(contains(problem_of(section(whole + "sql_writable = ['*']")), "name that Kafka takes"));
    CHECK(contains(problem_of(section(listen + "advertise = 'h'\nsql_writable = ['a']")),
                   "takes an \"sql_secret\""));
}

TEST_CASE("config: rows that segments are to fetch have to be somewhere") {
    CHECK(accepted_pipeline("").load == Load::copy);
    for (const char* const load : {"segments", "auto"})
        CHECK(contains(problem_of(pipeline + "load = '" + load + "'"),
                       "add [segments] with listen and advertise"));
    CHECK(contains(problem_of(pipeline + "load = 'gpfdist'"), "\"load\" must be"));
    CHECK(accepted(pipeline + "load = 'auto'\n[segments]\n" + listen + "advertise = 'h'")
              .ingest.front()
              .load == Load::by_size);
}

}  // namespace
}  // namespace sluice::config
