#include "tests/component/admin_stage.h"
#include "tests/fixture/source_dir.h"

#include <cstdlib>

using namespace sluice::fixture;

namespace {

/// Of one hour that is not this one, nor the next.
std::string elsewhen() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto hour = std::chrono::duration_cast<std::chrono::hours>(now).count();
    const auto text = [](long at) { return (at < 10 ? "0" : "") + std::to_string(at) + ":00"; };
    return text((hour + 6) % 24) + "-" + text((hour + 7) % 24);
}

/// One that bears a single dead letter, and one whose time it is not.
void add_waiting(const AdminStage& stage) {
    std::string sections;
    for (const std::string name : {"weighed", "nightly"}) {
        stage.exec("create table " + name + " (id bigint, amount numeric)");
        sections += "[ingest." + name + "]\ntopic = \"" + stage.topic() + "\"\ntable = \"" + name +
                    "\"\ngroup = \"" + stage.topic() + "." + name + "\"\n" +
                    (name == "weighed" ? "max_rejects = 1\n"
                                       : "schedule = { run = \"" + elsewhen() + "\" }\n");
    }
    stage.add(sections);
    stage.until(
        [&] {
            const std::string status = stage.get("/status").body;
            return contains(status, R"("state":"held")") &&
                   contains(status, R"("state":"scheduled")");
        },
        "one to be held, and one to wait for its time");
}

}  // namespace

TEST_CASE("status page: overview and pages, by keyboard, on a phone and wide, and for axe-core") {
    AdminStage stage("status_page");
    stage.add_outbox();
    stage.produce(200);
    stage.produce(2, R"({"id": 1, "amount": "much"})");
    add_waiting(stage);
    stage.until([&] { return contains(stage.get("/status").body, R"("open_dead_letters":)"); },
                "the dead letters to be counted");
    stage.until([&] { return stage.rows() >= 230; }, "the rows");
    const char* pictures = std::getenv("SLUICE_PICTURES");  // to look at them
    const std::string folder = pictures ? pictures : (stage.folder() / "pictures").string();
    const auto output = stage.folder() / "output";
    Process looks({.argv = {"python", "-u", source_dir() + "/tests/page/page_test.py",
                            "http://" + address(stage.port), token, folder},
                   .log = output});
    try {
        wait_until([&] { return !looks.running(); }, patient(150s), "the end of the looks");
    } catch (const WaitedTooLong& late) {
        FAIL(late.what() << '\n' << read_file(output));
    }
    const int exit_code = looks.wait(1s);
    INFO(read_file(output));
    CHECK(exit_code == 0);
}
