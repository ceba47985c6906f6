#include "tests/component/kitchen.h"
#include "tests/fixture/kafka_reader.h"

using namespace sluice::fixture;

TEST_CASE("recipes: what is there is loaded, and then followed") {
    Recipe recipe("Load what is there, then follow");
    Kitchen kitchen("follow");
    shared_broker().admin().create_topic("visits", 1);
    kitchen.produce("visits", 0, 50);
    kitchen.configure(recipe.next("toml"));
    kitchen.sql(recipe.next("sql"));
    CHECK(recipe.next("sh") == "sluice run --until-caught-up\n");
    kitchen.catch_up();
    kitchen.check_ids("visits", 50);
    kitchen.sql(recipe.next("sql"));
    kitchen.start();
    kitchen.produce("visits", 50, 60);
    kitchen.until_rows("visits", 60);
    kitchen.check_ids("visits", 60);
    kitchen.sluice({"verify"});
}

TEST_CASE("recipes: a topic's records go to the tables that want them") {
    Recipe recipe("One topic, several tables");
    Kitchen kitchen("into");
    shared_broker().admin().create_topic("activity", 1);
    kitchen.produce("activity", 0, 5,
                    R"(, "type": "click", "click": {"page": "/"}, "visitor": "v")");
    kitchen.produce("activity", 5, 8, R"(, "type": "purchase", "purchase": {"amount": 2.50})");
    kitchen.produce("activity", 8, 9, R"(, "type": "purchase", "purchase": {"amount": "x"},
                                       "visitor": "x")");
    kitchen.produce("activity", 9, 10, R"(, "type": "other")");
    kitchen.configure(recipe.next("toml"));
    kitchen.sql(recipe.next("sql"));
    kitchen.catch_up();
    kitchen.check_ids("clicks", 5);
    kitchen.check_ids("purchases", 3);
    CHECK(kitchen.value("select visitor || last_seen from visitors") == "v4");
    CHECK(kitchen.value("select count(*) from sluice.dead_letter") == "2");
    kitchen.sluice({"verify"});
}

TEST_CASE("recipes: a table takes another one's place, and has each row once") {
    Recipe recipe("Another table in place of one (blue and green)");
    Kitchen kitchen("swap");
    kitchen.sql("create table sales (id bigint, amount numeric)");
    shared_broker().admin().create_topic("sales", 1);
    const std::string before = recipe.next("toml");
    kitchen.configure(before);
    kitchen.start();
    kitchen.produce("sales", 0, 20, R"(, "amount": 2.5)");
    kitchen.until_rows("sales", 20);
    kitchen.sql(recipe.next("sql"));
    std::string after = recipe.next("toml");
    kitchen.configure(before + after);
    kitchen.until_rows("sales_next", 20);
    kitchen.sluice({"wait", "sales_2", "--end"});
    kitchen.configure(after);
    kitchen.until([&] { return !contains(kitchen.asked("/status"), "\"ingest.sales\""); },
                  "the first pipeline to go");
    kitchen.produce("sales", 20, 30, R"(, "amount": 2.5)");
    kitchen.sql(recipe.next("sql"));
    after.replace(after.find("sales_next"), 10, "sales");
    kitchen.configure(after);
    kitchen.until_rows("sales", 30);
    kitchen.check_ids("sales", 30);
    CHECK(kitchen.value("select count(*) from sales_before") == "20");
    kitchen.sluice({"verify", "sales_2"});
}

TEST_CASE("recipes: another cluster has progress of its own, and the old one keeps its") {
    Recipe recipe("To another Kafka cluster");
    KafkaBroker other;
    Kitchen kitchen("cluster");
    kitchen.sql("create table trades (id bigint)");
    const std::string pipeline = recipe.next("toml");
    for (KafkaBroker* broker : {&shared_broker(), &other})
        broker->admin().create_topic("trades", 1);
    kitchen.configure(pipeline);
    kitchen.produce("trades", 0, 10);
    kitchen.catch_up();
    kitchen.use(other);
    kitchen.configure(pipeline);
    kitchen.produce("trades", 10, 30);
    kitchen.catch_up();
    kitchen.check_ids("trades", 30);
    kitchen.use(shared_broker());
    kitchen.configure(pipeline);
    kitchen.produce("trades", 30, 35);
    kitchen.catch_up();
    kitchen.check_ids("trades", 35);
}

TEST_CASE("recipes: after the database was restored, what came since is loaded again, once") {
    Recipe recipe("The database was restored");
    Kitchen kitchen("restore");
    kitchen.sql("create table readings (id bigint)");
    shared_broker().admin().create_topic("readings", 1);
    kitchen.configure(recipe.next("toml"));
    kitchen.produce("readings", 0, 10);
    kitchen.catch_up();
    const auto of_server = [](const std::string& text) {
        shared_postgres().exec(text, "postgres");
    };
    of_server("create database recipe_backup template " + kitchen.name());
    kitchen.produce("readings", 10, 30);
    kitchen.catch_up();
    kitchen.check_ids("readings", 30);
    of_server("drop database " + kitchen.name());
    of_server("create database " + kitchen.name() + " template recipe_backup");
    kitchen.check_ids("readings", 10);
    kitchen.catch_up();
    kitchen.check_ids("readings", 30);
    kitchen.sluice({"verify"});
}

TEST_CASE("recipes: a second system has each row once, by receipts") {
    Recipe recipe("Exactly once to a second system");
    Kitchen kitchen("receipts");
    kitchen.sql(recipe.next("sql"));
    for (const char* topic : {"payments", "payments.loaded"})
        shared_broker().admin().create_topic(topic, 1);
    kitchen.configure(recipe.next("toml"));
    kitchen.start();
    for (int batch = 0; batch < 5; ++batch) {
        kitchen.produce("payments", batch * 10, batch * 10 + 10, R"(, "amount": 2.5)");
        kitchen.until_rows("payments", batch * 10 + 10);
    }
    kitchen.until([&] { return kitchen.value("select count(*) from receipts") == "0"; },
                  "the receipts to be sent");
    kitchen.stop();
    kitchen.sql("create table second_system (id bigint, amount numeric)");
    std::string take = recipe.next("sql");
    const std::size_t parameter = take.find("$1::jsonb");
    for (const auto& message : read_topic(shared_broker().client(), "payments.loaded")) {
        std::string statement = take;
        statement.replace(parameter, 2, "'" + message.value.value() + "'");
        kitchen.sql(statement);
    }
    kitchen.check_ids("second_system", 50);
}

TEST_CASE("recipes: a column that comes later has what was there before") {
    Recipe recipe("A column that comes later");
    Kitchen kitchen("column");
    kitchen.sql(recipe.next("sql"));
    shared_broker().admin().create_topic("clicks", 1);
    const std::string pipeline = recipe.next("toml");
    kitchen.configure(pipeline);
    kitchen.start();
    kitchen.produce("clicks", 0, 10, R"(, "city": "Ulm")");
    kitchen.until_rows("clicks", 10);
    kitchen.sql(recipe.next("sql"));
    kitchen.configure(pipeline + "city = \"city\"\n");
    kitchen.produce("clicks", 10, 20, R"(, "city": "Ulm")");
    kitchen.until_rows("clicks", 20);
    kitchen.until([&] { return contains(kitchen.asked("/settings"), "columns.city"); },
                  "the daemon to have taken it over");
    kitchen.sql(recipe.next("sql"));
    CHECK(kitchen.value("select count(*) from clicks where city = 'Ulm'") == "20");
    kitchen.sluice({"verify"});
}
