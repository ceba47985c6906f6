#include "kafka/client.h"

#include "config/text/words.h"
#include "kafka/topic.h"
#include "pipeline/errors.h"
#include "pipeline/log.h"

#include <stdio.h>  // open_memstream

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <vector>

namespace sluice::kafka {
namespace {

using ErrorText = std::array<char, 512>;

/// What librdkafka prints of all its properties, those of topics and other names included: a line
/// each, which begins with the name.
std::string all_properties() {
    char* text = nullptr;
    std::size_t size = 0;
    std::FILE* const memory = ::open_memstream(&text, &size);
    if (memory == nullptr) return {};
    rd_kafka_conf_properties_show(memory);
    std::fclose(memory);
    std::string all(text, size);
    std::free(text);
    return all;
}

/// The property that was probably meant by an unknown name.
std::string meant_by(const std::string& name) {
    const std::string all = all_properties();
    std::vector<std::string_view> known;
    for (std::string_view rest = all; !rest.empty();) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        if (line.find('|') != std::string_view::npos)
            known.push_back(line.substr(0, line.find(' ')));
    }
    return config::suggestion(name, known);
}

LogLevel level_of(int syslog_level) {
    if (syslog_level <= 3) return LogLevel::error;
    if (syslog_level == 4) return LogLevel::warn;
    if (syslog_level <= 6) return LogLevel::info;
    return LogLevel::debug;
}

/// Of a client by its client.id: the number behind it is another one for each that is ever made.
void forward_log(const rd_kafka_t* client, int level, const char* facility, const char* text) {
    const std::string_view name = rd_kafka_name(client);
    log(level_of(level), name.substr(0, name.rfind('#')),
        std::string("kafka ") + facility + ": " + text);
}

/// nullopt: the text as a whole is no decimal number.
std::optional<double> number_in(std::string_view text) {
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

/// librdkafka reads "10s" as 10, "010" as 8, and what is too large as another number. The one that
/// it has read, where the value begins like a number and is not that; empty: it is, or it is text.
std::string misread_number(const rd_kafka_conf_t& conf, const std::string& name,
                           const std::string& value) {
    constexpr double digits_of_a_float = 1e-5;  // that it tells
    constexpr std::string_view beginnings = "+-.0123456789 \t";
    std::array<char, 64> text{};
    std::size_t size = text.size();
    if (value.empty() || beginnings.find(value.front()) == std::string_view::npos ||
        rd_kafka_conf_get(&conf, name.c_str(), text.data(), &size) != RD_KAFKA_CONF_OK ||
        size > text.size() || value == text.data())
        return {};
    const auto read = number_in(text.data());
    if (!read) return {};
    const auto meant = number_in(value);
    const bool is_right = meant && std::abs(*meant - *read) <= digits_of_a_float * std::abs(*read);
    return is_right ? "" : text.data();
}

}  // namespace

void set_property(rd_kafka_conf_t& conf, const std::string& name, const std::string& value,
                  bool secret) {
    ErrorText error{};
    const rd_kafka_conf_res_t result =
        rd_kafka_conf_set(&conf, name.c_str(), value.c_str(), error.data(), error.size());
    const std::string where = "[kafka.properties] \"" + name + "\": ";
    if (result == RD_KAFKA_CONF_OK) {
        const std::string misread = misread_number(conf, name, value);
        if (misread.empty()) return;
        throw WrongConfiguration(
            where +
            (secret ? "the value is no plain number"
                    : config::in_quotes(value) +
                          " is no plain number, and librdkafka would take it for " + misread) +
            "; write the digits alone, in the property's own unit");
    }
    if (result == RD_KAFKA_CONF_UNKNOWN)
        throw WrongConfiguration(where + "librdkafka has no such property" + meant_by(name));
    // librdkafka's text may quote the value.
    throw WrongConfiguration(where +
                             (secret ? "librdkafka does not accept this value" : error.data()));
}

ConfHandle make_conf(const config::Kafka& kafka, const std::map<std::string, std::string>& own) {
    ConfHandle conf{rd_kafka_conf_new()};
    for (const auto& [name, value] : kafka.properties) {
        set_property(*conf, name, value.text, value.secret);
    }
    set_property(*conf, "bootstrap.servers", kafka.brokers.text, kafka.brokers.secret);
    for (const auto& [name, value] : own) set_property(*conf, name, value);
    rd_kafka_conf_set_log_cb(conf.get(), forward_log);
    return conf;
}

std::chrono::milliseconds milliseconds_of(const config::Kafka& kafka, const std::string& property,
                                          std::chrono::milliseconds otherwise) {
    const auto found = kafka.properties.find(property);
    if (found == kafka.properties.end()) return otherwise;
    const std::string& text = found->second.text;
    std::int64_t ms = 0;  // of what is no number librdkafka says so
    std::from_chars(text.data(), text.data() + text.size(), ms);
    return std::chrono::milliseconds(ms);
}

std::size_t number_setting(const rd_kafka_conf_t& conf, const char* name) {
    std::array<char, 32> text{};
    std::size_t size = text.size();
    std::size_t value = 0;
    if (rd_kafka_conf_get(&conf, name, text.data(), &size) == RD_KAFKA_CONF_OK) {
        std::from_chars(text.data(), text.data() + std::char_traits<char>::length(text.data()),
                        value);
    }
    return value;
}

ClientHandle make_client(rd_kafka_type_t type, ConfHandle conf, const std::string& name) {
    ErrorText error{};
    // client.id is what brokers show in their logs and quotas; a user's own choice stands.
    std::array<char, 256> client_id{};
    std::size_t size = client_id.size();
    if (rd_kafka_conf_get(conf.get(), "client.id", client_id.data(), &size) == RD_KAFKA_CONF_OK &&
        std::string_view(client_id.data()) == "rdkafka") {
        set_property(*conf, "client.id", "sluice-" + name);
    }
    ClientHandle client{rd_kafka_new(type, conf.get(), error.data(), error.size())};
    if (!client) {
        const std::string_view said = error.data();
        const bool wants_kerberos = said.find("sasl.kerberos") != std::string_view::npos;
        throw WrongConfiguration("kafka client for " + name + ": " + error.data() +
                                 (wants_kerberos
                                      ? "; sasl.mechanism is GSSAPI, which is Kerberos, unless "
                                        "[kafka.properties] sets another, such as \"PLAIN\""
                                      : "; see [kafka] and [kafka.properties]"));
    }
    static_cast<void>(conf.release());  // rd_kafka_new() took it over, but only on success
    return client;
}

std::string library_version() {
    return rd_kafka_version_str();
}

std::string known_fault(const config::Kafka& kafka, int version) {
    constexpr int scram_mended = 0x020601ff;
    if (version >= scram_mended) return {};
    for (const char* name : {"sasl.mechanism", "sasl.mechanisms"}) {
        const auto found = kafka.properties.find(name);
        if (found == kafka.properties.end() || !found->second.text.starts_with("SCRAM")) continue;
        return std::string(name) + ": librdkafka before 2.6.1 (this is " + library_version() +
               ") cannot log in by SCRAM to brokers from 3.7.2, 3.8.1 or 3.9.0 on, which then "
               "speak "
               "of invalid credentials: take a newer one, such as Debian 13's, or another "
               "mechanism";
    }
    return {};
}

void check(rd_kafka_resp_err_t code, std::string_view what) {
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return;
    const bool silent =
        code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
    throw TroubleOfTheWorld(std::string(what) + ": " + rd_kafka_err2str(code) +
                            (silent ? "; see brokers in [kafka], and the log" : ""));
}

void check(rd_kafka_error_t* error, std::string_view what) {
    const ErrorHandle owned{error};
    if (owned) throw TroubleOfTheWorld(std::string(what) + ": " + rd_kafka_error_string(error));
}

EventHandle answer_in(rd_kafka_queue_t& queue, const std::string& what) {
    constexpr std::chrono::milliseconds patience = answer_timeout;
    EventHandle event{rd_kafka_queue_poll(&queue, static_cast<int>(patience.count()))};
    if (!event) throw TroubleOfTheWorld(what + ": kafka does not answer");
    check(rd_kafka_event_error(event.get()), what);
    return event;
}

}  // namespace sluice::kafka
