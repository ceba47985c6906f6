#include "daemon/admin/admin_routes.h"
#include "daemon/admin/openapi.h"
#include "daemon/admin/problem.h"

#include <doctest/doctest.h>
#include <simdjson.h>

#include <set>
#include <string>
#include <vector>

using namespace sluice;

namespace {

constexpr auto token = "0123456789abcdef";

struct Stage {
    Stage() {
        const auto command = [this](const std::string& what) {
            return [this, what](const std::string& pipeline) {
                commands.push_back(what + " " + pipeline);
                return json_answer("{}");
            };
        };
        sources.status = [this] { return status; };
        sources.metrics = [] { return "a_metric 1\n"; };
        sources.settings = [] { return "{}"; };
        sources.history = [](History::Span span) {
            return span == History::Span::hour ? "hour" : "day";
        };
        sources.books = [](const std::string& pipeline) {
            return pipeline == "orders" ? json_answer("books") : problem(404, "none");
        };
        sources.token = [] { return token; };
        sources.reload = [this] {
            commands.push_back("reload");
            return problem(422, "refused");
        };
        for (const char* what : {"pause", "resume", "restart", "retry-dead-letters"})
            sources.commands[what] = command(what);
    }
    HttpResponse ask(const std::string& method, const std::string& target,
                     const std::string& authorization = {}) const {
        return AdminRoutes(sources).answer(
            {.method = method, .target = target, .authorization = authorization});
    }
    DaemonStatus::Pipeline& add(const std::string& name, PipelineState state) {
        DaemonStatus::Pipeline& pipeline = status.pipelines.emplace_back();
        pipeline.key = "ingest." + name;
        pipeline.name = name;
        pipeline.supervised.state = state;
        return pipeline;
    }

