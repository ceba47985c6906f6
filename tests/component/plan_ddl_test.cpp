#include "tests/fixture/daemon.h"
#include "tests/fixture/postgres.h"
#include "tests/fixture/process.h"
#include "tests/fixture/temp_dir.h"

#include <doctest/doctest.h>

/// `sluice plan --ddl`, by a schema in a file, without a broker.
namespace sluice {
namespace {

using namespace fixture;

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

struct Plan {
    explicit Plan(std::string database) : name(std::move(database)) {
        shared_postgres().create_database(name);
    }
    void configure(const std::string& fields, const std::string& keys = "") const {
        write_file(dir.path() / "order.avsc",
                   R"({"type":"record","name":"Order","fields":[)" + fields + "]}");
        write_file(config, "[kafka]\nbrokers = '127.0.0.1:1'\n[cloudberry]\ndsn = \"" +
                               shared_postgres().dsn(name) +
                               "\"\n[ingest.orders]\ntopic = 'orders'\ntable = 'public.orders'\n"
                               "format = 'avro'\nschema = { file = 'order.avsc' }\n" +
                               keys);
    }
    [[nodiscard]] std::string ddl() const {
        const RunResult result = run_sluice({"plan", "--ddl", "-c", config});
        CHECK_MESSAGE(result.exit_code == 0, result.err);
        return result.out;
    }
    void exec(const std::string& sql) const { shared_postgres().exec(sql, name); }
    [[nodiscard]] std::string columns() const {
        return shared_postgres().value(
            "select string_agg(column_name || ' ' || data_type, ', ' order by ordinal_position) "
            "from information_schema.columns where table_name = 'orders' and is_nullable = 'YES'",
            name);
    }

    const std::string name;
    TempDir dir{"plan_ddl"};
    const std::string config = (dir.path() / "sluice.toml").string();
};

const std::string id = R"({"name":"id","type":"long"})";
const std::string city = R"({"name":"city","type":"string"})";

}  // namespace

TEST_CASE("plan --ddl: a table that is missing, and columns that come later") {
    const Plan plan("plan_ddl");
    plan.configure(id);
    plan.exec(plan.ddl());
    CHECK(plan.columns() == "id bigint");
    CHECK(contains(plan.ddl(), ": nothing is missing\n"));
    plan.configure(id + "," + city + R"(,{"name":"tags","type":{"type":"array","items":"int"}})");
    const std::string ddl = plan.ddl();
    CHECK(contains(ddl, "ALTER TABLE \"public\".\"orders\"\n    ADD COLUMN \"city\" text,\n"));
    plan.exec(ddl);
    CHECK(plan.columns() == "id bigint, city text, tags ARRAY");
    // What the schema no longer has stays, and so does a type: both are said.
    plan.configure(R"({"name":"id","type":"string"},{"name":"city","type":"boolean"})");
    plan.exec("alter table orders alter city type date using null");
    const std::string told = plan.ddl();
    CHECK(contains(told, ": nothing is missing\n"));
    CHECK(contains(told, "-- ingest.orders: column \"city\" is date"));
    CHECK(contains(told, "ALTER \"city\" TYPE boolean"));
    CHECK(contains(told, "nothing fills \"tags\""));
}

TEST_CASE("plan --ddl: that there is no schema is said") {
    const Plan plan("plan_ddl_none");
    write_file(plan.config, "[kafka]\nbrokers = '127.0.0.1:1'\n[cloudberry]\ndsn = \"" +
                                shared_postgres().dsn(plan.name) +
                                "\"\n[ingest.orders]\ntopic = 'orders'\ntable = 'orders'\n");
    CHECK(plan.ddl() ==
          "-- ingest.orders, table orders, topic orders: its records have no schema, by which "
          "columns would be known\n");
}

TEST_CASE("plan --ddl: of a mapping, the columns that it has") {
    const Plan plan("plan_ddl_mapped");
    plan.configure(id + "," + city,
                   "mode = 'merge'\nkey = ['order_id']\n[ingest.orders.columns]\norder_id = 'id'\n"
                   "offs = '@offset'\nat = '@timestamp'\npayload = '@headers'\n");
    plan.exec(plan.ddl());
    CHECK(plan.columns() == "offs bigint, at timestamp with time zone, payload jsonb");
    CHECK(contains(plan.ddl(), "nothing is missing"));
}

}  // namespace sluice
