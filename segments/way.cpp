#include "segments/way.h"

#include <algorithm>
#include <utility>

namespace sluice::segments {

bool Way::may_go() {
    const std::lock_guard lock{mutex_};
    if (!closed_) return true;
    const auto now = Clock::now();
    if (now < again_) return false;
    tried_ = true;
    again_ = now + pause_;  // of the others meanwhile
    return true;
}

bool Way::close() {
    const std::lock_guard lock{mutex_};
    const bool was_open = !closed_;
    set(true);
    if (was_open) pause_ = pauses_.first;
    // Lanes that were on it when it was closed fail as well, and say nothing new.
    if (std::exchange(tried_, false)) pause_ = std::min(2 * pause_, pauses_.longest);
    again_ = Clock::now() + pause_;
    return was_open;
}

bool Way::open() {
    const std::lock_guard lock{mutex_};
    const bool was_closed = closed_;
    tried_ = false;
    set(false);
    return was_closed;
}

void Way::set(bool closed) {
    closed_ = closed;
    gauge_.set(closed ? 1 : 0);
}

}  // namespace sluice::segments
