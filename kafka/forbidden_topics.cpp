#include "kafka/forbidden_topics.h"

#include <algorithm>

namespace sluice::kafka {
namespace {

// So long an answer holds, once a topic is given up: until a relay that begins anew, with the
// longest pause before it, is back, and that for each of them, since one try finds one. Not much
// longer, for who has mended it and sends the events again.
constexpr std::chrono::seconds trust{30};
// What nobody has named for so long is waited for as if it were the first time.
constexpr std::chrono::hours memory{1};

}  // namespace

void ForbiddenTopics::on_forbidden(const std::string& topic, const std::string& why,
                                   Clock::time_point now) {
    std::erase_if(topics_, [&](const auto& each) { return now - each.second.asked > memory; });
    Topic& known =
        topics_.try_emplace(topic, Topic{.since = now, .asked = {}, .why = {}}).first->second;
    known.asked = now;
    known.why = why;
}

bool ForbiddenTopics::gives_up(const std::string& topic, Clock::time_point now) const {
    const auto found = topics_.find(topic);
    return found != topics_.end() && left(topic, now).count() == 0 &&
           now - found->second.asked < trust * topics_.size();
}

std::chrono::seconds ForbiddenTopics::left(const std::string& topic, Clock::time_point now) const {
    const auto left = topics_.at(topic).since + patience_ - now;
    return std::max(std::chrono::ceil<std::chrono::seconds>(left), std::chrono::seconds(0));
}

}  // namespace sluice::kafka
