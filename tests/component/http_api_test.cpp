#include "tests/component/admin_stage.h"
#include "tests/fixture/source_dir.h"

using namespace sluice::fixture;

TEST_CASE("http api: each answer is as the OpenAPI says that is served") {
    AdminStage stage("http_api");
    stage.add_outbox();
    stage.produce(4);
    stage.produce(2, "no JSON");
    stage.until([&] { return stage.rows() >= 34; }, "the rows");
    const RunResult result = run({.argv = {"python", source_dir() + "/tests/descriptions/api.py",
                                           "http://" + address(stage.port), token, "orders"}},
                                 60s);
    CHECK_MESSAGE(result.exit_code == 0, result.err);
}

// Bounded: so many examples of each operation from one seed, not so many seconds. What a pipeline
// that is not at work answers at /readyz is documented as 503, so that is no error.
TEST_CASE("http api: whatever Schemathesis sends is answered as the OpenAPI says") {
    AdminStage stage("http_api_fuzzed");
    const auto output = stage.folder() / "output";
    Process fuzzes(
        {.argv = {"schemathesis", "run", "http://" + address(stage.port) + "/openapi.json",
                  "--header", std::string("Authorization: Bearer ") + token, "--seed", "1",
                  "--max-examples", "25", "--phases", "examples,coverage,fuzzing",
                  "--exclude-checks", "not_a_server_error", "--no-color"},
         .cwd = stage.folder(),
         .log = output});
    wait_until([&] { return !fuzzes.running(); }, patient(90s), "Schemathesis");
    const int exit_code = fuzzes.wait(1s);
    INFO(read_file(output));
    CHECK(exit_code == 0);
    CHECK(stage.daemon->running());
}
