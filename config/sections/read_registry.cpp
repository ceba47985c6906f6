#include "config/sections/read_pem.h"
#include "config/sections/sections.h"

#include <stdexcept>

namespace sluice::config {
namespace {

using namespace std::chrono_literals;

std::string_view trimmed(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::vector<Url> read_urls(TableReader& section) {
    std::vector<Url> urls;
    const auto text = section.required_text("url", "\"https://registry:8081\"");
    if (!text) return urls;
    std::string_view rest = text->text;
    for (bool more = true; more;) {
        const std::size_t comma = rest.find(',');
        more = comma != std::string_view::npos;
        const std::string_view one = trimmed(rest.substr(0, comma));
        if (more) rest.remove_prefix(comma + 1);
        try {
            urls.push_back(parse_url(one));
        } catch (const std::invalid_argument& wrong) {
            section.problem(text->at, "\"url\": " + (text->secret ? text->shown : in_quotes(one)) +
                                          " " + wrong.what() +
                                          "; write \"https://registry:8081\", several with commas");
        }
    }
    return urls;
}

void read_credentials(TableReader& section, Registry& registry) {
    const auto secret = [&](std::string_view key, std::string_view example, Secret& to) {
        if (const auto text = section.text(key, example)) to = {text->text, true};
    };
    if (const auto user = section.text("user", "\"loader\"")) {
        registry.user = {.text = user->text, .secret = user->secret};
        if (user->text.find(':') != std::string::npos)
            section.problem(user->at, "\"user\" holds a colon, which ends it in HTTP; remove it");
    }
    secret("password", "{ env = \"REGISTRY_PASSWORD\" }", registry.password);
    secret("token", "{ file = \"/run/secrets/registry-token\" }", registry.token);
    if (section.has("password") && !section.has("user"))
        section.problem(section.at("password"), "\"password\" without \"user\"; add user = \"…\"");
    if (section.has("token") && section.has("user"))
        section.problem(section.at("token"),
                        "\"token\" beside \"user\": only one of them can go along; remove one");
    if (registry.token.text.find_first_of("\r\n") != std::string::npos)
        section.problem(section.at("token"), "\"token\" has more than one line");
}

}  // namespace

Registry read_registry(TableReader section, const Scope& scope) {
    Registry registry;
    registry.urls = read_urls(section);
    read_credentials(section, registry);
    registry.ca = read_pem(section, "ca", "{ file = \"ca.pem\" }", scope).text;
    registry.certificate =
        read_pem(section, "certificate", "{ file = \"client.pem\" }", scope).text;
    registry.key = read_pem(section, "key", "{ file = \"client.key\" }", scope);
    refuse_half_of(section);
    section.duration("timeout", "\"10s\"", {100ms, 10min}, registry.timeout);
    section.finish();
    return registry;
}

}  // namespace sluice::config
