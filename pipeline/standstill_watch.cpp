#include "pipeline/standstill_watch.h"

#include <system_error>
#include <thread>

namespace sluice {
namespace {

using namespace std::chrono_literals;

constexpr auto between_questions = 5s;

}  // namespace

void StandstillWatch::look() {
    if (!questions_.waits_for_database()) {
        in_the_way_.clear();
        answer_ = {};
    } else if (answer_.valid()) {
        if (answer_.wait_for(0s) == std::future_status::ready) in_the_way_ = answer_.get();
    } else if (Clock::now() >= next_question_) {
        ask();
        if (trouble_.text().empty()) return;  // what is said first may as well know the answer
    }
    trouble_.set(questions_.why(in_the_way_));
}

/// The thread is left behind where it takes too long: a connection to a server that is frozen does,
/// and who ends a pipeline need not wait for that.
void StandstillWatch::ask() {
    next_question_ = Clock::now() + between_questions;
    try {
        std::packaged_task<std::string()> question(questions_.in_the_way);
        auto answer = question.get_future();
        std::thread(std::move(question)).detach();
        answer_ = std::move(answer);
    } catch (const std::system_error&) {
        in_the_way_.clear();  // no thread is to be had
    }
}

}  // namespace sluice
