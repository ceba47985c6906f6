#include "daemon/report/recent_log.h"

#include "pipeline/values/cut_text.h"

#include <algorithm>
#include <utility>

namespace sluice {

void RecentLog::add(LogLine line) {
    constexpr std::size_t longest = 500;
    line.text = cut(std::move(line.text), longest);
    const std::lock_guard lock{mutex_};
    // What comes again and again must not push out everything else.
    const auto same = std::ranges::find_if(lines_, [&](const LogLine& known) {
        return known.about == line.about && known.text == line.text;
    });
    if (same != lines_.end()) {
        line.times = same->times + 1;
        lines_.erase(same);
    }
    lines_.push_front(std::move(line));
    if (lines_.size() > most_) lines_.pop_back();
}

std::vector<LogLine> RecentLog::lines() const {
    const std::lock_guard lock{mutex_};
    return {lines_.begin(), lines_.end()};
}

RecentLog& recent_log() {
    static RecentLog log;
    return log;
}

}  // namespace sluice
