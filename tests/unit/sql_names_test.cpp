#include "config/text/sql_names.h"

#include <doctest/doctest.h>

namespace sluice::config {
namespace {

std::string used(std::string_view sql) {
    const std::vector<std::string> names = {"price", "qty", "Tax Rate", "e", "größe"};
    std::string text;
    for (const std::size_t index : names_used_in(sql, names)) text += names[index] + " ";
    return text;
}

TEST_CASE("sql names: fields are found as SQL writes them") {
    CHECK(used("price * 1.2") == "price ");
    CHECK(used("PRICE*Qty") == "price qty ");
    CHECK(used("coalesce(record.price, \"Tax Rate\")") == "price Tax Rate ");
    CHECK(used("case when größe>1e5 then 2e end") == "größe ");
    CHECK(used("(select max(p) from t where t.id = qty)") == "qty ");
}

TEST_CASE("sql names: texts, comments and functions that are called are none") {
    CHECK(used("'price' || E'\\'price' || U&'qty'") == "");
    CHECK(used("1 -- price\n + qty") == "qty ");
    CHECK(used("/* price /* qty */ price */ 1") == "");
    CHECK(used("$$price$$ || $x$ qty $$ $x$") == "");
    CHECK(used("price(1) + \"PRICE\"") == "");
    CHECK(used("'unclosed price") == "");
    CHECK(used("$1 + qty") == "qty ");
}

TEST_CASE("sql names: the row as a whole is all of its fields") {
    const std::string all = "price qty Tax Rate e größe ";
    for (const char* sql : {"to_jsonb(record)", "price(record)", "record.*", "\"record\" is null",
                            "row(record . *)", "RECORD"})
        CHECK(used(sql) == all);
    CHECK(used("record . \"Tax Rate\" || record.qty") == "qty Tax Rate ");
    CHECK(used("'record' || record(1)") == "");
    CHECK(names_used_in("record", {"record", "qty"}) == std::vector<std::size_t>{0});
}

TEST_CASE("sql names: a function uses fields of a row, or the row") {
    const auto whole = [](std::string_view source) { return uses_whole_row(source, "new"); };
    for (const char* source : {"BEGIN NEW.a := new . \"B\"; RETURN NEW; END", "RETURN /* it */ new",
                               "'new' -- new", "renew := \"NEW\"", "RETURN OLD; END"})
        CHECK_FALSE(whole(source));
    for (const char* source : {"to_jsonb(NEW)", "NEW := OLD", "RETURN coalesce(NEW, OLD)",
                               "RETURN OLD; NEW", "new.*", "EXECUTE 'x' USING NEW"})
        CHECK(whole(source));
    CHECK(names_used_in("n record; new.a", {"a", "b"}, "new") == std::vector<std::size_t>{0});
}

}  // namespace
}  // namespace sluice::config
