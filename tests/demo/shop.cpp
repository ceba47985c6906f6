#include "tests/demo/shop.h"

#include <chrono>
#include <string>

namespace sluice::demo {
namespace {

using std::chrono::steady_clock;

constexpr int one_rolls_back_in = 10;

/// $1 is the first shipment's number, $2 the last one's.
constexpr const char* ship = R"(
with shipped as (
    insert into shipments select i, 'c' || i % 500, clock_timestamp()
    from generate_series($1::bigint, $2::bigint) i returning *)
insert into outbox (key, payload)
    select customer, '{"shipment":' || shipment_id || ',"customer":"' || customer || '"}'
    from shipped)";

}  // namespace

Shop::~Shop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
}

void Shop::start(int transactions_per_second) {
    stopping_ = false;
    thread_ = std::thread([this, transactions_per_second] { run(transactions_per_second); });
}

void Shop::stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
    if (failure_) std::rethrow_exception(failure_);
}

void Shop::run(int transactions_per_second) {
    try {
        const auto pause = std::chrono::microseconds(1000000 / transactions_per_second);
        for (auto next = steady_clock::now(); !stopping_; next += pause) {
            write();
            std::this_thread::sleep_until(next);
        }
    } catch (...) {
        failure_ = std::current_exception();
    }
}

void Shop::write() {
    const std::int64_t first = transactions_ * shipments_per_transaction + 1;
    const std::int64_t last = first + shipments_per_transaction - 1;
    const bool rolls_back = ++transactions_ % one_rolls_back_in == 0;
    connection_.exec("begin");
    connection_.query(ship, {std::to_string(first), std::to_string(last)});
    connection_.exec(rolls_back ? "rollback" : "commit");
    (rolls_back ? rolled_back_ : committed_) += shipments_per_transaction;
}

}  // namespace sluice::demo
