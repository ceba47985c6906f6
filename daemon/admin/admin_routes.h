#pragma once

#include "daemon/admin/daemon_status.h"
#include "daemon/admin/history.h"
#include "daemon/admin/http.h"

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace sluice {

/// The admin server's routes. Knows neither the network nor the supervisor: what it needs of the
/// process are functions, which are called on the threads of the server.
class AdminRoutes {
public:
    struct Sources {
        std::function<DaemonStatus()> status;
        std::function<std::string()> metrics;
        /// As JSON.
        std::function<std::string(History::Span)> history;
        /// What is configured, without secrets, as JSON.
        std::function<std::string()> settings;
        /// What the database has of a pipeline.
        std::function<HttpResponse(const std::string& pipeline)> books;
        /// What changing calls must show; empty: they are off.
        std::function<std::string()> token;
        std::function<HttpResponse()> reload;
        /// By what stands in the path: "pause".
        std::map<std::string, std::function<HttpResponse(const std::string& pipeline)>> commands;
    };
    explicit AdminRoutes(Sources sources);

    [[nodiscard]] HttpResponse answer(const HttpRequest& request) const;

private:
    [[nodiscard]] HttpResponse look(const std::string& path, const std::string& query) const;
    [[nodiscard]] HttpResponse past(const std::string& query) const;
    [[nodiscard]] HttpResponse change(const HttpRequest& request, const std::string& path) const;
    [[nodiscard]] HttpResponse command(const std::string& path) const;
    [[nodiscard]] HttpResponse page() const;

    const Sources sources_;
    /// Lets the page's own script and style run, and nothing that found its way into it.
    const std::string nonce_;
};

/// What answers GET and HEAD, beside /pipelines/NAME.
[[nodiscard]] std::span<const std::string_view> readable_paths();

[[nodiscard]] HttpResponse json_answer(std::string json);

/// In a time that does not tell how much of it is right.
[[nodiscard]] bool same_secret(std::string_view shown, std::string_view expected);

}  // namespace sluice
