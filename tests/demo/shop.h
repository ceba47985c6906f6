#pragma once

#include "tests/fixture/pg_connection.h"

#include <atomic>
#include <cstdint>
#include <exception>
#include <thread>
#include <utility>

namespace sluice::demo {

/// An application: writes shipments, and an event about each into the outbox table, in one
/// transaction; one transaction in ten rolls back. In a thread of its own, with a connection of its
/// own. start() and stop() may alternate; the counts go on.
class Shop {
public:
    explicit Shop(fixture::PgConnection connection) : connection_(std::move(connection)) {}
    ~Shop();
    Shop(const Shop&) = delete;
    Shop& operator=(const Shop&) = delete;

    void start(int transactions_per_second);
    /// Throws what went wrong in the thread.
    void stop();

    /// Only after stop().
    [[nodiscard]] std::int64_t committed() const { return committed_; }
    [[nodiscard]] std::int64_t rolled_back() const { return rolled_back_; }

    static constexpr int shipments_per_transaction = 10;

private:
    void run(int transactions_per_second);
    void write();

    fixture::PgConnection connection_;
    std::int64_t transactions_ = 0;
    std::int64_t committed_ = 0;    ///< shipments
    std::int64_t rolled_back_ = 0;  ///< shipments
    std::atomic<bool> stopping_ = false;
    std::exception_ptr failure_;
    std::thread thread_;
};

}  // namespace sluice::demo
