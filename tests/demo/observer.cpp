#include "tests/demo/observer.h"

#include <algorithm>
#include <numeric>

namespace sluice::demo {
namespace {

std::int64_t number(const std::optional<std::string>& text) {
    return text ? std::stoll(*text) : 0;
}

}  // namespace

Observer::Observer(Stage& stage) : session_(stage.connect()), admin_(stage.broker().client()) {
    sights_.push_back({.name = "orders"});
    sights_.push_back({.name = "readings"});
}

const std::vector<Sight>& Observer::look() {
    for (Sight& sight : sights_) look_at(sight);
    look_at_outbox();
    note_rates();
    return sights_;
}

void Observer::look_at_outbox() {
    const auto row =
        session_.query("select (select count(*) from shipments), (select count(*) from outbox)")
            .at(0);
    outbox_ = {number(row.at(0)), number(row.at(1))};
}

void Observer::look_at(Sight& sight) {
    const auto table = session_
                           .query(
                               "select count(*), extract(epoch from "
                               "clock_timestamp() - max(produced_at)) from " +
                               sight.name)
                           .at(0);
    sight.rows = number(table.at(0));
    sight.newest_row = std::chrono::duration<double>(table.at(1) ? std::stod(*table.at(1)) : -1);
    sight.dead_letters = 0;
    // Progress before the end of the topic, which moves too: a lag is never less than nothing.
    std::int64_t reached = 0;
    if (session_.value("select to_regclass('sluice.progress') is not null") == "t") {
        reached =
            number(session_.value("select coalesce(sum(next_offset), 0) from sluice.progress"
                                  " where pipeline = '" +
                                  sight.name + "'"));
        sight.dead_letters = number(session_.value(
            "select count(*) from sluice.dead_letter where pipeline = '" + sight.name + "'"));
    }
    const auto ends = admin_.end_offsets(sight.name);
    sight.lag = std::accumulate(ends.begin(), ends.end(), std::int64_t{0}) - reached;
}

void Observer::note_rates() {
    Point point{.when = std::chrono::steady_clock::now(), .rows = {}};
    for (const Sight& sight : sights_) point.rows.push_back(sight.rows);
    points_.push_back(point);
    if (points_.size() > 5) points_.pop_front();
    if (points_.size() < 2) return;

    const auto seconds_since = [&](const Point& earlier) {
        return std::chrono::duration<double>(point.when - earlier.when).count();
    };
    const Point& first = points_.front();
    for (std::size_t i = 0; i < sights_.size(); ++i) {
        sights_[i].rows_per_second = double(point.rows[i] - first.rows[i]) / seconds_since(first);
    }
    // Over two looks: a commit every half second would make a saw of it.
    const Point& last = points_[points_.size() - std::min<std::size_t>(points_.size(), 3)];
    const auto sum = [](const Point& of) {
        return std::accumulate(of.rows.begin(), of.rows.end(), std::int64_t{0});
    };
    history_.push_back(double(sum(point) - sum(last)) / seconds_since(last));
    if (history_.size() > history_length) history_.pop_front();
}

std::int64_t Observer::lag() const {
    std::int64_t sum = 0;
    for (const Sight& sight : sights_) sum += sight.lag;
    return sum;
}

std::int64_t Observer::rows() const {
    std::int64_t sum = 0;
    for (const Sight& sight : sights_) sum += sight.rows;
    return sum;
}

std::int64_t Observer::loaded() {
    return number(session_.value("select coalesce(sum(loaded), 0) from sluice.ledger"));
}

bool Observer::is_loading() {
    return session_.value(
               "select exists (select 1 from pg_stat_activity where usename = 'loader'"
               " and xact_start is not null and query ilike 'copy %')") == "t";
}

}  // namespace sluice::demo
