#pragma once

#include "tests/fixture/kafka_admin.h"

#include <atomic>
#include <cstdint>
#include <exception>
#include <thread>

namespace sluice::demo {

/// What was produced into one topic, by what must become of it.
struct Produced {
    std::int64_t good = 0;
    std::int64_t bad = 0;
    std::int64_t tombstones = 0;
    std::int64_t id_sum = 0;  ///< of the good ones

    [[nodiscard]] std::int64_t all() const { return good + bad + tombstones; }
};

struct Rates {
    int orders = 5000;  ///< a second
    int readings = 2500;
};

/// Produces orders (JSON) and readings (CSV) at a steady rate in a thread of its own, one in 200
/// of them bad. start() and stop() may alternate; the counts go on.
class Traffic {
public:
    explicit Traffic(fixture::KafkaProperties properties);
    /// Drops what the broker has not yet.
    ~Traffic();
    Traffic(const Traffic&) = delete;
    Traffic& operator=(const Traffic&) = delete;

    void start(Rates rates);
    /// Returns when the broker has everything; throws what went wrong in the thread.
    void stop();

    /// Only after stop().
    [[nodiscard]] const Produced& orders() const { return orders_; }
    [[nodiscard]] const Produced& readings() const { return readings_; }

private:
    void run(Rates rates);
    void produce(Rates rates);

    fixture::KafkaProperties properties_;
    Produced orders_;
    Produced readings_;
    std::atomic<bool> stopping_ = false;
    std::exception_ptr failure_;
    std::thread thread_;
};

}  // namespace sluice::demo
