#include "daemon/admin/admin_routes.h"

#include "daemon/admin/status_page.h"
#include "daemon/commands/report.h"

#include <array>
#include <random>

namespace sluice {
namespace {

constexpr auto json_type = "application/json";

HttpResponse json_answer(int status, std::string json) {
    return {.status = status, .content_type = json_type, .body = std::move(json) + "\n"};
}

HttpResponse error(int status, const std::string& text) {
    return json_answer(status,
                       JsonWriter{}.begin_object().field("error", text).end_object().text());
}

HttpResponse not_allowed(const std::string& methods) {
    HttpResponse answer = error(405, "this takes " + methods);
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

constexpr std::array<std::string_view, 7> readable{"/",       "/metrics", "/healthz", "/readyz",
                                                   "/status", "/history", "/settings"};

bool is_readable(std::string_view path) {
    for (const std::string_view known : readable) {
        if (path == known) return true;
    }
    return false;
}

}  // namespace

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
    const std::string path = request.target.substr(0, request.target.find('?'));
    const bool reads = request.method == "GET" || request.method == "HEAD";
    if (is_readable(path)) return reads ? look(path) : not_allowed("GET, HEAD");
    if (path != "/reload" && !path.starts_with("/pipelines/")) {
        return error(404, "there is nothing here; try / or /status");
    }
    return request.method == "POST" ? change(request, path) : not_allowed("POST");
}

HttpResponse AdminRoutes::look(const std::string& path) const {
    if (path == "/healthz") return {.body = "ok\n"};
    if (path == "/metrics") {
        return {.content_type = "text/plain; version=0.0.4; charset=utf-8",
                .body = sources_.metrics()};
    }
    if (path == "/status") return json_answer(200, to_json(sources_.status()));
    if (path == "/history") return json_answer(200, sources_.history());
    if (path == "/settings") return json_answer(200, sources_.settings());
    if (path == "/") return page();
    const DaemonStatus status = sources_.status();
    return json_answer(is_ready(status) ? 200 : 503, readiness_json(status));
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
        return error(403, "calls that change something are off; set token in [admin]");
    }
    constexpr std::string_view scheme = "Bearer ";
    const std::string_view shown = request.authorization;
    if (!shown.starts_with(scheme) || !same_secret(shown.substr(scheme.size()), token)) {
        HttpResponse answer = error(401, "this needs the token of [admin]");
        answer.field_name = "WWW-Authenticate";
        answer.field_value = "Bearer";
        return answer;
    }
    if (path != "/reload") return command(path);
    CommandAnswer done = sources_.reload();
    return json_answer(done.status, std::move(done.json));
}

/// "/pipelines/NAME/pause"; a name holds nothing that a path would have to escape.
HttpResponse AdminRoutes::command(const std::string& path) const {
    constexpr std::string_view prefix = "/pipelines/";
    const std::size_t slash = path.rfind('/');
    const auto found = sources_.commands.find(path.substr(slash + 1));
    if (slash < prefix.size() || found == sources_.commands.end()) {
        return error(404, "there is /pipelines/NAME/pause, /resume and /restart");
    }
    CommandAnswer done = found->second(path.substr(prefix.size(), slash - prefix.size()));
    return json_answer(done.status, std::move(done.json));
}

}  // namespace sluice
