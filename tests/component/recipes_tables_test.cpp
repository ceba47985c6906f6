#include "tests/component/kitchen.h"

using namespace sluice::fixture;

namespace {

/// Several recipes read a topic of the same name; each gets one of its own.
std::string from_topic(std::string toml, const std::string& topic, const std::string& own) {
    const std::string written = '"' + topic + '"';
    toml.replace(toml.find(written), written.size(), '"' + own + '"');
    return toml;
}

/// To a topic of one partition. A record without a value is a tombstone.
void send(const std::string& topic, const std::vector<std::string>& values,
          std::optional<std::string> key = {}) {
    KafkaProducer producer(shared_broker().client());
    for (const std::string& value : values) {
        ProducedRecord record{.topic = topic, .partition = 0};
        if (key) record.key = *key;
        if (!value.empty()) record.value = value;
        producer.produce(record);
    }
    producer.flush();
}

void make_topics(const std::vector<std::string>& topics) {
    for (const std::string& topic : topics) shared_broker().admin().create_topic(topic, 1);
}

}  // namespace

TEST_CASE("recipes: many topics go into one table") {
    Recipe recipe("Many topics into one table");
    Kitchen kitchen("landing");
    make_topics({"shop.orders", "shop.returns"});
    send("shop.orders", {R"({"id": 1})", R"({"id": 2})"});
    send("shop.returns", {R"({"id": 1})"});
    kitchen.sql(recipe.next("sql"));
    kitchen.configure(recipe.next("toml"));
    kitchen.catch_up();
    CHECK(kitchen.value("select string_agg(topic || part || offs || (payload->>'id'), ' '"
                        " order by topic, offs) from landing") ==
          "shop.orders001 shop.orders012 shop.returns001");
    kitchen.sluice({"verify"});
}

TEST_CASE("recipes: each topic has a table of its own") {
    Recipe recipe("A table for each topic");
    Kitchen kitchen("each");
    make_topics({"shop.public.orders", "shop.public.returns"});
    send("shop.public.orders", {R"({"id": 1})", R"({"id": 2})"});
    send("shop.public.returns", {R"({"id": 7, "why": "torn"})"});
    kitchen.sql(
        "create schema landing; create table landing.orders (id bigint);"
        " create table landing.returns (id bigint, why text)");
    kitchen.configure(recipe.next("toml"));
    kitchen.catch_up();
    kitchen.check_ids("landing.orders", 2);
    CHECK(kitchen.value("select id || why from landing.returns") == "7torn");
    kitchen.sluice({"verify"});
}

TEST_CASE("recipes: a table follows its topic") {
    Recipe recipe("A table that follows a topic (upsert)");
    Kitchen kitchen("upsert");
    make_topics({"customers"});
    send("customers", {R"({"id": 1, "name": "a", "city": "Ulm"})",
                       R"({"id": 2, "name": "b", "city": "Ulm"})", R"({"id": 1, "name": "c"})"});
    kitchen.sql(recipe.next("sql"));
    kitchen.configure(recipe.next("toml"));
    kitchen.catch_up();
    CHECK(kitchen.value("select string_agg(id || name || coalesce(city, '-'), ' ' order by id)"
                        " from customers") == "1c- 2bUlm");
    kitchen.sluice({"verify"});
}

TEST_CASE("recipes: tombstones delete") {
    Recipe recipe("Deletes by tombstones");
    Kitchen kitchen("tombstones");
    make_topics({"customers_with_tombstones"});
    const std::string value = R"({"name": "a", "customer": {"address": {"city": "Ulm"}}})";
    send("customers_with_tombstones", {value}, "1");
    send("customers_with_tombstones", {value}, "2");
    kitchen.sql("create table customers (id bigint primary key, name text, city text)");
    kitchen.configure(from_topic(recipe.next("toml"), "customers", "customers_with_tombstones"));
    kitchen.catch_up();
    CHECK(kitchen.value("select count(*) from customers where city = 'Ulm'") == "2");
    send("customers_with_tombstones", {""}, "1");
    kitchen.catch_up();
    CHECK(kitchen.value("select string_agg(id || name, ' ') from customers") == "2a");
    kitchen.sluice({"verify"});
}

