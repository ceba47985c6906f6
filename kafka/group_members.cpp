#include "kafka/group_members.h"

#include "kafka/client.h"
#include "kafka/topic.h"

namespace sluice::kafka {

std::vector<std::string> members_of(rd_kafka_t& client, const std::string& group) {
    constexpr int timeout_ms = static_cast<int>(std::chrono::milliseconds(answer_timeout).count());
    const struct rd_kafka_group_list* raw = nullptr;
    const rd_kafka_resp_err_t error =
        rd_kafka_list_groups(&client, group.c_str(), &raw, timeout_ms);
    const GroupListHandle list{raw};
    check(error, "asking for the members of group \"" + group + "\"");
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
