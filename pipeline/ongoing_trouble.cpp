#include "pipeline/ongoing_trouble.h"

#include "pipeline/log.h"
#include "pipeline/log_limiter.h"

namespace sluice {

void OngoingTrouble::begin(const std::string& reason, const std::string& besides) {
    if (reason == reason_) return;
    const bool is_new = without_numbers(reason) != without_numbers(reason_);
    if (is_new) {
        end();
        since_ = std::chrono::steady_clock::now();
    }
    {
        const std::lock_guard lock{mutex_};
        reason_ = reason;
    }
    if (is_new) log(LogLevel::warn, about_, reason + besides);
}

void OngoingTrouble::end() {
    if (reason_.empty()) return;
    const auto lasted =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - since_);
    log(LogLevel::info, about_, "over after " + std::to_string(lasted.count()) + " s: " + reason_);
    const std::lock_guard lock{mutex_};
    reason_.clear();
}

void OngoingTrouble::set(const std::string& reason) {
    if (reason.empty()) {
        end();
    } else {
        begin(reason);
    }
}

std::string OngoingTrouble::text() const {
    const std::lock_guard lock{mutex_};
    return reason_;
}

}  // namespace sluice
