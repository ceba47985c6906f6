#include "sinks/session/server_text.h"

#include <doctest/doctest.h>

namespace sluice {
namespace {

CopyHint hint(std::string_view context) {
    return copy_hint(context, "t", {"ts", "city", "the city", "a: b"});
}

TEST_CASE("server text: COPY's line and column, in any language") {
    for (const char* context :
         {"COPY t, line 12, column ts: \"notadate\"", "COPY t, Zeile 12, Spalte ts: »notadate«",
          "COPY t, ligne 12, colonne ts : « notadate »", "COPY t, строка 12, столбец ts: \"x\"",
          "COPY t, line 12, column ts: null input", "COPY t, line 12, column ts"}) {
        CHECK_MESSAGE(hint(context).line == 12u, context);
        CHECK_MESSAGE(hint(context).column == "ts", context);
    }
    CHECK(hint("COPY t, line 7: \"1\t2\"").line == 7u);
    CHECK(hint("COPY t, line 7: \"1\t2\"").column.empty());
    CHECK(hint("COPY t, line 9, column the city: \"x\"").column == "the city");
    CHECK(hint("COPY t, line 9, column a: b: \"x\"").column == "a: b");
    CHECK(hint("COPY t, line 9, column no such: \"x\"").column.empty());
    CHECK(copy_hint("COPY t 5, line 3", "t 5", {}).line == 3u);
    for (const char* context : {"", "SQL statement \"x\"", "COPY t", "COPY t, line 0",
                                "COPY t, line 99999999999999999999", "COPY other, line 3"})
        CHECK_MESSAGE(!hint(context).line, context);
}

TEST_CASE("server text: what a value says of lines and columns is not heard") {
    CHECK(hint("COPY t, line 11, column ts: \"COPY t, line 1\"").line == 11u);
    CHECK(hint("COPY t, line 11, column ts: \"x\nCOPY t, line 1, column city: \"").line == 11u);
    CHECK(hint("COPY t, line 11, column ts: \", column city: \"").column == "ts");
    CHECK(hint("COPY t, line 11: \", column city: \"").column.empty());
    CHECK(hint("PL/pgSQL function f() line 3 at RAISE\nCOPY t, line 9").line == 9u);
    CHECK(hint("COPY other, line 3\nSQL statement \"COPY other\"\nCOPY t, line 9").line == 9u);
}

TEST_CASE("server text: which parameter it was") {
    CHECK(parameter_hint("unnamed portal parameter $12 = '…'") == 11u);
    CHECK(parameter_hint("Portal »«, Parameter $1") == 0u);
    for (const char* context : {"", "$", "$x", "$0", "price $-1", "$99999999999999999999999"})
        CHECK_MESSAGE(!parameter_hint(context), context);
}

}  // namespace
}  // namespace sluice
