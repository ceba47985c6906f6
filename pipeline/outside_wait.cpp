#include "pipeline/outside_wait.h"

#include "pipeline/whole_seconds.h"

namespace sluice {
namespace {

const char* remedy_for(OutsideWait::Party party) {
    switch (party) {
        case OutsideWait::Party::database:
            break;
        case OutsideWait::Party::kafka:
            return "see brokers in [kafka], and the log";
        case OutsideWait::Party::both:
            return "is a table locked, the database frozen or overloaded, or Kafka away?";
    }
    return "is a table locked, or the database frozen, overloaded or out of reach?";
}

}  // namespace

void OutsideWait::set(const char* doing, Party party) {
    const std::lock_guard lock{mutex_};
    doing_ = doing;
    party_ = party;
    since_ = Clock::now();
}

void OutsideWait::note_step() {
    const std::lock_guard lock{mutex_};
    since_ = Clock::now();
}

std::string OutsideWait::stuck(std::chrono::milliseconds patience) const {
    const std::lock_guard lock{mutex_};
    const auto lasted = Clock::now() - since_;
    if (doing_ == nullptr || lasted <= patience) return {};
    return std::string("the pipeline ") + doing_ + ", for " + whole_seconds(lasted) + " now; " +
           remedy_for(party_);
}

}  // namespace sluice
