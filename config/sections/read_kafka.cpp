#include "config/instance.h"
#include "config/sections/sections.h"
#include "config/text/characters.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <span>

namespace sluice::config {
namespace {

/// A property that is not librdkafka's business here, and why, or what to write instead.
struct Owned {
    std::string_view name;
    std::string_view reason;
};

/// Properties that Sluice's promises rest on. A name that ends in "."
/// stands for all that begin with it.
constexpr Owned owned[] = {
    {"bootstrap.servers", "the brokers are set by brokers in [kafka]"},
    {"metadata.broker.list", "the brokers are set by brokers in [kafka]"},
    {"group.id", "each pipeline has its own group; use group in [ingest.NAME]"},
    {"group.instance.id", "use instance in [kafka]"},
    {"group.protocol",
     "a daemon that was killed has its partitions back at once with the classic protocol, and "
     "after 45 s or never with \"consumer\"; remove it"},
    {"auto.offset.reset",
     "progress in the database decides where reading starts; use start and on_offset_lost in "
     "[ingest.NAME]"},
    {"enable.auto.commit", "offsets are committed after the database transaction; remove it"},
    {"auto.commit.enable", "offsets are committed after the database transaction; remove it"},
    {"enable.auto.offset.store", "offsets are committed after the database transaction; remove it"},
    {"isolation.level", "Sluice always reads committed records only; remove it"},
    {"partition.assignment.strategy", "Sluice always rebalances cooperatively; remove it"},
    {"enable.partition.eof", "Sluice needs it to know a partition's end; remove it"},
    {"statistics.interval.ms", "Sluice's own metrics are made of them; remove it"},
    {"queued.", "what is fetched ahead is limited by memory in [ingest.NAME]"},
    {"enable.idempotence", "Sluice always produces idempotently; remove it"},
    {"transactional.id", "Sluice chooses it, so that a relay fences its predecessor; remove it"},
    {"transaction.timeout.ms", "Sluice chooses it for each use; remove it"},
    {"delivery.report.only.error", "Sluice counts what Kafka has acknowledged; remove it"},
    {"queue.buffering.max.messages", "Sluice limits what it queues by bytes; remove it"},
    {"queue.buffering.max.kbytes", "Sluice limits what it queues by bytes; remove it"},
};

/// Those that only Kafka's Java clients know, and what takes their place here.
constexpr Owned of_java[] = {
    {"sasl.jaas.config",
     "sasl.username and sasl.password; for Kerberos sasl.kerberos.keytab and "
     "sasl.kerberos.principal"},
    {"sasl.login.callback.handler.class",
     "sasl.oauthbearer.method = \"oidc\" and what belongs to it"},
    {"sasl.client.callback.handler.class",
     "sasl.oauthbearer.method = \"oidc\" and what belongs to it"},
    {"ssl.truststore.location",
     "ssl.ca.location, a file in PEM: keytool -exportcert -rfc -keystore STORE -alias NAME"},
    {"ssl.truststore.password", "ssl.ca.location, a file in PEM, which has no password; remove it"},
    {"ssl.truststore.type", "ssl.ca.location, a file in PEM; remove it"},
    {"ssl.truststore.certificates", "ssl.ca.pem"},
    {"ssl.keystore.type", "ssl.keystore.location, which is always PKCS#12; remove it"},
    {"ssl.keystore.certificate.chain", "ssl.certificate.pem"},
    {"ssl.keystore.key", "ssl.key.pem"},
    {"ssl.enabled.protocols", "nothing: OpenSSL takes the newest that both sides know; remove it"},
    {"ssl.protocol", "nothing: OpenSSL takes the newest that both sides know; remove it"},
    {"key.deserializer", "key_format in [ingest.NAME]"},
    {"value.deserializer", "format in [ingest.NAME]"},
    {"key.serializer", "nothing: an outbox's keys are sent as its table holds them; remove it"},
    {"value.serializer", "value_format in [outbox.NAME]"},
    {"schema.registry.url", "url in [registry]"},
    {"max.poll.records", "batch.rows in [ingest.NAME]"},
    {"fetch.max.wait.ms", "fetch.wait.max.ms"},
    {"default.api.timeout.ms", "socket.timeout.ms"},
    {"buffer.memory", "batch.bytes in [outbox.NAME]"},
};

const Owned* find_in(std::span<const Owned> entries, std::string_view name) {
    for (const Owned& entry : entries) {
        if (entry.name == name) return &entry;
        if (entry.name.ends_with('.') && name.starts_with(entry.name)) return &entry;
    }
    return nullptr;
}

/// A password in the file itself is not for logs either.
bool names_secret(std::string_view property) {
    constexpr std::array<std::string_view, 5> marks{"password", "passphrase", "secret", ".pem",
                                                    "sasl.oauthbearer.config"};
    for (const std::string_view mark : marks) {
        if (property.find(mark) != std::string_view::npos) return true;
    }
    return false;
}

std::string float_text(double number) {
    std::array<char, 32> buffer;
    const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number);
    return {buffer.data(), end};
}

/// Puts [kafka.properties] into one flat map: `security.protocol = "x"` without quotes makes
/// tables of TOML, and means the same as with them.
class PropertyReader {
public:
    PropertyReader(const Scope& scope, std::map<std::string, Secret>& properties)
        : scope_(scope), properties_(properties) {}