TEST_CASE("recipes: a field deletes, and what is older does not undo it") {
    Recipe recipe("Deletes by a field");
    Kitchen kitchen("field");
    make_topics({"customers_with_fields"});
    const auto change = [](const std::string& id, const std::string& month,
                           const std::string& more) {
        return R"({"id": )" + id + R"(, "updated_at": "2026-)" + month + R"(-01T00:00:00Z", )" +
               more + "}";
    };
    send("customers_with_fields",
         {change("1", "01", R"("op": "u")"), change("2", "01", R"("op": "u", "deleted": false)"),
          change("3", "01", R"("op": "u")")});
    kitchen.sql("create table customers (id bigint primary key, updated_at timestamptz)");
    kitchen.configure(from_topic(recipe.next("toml"), "customers", "customers_with_fields"));
    kitchen.catch_up();
    kitchen.check_ids("customers", 3);
    send("customers_with_fields",
         {change("1", "03", R"("op": "d")"), change("2", "03", R"("op": "u", "deleted": true)"),
          change("1", "02", R"("op": "u")")});
    kitchen.catch_up();
    CHECK(kitchen.value("select string_agg(id::text, ' ') from customers") == "3");
    kitchen.sluice({"verify"});
}

TEST_CASE("recipes: rows are changed, and none added") {
    Recipe recipe("Only rows that are there already");
    Kitchen kitchen("update");
    make_topics({"stock_levels"});
    send("stock_levels", {R"({"sku": "a", "level": 5})", R"({"sku": "b", "level": 6})"});
    kitchen.sql(
        "create table articles (article text primary key, stock int);"
        " insert into articles values ('a', 1), ('c', 1)");
    kitchen.configure(recipe.next("toml"));
    kitchen.catch_up();
    CHECK(
        kitchen.value("select string_agg(article || stock, ' ' order by article) from articles") ==
        "a5 c1");
    CHECK(kitchen.value("select sum(unmatched) from sluice.ledger") == "1");
    kitchen.sluice({"verify"});
}

TEST_CASE("recipes: SQL computes columns") {
    Recipe recipe("Columns that SQL computes");
    Kitchen kitchen("computed");
    make_topics({"bills"});
    send("bills", {R"({"id": 1, "item": {"price": 10.50}})", R"({"id": 2})"});
    kitchen.sql("create table bills (id bigint, total numeric)");
    kitchen.configure(recipe.next("toml"));
    kitchen.sluice({"check"});
    kitchen.catch_up();
    CHECK(kitchen.value("select string_agg(id || '=' || total, ' ') from bills") == "1=12.600");
    kitchen.sluice({"verify"});
}

TEST_CASE("recipes: an array's elements are rows") {
    Recipe recipe("A row for each element of an array");
    Kitchen kitchen("explode");
    make_topics({"orders"});
    send("orders",
         {R"({"id": 1, "items": [{"sku": "a", "amount": 2}, {"sku": "b", "amount": 3}]})"});
    kitchen.sql("create table order_items (order_id bigint, sku text, amount int)");
    kitchen.configure(recipe.next("toml"));
    kitchen.catch_up();
    CHECK(kitchen.value("select string_agg(order_id || sku || amount, ' ' order by sku)"
                        " from order_items") == "1a2 1b3");
    kitchen.sluice({"verify"});
}

