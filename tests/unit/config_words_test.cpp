#include "config/text/words.h"

#include "config/toml/key_depth.h"

#include <doctest/doctest.h>

#include <string>

namespace sluice::config {
namespace {

TEST_CASE("words: what breaks a line is escaped, the rest stays") {
    CHECK(on_one_line("a\nb\x7f é") == "a\\x0ab\\x7f é");
}

TEST_CASE("words: the nearest known one is suggested, a far one is not") {
    const std::vector<std::string_view> known{"topic", "table", "format", "start"};
    CHECK(nearest("tabel", known) == "table");
    CHECK(nearest("Topic", known) == "topic");
    CHECK(nearest("topics", known) == "topic");
    CHECK(nearest("fromat", known) == "format");
    CHECK(nearest("colour", known).empty());
    CHECK(nearest("", known).empty());
    CHECK(nearest(std::string(10000, 't'), known).empty());
    CHECK(suggestion("tabel", known) == "; did you mean \"table\"?");
    CHECK(suggestion("colour", known).empty());
}

TEST_CASE("words: quoted text fits on one line") {
    CHECK(in_quotes("a") == "\"a\"");
    CHECK(in_quotes("a\nb\x7f") == "\"a\\x0ab\\x7f\"");
    CHECK(in_quotes(std::string(200, 'x')) == '"' + std::string(80, 'x') + "…\"");
    // 79 bytes, then a character of two: it is left out whole.
    CHECK(in_quotes(std::string(79, 'x') + "ää") == '"' + std::string(79, 'x') + "…\"");
}

TEST_CASE("key depth: dots of keys count, those of strings and comments do not") {
    CHECK(line_of_deep_key("a.b.c = 1\n", 3) == 0);
    CHECK(line_of_deep_key("\na.b.c.d = 1\n", 3) == 2);
    CHECK(line_of_deep_key("[a.b.c.d]\n", 3) == 1);
    CHECK(line_of_deep_key("a = '1.2.3.4'\nb = \"1.2.3.4\" # 1.2.3.4\n", 3) == 0);
    CHECK(line_of_deep_key("a = \"\"\"\n1.2.3.4\"\"\"\"\"\nx.b.c.d = 1", 3) == 3);
    CHECK(line_of_deep_key("a = '''\n1.2.3.4'''\nb = '''''' \nx.b.c.d = 1", 3) == 4);
    CHECK(line_of_deep_key("a = \"\\\".\\\".\\\".\\\".\"\n", 3) == 0);
    CHECK(line_of_deep_key("'a,'.'b='.c.d = 1\n", 3) == 1);
    CHECK(line_of_deep_key("a = { b.c = 1, d.e.f.g = 1 }\n", 3) == 1);
    CHECK(line_of_deep_key("a = [1.5, 2.5, 3.5, 4.5]\n", 3) == 0);
    CHECK(line_of_deep_key("a = \"never closed\\", 3) == 0);
}

}  // namespace
}  // namespace sluice::config