    void read(const TomlTable& table, const std::string& prefix) {
        for (const Entry& entry : table.entries) {
            const std::string name = prefix + entry.key;
            const auto* nested = std::get_if<TomlTable>(&entry.value.value);
            if (nested != nullptr && !is_reference(entry.value)) {
                read(*nested, name + '.');
            } else if (const Owned* java = find_in(of_java, name)) {
                scope_.problems.add(entry.at, in_quotes(name) +
                                                  " is of Kafka's Java clients; here it is " +
                                                  std::string(java->reason));
            } else if (const Owned* found = find_in(owned, name)) {
                scope_.problems.add(entry.at, in_quotes(name) +
                                                  " cannot be set in "
                                                  "[kafka.properties]: " +
                                                  std::string(found->reason));
            } else {
                add(name, entry);
            }
        }
    }

private:
    void add(const std::string& name, const Entry& entry) {
        Secret value;
        if (const auto* integer = std::get_if<std::int64_t>(&entry.value.value)) {
            value.text = std::to_string(*integer);
        } else if (const auto* number = std::get_if<double>(&entry.value.value)) {
            value.text = float_text(*number);
        } else if (const auto* boolean = std::get_if<bool>(&entry.value.value)) {
            value.text = *boolean ? "true" : "false";
        } else {
            const auto text = resolve_text(entry.value, name, "\"text\"", scope_);
            if (!text) return;
            value = {.text = text->text, .secret = text->secret};
        }
        value.secret = value.secret || names_secret(name);
        if (!properties_.emplace(name, std::move(value)).second) {
            scope_.problems.add(entry.at, in_quotes(name) + " is set twice; remove one of them");
        }
    }

    const Scope& scope_;
    std::map<std::string, Secret>& properties_;
};

bool is_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return error == std::errc() && end == text.data() + text.size() && port > 0;
}

/// host, host:port or [address]:port, as librdkafka takes them, with or without a protocol.
bool is_broker(std::string_view text) {
    constexpr std::array<std::string_view, 4> protocols{"plaintext", "ssl", "sasl_plaintext",
                                                        "sasl_ssl"};
    if (const auto at = text.find("://"); at != std::string_view::npos) {
        const std::string_view protocol = text.substr(0, at);
        if (std::ranges::none_of(protocols, [&](std::string_view each) {
                return equal_ignoring_case(each, protocol);
            }))
            return false;
        text.remove_prefix(at + 3);
    }
    const auto colon = text.rfind(':');
    const bool has_port = colon != std::string_view::npos && !text.ends_with(']');
    const std::string_view host = has_port ? text.substr(0, colon) : text;
    return !host.empty() && host.find_first_of("/ ") == std::string_view::npos &&
           (!has_port || is_port(text.substr(colon + 1)));
}

/// The first of a list that is none; empty: all are.
std::string_view wrong_broker(std::string_view list) {
    constexpr std::string_view blanks = " \t";
    for (;;) {
        std::string_view one = list.substr(0, list.find(','));
        one.remove_prefix(std::min(one.find_first_not_of(blanks), one.size()));
        one = one.substr(0, one.find_last_not_of(blanks) + 1);
        if (!one.empty() && !is_broker(one)) return one;
        if (list.find(',') == std::string_view::npos) return {};
        list.remove_prefix(list.find(',') + 1);
    }
}

bool is_instance_name(std::string_view name) {
    constexpr std::size_t longest = 200;  // Kafka's limit is 249
    if (name.size() > longest || name == "." || name == "..") return false;
    return name.find_first_not_of(
               "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
               "0123456789._-") == std::string_view::npos;
}

}  // namespace

Kafka read_kafka(TableReader section, const Scope& scope) {
    Kafka kafka;
    if (const auto brokers = section.required_text("brokers", "\"localhost:9092\"")) {
        kafka.brokers = {.text = brokers->text, .secret = brokers->secret};
        if (const std::string_view wrong = wrong_broker(brokers->text); !wrong.empty())
            section.problem(brokers->at,
                            "\"brokers\": " +
                                (brokers->secret ? brokers->shown : in_quotes(std::string(wrong))) +
                                " is not host:port; write \"kafka-1:9092\", several separated by "
                                "commas");
    }
    kafka.instance = of_the_host;
    if (const auto instance = section.text("instance", "\"sluice-1\"")) {
        if (is_instance_name(instance->text)) {
            kafka.instance = instance->text;
        } else {
            section.problem(instance->at, "\"instance\": " + instance->shown +
                                              " is not a name that Kafka takes; use up to 200 "
                                              "letters, digits, \".\", \"_\" and \"-\"");
        }
    }
    if (const auto properties = section.table("properties", "[kafka.properties]")) {
        if (properties->notes_shapes())
            static_cast<void>(properties->any_key(Shape::Kind::anything));
        PropertyReader(scope, kafka.properties).read(properties->content(), "");
    }
    section.finish();
    return kafka;
}

}  // namespace sluice::config
