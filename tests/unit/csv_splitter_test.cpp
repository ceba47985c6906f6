#include "pipeline/decode/csv/csv_splitter.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace sluice;

namespace {

/// The fields, NULL as "NULL", one after the other in brackets; or the error.
std::string read(const std::string& record, const config::Csv& csv = {}) {
    CsvSplitter splitter(csv);
    std::vector<Value> fields;
    Scratch scratch;
    if (!splitter.split(record, fields, scratch)) {
        return std::string(splitter.error().what) + " @" +
               std::to_string(splitter.error().position);
    }
    std::string shown;
    for (const Value& field : fields) {
        shown += field.kind == Value::Kind::null ? "NULL" : "[" + std::string(field.text) + "]";
    }
    return shown;
}

}  // namespace

TEST_CASE("csv: fields, empty ones and quoted ones") {
    CHECK(read("a,b,c") == "[a][b][c]");
    CHECK(read("a,,c,") == "[a]NULL[c]NULL");
    CHECK(read("a,\"\",c") == "[a][][c]");
    CHECK(read("") == "NULL");
    CHECK(read("\"\"") == "[]");
    CHECK(read(" a , b ") == "[ a ][ b ]");
    CHECK(read("\"a,b\",\"c\"") == "[a,b][c]");
    CHECK(read("\"a\"\"b\"") == "[a\"b]");
    CHECK(read("\"\"\"\"") == "[\"]");
    CHECK(read("\"a\nb\r\nc\"") == "[a\nb\r\nc]");
    CHECK(read("ü,\"ä\"") == "[ü][ä]");
}

TEST_CASE("csv: quotes may begin and end within a field") {
    CHECK(read("x\"a,b\"y,z") == "[xa,by][z]");
    CHECK(read("\"a\"b\"c\"") == "[abc]");
    CHECK(read("\"a\"\"\"") == "[a\"]");
    CHECK(read("a\"\"") == "[a]");
}

TEST_CASE("csv: one line end is tolerated, a second row is not") {
    CHECK(read("a,b\n") == "[a][b]");
    CHECK(read("a,b\r\n") == "[a][b]");
    CHECK(read("a,\"b\"\r\n") == "[a][b]");
    CHECK(read("a,\n") == "[a]NULL");
    CHECK(read("\n") == "NULL");
    CHECK(read("a\nb") == "more than one row in a record @1");
    CHECK(read("a\n\n") == "more than one row in a record @1");
    CHECK(read("\"a\"\nb") == "more than one row in a record @3");
    CHECK(read("a\rb") == "more than one row in a record @1");
}

TEST_CASE("csv: what is not text is refused") {
    CHECK(read("a,\"b") == "a quote that does not end @2");
    CHECK(read("a,b\"") == "a quote that does not end @3");
    CHECK(read("\"a\"\"") == "a quote that does not end @0");
    CHECK(read("a,\xff") == "invalid UTF-8 @2");
    CHECK(read(std::string("a,\0", 3)) == "a NUL byte @2");
}

TEST_CASE("csv: delimiter, quote, escape and null text as configured") {
    CHECK(read("a;b,c", {.delimiter = ';', .null = ""}) == "[a][b,c]");
    CHECK(read("a\t'b\tc'", {.delimiter = '\t', .quote = '\'', .escape = '\'', .null = ""}) ==
          "[a][b\tc]");
    CHECK(read(R"("a\"b","c\\","d\e")", {.escape = '\\', .null = ""}) == R"([a"b][c\][d\e])");
    CHECK(read(R"("a""b")", {.escape = '\\', .null = ""}) == "[ab]");
    CHECK(read("NA,\"NA\",,N", {.null = "NA"}) == "NULL[NA][][N]");
    CHECK(read("\\N,x", {.null = "\\N"}) == "NULL[x]");
}
