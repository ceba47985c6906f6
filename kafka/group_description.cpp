#include "kafka/group_description.h"

#include "kafka/client.h"
#include "kafka/described_config.h"
#include "kafka/topic.h"

#include <charconv>
#include <system_error>

namespace sluice::kafka {

std::chrono::milliseconds session_timeout(const config::Kafka& kafka) {
    // librdkafka's own 45 s are long for who is killed and comes back under another name.
    return milliseconds_of(kafka, "session.timeout.ms", std::chrono::seconds(10));
}

std::optional<SessionLimits> session_limits(rd_kafka_t& client) {
    constexpr std::chrono::milliseconds patience = answer_timeout;
    const auto broker = rd_kafka_controllerid(&client, static_cast<int>(patience.count()));
    if (broker < 0) return std::nullopt;
    const auto config = described_config(client, RD_KAFKA_RESOURCE_BROKER, std::to_string(broker));
    if (!config) return std::nullopt;
    const auto limit = [&](const char* name) -> std::optional<std::chrono::milliseconds> {
        const auto found = config->find(name);
        if (found == config->end()) return std::nullopt;
        const std::string& text = found->second;
        std::int64_t ms = 0;
        if (std::from_chars(text.data(), text.data() + text.size(), ms).ec != std::errc())
            return std::nullopt;
        return std::chrono::milliseconds(ms);
    };
    const auto least = limit("group.min.session.timeout.ms");
    const auto most = limit("group.max.session.timeout.ms");
    if (!least || !most) return std::nullopt;
    return SessionLimits{*least, *most};
}

GroupListHandle describe(rd_kafka_t& client, const std::string& group,
                         std::chrono::milliseconds timeout) {
    const struct rd_kafka_group_list* raw = nullptr;
    const rd_kafka_resp_err_t error =
        rd_kafka_list_groups(&client, group.c_str(), &raw, static_cast<int>(timeout.count()));
    GroupListHandle list{raw};
    const bool answered = error == RD_KAFKA_RESP_ERR__PARTIAL && list && list->group_cnt == 1;
    if (!answered) check(error, "asking for the members of group \"" + group + "\"");
    return list;
}

std::vector<std::string> members_of(rd_kafka_t& client, const std::string& group) {
    const GroupListHandle list = describe(client, group, answer_timeout);
    std::vector<std::string> members;
    for (int i = 0; i < list->group_cnt; ++i) {
        const struct rd_kafka_group_info& info = list->groups[i];
        check(info.err, "asking for the members of group \"" + group + "\"");
        for (int member = 0; member < info.member_cnt; ++member) {
            const auto& found = info.members[member];
            members.push_back(std::string(found.client_id) + " at " + found.client_host);
        }
    }
    return members;
}

}  // namespace sluice::kafka
