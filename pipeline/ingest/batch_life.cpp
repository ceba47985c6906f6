#include "pipeline/ingest/batch_life.h"

namespace sluice {

void BatchLife::begin_attempt() {
    steps_ = 0;
    if (began_.load(std::memory_order_relaxed) != none) return;
    most_steps_ = 0;
    const auto now = Clock::now();
    heard_ = now;  // first: who looks in between must not see the one before
    began_ = now;
}

void BatchLife::note_step() {
    if (++steps_ <= most_steps_) return;
    most_steps_ = steps_;
    heard_.store(Clock::now(), std::memory_order_relaxed);
}

void BatchLife::end() {
    began_ = none;
}

std::optional<BatchLife::Seen> BatchLife::seen() const {
    const auto began = began_.load();
    if (began == none) return std::nullopt;
    return Seen{began, heard_.load()};
}

}  // namespace sluice
