#include "tests/component/letters_setup.h"
#include "tests/fixture/daemon.h"
#include "tests/fixture/http_fake.h"
#include "tests/fixture/temp_dir.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <thread>

using namespace sluice::fixture;
using namespace std::chrono_literals;

namespace sluice::test {
namespace {

RunResult run_letters(const LettersSetup& setup, std::vector<std::string> arguments,
                      const std::string& fail_point = "") {
    arguments.insert(arguments.begin(), "dead-letters");
    arguments.insert(arguments.end(), {"-c", setup.file()});
    std::map<std::string, std::string> env;
    if (!fail_point.empty()) env["SLUICE_FAIL_POINT"] = fail_point;
    return run_sluice(arguments, env);
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

TEST_CASE("dead-letters retry: kill -9 at any line neither loses nor doubles") {
    const LettersSetup setup;
    setup.reject(0, 0, 450);
    setup.reject(1, 0, 550);
    int kills = 0;
    for (const char* point :
         {"letters_read", "letters_loaded", "letters_noted", "letters_committed"}) {
        for (const char* hit : {":1", ":2"}) {
            const RunResult killed =
                run_letters(setup, {"retry", "p", "--yes"}, std::string(point) + hit);
            REQUIRE_MESSAGE(killed.exit_code == 128 + 9, point << hit << killed.err);
            ++kills;
            CHECK(setup.problems() == "");
        }
    }
    // Each run but those that died in their first batch has settled what it had committed.
    CHECK(setup.value("SELECT count(*) FROM t") == "600");
    const RunResult rest = run_letters(setup, {"retry", "p", "--yes"});
    CHECK(rest.exit_code == 0);
    CHECK(contains(rest.out, "p: 400 loaded, 0 filtered, 0 stay dead letters"));
    CHECK(rest.err == "");  // no progress line in a pipe
    CHECK(setup.list("SELECT count(*), count(DISTINCT (part, offs)) FROM t") == "1000|1000");
    CHECK(setup.problems() == "");
    CHECK(kills == 8);
}

/// As Confluent's clients write it, of a record with an id alone.
std::string avro_record(char schema, char id) {
    return std::string{'\0', '\0', '\0', '\0', schema, static_cast<char>(id * 2)};
}

TEST_CASE("dead-letters retry: the registry is asked outside of transactions, and may be away") {
    const LettersSetup setup;
    setup.reject(0, 0, 1, avro_record(7, 21));
    setup.reject(1, 0, 1, avro_record(8, 22));
    setup.reject(2, 0, 1, avro_record(7, 23));
    HttpFake registry;
    std::string configuration = read_file(setup.file());
    configuration.insert(configuration.find("[ingest.p]"),
                         "[registry]\nurl = \"" + registry.url() + "\"\ntimeout = \"3s\"\n");
    configuration.insert(configuration.find("topic ="),
                         "format = \"avro\"\nschema = \"registry\"\n");
    configuration.erase(configuration.find("city ="), std::string("city = \"city\"\n").size());
    write_file(setup.file(), configuration);

    registry.always(503);
    const RunResult away = run_letters(setup, {"retry", "p", "--yes"});
    CHECK_MESSAGE(away.exit_code == 1, away.err);
    CHECK(contains(away.err, registry.url()));
    CHECK(contains(away.err, "503"));

    registry.always(0);
    registry.hang();
    const int asked = registry.count("/schemas/ids/7");
    RunResult hung;
    std::jthread retry([&] { hung = run_letters(setup, {"retry", "p", "--yes"}); });
    wait_until([&] { return registry.count("/schemas/ids/7") > asked; }, patient(10s),
               "the registry is asked");
    CHECK(setup.list("SELECT state FROM pg_stat_activity WHERE datname = current_database()"
                     " AND application_name = 'sluice dead-letters'") == "idle");
    retry.join();
    CHECK(hung.exit_code == 1);
    CHECK_MESSAGE(contains(hung.err, registry.url()), hung.err);
    CHECK(setup.value("SELECT count(*) FROM sluice.dead_letter_history") == "0");

    HttpFake back;
    back.answer("/schemas/ids/7",
                {200, R"({"schema": "{\"type\": \"record\", \"name\": \"r\",)"
                      R"( \"fields\": [{\"name\": \"id\", \"type\": \"long\"}]}"})"});
    configuration.replace(configuration.find(registry.url()), registry.url().size(), back.url());
    write_file(setup.file(), configuration);
    const RunResult loaded = run_letters(setup, {"retry", "p", "--yes"});
    CHECK_MESSAGE(contains(loaded.out, "p: 2 loaded, 0 filtered, 1 stay dead letters"),
                  loaded.out << loaded.err);
    CHECK(setup.list("SELECT id FROM t ORDER BY 1") == "21 23");
    CHECK(contains(setup.value("SELECT reasons FROM sluice.open_dead_letter"),
                   "schema 8, which the registry does not know"));
    CHECK(setup.problems() == "");
}

TEST_CASE(
    "dead-letters list: sums up by what the reasons have in common, not by the rows' values") {
    const LettersSetup setup;
    setup.reject(3, 10, 4);
    const auto says = [&](int offset, const std::string& reason) {
        setup.exec(
            "UPDATE sluice.dead_letter SET reasons = jsonb_build_array(jsonb_build_object("
            "'reason', $$" +
            reason + "$$)) WHERE kafka_offset = " + std::to_string(offset));
    };
    const std::string check = R"(new row for relation "orders" violates check constraint )"
                              R"("orders_2024_check": Failing row contains (32, )";
    says(10, check + R"(Ines "the, best", null, -60).)");
    says(11, check + "Bo, x: y, 8.25).");
    says(12, R"("8,50" is not numeric(5,2) at byte 45)");
    says(13, R"("9,25" is not numeric(5,2) at byte 7)");
    const RunResult list = run_letters(setup, {"list", "--output", "json"});
    CHECK_MESSAGE(
        contains(list.out,
                 R"({"pipeline":"p","reason":"\"...\" is not numeric(5,2) at byte N","count":2},)"
                 R"({"pipeline":"p","reason":"new row for relation \"orders\" violates check )"
                 R"(constraint \"orders_2024_check\"","count":2}])"),
        list.out);
}

