#include "pipeline/standstill_watch.h"

namespace sluice {
namespace {

constexpr std::chrono::seconds time_between_questions{5};

}  // namespace

void StandstillWatch::look() {
    if (!questions_.waits_for_database()) {
        in_the_way_.clear();
    } else if (Clock::now() >= next_question_) {
        in_the_way_ = questions_.in_the_way();
        next_question_ = Clock::now() + time_between_questions;
    }
    trouble_.set(questions_.why(in_the_way_));
}

}  // namespace sluice
