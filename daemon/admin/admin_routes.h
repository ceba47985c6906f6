#pragma once

#include "daemon/admin/daemon_status.h"
#include "daemon/admin/http.h"

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace sluice {

/// What became of a changing call, as HTTP has it.
struct CommandAnswer {
    int status = 200;
    std::string json;
};

/// The admin server's routes. Knows neither the network nor the supervisor: what it needs of the
/// process are functions, which are called on the threads of the server.
class AdminRoutes {
public:
    struct Sources {
        std::function<DaemonStatus()> status;
        std::function<std::string()> metrics;
        /// Of the last hour, as JSON.
        std::function<std::string()> history;
        /// What is configured, without secrets, as JSON.
        std::function<std::string()> settings;
        /// What changing calls must show; empty: they are off.
        std::function<std::string()> token;
        std::function<CommandAnswer()> reload;
        /// By what stands in the path: "pause".
        std::map<std::string, std::function<CommandAnswer(const std::string& pipeline)>> commands;
    };
    explicit AdminRoutes(Sources sources);

    [[nodiscard]] HttpResponse answer(const HttpRequest& request) const;

private:
    [[nodiscard]] HttpResponse look(const std::string& path) const;
    [[nodiscard]] HttpResponse change(const HttpRequest& request, const std::string& path) const;
    [[nodiscard]] HttpResponse command(const std::string& path) const;
    [[nodiscard]] HttpResponse page() const;

    const Sources sources_;
    /// Lets the page's own script and style run, and nothing that found its way into it.
    const std::string nonce_;
};

/// In a time that does not tell how much of it is right.
[[nodiscard]] bool same_secret(std::string_view shown, std::string_view expected);

}  // namespace sluice
