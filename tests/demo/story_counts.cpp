// What the demo counts by itself, beside what Sluice says of itself.
#include "tests/demo/story.h"
#include "tests/demo/text.h"
#include "tests/fixture/kafka_reader.h"

#include <set>
#include <string_view>

namespace sluice::demo {

bool Story::count() {
    screen_.say();
    note("and what the demo itself has counted while producing:");
    fixture::PgConnection session = stage_->connect();
    std::vector<std::vector<std::string>> table{
        {"topic", "produced", "=", "in the table", "+", "dead letters", "+", "tombstones", ""}};
    bool fine = true;
    const auto add = [&](const std::string& name, const std::string& id, const Produced& made) {
        const auto row = session.query("select count(*), count(distinct " + id +
                                       "), coalesce(sum(" + id + "), 0) from " + name)[0];
        const std::string dead = session.value(
            "select count(*) from sluice.dead_letter where pipeline = '" + name + "'");
        const std::string filtered = session.value(
            "select coalesce(sum(filtered), 0) from sluice.ledger where pipeline = '" + name + "'");
        const bool same = row[0] == std::to_string(made.good) && row[1] == row[0] &&
                          row[2] == std::to_string(made.id_sum) &&
                          dead == std::to_string(made.bad) &&
                          filtered == std::to_string(made.tombstones);
        fine = fine && same;
        table.push_back({name, with_commas(made.all()), "=", with_commas(std::stoll(*row[0])), "+",
                         with_commas(std::stoll(dead)), "+", with_commas(std::stoll(filtered)),
                         same ? "as produced"
                              : "expected " + with_commas(made.good) + " + " +
                                    with_commas(made.bad) + " + " + with_commas(made.tombstones)});
    };
    add("orders", "order_id", traffic_->orders());
    add("readings", "reading_id", traffic_->readings());
    for (const std::string& line : align(table, {0, 8})) say(line);
    return fine;
}

/// Read back by a consumer that knows nothing of Sluice.
bool Story::count_events() {
    constexpr std::string_view before_number = "{\"shipment\":";
    std::set<std::int64_t> told;
    const auto events = fixture::read_topic(stage_->broker().client(), "shipments");
    for (const auto& event : events) {
        told.insert(std::stoll(event.value.value().substr(before_number.size())));
    }
    std::set<std::int64_t> written;
    for (const auto& row : stage_->connect().query("select shipment_id from shipments")) {
        written.insert(std::stoll(row.at(0).value()));
    }
    const bool fine = told == written && told.size() == events.size() &&
                      std::int64_t(told.size()) == shop_->committed();
    screen_.say();
    note("and what a read_committed consumer finds in the topic shipments:");
    for (const std::string& line :
         align({{"table", "committed", "=", "in the topic", "", "rolled back", ""},
                {"shipments", with_commas(shop_->committed()), "=",
                 with_commas(std::int64_t(events.size())), "", with_commas(shop_->rolled_back()),
                 fine ? "each once, none of those rolled back" : "these are not the same"}},
               {0, 6}))
        say(line);
    return fine;
}

}  // namespace sluice::demo
