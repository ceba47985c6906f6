#include "tests/component/admin_stage.h"

#include <pty.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>

using namespace sluice::fixture;

TEST_CASE("status: outboxes, what the daemon does not have, and what is there without one") {
    AdminStage stage("outboxes");
    stage.add_outbox();
    const auto status = [&](std::vector<std::string> more = {}) {
        more.insert(more.begin(), {"status", "-c", stage.file().string()});
        return run_sluice(more);
    };
    const RunResult all = status();
    CHECK_MESSAGE(all.exit_code == 0, all.out << all.err);
    CHECK_MESSAGE(contains(all.out, "outbox.events  leader"), all.out);
    CHECK(contains(stage.get("/status").body, R"("role":"leader","events":30,)"));
    stage.exec(
        "insert into sluice.refused_event (relay, batch, place, id, timestamp_ms, reason, detail)"
        " values ('events', 1, 0, '1', -1, 'no_topic', '')");
    const std::string refused = "sluice_outbox_refused_open{pipeline=\"events\"} ";
    stage.until([&] { return stage.shows(refused + "1"); }, "the count of refused events");
    CHECK(contains(stage.get("/status").body, R"("open_refused":1,)"));
    CHECK(run_sluice({"outbox", "discard", "events", "--yes", "-c", stage.file().string()})
              .exit_code == 0);
    stage.until([&] { return stage.shows(refused + "0"); }, "the count of none");

    const auto wider = stage.folder() / "wider.toml";
    write_file(wider, read_file(stage.file()) + "[ingest.new]\ntopic = \"a\"\ntable = \"b\"\n");
    const RunResult lacking = run_sluice({"status", "-c", wider.string()});
    CHECK(lacking.exit_code == 1);
    CHECK_MESSAGE(contains(lacking.out, "ingest.new: the daemon that answers does not have it"),
                  lacking.out);
    CHECK(run_sluice({"status", "orders", "-c", wider.string()}).exit_code == 0);
    const RunResult one = status({"ingest.orders"});
    CHECK(one.exit_code == 0);
    CHECK_FALSE_MESSAGE(contains(one.out, "ingest.copies"), one.out);
    CHECK(status({"ordres"}).exit_code == 2);
    CHECK(contains(status({"ordres"}).err, "no pipeline \"ordres\"; did you mean \"orders\"?"));

    // A daemon that answers knows more than a file that does not load here.
    const std::string at = address(stage.port);
    const std::string broken = "[ingest.broken]\ntopic = 1\n";
    write_file(wider,
               read_file(stage.file()) + broken + "[daemon]\nlog_level = { env = \"NO\" }\n");
    const RunResult by_file = run_sluice({"status", "orders", "events", "-c", wider.string()});
    CHECK_MESSAGE(by_file.exit_code == 0, by_file.out << by_file.err);
    CHECK(contains(by_file.out,
                   "more, see sluice check)\nthis is what the daemon at " + at + " runs"));
    for (const std::string& url : {at, "http://" + at, "http://" + at + "/"}) {
        const RunResult named = run_sluice({"status", "--daemon", url, "-c", "/not/there.toml"});
        CHECK_MESSAGE(named.exit_code == 0, named.out << named.err);
        CHECK(contains(named.out, "ingest.orders"));
    }

    CHECK(stage.daemon->stop() == 0);
    stage.exec("insert into outbox (payload) values ('{}'), ('{}')");
    const RunResult without = status({"events", "--output", "json"});
    CHECK(without.exit_code == 1);
    CHECK_MESSAGE(contains(without.out, R"("lag":2,)"), without.out);
    CHECK_MESSAGE(contains(without.out, R"("unclaimed":2,"claimed":0,)"), without.out);
    const RunResult sound = run_sluice({"status", "-c", wider.string()});
    CHECK_MESSAGE(contains(sound.out, "outbox.events  not asked       -    2  "), sound.out);
    CHECK_MESSAGE(contains(sound.out, "ingest.broken: " + wider.string() + ":"), sound.out);
    const RunResult nobody = run_sluice({"status", "--daemon", at});
    CHECK(nobody.exit_code == 1);
    CHECK(nobody.err == "sluice: no daemon answers at " + at + "\n");
}

TEST_CASE("status: dead letters count for as long as they are open, and nearly all is not fine") {
    AdminStage stage("open_letters");
    const auto status = [&] {
        return run_sluice({"status", "orders", "-c", stage.file().string()});
    };
    const std::string gauge = "sluice_ingest_dead_letters_open{pipeline=\"orders\"} ";
    stage.until([&] { return stage.shows(gauge + "0"); }, "the first count");
    CHECK(status().exit_code == 0);
    stage.produce(30, R"({"id": "none", "amount": 2.5})");
    stage.until([&] { return stage.shows(gauge + "30"); }, "the count of open dead letters");
    const RunResult rejecting = status();
    CHECK(rejecting.exit_code == 1);
    CHECK_MESSAGE(contains(rejecting.out, "rejecting"), rejecting.out);
    CHECK(contains(rejecting.out, "see sluice dead-letters list orders"));
    CHECK(stage.get("/readyz").status == 200);
    CHECK(run_sluice({"dead-letters", "discard", "orders", "--yes", "-c", stage.file().string()})
              .exit_code == 0);
    stage.until([&] { return stage.shows(gauge + "0"); }, "the count of none");
    CHECK(status().exit_code == 0);
}

