#include "daemon/imports/connect_translation.h"

#include "daemon/imports/connection_text.h"
#include "daemon/imports/connector_section.h"
#include "daemon/imports/toml_text.h"
#include "pipeline/errors.h"

#include <optional>
#include <utility>

namespace sluice {
namespace {

using toml_text::comment;

/// Of "jdbc:postgresql://host:5432/shop?user=u&sslmode=require".
struct JdbcUrl {
    std::vector<std::string> hosts;
    std::vector<std::string> ports;
    std::string database;
    std::map<std::string, std::string> parameters;
};

std::optional<JdbcUrl> parse_jdbc(std::string_view text) {
    constexpr std::string_view scheme = "jdbc:postgresql://";
    if (!text.starts_with(scheme)) return std::nullopt;
    text.remove_prefix(scheme.size());
    const std::size_t question = std::min(text.find('?'), text.size());
    const std::string_view place = text.substr(0, question);
    const std::size_t slash = std::min(place.find('/'), place.size());
    JdbcUrl url;
    for (const std::string& host : split_list(place.substr(0, slash))) {
        const std::size_t colon = host.rfind(':');
        const bool has_port =
            colon != std::string::npos && host.find(']', colon) == std::string::npos;
        std::string name = host.substr(0, has_port ? colon : host.size());
        std::erase_if(name, [](char c) { return c == '[' || c == ']'; });  // around IPv6
        url.hosts.push_back(name);
        url.ports.push_back(has_port ? host.substr(colon + 1) : "5432");
    }
    if (slash < place.size()) url.database = place.substr(slash + 1);
    if (question < text.size()) {
        for (const std::string& each : split_list(text.substr(question + 1), '&')) {
            const std::size_t equals = std::min(each.find('='), each.size());
            url.parameters[each.substr(0, equals)] =
                equals < each.size() ? each.substr(equals + 1) : "";
        }
    }
    return url;
}

/// [cloudberry], of the first connector; the others are compared with it.
std::string cloudberry_section(ConnectorOptions& options) {
    std::string notes;
    const std::string text = options.take("connection.url");
    std::string user = options.take_any({"connection.user", "connection.username"});
    bool has_password = !options.take("connection.password").empty();
    std::string dsn;
    if (auto url = parse_jdbc(text)) {
        const auto parameter = [&](const char* name) {
            auto node = url->parameters.extract(name);
            return node.empty() ? std::string() : node.mapped();
        };
        if (const std::string own = parameter("user"); user.empty()) user = own;
        has_password |= !parameter("password").empty();
        const std::string ssl_mode = parameter("sslmode");
        if (!url->hosts.empty())
            dsn = "host=" + conninfo_value(joined_by_commas(url->hosts)) +
                  " port=" + conninfo_value(joined_by_commas(url->ports)) + " ";
        dsn += "dbname=" + conninfo_value(url->database);
        if (!ssl_mode.empty()) dsn += " sslmode=" + conninfo_value(ssl_mode);
        for (const auto& [name, value] : url->parameters)
            notes += comment("parameter " + name + " of the URL is not carried over");
    } else {
        notes += comment("TO DO: connection.url is none of PostgreSQL's: which database is it?");
        dsn = "dbname=to_do";
    }
    if (!user.empty()) dsn += " user=" + conninfo_value(user);
    if (has_password)
        notes += comment("The password was left out: use passfile=, ~/.pgpass or PGPASSWORD.");
    return "\n[cloudberry]\n" + notes + "dsn = " + toml_text::quoted(dsn) + "\n";
}

std::string kafka_section_of(ConnectorOptions& options) {
    std::string text = "[kafka]\n";
    std::string brokers = options.take("consumer.override.bootstrap.servers");
    if (brokers.empty()) {
        text += comment("TO DO: the brokers are the worker's (bootstrap.servers).");
        brokers = "to-do:9092";
    }
    text += "brokers = " + toml_text::quoted(brokers) + "\n";
    std::string properties;
    for (const char* name : {"security.protocol", "sasl.mechanism"})
        if (const std::string value = options.take("consumer.override." + std::string(name));
            !value.empty())
            properties += toml_text::quoted(name) + " = " + toml_text::quoted(value) + "\n";
    if (!options.take("consumer.override.sasl.jaas.config").empty()) {
        properties += comment("User and password were in sasl.jaas.config.");
        properties += "\"sasl.username\" = { env = \"KAFKA_USER\" }\n";
        properties += "\"sasl.password\" = { env = \"KAFKA_PASSWORD\" }\n";
    }
    return properties.empty() ? text : text + "\n[kafka.properties]\n" + properties;
}

std::string registry_section(ConnectorOptions& options) {
    std::string credentials =
        options.take_any({"value.converter.schema.registry.basic.auth.user.info",
                          "value.converter.basic.auth.user.info"});
    std::vector<std::string> urls = split_list(options.take_any(
        {"value.converter.schema.registry.url", "key.converter.schema.registry.url"}));
    if (urls.empty()) return {};
    for (std::string& url : urls) {
        const std::string own = taken_credentials(url);
        if (credentials.empty()) credentials = own;
    }
    return "\n[registry]\nurl = " + toml_text::quoted(joined_by_commas(urls)) + "\n" +
           registry_login(credentials);
}

}  // namespace

std::string to_toml(const std::vector<Connector>& connectors) {
    std::string kafka;
    std::string cloudberry;
    std::string registry;
    std::string pipelines;
    std::vector<std::string> names;
    for (const Connector& connector : connectors) {
        const auto kind = kind_of(connector);
        ConnectorOptions options(connector);
        const std::string type = options.take("connector.class");
        if (!kind) {
            pipelines += "\n" + comment("Connector " + connector.name + " (" + type +
                                        ") is no JDBC sink of Confluent's, Aiven's or Debezium's: "
                                        "not carried over.");
            continue;
        }
        const char* other = nullptr;
        const auto share = [&](std::string& all, std::string section, const char* what) {
            if (all.empty())
                all = std::move(section);
            else if (!section.empty() && section != all)
                other = what;
        };
        share(kafka, kafka_section_of(options), "Kafka");
        share(cloudberry, cloudberry_section(options), "database");
        share(registry, registry_section(options), "registry");
        if (other != nullptr) {
            pipelines += "\n" + comment("TO DO: connector " + connector.name + " has another " +
                                        other + " and is left out: import it into another file.");
            continue;
        }
        pipelines += sections_of(connector, *kind, options, names);
        for (const std::string& name : options.rest())
            pipelines += comment("option " + name + " is not carried over");
    }
    if (names.empty())
        throw WrongConfiguration(
            "there is no JDBC sink of Confluent's, Aiven's or Debezium's among the connectors");
    return comment("Made by sluice import-connect.") +
           comment("Read it, then: sluice check -c FILE") + "\n" + kafka + cloudberry + registry +
           pipelines;
}

}  // namespace sluice
