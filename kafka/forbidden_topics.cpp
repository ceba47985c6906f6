#include "kafka/forbidden_topics.h"

#include <algorithm>

namespace sluice::kafka {
namespace {

// So long an answer holds, once a topic is given up: until a relay that begins anew is back, and
// not much longer for who has mended it, and sends the events again.
constexpr std::chrono::seconds trust{15};

}  // namespace

void ForbiddenTopics::on_forbidden(const std::string& topic, const std::string& why) {
    const auto now = Clock::now();
    Topic& known =
        topics_.try_emplace(topic, Topic{.since = now, .asked = {}, .why = {}}).first->second;
    known.asked = now;
    known.why = why;
}

bool ForbiddenTopics::gives_up(const std::string& topic) const {
    const auto found = topics_.find(topic);
    return found != topics_.end() && left(topic).count() == 0 &&
           Clock::now() - found->second.asked < trust;
}

std::chrono::seconds ForbiddenTopics::left(const std::string& topic) const {
    const auto left = topics_.at(topic).since + patience_ - Clock::now();
    return std::max(std::chrono::ceil<std::chrono::seconds>(left), std::chrono::seconds(0));
}

}  // namespace sluice::kafka
