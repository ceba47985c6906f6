#include "tests/fixture/daemon.h"
#include "tests/fixture/temp_dir.h"

#include <doctest/doctest.h>

using namespace sluice::fixture;

TEST_CASE("commands: what is wrong with a request is said before Kafka or the database is asked") {
    const TempDir dir{"misuse"};
    const auto config = dir.path() / "sluice.toml";
    write_file(config,
               "[kafka]\nbrokers = \"127.0.0.1:1\"\n[cloudberry]\n"
               "dsn = \"host=127.0.0.1 port=1 dbname=nowhere\"\n"
               "[ingest.orders]\ntopic = \"o\"\ntable = \"t\"\n"
               "[outbox.events]\ntable = \"b\"\ntopic = \"e\"\n");
    const auto says = [&](std::vector<std::string> words, const std::string& what) {
        words.insert(words.end(), {"-c", config.string()});
        const RunResult result = run_sluice(words);
        CHECK(result.exit_code == 2);
        CHECK_MESSAGE(result.err.find(what) != std::string::npos, result.err);
        CHECK_MESSAGE(result.err.find("kafka") == std::string::npos, result.err);
    };
    says({"produce", "orders", "not_there.csv"}, "not_there.csv: cannot be read: No such file");
    says({"wait", "orders"}, "needs --partition P and --offset N, or --end");
    says({"wait", "orders", "--partition", "x", "--offset", "1"}, "--partition takes a number");
    says({"wait", "events", "--end"}, "[outbox.events] is an outbox; this is for ingest pipelines");
    says({"peek", "events"}, "[outbox.events] is an outbox");
    says({"verify", "ordres"}, "there is no pipeline \"ordres\"; did you mean \"orders\"?");
    says({"verfy"}, "unknown command \"verfy\"; did you mean \"verify\"?");
    says({"progress", "show", "events"}, "[outbox.events] is an outbox");
    says({"outbox", "list", "orders"},
         "[ingest.orders] is no outbox; what it could not load: sluice dead-letters list orders");
    says({"dead-letters", "list", "events"},
         "[outbox.events] is an outbox; what Kafka could not take: sluice outbox list events");
    says({"peek", "orders", "--where", "city = 'Oslo'"},
         "there is no field \"city\"; there are partition, offset, timestamp, key, value (a "
         "record's own");
}
