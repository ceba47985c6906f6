#include "tests/component/admin_stage.h"

using namespace sluice::fixture;

TEST_CASE("control: pipelines are paused, resumed and restarted, and the daemon reloads") {
    AdminStage stage("control");
    const auto ask = [&](std::vector<std::string> arguments) {
        arguments.insert(arguments.end(), {"-c", stage.file().string()});
        return run_sluice(arguments);
    };
    const RunResult paused = ask({"pause", "orders", "ingest.copies"});
    CHECK_MESSAGE(paused.exit_code == 0, paused.err);
    CHECK(paused.out == "orders: paused\ningest.copies: paused\n");
    stage.until([&] { return contains(stage.get("/status").body, R"("state":"paused")"); },
                "the pause");
    CHECK(ask({"restart", "orders"}).err == "sluice: orders: the pipeline is paused; resume it\n");
    CHECK(ask({"restart", "orders"}).exit_code == 1);
    CHECK(ask({"resume", "orders", "copies"}).out == "orders: resumed\ncopies: resumed\n");
    CHECK(ask({"restart", "orders", "--output", "json"}).out == "{\"result\":\"done\"}\n");
    stage.until([&] { return stage.get("/readyz").status == 200; }, "readiness");

    CHECK(ask({"reload"}).out.starts_with("unchanged: configuration "));
    write_file(stage.file(), read_file(stage.file()) + "[ingest.broken]\ntopic = 1\n");
    const std::string good = stage.folder() / "good.toml";
    write_file(good,
               "[admin]\nlisten = \"" + address(stage.port) + "\"\ntoken = \"" + token + "\"\n");
    const RunResult refused = run_sluice({"reload", "-c", good});
    CHECK(refused.exit_code == 1);
    CHECK_MESSAGE(refused.err.starts_with("sluice: the configuration was refused"), refused.err);
    CHECK_MESSAGE(contains(refused.err, "\"topic\" must be a string"), refused.err);
}

TEST_CASE("control: what no consumer could join with is refused by a reload, and all runs on") {
    AdminStage stage("control_properties");
    const std::string right = read_file(stage.file());
    for (const auto& [property, said] :
         {std::pair{"session.timeout.ms = \"10s\"", "\"session.timeout.ms\": \"10s\" is no plain"},
          std::pair{"session.timeout.ms = 500", "\"session.timeout.ms\" is 500, with which"},
          std::pair{"max.poll.interval.ms = 5000", "\"max.poll.interval.ms\": the consumer of"}}) {
        write_file(stage.file(), right + "[kafka.properties]\n" + property + "\n");
        const RunResult refused = run_sluice(
            {"reload", "--daemon", address(stage.port), "--token-file", stage.folder() / "token"});
        CHECK(refused.exit_code == 1);
        CHECK_MESSAGE(contains(refused.err, said), refused.err);
    }
    CHECK(stage.get("/readyz").status == 200);
    stage.produce(3, R"({"id": 1, "amount": 1})");
    stage.until([&] { return stage.rows() == 3; }, "rows, by the configuration before");
}

TEST_CASE("control: who may not, or asks for what is not there, is told what to do") {
    const AdminStage stage("control_wrong");
    const std::string at = address(stage.port);
    const std::string file = stage.folder() / "token_file";
    const auto ask = [&](std::vector<std::string> arguments) {
        arguments.insert(arguments.end(), {"--daemon", at, "-c", "/not/there.toml"});
        return run_sluice(arguments);
    };
    write_file(file, std::string(token) + "\n");
    CHECK(ask({"pause", "orders", "--token-file", file}).exit_code == 0);
    CHECK(ask({"resume", "orders", "--token-file", file}).exit_code == 0);
    CHECK(ask({"pause", "orders"}).exit_code == 2);
    CHECK(contains(ask({"pause", "orders"}).err, "--token-file FILE names one that holds it"));

    const RunResult unknown = ask({"pause", "ordres", "--token-file", file});
    CHECK(unknown.exit_code == 2);
    CHECK(unknown.err == "sluice: ordres: there is no such pipeline; did you mean \"orders\"?\n");
    CHECK(contains(ask({"resume", "ingest.copys", "--token-file", file}).err,
                   "there is no such pipeline; did you mean \"ingest.copies\"?\n"));
    CHECK(ask({"restart", "something", "--token-file", file}).err ==
          "sluice: something: there is no such pipeline\n");
    CHECK(contains(ask({"pause", "../reload", "--token-file", file}).err, "is named orders"));

    write_file(file, "another one, which is wrong");
    const RunResult wrong = ask({"pause", "orders", "--token-file", file});
    CHECK(wrong.exit_code == 2);
    CHECK_MESSAGE(contains(wrong.err, "this needs the token of [admin]"), wrong.err);
    CHECK(contains(ask({"pause", "orders", "--token-file", "/not/there"}).err, "--token-file: "));
    CHECK(contains(run_sluice({"reload", "--daemon", "127.0.0.1:1", "--token-file", file}).err,
                   "no daemon answers at 127.0.0.1:1"));
}

TEST_CASE("control: dead letters are loaded after all by request, once, and it is said how many") {
    const std::string all_loaded = R"("all":4,"loaded":4,"filtered":0,"rejected":0,"problem":"")";
    const std::string none_left = R"("all":0,"loaded":0,"filtered":0,"rejected":0,"problem":"")";
    AdminStage stage("control_retry");
    stage.produce(4, R"({"id": 1, "amount": "much"})");
    stage.until([&] { return contains(stage.get("/status").body, R"("open_dead_letters":4)"); },
                "the dead letters");
    stage.exec("alter table orders alter amount type text");
    CHECK(stage.post("/pipelines/outbox.orders/retry-dead-letters") == 404);
    CHECK(stage.post("/pipelines/orders/retry-dead-letters") == 202);
    stage.until([&] { return contains(stage.get("/status").body, all_loaded); }, "them to load");
    stage.until([&] { return stage.post("/pipelines/orders/retry-dead-letters") == 202; },
                "the first one to end");
    stage.until([&] { return contains(stage.get("/status").body, none_left); }, "the second one");
    CHECK(stage.rows() == 4);
    const RunResult verified = run_sluice({"verify", "orders", "-c", stage.file().string()});
    CHECK_MESSAGE(verified.exit_code == 0, verified.out << verified.err);
}
