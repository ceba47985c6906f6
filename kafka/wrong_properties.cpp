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

/// Throws WrongConfiguration where there can be no such client.
void try_to_make(const Role& role, const config::Kafka& kafka) {
    ConfHandle conf = role.conf(kafka);
    set_property(*conf, "bootstrap.servers", "");
    set_property(*conf, "security.protocol", "plaintext");
    rd_kafka_conf_set_log_cb(conf.get(), keep_quiet);
    std::array<char, 512> error{};
    const ClientHandle client{rd_kafka_new(role.type, conf.get(), error.data(), error.size())};
    if (!client) throw WrongConfiguration(role.who + " cannot be made with it: " + error.data());
    static_cast<void>(conf.release());  // the client's, which was made
}

/// By adding one property after the other to none: what `attempt` throws at is left out, and the
/// next ones are judged without it.
template <class Attempt>
void leave_out(config::Kafka& kafka, std::vector<WrongProperty>& wrong, Attempt attempt) {
    const auto refusal = [&]() -> std::string {
        try {
            attempt(kafka);
        } catch (const WrongConfiguration& refused) {
            return refused.what();
        }
        return {};
    };
    if (refusal().empty()) return;
    const std::map<std::string, config::Secret> all = std::exchange(kafka.properties, {});
    if (std::string text = refusal(); !text.empty()) {
        wrong.push_back({"", std::move(text)});
        return;
    }
    for (const auto& [name, value] : all) {
        kafka.properties.emplace(name, value);
        const std::string text = refusal();
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
    leave_out(kafka, wrong,
              [&](const config::Kafka& tried) { static_cast<void>(role.conf(tried)); });
    leave_out(kafka, wrong, [&](const config::Kafka& tried) { try_to_make(role, tried); });
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