    DaemonStatus status;
    std::vector<std::string> commands;
    AdminRoutes::Sources sources;
};

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("admin: what can be looked at is answered, by GET and HEAD only") {
    const Stage stage;
    CHECK(stage.ask("GET", "/healthz").status == 200);
    CHECK(stage.ask("HEAD", "/healthz").status == 200);
    CHECK(stage.ask("GET", "/metrics").body == "a_metric 1\n");
    CHECK(stage.ask("GET", "/status?x=y").content_type == "application/json");
    CHECK(stage.ask("GET", "/pipelines/orders?x").body == "books\n");
    CHECK(stage.ask("GET", "/pipelines/nobody").status == 404);
    CHECK(stage.ask("GET", "/pipelines/orders/pause").status == 405);
    CHECK(stage.ask("GET", "/history").body == "hour\n");
    CHECK(stage.ask("GET", "/history?span=hour").body == "hour\n");
    CHECK(stage.ask("GET", "/history?span=day").body == "day\n");
    CHECK(stage.ask("GET", "/history?span=year").status == 400);
    CHECK(stage.ask("GET", "/").body.starts_with("<!doctype html>"));
    for (const char* path : {"/", "/metrics", "/healthz", "/readyz", "/status", "/history",
                             "/settings", "/openapi.json", "/pipelines/orders"}) {
        const HttpResponse answer = stage.ask("POST", path, "Bearer " + std::string(token));
        CHECK(answer.status == 405);
        CHECK(answer.field_value == "GET, HEAD");
    }
    for (const char* path :
         {"", "*", "//", "/status/", "/../etc/passwd", "http://x/status", "/pipelines", "/%2e"}) {
        CHECK_MESSAGE(stage.ask("GET", path).status == 404, path);
    }
}

TEST_CASE("admin: changing calls need the token, and are off without one") {
    Stage stage;
    const std::string right = "Bearer " + std::string(token);
    for (const std::string& wrong :
         {std::string(), std::string("Bearer "), right + "x", right.substr(0, right.size() - 1),
          "bearer " + right, std::string("Basic ") + token, std::string(token)}) {
        const HttpResponse answer = stage.ask("POST", "/reload", wrong);
        CHECK_MESSAGE(answer.status == 401, wrong);
        CHECK(answer.field_name == "WWW-Authenticate");
    }
    stage.sources.token = [] { return ""; };
    for (const std::string& any : {std::string(), std::string("Bearer "), right}) {
        const HttpResponse answer = stage.ask("POST", "/pipelines/orders/pause", any);
        CHECK(answer.status == 403);
        CHECK(contains(answer.body, "set token in [admin]"));
    }
    CHECK(stage.commands.empty());
    CHECK(stage.ask("GET", "/reload", right).status == 405);
}

TEST_CASE("admin: changing calls say what they are about") {
    Stage stage;
    const std::string right = "Bearer " + std::string(token);
    CHECK(stage.ask("POST", "/reload", right).status == 422);
    CHECK(stage.ask("POST", "/pipelines/orders/pause", right).status == 200);
    CHECK(stage.ask("POST", "/pipelines/ingest.orders/resume?x", right).status == 200);
    for (const char* path : {"/pipelines/orders/", "/pipelines/orders/explode", "/pipelines//"}) {
        CHECK_MESSAGE(stage.ask("POST", path, right).status == 404, path);
    }
    CHECK(stage.commands ==
          std::vector<std::string>{"reload", "pause orders", "resume ingest.orders"});
}

TEST_CASE("admin: what is wrong is a problem, with what to do") {
    Stage stage;
    const std::string right = "Bearer " + std::string(token);
    for (const HttpResponse& answer :
         {stage.ask("GET", "/nowhere"), stage.ask("POST", "/status"), stage.ask("POST", "/reload"),
          stage.ask("POST", "/pipelines/orders/explode", right)}) {
        CHECK(answer.content_type == "application/problem+json");
        CHECK_MESSAGE(contains(answer.body, R"("status":)" + std::to_string(answer.status)),
                      answer.body);
    }
    CHECK(stage.ask("GET", "/nowhere").body ==
          R"({"title":"Not Found","status":404,)"
          R"("detail":"there is nothing here; /openapi.json has all that there is"})"
          "\n");
}

TEST_CASE("admin: OpenAPI has every route, and no other") {
    Stage stage;
    const std::string right = "Bearer " + std::string(token);
    CHECK(stage.ask("GET", "/openapi.json").body == std::string(openapi) + "\n");
    simdjson::dom::parser parser;
    simdjson::dom::object paths;
    REQUIRE(parser.parse(openapi.data(), openapi.size())["paths"].get(paths) == simdjson::SUCCESS);
    std::set<std::string> reads;
    std::set<std::string> changes;
    for (const auto& [path, methods] : paths) {
        std::string asked(path);
        if (const auto name = asked.find("{name}"); name != std::string::npos)
            asked.replace(name, 6, "orders");
        for (const auto& [method, operation] : methods.get_object()) {
            const bool is_read = method == "get";
            (is_read ? reads : changes).insert(std::string(path));
            const int status = stage.ask(is_read ? "GET" : "POST", asked, right).status;
            CHECK_MESSAGE((status == 200 || asked == "/reload"), asked);
        }
    }
    std::set<std::string> looks(readable_paths().begin(), readable_paths().end());
    looks.insert("/pipelines/{name}");
    CHECK(reads == looks);
    std::set<std::string> commands{"/reload"};
    for (const auto& [what, how] : stage.sources.commands)
        commands.insert("/pipelines/{name}/" + what);
    CHECK(changes == commands);
}

TEST_CASE("admin: a secret is compared in full") {
    CHECK(same_secret("abc", "abc"));
    CHECK(same_secret("", ""));
    for (const char* wrong : {"", "ab", "abcd", "abd", "bbc"})
        CHECK_FALSE(same_secret(wrong, "abc"));
}

TEST_CASE("readiness: waiting for data is ready, stuck is not, and why is said") {
    Stage stage;
    CHECK(stage.ask("GET", "/readyz").status == 200);
    auto& orders = stage.add("orders", PipelineState::running).supervised;
    orders.activity = Activity::Kind::waiting_for_data;
    CHECK(stage.ask("GET", "/readyz").status == 200);
    orders.activity = Activity::Kind::stuck;
    orders.reason = "the disk is full";
    HttpResponse answer = stage.ask("GET", "/readyz");
    CHECK(answer.status == 503);
    CHECK(
        contains(answer.body, R"("pipeline":"ingest.orders","reason":"stuck: the disk is full")"));
    orders = {};
    for (const PipelineState state : {PipelineState::starting, PipelineState::backing_off,
                                      PipelineState::failed, PipelineState::paused}) {
        orders.state = state;
        answer = stage.ask("GET", "/readyz");
        CHECK(answer.status == 503);
        CHECK(contains(answer.body, name_of(state)));
    }
    orders.state = PipelineState::running;
    CHECK(stage.ask("GET", "/readyz").status == 200);
    stage.status.draining = true;
    CHECK(stage.ask("GET", "/readyz").status == 503);
}

TEST_CASE("admin: what records hold stays text, and the page runs its own script only") {
    Stage stage;
    auto& orders = stage.add("orders", PipelineState::running);
    orders.ingest.emplace();
    orders.ingest->dead_letters.push_back({.topic = "orders",
                                           .partition = 1,
                                           .offset = 2,
                                           .reasons = "</script><b>\"\\\n\x01",
                                           .at = {}});
    const std::string json = stage.ask("GET", "/status").body;
    CHECK(contains(json, R"("reasons":"</script><b>\"\\)"));
    CHECK_FALSE(contains(json, "\x01"));  // control characters are escaped

    const HttpResponse page = stage.ask("GET", "/");
    CHECK(page.field_name == "Content-Security-Policy");
    const std::size_t at = page.field_value.find("script-src 'nonce-") + 18;
    const std::string nonce = page.field_value.substr(at, 32);
    CHECK(contains(page.body, "<script nonce=\"" + nonce + "\">"));
    CHECK(contains(page.body, "<style nonce=\"" + nonce + "\">"));
    CHECK_FALSE(contains(page.body, "@nonce@"));
    CHECK_FALSE(contains(page.body, "innerHTML"));
    CHECK_FALSE(contains(page.body, "https://"));
    CHECK_FALSE(contains(stage.ask("GET", "/").body, nonce));  // another process, another nonce
}
