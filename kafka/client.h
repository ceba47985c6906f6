#pragma once

#include "config/config.h"
#include "kafka/handles.h"

#include <chrono>
#include <map>
#include <string>
#include <string_view>

namespace sluice::kafka {

/// A configuration made of [kafka] and `own`, Sluice's settings for this purpose, which win.
/// Throws WrongConfiguration with librdkafka's reason; secret values are not in its text.
[[nodiscard]] ConfHandle make_conf(const config::Kafka& kafka,
                                   const std::map<std::string, std::string>& own);

/// Throws WrongConfiguration where librdkafka does not accept it, without a `secret` value.
void set_property(rd_kafka_conf_t& conf, const std::string& name, const std::string& value,
                  bool secret = false);
/// What [kafka.properties] says, or `otherwise`.
[[nodiscard]] std::chrono::milliseconds milliseconds_of(const config::Kafka& kafka,
                                                        const std::string& property,
                                                        std::chrono::milliseconds otherwise);
/// A number among its settings.
[[nodiscard]] std::size_t number_setting(const rd_kafka_conf_t& conf, const char* name);

/// Makes a client, which takes over `conf`. librdkafka's log lines go to ours, led by `name`.
/// Throws WrongConfiguration.
[[nodiscard]] ClientHandle make_client(rd_kafka_type_t type, ConfHandle conf,
                                       const std::string& name);

/// librdkafka's, as it was loaded: "2.0.2".
[[nodiscard]] std::string library_version();

/// What `kafka` asks of a librdkafka of this version that it is known to fail at, and what to do
/// instead; empty: nothing.
[[nodiscard]] std::string known_fault(const config::Kafka& kafka, int version = rd_kafka_version());

/// Throws TroubleOfTheWorld, "what: librdkafka's description", unless the code is success.
void check(rd_kafka_resp_err_t code, std::string_view what);
void check(rd_kafka_error_t* error, std::string_view what);  // takes ownership

/// What an administrator's question, asked with this queue, is answered. Throws TroubleOfTheWorld,
/// also when there is no answer in time.
[[nodiscard]] EventHandle answer_in(rd_kafka_queue_t& queue, const std::string& what);

}  // namespace sluice::kafka
