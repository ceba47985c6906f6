#pragma once

#include "tests/demo/stage.h"

#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace sluice::demo {

/// One pipeline as seen from outside: by its table, its topic and Sluice's own tables.
struct Sight {
    std::string name;
    std::int64_t rows = 0;  ///< counted in the table
    double rows_per_second = 0;
    std::int64_t lag = 0;  ///< records in Kafka that progress has not reached
    std::chrono::duration<double> newest_row{-1};  ///< its age; negative: no row yet
    std::int64_t dead_letters = 0;
};

/// The other direction: what an application wrote, and what of its events was not sent yet.
struct OutboxSight {
    std::int64_t written = 0;
    std::int64_t waiting = 0;  ///< or sent just now, and not deleted yet
};

/// Looks at topics and tables; asks the daemon nothing. Used by one thread.
class Observer {
public:
    explicit Observer(Stage& stage);

    /// Asks anew.
    const std::vector<Sight>& look();
    /// What the last look() saw.
    [[nodiscard]] const std::vector<Sight>& sights() const { return sights_; }
    [[nodiscard]] const OutboxSight& outbox() const { return outbox_; }
    [[nodiscard]] std::int64_t lag() const;
    [[nodiscard]] std::int64_t rows() const;
    /// Rows that came in between two looks, per second, oldest first.
    [[nodiscard]] const std::deque<double>& history() const { return history_; }

    /// Rows in all tables by the ledger's word: quick enough to be asked all the time.
    [[nodiscard]] std::int64_t loaded();
    /// Whether a transaction that loads is open at this moment.
    [[nodiscard]] bool is_loading();

    static constexpr std::size_t history_length = 60;

private:
    struct Point {
        std::chrono::steady_clock::time_point when;
        std::vector<std::int64_t> rows;
    };

    void look_at(Sight& sight);
    void look_at_outbox();
    void note_rates();

    fixture::PgConnection session_;
    fixture::KafkaAdmin admin_;
    std::vector<Sight> sights_;
    OutboxSight outbox_;
    std::deque<Point> points_;
    std::deque<double> history_;
};

}  // namespace sluice::demo
