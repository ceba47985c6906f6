#include "kafka/wrong_properties.h"

#include "config/text/words.h"
#include "kafka/client.h"
#include "kafka/group_member.h"
#include "kafka/producer.h"
#include "pipeline/errors.h"

#include <array>
#include <functional>
#include <map>

namespace sluice::kafka {
namespace {

/// A client that some pipelines run with.
struct Role {
    std::string who;  ///< "an outbox's producer"
    rd_kafka_type_t type;
    std::function<ConfHandle(const config::Kafka&)> conf;
};

std::vector<Role> roles_in(const config::Config& config) {
    std::vector<Role> roles;
    if (!config.ingest.empty())
        roles.push_back({"the consumer of [ingest." + config.ingest.front().name + "]",
                         RD_KAFKA_CONSUMER, [&](const config::Kafka& kafka) {
                             return member_conf(kafka, config.ingest.front());
                         }});
    if (!config.outbox.empty())
        roles.push_back(
            {"the transactional producer of [outbox." + config.outbox.front().name + "]",
             RD_KAFKA_PRODUCER, [](const config::Kafka& kafka) {
                 return producer_conf(kafka, {.name = "check", .transactional_id = "check"});
             }});
    if (!config.segments.sql_writable.empty())
        roles.push_back(
            {"the producer of what SQL writes (sql_writable)", RD_KAFKA_PRODUCER,
             [](const config::Kafka& kafka) { return producer_conf(kafka, {.name = "check"}); }});
    // What nobody runs with yet is looked at, too.
    if (roles.empty())
        roles.push_back({"a client", RD_KAFKA_CONSUMER,
                         [](const config::Kafka& kafka) { return make_conf(kafka, {}); }});
    return roles;
}

void keep_quiet(const rd_kafka_t*, int, const char*, const char*) {}

/// Why there can be no such client; empty: there can.
std::string refusal(const Role& role, const config::Kafka& kafka) {
    try {
        ConfHandle conf = role.conf(kafka);
        set_property(*conf, "bootstrap.servers", "");
        set_property(*conf, "security.protocol", "plaintext");
        rd_kafka_conf_set_log_cb(conf.get(), keep_quiet);
        std::array<char, 512> error{};
        const ClientHandle client{rd_kafka_new(role.type, conf.get(), error.data(), error.size())};
        if (!client) return role.who + " cannot be made with it: " + error.data();
        static_cast<void>(conf.release());  // the client's, which was made
    } catch (const WrongConfiguration& wrong) {
        return wrong.what();
    }
    return {};
}

/// Why some property is none by itself, whatever the others; empty: all are fine so far.
std::string refusal_of_values(const Role& role, const config::Kafka& kafka) {
    try {
        static_cast<void>(role.conf(kafka));
    } catch (const WrongConfiguration& wrong) {
        return wrong.what();
    }
    return {};
}

/// By adding one property after the other to none: what is refused is left out, and the next ones
/// are judged without it.
void leave_out(const Role& role, config::Kafka& kafka, std::vector<WrongProperty>& wrong,
               std::string (*refusal)(const Role&, const config::Kafka&)) {
    if (refusal(role, kafka).empty()) return;
    const std::map<std::string, config::Secret> all = std::exchange(kafka.properties, {});
    if (std::string text = refusal(role, kafka); !text.empty()) {
        wrong.push_back({"", std::move(text)});
        return;
    }
    for (const auto& [name, value] : all) {
        kafka.properties.emplace(name, value);
        const std::string text = refusal(role, kafka);
        if (text.empty()) continue;
        kafka.properties.erase(name);
        const std::string quoted = config::in_quotes(name) + ": ";
        const std::size_t said = text.find(quoted);  // "[kafka.properties] "name": …"
        wrong.push_back(
            {name,
             quoted + (said == std::string::npos ? text : text.substr(said + quoted.size()))});
    }
}

/// First what is wrong by itself: two that are right together, and not one by one, are no problem
/// because of a third.
void find_wrong(const Role& role, config::Kafka& kafka, std::vector<WrongProperty>& wrong) {
    leave_out(role, kafka, wrong, refusal_of_values);
    leave_out(role, kafka, wrong, refusal);
}

}  // namespace

std::vector<WrongProperty> wrong_properties(const config::Config& config) {
    std::vector<WrongProperty> wrong;
    config::Kafka kafka = config.kafka;
    if (kafka.properties.empty()) return wrong;
    for (const Role& role : roles_in(config)) find_wrong(role, kafka, wrong);
    return wrong;
}

}  // namespace sluice::kafka
