#include "daemon/commands/terminal/terminal_screen.h"

#include <doctest/doctest.h>

using namespace sluice;

TEST_CASE("screen: text is written over what is there, and the rest goes") {
    CHECK(redrawn("a\nbc\n", {.rows = 10, .columns = 80}) == "\x1b[H\x1b[Ka\n\x1b[Kbc\n\x1b[J");
    CHECK(redrawn("", {.rows = 10, .columns = 80}) == "\x1b[H\x1b[J");
}

TEST_CASE("screen: lines are cut at its width, by characters") {
    CHECK(redrawn("Tromsø→Oslo\n", {.rows = 10, .columns = 7}) == "\x1b[H\x1b[KTromsø→\n\x1b[J");
}

TEST_CASE("screen: what its height does not hold is counted in the last line") {
    const std::string all = "1\n2\n3\n4\n5\n";
    CHECK(redrawn(all, {.rows = 6, .columns = 80}).find("more") == std::string::npos);
    const std::string cut = redrawn(all, {.rows = 4, .columns = 80});
    CHECK(cut ==
          "\x1b[H\x1b[K1\n\x1b[K2\n\x1b[K… and 3 more lines; sluice status NAME shows one\n"
          "\x1b[J");
}
