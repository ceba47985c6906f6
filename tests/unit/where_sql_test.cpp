#include "sinks/session/where_sql.h"

#include <doctest/doctest.h>

#include <array>

namespace sluice {
namespace {

constexpr std::array<SqlField, 3> fields = {{{{"partition", config::FieldType::number}, "p"},
                                             {{"timestamp", config::FieldType::time}, "t"},
                                             {{"reason", config::FieldType::text}, "r"}}};

/// SQL and parameters: "p = $1::bigint [3]".
std::string sql_of(const std::string& where, Row parameters = {}) {
    std::array<config::Field, 3> names;
    for (std::size_t i = 0; i < fields.size(); ++i) names[i] = fields[i].field;
    const auto parsed = config::parse_where(where, names);
    if (const auto* problem = std::get_if<std::string>(&parsed)) return *problem;
    std::string text = to_sql(std::get<config::Condition>(parsed), fields, parameters) + " [";
    for (const Cell& value : parameters) text += (text.back() == '[' ? "" : ", ") + *value;
    return text + "]";
}

TEST_CASE("where as SQL: constants are parameters, whatever they hold") {
    CHECK(sql_of("partition = 3") == "p = $1::bigint [3]");
    CHECK(sql_of("reason = 'it''s; DROP TABLE t --'") == "r = $1::text [it's; DROP TABLE t --]");
    CHECK(sql_of("reason like '%numeric%'") == "r LIKE $1::text [%numeric%]");
    CHECK(sql_of("reason is null") == "r IS NULL []");
}

TEST_CASE("where as SQL: times are milliseconds") {
    CHECK(sql_of("timestamp >= '1970-01-01T00:00:01.5Z'") ==
          "t >= ('epoch'::timestamptz + $1::bigint * interval '1 millisecond') [1500]");
}

TEST_CASE("where as SQL: what belongs together stays together, behind other parameters") {
    CHECK(sql_of("(partition = 0 and reason <> 'a') or partition > 1", {"first"}) ==
          "((p = $2::bigint AND r <> $3::text) OR p > $4::bigint) [first, 0, a, 1]");
}

}  // namespace
}  // namespace sluice
