#include "config/toml/reader.h"
#include "daemon/commands/commands.h"
#include "daemon/commands/daemon_client.h"
#include "daemon/commands/usable_configuration.h"
#include "daemon/report/report.h"
#include "pipeline/errors.h"

#include <simdjson.h>

#include <algorithm>
#include <chrono>
#include <iostream>

namespace sluice {
namespace {

using namespace std::chrono_literals;

/// A restart ends a batch first, and a reload asks broker and database.
constexpr auto command_patience = 2min;

/// Which daemon is asked, and what it has to be shown.
struct AskedDaemon {
    std::string address;
    std::string token;
};

std::string token_in(const std::string& file) {
    auto content = config::read_file(file);
    if (const auto* error = std::get_if<config::SyntaxError>(&content))
        throw WrongConfiguration("--token-file: " + error->text);
    std::string token = std::get<std::string>(std::move(content));
    token.resize(token.find_last_not_of("\r\n") + 1);
    return token;
}

/// The file is asked for what the command line does not say. nullopt: it is of no use, which was
/// said.
std::optional<AskedDaemon> daemon_of(const CommandLine& line) {
    const auto address = line.option("--daemon");
    const auto token_file = line.option("--token-file");
    AskedDaemon daemon;
    if (!address || !token_file) {
        const auto loaded = load_usable(line, [](const config::Problem& problem) {
            return problem.part.empty() || problem.part == "admin";
        });
        if (!loaded && address)
            std::cerr << "sluice: the daemon's token is looked for in that file's [admin]; "
                         "--token-file FILE names one that holds it alone\n";
        if (!loaded) return std::nullopt;
        daemon = {loaded->config.admin.listen, loaded->config.admin.token.text};
    }
    if (address) daemon.address = *address;
    if (token_file) daemon.token = token_in(*token_file);
    if (daemon.address.empty())
        throw WrongConfiguration("[admin] listen is empty; --daemon names another daemon");
    if (daemon.token.empty())
        throw WrongConfiguration(
            "no token to show: this file's [admin] has none, and --token-file names none; a "
            "daemon takes such calls only where its [admin] has a token");
    return daemon;
}

std::string_view done_by(std::string_view command) {
    if (command == "pause") return "paused";
    return command == "resume" ? "resumed" : "restarted";
}

int exit_code_for(int status) {
    if (status < 400) return fine;
    const bool not_now = status == 409 || status == 422 || status >= 500;
    return not_now ? found_something_wrong : used_or_configured_wrongly;
}

std::string member_text(simdjson::dom::element json, std::string_view key) {
    std::string_view text;
    return json[key].get(text) == simdjson::SUCCESS ? std::string(text) : "";
}

/// What became of it, on standard output; what is wrong with it, on standard error.
void tell(const CommandLine& line, const std::string& pipeline, const HttpResponse& answer) {
    if (line.output == CommandLine::Output::json) {
        std::cout << answer.body;
        return;
    }
    simdjson::dom::parser parser;
    simdjson::dom::element json;
    if (parser.parse(answer.body).get(json) != simdjson::SUCCESS) {
        std::cerr << "sluice: the daemon answers " << answer.status << '\n';
        return;
    }
    const std::string about = pipeline.empty() ? "" : pipeline + ": ";
    if (exit_code_for(answer.status) != fine)
        std::cerr << "sluice: " << about << printable(member_text(json, "detail")) << '\n';
    else if (!pipeline.empty())
        std::cout << about << done_by(line.command) << '\n';
    else
        std::cout << member_text(json, "result") << ": configuration "
                  << member_text(json, "revision") << ", " << member_text(json, "summary") << '\n';
    simdjson::dom::array problems;
    if (json["problems"].get(problems) != simdjson::SUCCESS) return;
    for (const simdjson::dom::element problem : problems)
        if (std::string_view text; problem.get(text) == simdjson::SUCCESS)
            std::cerr << printable(text) << '\n';
}

/// `pipeline`: empty where the daemon as a whole is meant.
int ask_for(const CommandLine& line, const AskedDaemon& daemon, const std::string& pipeline) {
    const std::string target =
        pipeline.empty() ? "/" + line.command : "/pipelines/" + pipeline + "/" + line.command;
    const auto answer =
        ask_daemon(daemon.address,
                   {.method = "POST", .target = target, .authorization = "Bearer " + daemon.token},
                   command_patience);
    if (!answer) {
        std::cerr << "sluice: no daemon answers at " << daemon.address << '\n';
        return used_or_configured_wrongly;
    }
    tell(line, pipeline, *answer);
    return exit_code_for(answer->status);
}

/// A word becomes part of a path.
void check_name(const std::string& word) {
    if (word.empty() || word.find_first_of("/?#% \r\n") != std::string::npos)
        throw WrongConfiguration("a pipeline is named orders or ingest.orders, not \"" +
                                 printable(word) + "\"");
}

}  // namespace

int control_daemon(const config::Config&, const CommandLine& line) {
    try {
        for (const std::string& word : line.words) check_name(word);
        const auto daemon = daemon_of(line);
        if (!daemon) return used_or_configured_wrongly;
        if (line.words.empty()) return ask_for(line, *daemon, "");
        int worst = fine;
        for (const std::string& word : line.words)
            worst = std::max(worst, ask_for(line, *daemon, word));
        return worst;
    } catch (const WrongConfiguration& wrong) {
        std::cerr << "sluice: " << wrong.what() << '\n';
        return used_or_configured_wrongly;
    }
}

}  // namespace sluice
