#include "daemon/reload/reload_plan.h"
#include "config/load.h"
#include "daemon/reload/published_settings.h"

#include <doctest/doctest.h>

using namespace sluice;

namespace {

const std::string head =
    "[kafka]\nbrokers = 'b:1'\n[cloudberry]\ndsn = 'dbname=d password=hunter2'\n";
const std::string orders = "[ingest.orders]\ntopic = 'o'\ntable = 't'\n";
const std::string copies = "[ingest.copies]\ntopic = 'o'\ntable = 'c'\n";

config::Config loaded(const std::string& toml) {
    const config::Loaded loaded = config::parse(toml, "sluice.toml");
    for (const config::Problem& problem : loaded.problems) FAIL(config::to_string(problem));
    return loaded.config;
}

std::string text_of(const ReloadPlan& plan) {
    std::string text;
    for (const PipelineChange& change : plan.pipelines) {
        text += change.pipeline + " " + name_of(change.kind);
        for (const std::string& reason : change.reasons) text += ", " + reason;
        text += "\n";
    }
    for (const std::string& change : plan.process) text += change + "\n";
    return text;
}

/// What `sluice plan` sees: the daemon's settings over the wire, the file's own here.
ReloadPlan seen_from_afar(const std::string& running, const std::string& file) {
    SupervisorStatus status;
    status.pipelines["ingest.orders"].state = PipelineState::running;
    status.pipelines["ingest.orders"].target = "public.t (id bigint)";
    const std::string json = to_json(publish(loaded(running), status, "salt"));
    CHECK(json.find("hunter2") == std::string::npos);
    const auto parsed = parse_published(json);
    REQUIRE(std::holds_alternative<PublishedSettings>(parsed));
    const auto& published = std::get<PublishedSettings>(parsed);
    CHECK(published.targets.at("ingest.orders") == "public.t (id bigint)");
    return plan_reload(published.settings,
                       with_fingerprints(settings_of(loaded(file)), published.salt));
}

}  // namespace

TEST_CASE("plan: pipeline by pipeline, the same over the wire as inside of the daemon") {
    struct Case {
        std::string from;
        std::string to;
        std::string plan;
    };
    const Case cases[] = {
        {head + orders, head + orders, "ingest.orders unchanged\n"},
        {head + orders, head + orders + "lanes = 4\n",
         "ingest.orders restart, lanes: 2 → 4, memory: 96MiB → 160MiB\n"},
        {head + orders, head + orders + "batch.rows = 7\n[daemon]\nlog_level = 'debug'\n",
         "ingest.orders in_place, batch.rows: 50000 → 7\ndaemon.log_level: info → debug\n"},
        {head + orders, head + copies, "ingest.copies added\ningest.orders removed\n"},
        {head + orders, "[kafka]\nbrokers = 'b:1'\n[cloudberry]\ndsn = 'password=x'\n" + orders,
         "ingest.orders restart, cloudberry.dsn (not shown)\n"},
        {head + orders, head + "ledger_keep = '2h'\n" + orders,
         "ingest.orders unchanged\ncloudberry.ledger_keep: 30d → 2h\n"}};
    for (const Case& known : cases) {
        CAPTURE(known.to);
        CHECK(text_of(plan_reload(settings_of(loaded(known.from)),
                                  settings_of(loaded(known.to)))) == known.plan);
        CHECK(text_of(seen_from_afar(known.from, known.to)) == known.plan);
    }
}

