#include "sinks/catalogue/table_growth.h"
#include "pipeline/decode/envelope/connect_fields.h"
#include "tests/unit/config_setup.h"

#include <doctest/doctest.h>

namespace sluice {
namespace {

using schemas::RowField;
using schemas::RowFields;
using Type = RowField::Type;

config::Ingest follower(const std::string& keys = "") {
    return config::test::accepted_pipeline(
        "format = 'avro'\nschema = 'registry'\ncreate = true\n" +
        (keys.find("[ingest.orders.columns]") == std::string::npos
             ? "on_extra = 'add_column'\n" + keys
             : keys) +
        "\n[registry]\nurl = 'http://r'\n");
}

Table table_with(std::vector<Column> columns) {
    return {.schema = "public",
            .name = "Or\"ders",
            .columns = std::move(columns),
            .primary_key = {},
            .indexes = {}};
}

Column column(const std::string& name, ColumnType type, const std::string& type_name) {
    Column made;
    made.name = name;
    made.type = type;
    made.type_name = type_name;
    return made;
}

const RowFields id_and_city{
    {{.name = "id", .type = Type::int64}, {.name = "ci\"ty", .type = Type::text}}};

}  // namespace

TEST_CASE("growth: a table is made with its key and its storage options") {
    const config::Ingest target = follower(
        "mode = 'merge'\nkey = ['id']\nstorage = { appendoptimized = true, orientation = "
        "'column', compresslevel = 5 }\n");
    const std::string columns =
        "\n    \"id\" bigint,\n    \"ci\"\"ty\" text,\n    "
        "PRIMARY KEY (\"id\")\n)";
    const std::string storage =
        "\nWITH (appendoptimized = 'true', orientation = 'column', compresslevel = '5')";
    GrowthGoal goal{.target = target, .rows = id_and_city, .key = {"id"}};
    CHECK(growth_ddl(goal, std::nullopt) ==
          "CREATE TABLE public.orders (" + columns + storage + ";\n");
    goal.family = Family::cloudberry;
    CHECK(growth_ddl(goal, std::nullopt) ==
          "CREATE TABLE public.orders (" + columns + storage + "\nDISTRIBUTED BY (\"id\");\n");
    CHECK(why_not_grown(goal, std::nullopt) == "");
    goal.key.clear();
    CHECK(why_not_grown(goal, std::nullopt).find("add key = ") != std::string::npos);
    // Of a part of it, rows of several keys would be one.
    goal.key = {"tenant", "id"};
    CHECK(why_not_grown(goal, std::nullopt).find("tenant = \"@key/tenant\"") != std::string::npos);
    const std::string without = growth_ddl(goal, std::nullopt);
    CHECK(without.starts_with("-- no primary key (\"tenant\", \"id\"): no column is \"tenant\"\n"));
    CHECK(without.find("PRIMARY") == std::string::npos);
    CHECK(without.ends_with("\nDISTRIBUTED RANDOMLY;\n"));
    // Rows that are only added have no key.
    const config::Ingest appends = follower();
    CHECK(growth_ddl({.target = appends, .rows = id_and_city, .family = Family::cloudberry},
                     std::nullopt)
              .ends_with("text\n)\nDISTRIBUTED RANDOMLY;\n"));
}

TEST_CASE("growth: what is missing is added, and nothing else is touched") {
    const config::Ingest target = follower();
    const Table table = table_with({column("id", ColumnType::int8, "bigint")});
    const GrowthGoal goal{.target = target, .rows = id_and_city};
    CHECK(growth_ddl(goal, table) ==
          "ALTER TABLE \"public\".\"Or\"\"ders\"\n    ADD COLUMN \"ci\"\"ty\" text;\n");
    CHECK(lacks_columns(target, table, id_and_city));
    const Table grown = table_with({column("id", ColumnType::int8, "bigint"),
                                    column("ci\"ty", ColumnType::other, "ltree"),
                                    column("more", ColumnType::text, "text")});
    CHECK(growth_ddl(goal, grown).empty());
    CHECK_FALSE(lacks_columns(target, grown, id_and_city));
    CHECK(unfit_for_growth(target, grown, id_and_city).empty());
}

TEST_CASE("growth: names that no column can have are said, and too many columns refused") {
    const config::Ingest target = follower();
    RowFields rows;
    for (const char* name : {"", "ctid", "a\nb"})
        rows.fields.push_back({.name = name, .type = Type::text});
    rows.fields.push_back({.name = std::string(64, 'x'), .type = Type::text});
    rows.fields.push_back({.name = "twice", .type = Type::text});
    rows.fields.push_back({.name = "twice", .type = Type::int32});
    const Table table = table_with({column("id", ColumnType::int8, "bigint")});
    CHECK(growth_ddl({.target = target, .rows = rows}, table)
              .ends_with("\n    ADD COLUMN \"twice\" text;\n"));
    CHECK(unfit_for_growth(target, table, rows).size() == 4);
    rows.fields.resize(4);
    CHECK_FALSE(lacks_columns(target, table, rows));
    CHECK(why_not_grown({.target = target, .rows = rows}, std::nullopt) ==
          "the schema describes no fields that columns could take");
    for (int i = 0; i < 1600; ++i)
        rows.fields.push_back({.name = "c" + std::to_string(i), .type = Type::text});
    CHECK(why_not_grown({.target = target, .rows = rows}, table).find("1601 columns") !=
          std::string::npos);
}

TEST_CASE("growth: a type that has become wider is said with the SQL, and never changed") {
    const config::Ingest target = follower();
    const Table table = table_with({column("n", ColumnType::int4, "integer"),
                                    column("small", ColumnType::int2, "smallint"),
                                    column("at", ColumnType::timestamptz, "timestamptz")});
    const RowFields rows{{{.name = "n", .type = Type::int64},
                          {.name = "small", .type = Type::int32},
                          {.name = "at", .type = Type::text}}};
    CHECK(growth_ddl({.target = target, .rows = rows}, table).empty());
    const auto findings = unfit_for_growth(target, table, rows);
    REQUIRE(findings.size() == 2);
    CHECK(to_string(findings[0])
              .find("ALTER TABLE \"public\".\"Or\"\"ders\" ALTER \"n\" TYPE "
                    "bigint USING \"n\"::bigint") != std::string::npos);
    CHECK(findings[1].remedy.ends_with("ALTER \"at\" TYPE text USING \"at\"::text"));
}

TEST_CASE("growth: what a column would round or cut of a later schema's values is said") {
    const config::Ingest target = follower();
    const auto told = [&](const Column& has, const RowField& field) {
        RowFields rows{{field}};
        rows.fields.front().name = has.name;
        const auto findings = unfit_for_growth(target, table_with({has}), rows);
        REQUIRE(findings.size() <= 1);
        if (findings.empty()) return std::string();
        const std::string& sql = findings.front().remedy;
        return sql.substr(sql.find(" TYPE ") + 6);
    };
    const auto decimal = [](std::int32_t precision, std::int32_t scale) {
        return RowField{.name = {}, .type = Type::decimal, .precision = precision, .scale = scale};
    };
    const auto of = [](Type type) { return RowField{.name = {}, .type = type}; };
    Column money = column("c", ColumnType::numeric, "numeric(10,2)");
    money.typmod = (10 << 16 | 2) + 4;
    CHECK(told(money, decimal(10, 2)).empty());
    CHECK(told(money, decimal(12, 4)) == "numeric(12,4) USING \"c\"::numeric(12,4)");
    CHECK(told(money, decimal(20, 2)) == "numeric(20,2) USING \"c\"::numeric(20,2)");
    CHECK(told(money, decimal(8, 4)) == "numeric(12,4) USING \"c\"::numeric(12,4)");
    CHECK(told(money, decimal(0, 0)) == "numeric USING \"c\"::numeric");
    CHECK(told(money, of(Type::real64)) == "numeric USING \"c\"::numeric");
    CHECK(told(money, of(Type::int64)) == "numeric(21,2) USING \"c\"::numeric(21,2)");
    const Column any_number = column("c", ColumnType::numeric, "numeric");
    for (const Type type : {Type::int32, Type::uint64, Type::real64, Type::decimal})
        CHECK(told(any_number, of(type)).empty());
    CHECK(told(any_number, of(Type::text)) == "text USING \"c\"::text");
    const Column day = column("c", ColumnType::date, "date");
    CHECK(told(day, of(Type::date)).empty());
    CHECK(told(day, of(Type::timestamp)) == "timestamp USING \"c\"::timestamp");
    const Column moment = column("c", ColumnType::timestamp, "timestamp without time zone");
    CHECK(told(moment, of(Type::date)).empty());
    CHECK(told(moment, of(Type::timestamp)).empty());
    CHECK(told(moment, of(Type::instant)) == "timestamptz USING \"c\"::timestamptz");
    Column seconds = moment;
    seconds.typmod = 0;
    CHECK(told(seconds, of(Type::timestamp)) == "timestamp USING \"c\"::timestamp");
    const Column real = column("c", ColumnType::float8, "double precision");
    CHECK(told(real, of(Type::int32)).empty());
    CHECK(told(real, of(Type::int64)) == "numeric USING \"c\"::text::numeric");
    CHECK(told(column("c", ColumnType::float4, "real"), of(Type::real64)) ==
          "double precision USING \"c\"::double precision");
    CHECK(told(column("c", ColumnType::int4, "integer"), decimal(5, 2)) ==
          "numeric USING \"c\"::numeric");
    CHECK(told(column("c", ColumnType::boolean, "boolean"), of(Type::int64)) ==
          "bigint USING \"c\"::integer::bigint");
    RowField numbers = of(Type::int64);
    numbers.list = true;
    CHECK(told(column("c", ColumnType::array, "bigint[]"), numbers).empty());
    CHECK(told(column("c", ColumnType::array, "text[]"), numbers).empty());
    CHECK(told(column("c", ColumnType::array, "integer[]"), numbers) ==
          "bigint[] USING \"c\"::bigint[]");
    Column short_text = column("c", ColumnType::varchar, "character varying(10)");
    short_text.typmod = 14;
    CHECK(told(short_text, of(Type::text)).empty());  // a choice
    CHECK(told(short_text, of(Type::int64)) == "bigint USING \"c\"::bigint");
    CHECK(told(column("c", ColumnType::text, "text"), of(Type::json)).empty());
    CHECK(told(column("c", ColumnType::other, "interval"), of(Type::interval)).empty());
}

TEST_CASE("growth: an event that nothing takes apart describes no row") {
    const config::Ingest target = follower();
    RowFields rows = id_and_city;
    rows.in_envelope = true;
    const Table table = table_with({});
    CHECK(growth_ddl({.target = target, .rows = rows}, table).empty());
    CHECK(why_not_grown({.target = target, .rows = rows}, table).find("envelope") !=
          std::string::npos);
    const config::Ingest events = follower("envelope = 'debezium'\n");
    rows.fields.push_back({.name = "__op", .type = Type::text});
    CHECK(growth_ddl({.target = events, .rows = rows}, table).find("__op") == std::string::npos);
    CHECK(lacks_columns(events, table, rows));
}

TEST_CASE("growth: the fields of an event's row, as Kafka Connect's schema has them") {
    const RowFields rows = connect_fields(R"({"type":"struct","fields":[
        {"field":"before","type":"struct","fields":[{"field":"id","type":"int64"}]},
        {"field":"after","type":"struct","optional":true,"fields":[
            {"field":"id","type":"int64"},{"field":"small","type":"int16"},
            {"field":"price","type":"bytes","name":"org.apache.kafka.connect.data.Decimal",
             "parameters":{"scale":"2","connect.decimal.precision":"10"}},
            {"field":"free","type":"bytes","name":"org.apache.kafka.connect.data.Decimal",
             "parameters":{"scale":"2"}},
            {"field":"born","type":"int32","name":"io.debezium.time.Date"},
            {"field":"at","type":"int64","name":"io.debezium.time.MicroTimestamp"},
            {"field":"seen","type":"string","name":"io.debezium.time.ZonedTimestamp"},
            {"field":"doc","type":"string","name":"io.debezium.data.Json"},
            {"field":"token","type":"string","name":"io.debezium.data.Uuid"},
            {"field":"raw","type":"bytes"},{"field":"ok","type":"boolean"},
            {"field":"score","type":"double"},
            {"field":"tags","type":"array","items":{"type":"string"}},
            {"field":"place","type":"struct","fields":[]}]},
        {"field":"op","type":"string"}]})");
    CHECK(rows.in_envelope);
    const config::Ingest events = follower("envelope = 'debezium'\n");
    CHECK(growth_ddl({.target = events, .rows = rows}, table_with({})) ==
          "ALTER TABLE \"public\".\"Or\"\"ders\"\n    ADD COLUMN \"id\" bigint,\n    ADD COLUMN "
          "\"small\" integer,\n    ADD COLUMN \"price\" numeric(10,2),\n    ADD COLUMN \"free\" "
          "numeric,\n    ADD COLUMN \"born\" date,\n    ADD COLUMN \"at\" timestamp,\n    ADD "
          "COLUMN \"seen\" timestamptz,\n    ADD COLUMN \"doc\" jsonb,\n    ADD COLUMN \"token\" "
          "uuid,\n    ADD COLUMN \"raw\" bytea,\n    ADD COLUMN \"ok\" boolean,\n    ADD COLUMN "
          "\"score\" double precision,\n    ADD COLUMN \"tags\" text[],\n    ADD COLUMN \"place\" "
          "jsonb;\n");
    const RowFields flat = connect_fields(
        R"({"type":"struct","fields":[{"field":"id","type":"int32"},{"field":"__deleted","type":"string"}]})");
    CHECK_FALSE(flat.in_envelope);
    CHECK(flat.fields.size() == 2);
    CHECK(connect_fields("{").fields.empty());
}