TEST_CASE("dead-letters list and show: where, when and why") {
    const LettersSetup setup;
    setup.reject(3, 10, 60);
    setup.reject(4, 0, 1, "\x01\xff");
    const RunResult list = run_letters(setup, {"list", "p"});
    CHECK(list.exit_code == 0);
    CHECK(contains(list.out, "orders[4]@0"));
    CHECK(contains(list.out, "column \"city\": was too long"));
    CHECK(contains(list.out, "… and 11 more"));
    const RunResult few = run_letters(
        setup,
        {"list", "--where", "partition = 3 and offset between 12 and 14", "--output", "json"});
    CHECK(contains(few.out, "{\"count\":3,\"dead_letters\":[{\"pipeline\":\"p\""));
    CHECK(contains(few.out, "\"reasons\":[{\"column\":\"city\",\"reason\":\"was too long\"}]"));
    CHECK(contains(run_letters(setup, {"list", "--where", "reason like '%too short%'"}).out,
                   "no dead letters"));

    CHECK(contains(
        few.out,
        R"("by_reason":[{"pipeline":"p","column":"city","reason":"was too long","count":3}])"));
    CHECK(contains(run_letters(setup, {"list", "--limit", "all"}).out,
                   "\ndead letters  pipeline  for\n"));
    CHECK_FALSE(contains(run_letters(setup, {"list", "--limit", "all"}).out, "more; --limit"));

    const RunResult show = run_letters(setup, {"show", "p", "--where", "offset = 12"});
    for (const char* part : {"orders[3]@12\n", "key           key 12\n",
                             "header        trace: 12\n", "\n{\"id\": 12, \"city\": \"Köln\"}\n"})
        CHECK_MESSAGE(contains(show.out, part), show.out);
    CHECK(contains(run_letters(setup, {"show", "--where", "partition = 4"}).out, "\n0x01ff\n"));
    const RunResult json =
        run_letters(setup, {"show", "--where", "partition = 4", "--output", "json"});
    CHECK(contains(json.out, "\"value_hex\":\"01ff\""));
    CHECK(contains(json.out, "\"headers\":[{\"name\":\"trace\",\"value\":\"0\"}]"));
}