TEST_CASE("plan: of several targets, who comes and goes is said with its table") {
    const std::string several = head + "[ingest.orders]\ntopic = 'o'\n";
    const auto target = [](const std::string& table, const std::string& more = "") {
        return "[[ingest.orders.into]]\ntable = '" + table + "'\n" + more;
    };
    struct Case {
        std::string from;
        std::string to;
        std::string plan;
    };
    const Case cases[] = {
        {several + target("a"),
         several + target("a") + target("b", "mode = 'merge'\norder = 'n'\n"),
         "into.2: target added, table b"},
        {several + target("a") + target("b") + target("c"),
         several + target("a") + target("c", "on_missing = 'reject'\n"),
         "into.2.on_missing: null → reject, into.2: target removed, table b"},
        {several + target("a") + target("b"), several + target("n") + target("a") + target("b"),
         "into.1: target added, table n"},
        {several + target("a") + target("b"), several + target("b") + target("a"),
         "into: the targets are in another order"},
        {several + target("a") + target("b"), several + target("a") + target("c"),
         "into.2.table: b → c"},
        {head + orders + "columns.a = 'x'\n", several + target("a") + target("t"),
         "on_unrouted: none → filter, into: several targets instead of table t, "
         "into.1: target added, table a, into.2: target added, table t"},
        {several + target("a"), head + orders + "lanes = 3\n",
         "lanes: 2 → 3, memory: 96MiB → 128MiB, on_unrouted: filter → none, "
         "table: one table, t, instead of several targets, into.1: target removed, table a"}};
    for (const Case& known : cases) {
        CAPTURE(known.to);
        const std::string plan = "ingest.orders restart, " + known.plan + "\n";
        CHECK(text_of(plan_reload(settings_of(loaded(known.from)),
                                  settings_of(loaded(known.to)))) == plan);
        CHECK(text_of(seen_from_afar(known.from, known.to)) == plan);
    }
    const std::string to = several + target("a") + target("b");
    const config::Loaded with_lines = config::parse(to, "sluice.toml");
    CHECK(text_of(plan_reload(settings_of(loaded(several + target("a"))),
                              settings_of(with_lines.config), with_lines.places)) ==
          "ingest.orders restart, into.2: target added, table b (line 9)\n");
}

TEST_CASE("plan: a subject that tables are made by applies by a restart, another one in place") {
    const std::string asks =
        head + "[registry]\nurl = 'http://r'\n" + orders + "format = 'avro'\nschema = 'registry'\n";
    const auto plan_of = [](const std::string& from) {
        return text_of(
            plan_reload(settings_of(loaded(from)), settings_of(loaded(from + "subject = 's'\n"))));
    };
    CHECK(plan_of(asks) == "ingest.orders in_place, subject: ${topic}-value → s\n");
    CHECK(plan_of(asks + "create = true\n") ==
          "ingest.orders restart, subject: ${topic}-value → s\n");
}

TEST_CASE("plan: a summary counts, and nothing to do is seen as such") {
    const auto from = settings_of(loaded(head + orders + copies));
    CHECK(plan_reload(from, from).changes_nothing());
    CHECK(summary_of(plan_reload(from, from)) == "2 unchanged");
    const ReloadPlan plan = plan_reload(from, settings_of(loaded(head + copies + "lanes = 3\n")));
    CHECK_FALSE(plan.changes_nothing());
    CHECK(summary_of(plan) == "1 removed, 1 restarted");
    CHECK(summary_of(ReloadPlan{}) == "no pipelines");
}

TEST_CASE("plan: what is written in the file has its line, whichever section it is of") {
    const std::string from = head + orders + copies;
    const std::string to =
        "[kafka]\nbrokers = 'b:1'\nproperties = { security.protocol = 'ssl' }\n"
        "[cloudberry]\ndsn = 'dbname=d password=hunter2'\n" +
        orders + "batch.rows = 7\nlanes = 3\n[ingest.orders.columns]\n\"a.b\" = 'x'\n" + copies +
        "[daemon]\nlog_level = 'debug'\n";
    const config::Loaded loaded_to = config::parse(to, "sluice.toml");
    REQUIRE(loaded_to.problems.empty());
    CHECK(
        text_of(plan_reload(settings_of(loaded(from)), settings_of(loaded_to.config),
                            loaded_to.places)) ==
        "ingest.copies restart, kafka.properties.security.protocol: none → ssl (line 3)\n"
        "ingest.orders restart, batch.rows: 50000 → 7 (line 9), columns.a.b: none → /x (line 12), "
        "kafka.properties.security.protocol: none → ssl (line 3), lanes: 2 → 3 (line 10), "
        "memory: 96MiB → 128MiB\n"
        "daemon.log_level: info → debug (line 17)\n");
}

TEST_CASE("plan: what is no daemon's answer is refused") {
    for (const char* json : {"", "{}", "[1]", R"({"salt":"s","revision":"r","process":3})"}) {
        CHECK(std::holds_alternative<std::string>(parse_published(json)));
    }
}