TEST_CASE("growth: what cannot follow a schema is refused where it is configured") {
    using config::test::contains;
    using config::test::pipeline;
    using config::test::problem_of;
    CHECK(contains(problem_of(pipeline + "on_extra = 'add_column'\n"), "needs schemas that say"));
    CHECK(contains(problem_of(pipeline + "format = 'csv'\ncreate = true\n"),
                   "create = true needs schemas"));
    const std::string keys = "format = 'avro'\nschema = 'registry'\n";
    const std::string registry = "[registry]\nurl = 'http://r'\n";
    CHECK(contains(problem_of(pipeline + keys +
                              "on_extra = 'add_column'\ncolumns = { id = 'id' }\n" + registry),
                   "fills columns by the names of fields"));
    CHECK(contains(problem_of(pipeline + keys +
                              "create = true\ncolumns = { id = { sql = '1' } }\n" + registry),
                   "columns that SQL fills"));
    CHECK(contains(problem_of(pipeline + keys + "storage = { fillfactor = 70 }\n" + registry),
                   "add that or remove it"));
    CHECK(contains(
        problem_of(pipeline + keys + "create = true\nstorage = { \"a)b\" = 1 }\n" + registry),
        "is no storage option"));
    CHECK(contains(problem_of(pipeline + keys + "create = 'yes'\n" + registry), "true or false"));
    CHECK_FALSE(config::test::accepted_pipeline(keys + registry).grows());
}

}  // namespace sluice
