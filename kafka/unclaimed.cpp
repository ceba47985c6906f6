#include "kafka/unclaimed.h"

#include "kafka/group_description.h"
#include "kafka/topic.h"
#include "pipeline/errors.h"

#include <algorithm>
#include <cstdint>
#include <set>

namespace sluice::kafka {
namespace {

/// Big-endian numbers and sized texts; once too little is left, everything is 0 and empty.
class Reader {
public:
    explicit Reader(std::string_view bytes) : rest_(bytes) {}

    std::int32_t int16() { return static_cast<std::int16_t>(number(2)); }
    std::int32_t int32() { return static_cast<std::int32_t>(number(4)); }
    std::string_view text() { return take(int16()); }
    [[nodiscard]] bool at_end() const { return rest_.empty(); }

private:
    std::string_view take(std::int32_t size) {
        if (size < 0 || static_cast<std::size_t>(size) > rest_.size()) {
            rest_ = {};
            return {};
        }
        const std::string_view taken = rest_.substr(0, static_cast<std::size_t>(size));
        rest_.remove_prefix(taken.size());
        return taken;
    }
    std::uint32_t number(std::int32_t size) {
        std::uint32_t value = 0;
        for (const char byte : take(size)) value = value << 8 | static_cast<unsigned char>(byte);
        return value;
    }

    std::string_view rest_;
};

}  // namespace

std::vector<int> assigned_partitions(std::string_view encoded, std::string_view topic) {
    Reader reader{encoded};
    std::vector<int> partitions;
    reader.int16();  // version
    for (std::int32_t topics = reader.int32(); topics > 0 && !reader.at_end(); --topics) {
        const bool wanted = reader.text() == topic;
        for (std::int32_t count = reader.int32(); count > 0 && !reader.at_end(); --count) {
            const std::int32_t partition = reader.int32();
            if (wanted) partitions.push_back(partition);
        }
    }
    return partitions;
}

std::optional<bool> has_unclaimed_partition(rd_kafka_t& client, const std::string& group,
                                            const config::Topics& topics,
                                            std::chrono::milliseconds timeout) {
    try {
        const GroupListHandle list = describe(client, group, timeout);
        if (list->group_cnt != 1) return std::nullopt;
        const struct rd_kafka_group_info& info = list->groups[0];
        if (std::string_view(info.state != nullptr ? info.state : "") != "Stable")
            return std::nullopt;
        return std::ranges::any_of(partitions_of(client, topics, timeout), [&](const auto& each) {
            const auto& [topic, there] = each;
            std::set<int> claimed;
            for (int i = 0; i < info.member_cnt; ++i) {
                const auto& member = info.members[i];
                const std::vector<int> partitions =
                    assigned_partitions({static_cast<const char*>(member.member_assignment),
                                         static_cast<std::size_t>(member.member_assignment_size)},
                                        topic);
                claimed.insert(partitions.begin(), partitions.end());
            }
            return there.size() > claimed.size();
        });
    } catch (const TroubleOfTheWorld&) {
        return std::nullopt;
    }
}

}  // namespace sluice::kafka