TEST_CASE("recipes: some records become rows, and the others are counted") {
    Recipe recipe("Only some records");
    Kitchen kitchen("filter");
    make_topics({"web_orders"});
    const auto order = [](int id, const std::string& amount, const std::string& country) {
        return R"({"id": )" + std::to_string(id) + R"(, "amount": )" + amount +
               R"(, "customer": {"country": ")" + country + R"("}})";
    };
    send("web_orders", {order(1, "250.5", "at"), order(2, "99.9", "at"), order(3, "100", "fr"),
                        order(4, "100", "de")});
    kitchen.sql(recipe.next("sql"));
    kitchen.configure(recipe.next("toml"));
    kitchen.catch_up();
    CHECK(kitchen.value("select string_agg(id || '=' || amount, ' ' order by id)"
                        " from large_orders") == "1=250.5 4=100");
    CHECK(kitchen.value("select sum(filtered) || ' ' || sum(rejected) from sluice.ledger") ==
          "2 0");
    CHECK(
        kitchen
            .sluice({"peek", "large_orders", "--where", "not (amount >= 100)", "--output", "json"})
            .find(R"("becomes":"filtered")") != std::string::npos);
    kitchen.sluice({"verify"});
}

// This recipe and the next one behind the one whose pattern their topics have.
TEST_CASE("recipes: a table follows another database's") {
    Recipe recipe("A table that follows another database's (Debezium)");
    Kitchen kitchen("changes");
    make_topics({"shop.public.articles"});
    const auto event = [](const std::string& op, const std::string& before,
                          const std::string& after) {
        return R"({"op": ")" + op + R"(", "before": )" + before + R"(, "after": )" + after + "}";
    };
    const auto change = [&](const std::string& id, const std::string& value) {
        send("shop.public.articles", {value}, R"({"id": )" + id + "}");
    };
    change("1", event("r", "null", R"({"id": 1, "name": "ink", "stock": 5})"));
    change("2", event("c", "null", R"({"id": 2, "name": "tea", "stock": 7})"));
    change("1", event("u", "null", R"({"id": 1, "name": "ink", "stock": 4})"));
    change("2", event("d", R"({"id": 2, "name": null, "stock": null})", "null"));
    change("2", "");
    kitchen.sql(recipe.next("sql"));
    kitchen.configure(recipe.next("toml"));
    kitchen.catch_up();
    CHECK(kitchen.value("select string_agg(id || name || stock, ' ') from articles") == "1ink4");
    kitchen.sluice({"verify"});
}

TEST_CASE("recipes: a history has each state") {
    Recipe recipe("A history of each row");
    Kitchen kitchen("history");
    make_topics({"shop.public.customers"});
    const auto event = [](const std::string& op, const std::string& city, const std::string& ms) {
        return R"({"op": ")" + op + R"(", "after": {"id": 1, "city": ")" + city +
               R"("}, "source": {"ts_ms": )" + ms + "}}";
    };
    send("shop.public.customers",
         {event("c", "Ulm", "1000"), event("u", "Bonn", "2000"),
          R"({"op": "d", "before": {"id": 1, "city": "Bonn"}, "source": {"ts_ms": 3000}})"});
    kitchen.sql(
        "create table customer_changes (id bigint, city text, op text, at timestamptz,"
        " kafka_offset bigint)");
    kitchen.configure(recipe.next("toml"));
    kitchen.catch_up();
    CHECK(kitchen.value("select string_agg(op || city, ' ' order by kafka_offset)"
                        " from customer_changes") == "cUlm uBonn dBonn");
    const std::string view = kitchen.sluice({"schema", "--history", "customers", "--key", "id"});
    INFO(view);
    kitchen.sql(view);
    const std::string name = kitchen.value(
        "select table_name from information_schema.views where table_schema = 'public'");
    CHECK(kitchen.value("select string_agg(city || extract(second from valid_from)::int || '-' ||"
                        " coalesce(extract(second from valid_to)::int::text, ''), ' '"
                        " order by valid_from) from " +
                        name) == "Ulm1-2 Bonn2-3");
    kitchen.sluice({"verify"});
}
