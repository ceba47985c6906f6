#include "pipeline/ongoing_trouble.h"

#include "pipeline/log.h"
#include "pipeline/log_limiter.h"
#include "pipeline/whole_seconds.h"

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
    log(LogLevel::info, about_,
        "over after " + whole_seconds(std::chrono::steady_clock::now() - since_) + ": " + reason_);
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
