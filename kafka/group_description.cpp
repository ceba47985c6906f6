#include "kafka/group_description.h"

#include "kafka/client.h"
#include "kafka/topic.h"

namespace sluice::kafka {

std::chrono::milliseconds session_timeout(const config::Kafka& kafka) {
    // librdkafka's own 45 s are long for who is killed and comes back under another name.
    return milliseconds_of(kafka, "session.timeout.ms", std::chrono::seconds(10));
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
