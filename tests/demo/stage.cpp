#include "tests/demo/stage.h"

#include <future>

namespace sluice::demo {
namespace {

constexpr const char* tables = R"(
create table orders (
    order_id        bigint not null,
    customer        text,
    city            text,
    amount          numeric(12,2) check (amount >= 0),
    items           jsonb,
    ordered_at      timestamptz,
    produced_at     timestamptz,
    kafka_partition int,
    kafka_offset    bigint
);
create table readings (
    reading_id      bigint not null,
    sensor          text,
    celsius         double precision,
    place           text,
    produced_at     timestamptz,
    kafka_partition int,
    kafka_offset    bigint
);
create table shipments (
    shipment_id bigint primary key,
    customer    text,
    shipped_at  timestamptz
);
create table outbox (
    id         bigserial primary key,
    key        text,
    payload    text,
    created_at timestamptz not null default clock_timestamp()
);
create schema sluice authorization loader;
grant select, insert on orders, readings to loader;
grant select, delete on outbox to loader;
)";

std::string configuration(const std::string& brokers, const std::string& dsn,
                          const std::string& admin) {
    return R"(# Written by ./dev demo.
[kafka]
brokers = ")" +
           brokers + R"("

[cloudberry]
dsn = ")" + dsn +
           R"("

[admin]
listen = ")" +
           admin + R"("

[ingest.orders]
topic = "orders"
table = "public.orders"

[ingest.orders.columns]
order_id = "id"
customer = "/customer/name"
city = "/customer/address/city"
amount = "amount"
items = "items"
ordered_at = { from = "ts", as = "epoch_ms" }
produced_at = "@timestamp"
kafka_partition = "@partition"
kafka_offset = "@offset"

[ingest.readings]
topic = "readings"
table = "public.readings"
format = "csv"

[ingest.readings.columns]
reading_id = 1
sensor = 2
celsius = 3
place = 4
produced_at = "@timestamp"
kafka_partition = "@partition"
kafka_offset = "@offset"

[outbox.shipments]
table = "public.outbox"
topic = "shipments"
headers = { id = "id" }
)";
}

}  // namespace

Stage::Stage() : config_(dir_.path() / "sluice.toml") {
    auto broker =
        std::async(std::launch::async, [] { return std::make_unique<fixture::KafkaBroker>(); });
    postgres_ = std::make_unique<fixture::Postgres>();
    postgres_->create_database(database);
    postgres_->create_role(role);
    postgres_->exec(tables, database);
    broker_ = broker.get();
    broker_->admin().create_topic("orders", 4);
    broker_->admin().create_topic("readings", 2);
    broker_->admin().create_topic("shipments", 2);
    fixture::write_file(
        config_, configuration(broker_->bootstrap(), postgres_->dsn(database, role), admin_));
}

}  // namespace sluice::demo
