#include "tests/fixture/kafka_broker.h"
#include "tests/fixture/kafka_producer.h"
#include "tests/fixture/postgres.h"
#include "tests/fixture/source_dir.h"
#include "tests/fixture/temp_dir.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <csignal>

/// The finished image at work: as its own user, on a read-only root, with a real broker and a real
/// database. What starts it, and how: run_read_only.sh.
namespace sluice {
namespace {

using namespace std::chrono_literals;
using fixture::ProcessOptions;

/// A topic with records, a table for them, and the configuration that joins the two.
class Setup {
public:
    Setup() {
        database_.create_database("image");
        database_.exec("CREATE TABLE orders (id bigint)", "image");
        broker_.admin().create_topic("image", 2);
        fixture::KafkaProducer producer{broker_.client()};
        for (int id = 0; id < records; ++id)
            producer.produce("image", id % 2, "{\"id\": " + std::to_string(id) + "}");
        producer.flush();
        fixture::write_file(config_.path() / "sluice.toml",
                            "[kafka]\nbrokers = \"" + broker_.bootstrap() +
                                "\"\n[cloudberry]\ndsn = \"" + database_.dsn("image") +
                                "\"\n[ingest.orders]\ntopic = \"image\"\n"
                                "table = \"public.orders\"\n");
    }

    [[nodiscard]] ProcessOptions sluice(const std::vector<std::string>& arguments) const {
        ProcessOptions options{.argv = {fixture::source_dir() + "/tests/image/run_read_only.sh",
                                        config_.path().string()}};
        options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
        options.argv.emplace_back("--config=/etc/sluice/sluice.toml");
        options.log = config_.path() / "output";
        return options;
    }
    [[nodiscard]] std::string rows() const {
        return database_.value("SELECT count(DISTINCT id) FROM orders", "image");
    }
    [[nodiscard]] std::string output() const {
        return fixture::read_file(config_.path() / "output");
    }

    static constexpr int records = 1000;

private:
    fixture::KafkaBroker& broker_ = fixture::shared_broker();
    fixture::Postgres& database_ = fixture::shared_postgres();
    fixture::TempDir config_{"image"};
};

TEST_CASE("image: checks, creates its tables, loads and drains, all on a read-only root") {
    const Setup setup;
    const fixture::RunResult check = fixture::run(setup.sluice({"check"}), 60s);
    INFO(check.out << check.err);
    CHECK(check.exit_code == 0);
    CHECK(check.out.find("ok       ingest.orders") != std::string::npos);

    const fixture::RunResult schema = fixture::run(setup.sluice({"schema", "--apply"}), 60s);
    INFO(schema.out << schema.err);
    CHECK(schema.exit_code == 0);

    fixture::Process daemon{setup.sluice({"run"})};
    try {
        fixture::wait_until([&] { return setup.rows() == std::to_string(Setup::records); }, 60s,
                            "all records in the table");
    } catch (const fixture::WaitedTooLong& error) {
        FAIL(error.what() << '\n' << setup.output());
    }
    daemon.signal(SIGTERM);
    CHECK(daemon.wait(60s) == 0);
    CHECK(setup.output().find("drained") != std::string::npos);
}

TEST_CASE("image: a configuration with a mistake ends it with 2") {
    const fixture::TempDir config{"image"};
    fixture::write_file(config.path() / "sluice.toml", "[kafka]\nbrokers = 7\n");
    const fixture::RunResult result =
        fixture::run({.argv = {fixture::source_dir() + "/tests/image/run_read_only.sh",
                               config.path().string(), "run"}},
                     60s);
    CHECK(result.exit_code == 2);
}

}  // namespace
}  // namespace sluice