TEST_CASE("status: --watch draws anew on a terminal, until it is interrupted") {
    const AdminStage stage("watch");
    int master = -1;
    int slave = -1;
    const winsize size{.ws_row = 8, .ws_col = 60, .ws_xpixel = 0, .ws_ypixel = 0};
    REQUIRE(::openpty(&master, &slave, nullptr, nullptr, &size) == 0);
    ProcessOptions options;
    options.argv = {sluice_program(), "status", "--watch", "-c", stage.file().string()};
    options.log = ::ttyname(slave);
    Process watching(options);
    std::string seen;
    char bytes[4096];
    const std::string begins = "\x1b[H";
    while (seen.find(begins, seen.find(begins) + 1) == std::string::npos) {
        const ssize_t count = ::read(master, bytes, sizeof bytes);
        REQUIRE(count > 0);
        seen.append(bytes, static_cast<std::size_t>(count));
    }
    // What the terminal showed before is scrolled up, and then nothing scrolls.
    const std::size_t first = seen.find(begins);
    CHECK(std::ranges::count(seen.substr(0, first), '\n') == 8);
    CHECK(std::ranges::count(seen.substr(first, seen.find(begins, first + 1) - first), '\n') <= 7);
    CHECK_MESSAGE(contains(seen, "ingest.orders"), seen);
    CHECK_MESSAGE(contains(seen, "waiting for data"), seen);
    watching.signal(SIGINT);
    CHECK(watching.wait(patient(5s)) == 128 + SIGINT);
    ::close(slave);
    ::close(master);
}

TEST_CASE("log: NO_COLOR takes the colours from a terminal's log") {
    int master = -1;
    int slave = -1;
    REQUIRE(::openpty(&master, &slave, nullptr, nullptr, nullptr) == 0);
    const TempDir dir{"colours"};
    write_file(dir.path() / "sluice.toml",
               "[kafka]\nbrokers = \"127.0.0.1:1\"\n[cloudberry]\ndsn = \"host=127.0.0.1 port=1\"\n"
               "[admin]\nlisten = \"\"\n");
    for (const char* no_color : {"", "1"}) {
        ProcessOptions options;
        options.argv = {sluice_program(), "run", "-c", (dir.path() / "sluice.toml").string()};
        options.env = {{"NO_COLOR", no_color}, {"TERM", "xterm"}};
        options.log = ::ttyname(slave);
        Process daemon(options);
        std::string seen;
        char bytes[4096];
        while (!contains(seen, "\n")) {
            const ssize_t count = ::read(master, bytes, sizeof bytes);
            REQUIRE(count > 0);
            seen.append(bytes, static_cast<std::size_t>(count));
        }
        CHECK_MESSAGE(contains(seen, "\x1b[") == (*no_color == '\0'), seen);
    }
    ::close(slave);
    ::close(master);
}

TEST_CASE("plan: what a reload would do to the running daemon, before anyone does it") {
    const AdminStage stage("plan");
    std::ifstream in(stage.file());
    const std::string running{std::istreambuf_iterator<char>(in), {}};
    const auto planned = [&](const std::string& config) {
        const auto file = stage.folder() / "next.toml";
        write_file(file, config);
        return run_sluice({"plan", "-c", file.string()});
    };
    const RunResult same = planned(running);
    CHECK(same.exit_code == 0);
    CHECK_MESSAGE(contains(same.out, "2 unchanged"), same.out);

    std::string next = running;
    next.replace(next.find("delay = \"50ms\""), 14, "delay = \"60ms\"");  // of orders
    next += "lanes = 3\n";                                                // of copies
    const RunResult changed = planned(next);
    CHECK(changed.exit_code == 0);
    CHECK_MESSAGE(contains(changed.out, "lanes: 2 → 3"), changed.out);
    CHECK_MESSAGE(contains(changed.out, "batch.delay: 50ms → 60ms"), changed.out);
    CHECK_FALSE(contains(changed.out, token));

    const std::string missing = "[ingest.new]\ntopic = \"not_there\"\ntable = \"orders\"\n";
    const RunResult refused = planned(running + missing);
    CHECK(refused.exit_code == 1);
    const std::string line = std::to_string(std::ranges::count(running, '\n') + 2);
    const auto why = [&](const std::string& file) {
        return (stage.folder() / file).string() + ":" + line + ":1: ingest.new: there is no topic";
    };
    CHECK_MESSAGE(contains(refused.out, "it would be refused: " + why("next.toml")), refused.out);
    // The daemon finds the same, and says so in the same words.
    write_file(stage.file(), running + missing);
    stage.until(
        [&] {
            return contains(stage.daemon->log(), "reload refused: " + why(stage.file().filename()));
        },
        "the reload to be refused");
    write_file(stage.file(), running);
    stage.until([&] { return contains(stage.daemon->log(), "nothing differs from what runs"); },
                "the file to be as it was");

    stage.exec("alter table copies add note text");
    const RunResult drifted = planned(running);
    CHECK_MESSAGE(contains(drifted.out, "its table is now public.copies"), drifted.out);
    CHECK(stage.daemon->stop() == 0);
    const RunResult nobody = planned(running);
    CHECK(nobody.exit_code == 2);
    CHECK_MESSAGE(contains(nobody.err, "--daemon URL"), nobody.err);
}
