#include "daemon/admin/admin_routes.h"

#include <doctest/doctest.h>

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
                return CommandAnswer{200, "{}"};
            };
        };
        sources.status = [this] { return status; };
        sources.metrics = [] { return "a_metric 1\n"; };
        sources.settings = [] { return "{}"; };
        sources.history = [] { return R"({"seconds":10})"; };
        sources.token = [] { return token; };
        sources.reload = [this] {
            commands.push_back("reload");
            return CommandAnswer{422, "{}"};
        };
        sources.commands = {{"pause", command("pause")}, {"resume", command("resume")}};
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
    CHECK(stage.ask("GET", "/").body.starts_with("<!doctype html>"));
    for (const char* path :
         {"/", "/metrics", "/healthz", "/readyz", "/status", "/history", "/settings"}) {
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
    for (const char* path : {"/pipelines/", "/pipelines/pause", "/pipelines/orders/",
                             "/pipelines/orders/explode", "/pipelines//"}) {
        CHECK_MESSAGE(stage.ask("POST", path, right).status == 404, path);
    }
    CHECK(stage.commands ==
          std::vector<std::string>{"reload", "pause orders", "resume ingest.orders"});
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
