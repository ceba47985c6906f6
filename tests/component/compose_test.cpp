#include "tests/component/admin_stage.h"
#include "tests/fixture/source_dir.h"

using namespace sluice::fixture;

namespace {

std::string compose_file(const std::string& name) {
    return read_file(source_dir() + "/packaging/compose/" + name);
}

/// The first of them.
void put(std::string& text, const std::string& instead_of, const std::string& what) {
    const std::size_t at = text.find(instead_of);
    REQUIRE_MESSAGE(at != std::string::npos, instead_of);
    text.replace(at, instead_of.size(), what);
}

}  // namespace

TEST_CASE("compose: with its tables and its configuration, records become rows, and rows events") {
    const Postgres& postgres = shared_postgres();
    postgres.create_database("shop");
    postgres.exec(compose_file("tables.sql"), "shop");
    KafkaBroker& broker = shared_broker();
    for (const char* topic : {"orders", "events"}) broker.admin().create_topic(topic, 3);
    std::string configuration = compose_file("sluice.toml");
    put(configuration, "kafka:9092", broker.bootstrap());
    put(configuration, "host=database dbname=shop user=sluice", postgres.dsn("shop", "sluice"));
    put(configuration, "0.0.0.0:9187", address(free_port()));
    const TempDir folder("compose");
    write_file(folder.path() / "sluice.toml", configuration);
    Daemon daemon(folder.path() / "sluice.toml", {{"PGPASSWORD", "only-to-try-it-out"}});
    KafkaProducer producer(broker.client());
    producer.produce("orders", 0, R"({"id": 1, "amount": 2.5})");
    producer.flush();
    postgres.exec("insert into outbox (topic, payload) values ('events', 'first')", "shop");
    try {
        wait_until([&] { return postgres.value("select count(*) from orders", "shop") == "1"; },
                   patient(60s), "the row");
        wait_until(
            [&] { return broker.admin().end_offsets("events") != std::vector<std::int64_t>(3); },
            patient(60s), "the event");
    } catch (const WaitedTooLong& late) {
        FAIL(late.what() << '\n' << daemon.log());
    }
}
