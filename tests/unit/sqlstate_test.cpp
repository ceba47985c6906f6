#include "sinks/session/sqlstate.h"
#include "sinks/books/dead_letters.h"

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

TEST_CASE("sqlstate: only what no row can bring about is the world's from the start") {
    for (const char* state : {"22P02", "23505", "40002", "42601", "42P01", "42704", "42501",
                              "45000", "ZZ001", "XX000", "P0001", "0A000", "08P01", "99999"})
        CHECK_MESSAGE(may_be_the_datas(state), state);
    for (const char* state : {"", "08006", "57P01", "57014", "58M01", "53100", "53200", "40001",
                              "40P01", "55P03", "25006", "28000", "XX001", "XX002"})
        CHECK_MESSAGE(!may_be_the_datas(state), state);
}

}  // namespace
}  // namespace sluice
