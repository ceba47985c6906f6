#include "daemon/admin/admin_routes.h"

#include "daemon/admin/openapi.h"
#include "daemon/admin/problem.h"
#include "daemon/admin/status_page.h"

#include <algorithm>
#include <array>
#include <random>

namespace sluice {
namespace {

HttpResponse not_allowed(const std::string& methods) {
    HttpResponse answer = problem(405, "this takes " + methods);
    answer.field_name = "Allow";
    answer.field_value = methods;
    return answer;
}

std::string random_hex() {
    std::random_device random;
    std::string hex;
    for (int i = 0; i < 32; ++i) hex += "0123456789abcdef"[random() % 16];
    return hex;
}

/// Every "@nonce@" becomes the nonce.
std::string with_nonce(std::string_view page, const std::string& nonce) {
    constexpr std::string_view mark = "@nonce@";
    std::string result;
    for (;;) {
        const std::size_t at = page.find(mark);
        result += page.substr(0, at);
        if (at == std::string_view::npos) return result;
        result += nonce;
        page.remove_prefix(at + mark.size());
    }
}

constexpr std::array<std::string_view, 8> readable{
    "/", "/metrics", "/healthz", "/readyz", "/status", "/history", "/settings", "/openapi.json"};

constexpr std::string_view below_pipelines = "/pipelines/";

}  // namespace

std::span<const std::string_view> readable_paths() {
    return readable;
}

HttpResponse json_answer(std::string json) {
    return {.content_type = "application/json", .body = std::move(json) + "\n"};
}

bool same_secret(std::string_view shown, std::string_view expected) {
    unsigned difference = shown.size() == expected.size() ? 0 : 1;
    for (std::size_t i = 0; i < expected.size(); ++i) {
        const char c = i < shown.size() ? shown[i] : '\0';
        difference |= static_cast<unsigned char>(c ^ expected[i]);
    }
    return difference == 0;
}

AdminRoutes::AdminRoutes(Sources sources) : sources_(std::move(sources)), nonce_(random_hex()) {}

HttpResponse AdminRoutes::answer(const HttpRequest& request) const {
    const std::size_t mark = request.target.find('?');
    const std::string path = request.target.substr(0, mark);
    const std::string query = mark == std::string::npos ? "" : request.target.substr(mark + 1);
    const bool reads = request.method == "GET" || request.method == "HEAD";
    if (std::ranges::find(readable, path) != readable.end())
        return reads ? look(path, query) : not_allowed("GET, HEAD");
    const bool is_of_pipeline = path.starts_with(below_pipelines);
    if (path != "/reload" && !is_of_pipeline) {
        return problem(404, "there is nothing here; /openapi.json has all that there is");
    }
    if (is_of_pipeline && path.find('/', below_pipelines.size()) == std::string::npos) {
        return reads ? sources_.books(path.substr(below_pipelines.size()))
                     : not_allowed("GET, HEAD");
    }
    return request.method == "POST" ? change(request, path) : not_allowed("POST");
}

HttpResponse AdminRoutes::look(const std::string& path, const std::string& query) const {
    if (path == "/healthz") return {.body = "ok\n"};
    if (path == "/metrics") {
        return {.content_type = "text/plain; version=0.0.4; charset=utf-8",
                .body = sources_.metrics()};
    }
    if (path == "/status") return json_answer(to_json(sources_.status()));
    if (path == "/history") return past(query);
    if (path == "/openapi.json") return json_answer(std::string(openapi));
    if (path == "/settings") return json_answer(sources_.settings());
    if (path == "/") return page();
    const DaemonStatus status = sources_.status();
    HttpResponse answer = json_answer(readiness_json(status));
    if (!is_ready(status)) answer.status = 503;
    return answer;
}

HttpResponse AdminRoutes::past(const std::string& query) const {
    if (query == "span=day") return json_answer(sources_.history(History::Span::day));
    if (!query.empty() && query != "span=hour") return problem(400, "span is hour or day");
    return json_answer(sources_.history(History::Span::hour));
}

HttpResponse AdminRoutes::page() const {
    return {.content_type = "text/html; charset=utf-8",
            .body = with_nonce(status_page, nonce_),
            .field_name = "Content-Security-Policy",
            .field_value =
                "default-src 'none'; connect-src 'self'; img-src data:; script-src "
                "'nonce-" +
                nonce_ + "'; style-src 'nonce-" + nonce_ +
                "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"};
}

HttpResponse AdminRoutes::change(const HttpRequest& request, const std::string& path) const {
    const std::string token = sources_.token();
    if (token.empty()) {
        return problem(403, "calls that change something are off; set token in [admin]");
    }
    constexpr std::string_view scheme = "Bearer ";
    const std::string_view shown = request.authorization;
    if (!shown.starts_with(scheme) || !same_secret(shown.substr(scheme.size()), token)) {
        HttpResponse answer = problem(401, "this needs the token of [admin]");
        answer.field_name = "WWW-Authenticate";
        answer.field_value = "Bearer";
        return answer;
    }
    if (path != "/reload") return command(path);
    return sources_.reload();
}

/// "/pipelines/NAME/pause"; a name holds nothing that a path would have to escape.
HttpResponse AdminRoutes::command(const std::string& path) const {
    const std::size_t slash = path.rfind('/');
    const auto found = sources_.commands.find(path.substr(slash + 1));
    if (slash < below_pipelines.size() || found == sources_.commands.end()) {
        return problem(404,
                       "there is /pipelines/NAME/pause, /resume, /restart and /retry-dead-letters");
    }
    return found->second(path.substr(below_pipelines.size(), slash - below_pipelines.size()));
}

}  // namespace sluice
