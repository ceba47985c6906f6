#include "config/sections/read_names.h"
#include "config/sections/read_pem.h"
#include "config/sections/sections.h"
#include "config/text/address.h"

#include <algorithm>

namespace sluice::config {
namespace {

using namespace std::chrono_literals;

void read_addresses(TableReader& section, Segments& segments) {
    const auto listen = section.required_text("listen", "\"0.0.0.0:9188\"");
    const auto advertise = section.required_text("advertise", "{ env = \"POD_IP\" }");
    if (listen && !is_address(listen->text))
        return section.problem(listen->at, "\"listen\": " + listen->shown +
                                               " is not host:port; write \"0.0.0.0:9188\" for "
                                               "all addresses of this host");
    if (!listen || !advertise) return;
    segments.listen = listen->text;
    segments.advertise = with_port_of(advertise->text, listen->text);
    if (segments.advertise.empty())
        section.problem(advertise->at, "\"advertise\": " + advertise->shown +
                                           " is no name or address of this host; write it as the "
                                           "segments know it, such as { env = \"POD_IP\" } or "
                                           "\"sluice-0.sluice:9188\"");
}

void read_writable(TableReader& section, Segments& segments) {
    for (const Text& topic : section.texts("sql_writable", "[\"alerts\"]")) {
        if (!check_topic_name(section, "sql_writable", topic)) continue;
        if (std::ranges::find(segments.sql_writable, topic.text) != segments.sql_writable.end())
            section.problem(topic.at,
                            "\"sql_writable\" names " + topic.shown + " twice; remove one");
        else
            segments.sql_writable.push_back(topic.text);
    }
    std::ranges::sort(segments.sql_writable);
}

void read_sql(TableReader& section, Segments& segments) {
    constexpr std::size_t shortest_secret = 16;
    if (const auto secret = section.text("sql_secret", "{ env = \"SLUICE_SQL_SECRET\" }")) {
        segments.sql_secret = {.text = secret->text, .secret = true};
        if (secret->text.size() < shortest_secret)
            section.problem(secret->at, "\"sql_secret\" is shorter than " +
                                            std::to_string(shortest_secret) +
                                            " characters; take a random one, such as openssl rand "
                                            "-hex 32 prints");
    }
    section.size("sql_bytes", "\"1GiB\"", {std::size_t{1} << 20, std::size_t{1} << 50},
                 segments.sql_bytes);
    section.integer("sql_statements", "8", {1, 1000}, segments.sql_statements);
    read_writable(section, segments);
    for (const char* const key : {"sql_bytes", "sql_statements", "sql_writable"})
        if (section.has(key) && !section.has("sql_secret"))
            section.problem(section.at(key), std::string("\"") + key +
                                                 "\" is about statements that read or write "
                                                 "topics, which takes an \"sql_secret\"");
}

}  // namespace

Segments read_segments(TableReader section, const Scope& scope) {
    Segments segments;
    read_addresses(section, segments);
    section.duration("timeout", "\"10m\"", {1s, 24h}, segments.timeout);
    segments.certificate =
        read_pem(section, "certificate", "{ file = \"server.pem\" }", scope).text;
    segments.key = read_pem(section, "key", "{ file = \"server.key\" }", scope);
    segments.ca = read_pem(section, "ca", "{ file = \"ca.pem\" }", scope).text;
    refuse_half_of(section);
    // TLS that asks nobody who he is would look safer than it is.
    if (section.has("certificate") != section.has("ca"))
        section.problem(section.at(section.has("ca") ? "ca" : "certificate"),
                        "\"ca\" vouches for the segments' certificates where the daemon has one; "
                        "have both or none");
    read_sql(section, segments);
    section.finish();
    return segments;
}

}  // namespace sluice::config