TEST_CASE("dead-letters retry and discard: only what was asked for, and not without being sure") {
    const LettersSetup setup(", CHECK (id <> 5)");
    setup.reject(0, 0, 10);
    const RunResult unsure = run_letters(setup, {"retry", "p"});
    CHECK(unsure.exit_code == 2);
    CHECK(contains(unsure.err, "--yes is needed to retry 10 dead letters"));
    CHECK(setup.value("SELECT count(*) FROM t") == "0");

    const RunResult some = run_letters(setup, {"retry", "p", "--yes", "--where", "offset >= 4",
                                               "--limit", "3", "--output", "json"});
    CHECK(some.exit_code == 1);
    CHECK(contains(some.out,
                   "\"name\":\"p\",\"loaded\":2,\"filtered\":0,\"discarded\":0,"
                   "\"rejected\":1,"));
    CHECK(setup.list("SELECT offs FROM t ORDER BY 1") == "4 6");

    const RunResult discard =
        run_letters(setup, {"discard", "p", "--yes", "--where", "retries > 0"});
    CHECK(discard.exit_code == 0);
    CHECK(contains(discard.out, "p: 1 discarded"));
    CHECK(contains(run_letters(setup, {"list"}).out, "orders[0]@9"));
    CHECK_FALSE(contains(run_letters(setup, {"list"}).out, "orders[0]@5"));
    CHECK(setup.problems() == "");
    CHECK(run_letters(setup, {"retry", "--yes"}).exit_code == 0);
    CHECK(setup.value("SELECT count(*) FROM t") == "9");
    CHECK(contains(run_letters(setup, {"list"}).out, "no dead letters"));
    const RunResult verify = run_sluice({"verify", "-c", setup.file()});
    CHECK_MESSAGE(verify.exit_code == 0, verify.out << verify.err);
    CHECK(contains(verify.out, "9 of the loaded were dead letters before"));
    CHECK(contains(verify.out, "1 dead letters were discarded"));
}

TEST_CASE("dead-letters: what cannot be meant is said") {
    const LettersSetup setup;
    setup.reject(0, 0, 1);
    setup.exec("UPDATE sluice.dead_letter SET topic = 'older'");
    const RunResult other = run_letters(setup, {"retry", "p", "--yes"});
    CHECK(other.exit_code == 1);
    CHECK(contains(other.out, "1 are of topics that it does not read any more"));
    const auto wrong = [&](std::vector<std::string> arguments, const std::string& text) {
        const RunResult result = run_letters(setup, std::move(arguments));
        CHECK(result.exit_code == 2);
        CHECK_MESSAGE(contains(result.err, text), result.err);
    };
    wrong({"lst"}, "\"lst\" is none of list, show, retry, discard");
    wrong({"list", "nobody"}, "there is no pipeline \"nobody\"");
    wrong({"retry", "nobody", "--yes"}, "none is configured as \"nobody\"");
    wrong({"discard", "--yes"}, "discard needs the name of a pipeline");
    wrong({"list", "--where", "offset = x"}, "--where: character 10");
    wrong({"list", "--limit", "0"}, "--limit takes a whole number from 1");
    wrong({"list", "--yes"}, "--yes is for retry and discard");
}

}  // namespace
}  // namespace sluice::test
