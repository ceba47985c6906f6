#include "tests/demo/signals.h"

#include <signal.h>
#include <time.h>

namespace sluice::demo {
namespace {

sigset_t ending_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, number);
    return set;
}

}  // namespace

Signals::Signals() {
    const sigset_t set = ending_signals();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    // A closed terminal or pipe must not keep us from cleaning up.
    ::signal(SIGPIPE, SIG_IGN);
}

void Signals::pause(std::chrono::milliseconds duration) {
    const sigset_t set = ending_signals();
    const timespec wait{.tv_sec = duration.count() / 1000,
                        .tv_nsec = (duration.count() % 1000) * 1000000};
    if (sigtimedwait(&set, nullptr, &wait) > 0) throw Interrupted();
}

}  // namespace sluice::demo
