#include "sinks/session/sqlstate.h"
#include "sinks/dead_letters/dead_letters.h"
#include "sinks/load/row_isolation.h"

#include <doctest/doctest.h>

namespace sluice {
namespace {

TEST_CASE("sqlstate: each kind of trouble") {
    for (const char* state : {"", "08006", "57P01", "57P02", "57P03", "58M01", "XX000", "25006",
                              "57014", "40003", "99999"})
        CHECK_MESSAGE(classify(state, "") == Trouble::world, state);
    for (const char* state : {"40001", "40P01", "55P03"})
        CHECK_MESSAGE(classify(state, "") == Trouble::again, state);
    CHECK(classify("57014", "canceling statement: cancelled by global deadlock detector") ==
          Trouble::again);
    for (const char* state : {"53100", "53300", "42501", "42P01", "42703", "28P01", "XX001"}) {
        CHECK_MESSAGE(classify(state, "") == Trouble::person, state);
        CHECK_MESSAGE(!remedy(state).empty(), state);
    }
    for (const char* state : {"22P02", "22021", "23505", "23514", "P0001", "54000"})
        CHECK_MESSAGE(classify(state, "") == Trouble::data, state);
    for (const char* state : {"0A000", "42601", "42804"})
        CHECK_MESSAGE(classify(state, "") == Trouble::wrong, state);
}

TEST_CASE("copy context: line and column of the COPY itself") {
    const auto named = parse_copy_context("COPY t, line 12, column ts: \"notadate\"");
    CHECK(named.line == 12u);
    CHECK(named.column == "ts");
    CHECK(parse_copy_context("COPY t, line 3, column c: null input").line == 3u);
    CHECK(parse_copy_context("COPY t, line 7: \"1\t2\"").line == 7u);
    CHECK(parse_copy_context("PL/pgSQL function f() line 3 at RAISE\nCOPY t, line 9").line == 9u);
    CHECK(!parse_copy_context("").line);
    CHECK(!parse_copy_context("SQL statement \"x\"").line);
}

}  // namespace
}  // namespace sluice
