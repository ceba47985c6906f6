#include "tests/fakes/fake_outbox.h"

#include <algorithm>

namespace sluice::fakes {

using Row = FakeOutboxDatabase::Row;

void FakeOutboxDatabase::insert(const Row& row) {
    const std::lock_guard lock{mutex};
    table[row.id] = row;
}

std::size_t FakeOutboxDatabase::rows() {
    const std::lock_guard lock{mutex};
    return table.size();
}

std::vector<std::string> FakeOutboxDatabase::refused() {
    const std::lock_guard lock{mutex};
    std::vector<std::string> values;
    for (const auto& [where, row] : refused_events) values.push_back(row.value);
    return values;
}

bool FakeOutboxDatabase::retry(std::size_t which) {
    const std::lock_guard lock{mutex};
    if (which >= refused_events.size()) return false;
    const std::string& where =
        std::next(refused_events.begin(), static_cast<std::ptrdiff_t>(which))->first;
    const bool claimed = std::ranges::any_of(books, [&](const auto& entry) {
        return entry.second.kind == "retry" && entry.second.ids.front() == where;
    });
    if (claimed) return false;
    books[{highest() + 1, 0}] = {"retry", {where}};
    return true;
}

void FakeOutboxDatabase::maybe_fail() {
    if (chance_.strikes()) throw TroubleOfTheWorld("the database is away");
}

void FakeOutboxDatabase::settle_late() {
    if (!late) return;
    // Its own condition was checked when it began; the primary key decides now.
    if (!books.contains(late->key)) books[late->key] = late->book;
    late.reset();
}

BatchNumber FakeOutboxDatabase::highest() const {
    return books.empty() ? 0 : books.rbegin()->first.first;
}

void FakeOutboxStore::fill(EventBatch& events, const Row& row) {
    OutboxEvent& event = events.add();
    event.place = static_cast<int>(events.events().size()) - 1;
    event.id = events.keep(row.id);
    event.topic = events.keep(row.topic);
    event.value = events.keep(row.value);
}

BatchNumber FakeOutboxStore::last_claimed() {
    const std::lock_guard lock{database_.mutex};
    database_.maybe_fail();
    return database_.highest();
}

std::vector<ClaimedBatch> FakeOutboxStore::claimed_above(BatchNumber mark) {
    const std::lock_guard lock{database_.mutex};
    database_.maybe_fail();
    std::vector<ClaimedBatch> batches;
    for (const auto& [key, book] : database_.books) {
        if (key.first <= mark) continue;
        if (key.second == 0) {
            ClaimedBatch& batch = batches.emplace_back();
            batch.number = key.first;
            batch.ids = book.ids;
            if (book.kind == "retry") batch.kind = ClaimedBatch::Kind::retry;
            continue;
        }
        batches.back().round = key.second;
        if (book.kind != "refused") continue;
        for (const std::string& place : book.ids)
            batches.back().refused.push_back(std::stoi(place));
    }
    return batches;
}

EventBatch FakeOutboxStore::read_claimed(const ClaimedBatch& batch) {
    const std::lock_guard lock{database_.mutex};
    database_.maybe_fail();
    EventBatch events;
    const bool retry = batch.kind == ClaimedBatch::Kind::retry;
    const auto& from = retry ? database_.refused_events : database_.table;
    for (std::size_t place = 0; place < batch.ids.size(); ++place) {
        const auto found = from.find(batch.ids[place]);
        if (found == from.end()) continue;
        fill(events, found->second);
        OutboxEvent& event = events.events().back();
        event.place = static_cast<int>(place);
        event.refused = std::ranges::find(batch.refused, event.place) != batch.refused.end();
    }
    return events;
}

void FakeOutboxStore::begin_sweep(BatchNumber purged) {
    const std::lock_guard lock{database_.mutex};
    database_.maybe_fail();
    std::set<std::string> claimed;
    for (const auto& [key, book] : database_.books) {
        if (key.first > purged && book.kind == "claim") {
            claimed.insert(book.ids.begin(), book.ids.end());
        }
    }
    sweep_.clear();
    for (const auto& [id, row] : database_.table) {
        if (!claimed.contains(id)) sweep_.push_back(row);
    }
}

EventBatch FakeOutboxStore::read(const EventLimits& limits) {
    EventBatch events;
    while (!sweep_.empty() && events.events().size() < limits.rows) {
        fill(events, sweep_.front());
        sweep_.erase(sweep_.begin());
    }
    if (chance_.strikes()) throw TroubleOfTheWorld("the connection broke in the middle of a read");
    return events;
}

ClaimResult FakeOutboxStore::claim(BatchNumber number, BatchNumber last, const EventBatch& events) {
    const std::lock_guard lock{database_.mutex};
    database_.maybe_fail();
    database_.settle_late();
    if (database_.highest() != last) return ClaimResult::outrun;
    FakeOutboxDatabase::Book book{"claim", {}};
    for (const OutboxEvent& event : events.events()) book.ids.emplace_back(event.id);
    const std::pair key{number, 0};
    if (chance_.strikes()) {
        database_.late = {key, std::move(book)};
        throw TroubleOfTheWorld("the connection broke while the claim was committing");
    }
    database_.books[key] = std::move(book);
    database_.maybe_fail();
    return ClaimResult::claimed;
}

DecisionResult FakeOutboxStore::decide(BatchNumber number, int round,
                                       const FakeOutboxDatabase::Book& book) {
    const auto [place, is_new] = database_.books.try_emplace({number, round}, book);
    return is_new ? DecisionResult::decided : DecisionResult::outrun;
}

DecisionResult FakeOutboxStore::take_over(ClaimedBatch& batch) {
    const std::lock_guard lock{database_.mutex};
    database_.maybe_fail();
    const auto result = decide(batch.number, batch.round + 1, {"taken_over", {}});
    if (result == DecisionResult::decided) ++batch.round;
    database_.maybe_fail();
    return result;
}

DecisionResult FakeOutboxStore::refuse(BatchNumber number, int round, const EventBatch& events,
                                       const std::vector<Refusal>& refusals) {
    const std::lock_guard lock{database_.mutex};
    database_.maybe_fail();
    FakeOutboxDatabase::Book book{"refused", {}};
    for (const Refusal& refusal : refusals) {
        book.ids.push_back(std::to_string(events.events()[refusal.event].place));
    }
    const auto places = book.ids;
    const auto result = decide(number, round, book);
    if (result == DecisionResult::outrun) return result;
    for (const Refusal& refusal : refusals) {
        const OutboxEvent& event = events.events()[refusal.event];
        const std::string where = std::to_string(number) + ":" + std::to_string(event.place);
        database_.refused_events[where] = {where, std::string(*event.topic),
                                           std::string(*event.value)};
    }
    database_.maybe_fail();
    return result;
}

std::vector<std::string> FakeKafka::topic() {
    const std::lock_guard lock{mutex};
    return committed;
}

std::optional<BatchNumber> FakeEventProducer::start() {
    const std::lock_guard lock{kafka_.mutex};
    if (kafka_.chance.strikes()) throw TroubleOfTheWorld("kafka does not answer");
    epoch_ = ++kafka_.epoch;
    // init_transactions decides what was under way.
    if (kafka_.undecided && kafka_.chance.number(2) == 0) kafka_.undecided();
    kafka_.undecided = nullptr;
    return kafka_.mark;
}

std::vector<Refusal> FakeEventProducer::inspect(const EventBatch& events) {
    std::vector<Refusal> refusals;
    for (std::size_t i = 0; i < events.events().size(); ++i) {
        const OutboxEvent& event = events.events()[i];
        if (!event.refused && event.topic == "nowhere") {
            refusals.push_back({i, RefusalReason::unknown_topic, "no such topic"});
        }
    }
    return refusals;
}

void FakeEventProducer::send(BatchNumber mark, const EventBatch& events) {
    number_ = mark;
    values_.clear();
    refusals_.clear();
    for (std::size_t i = 0; i < events.events().size(); ++i) {
        const OutboxEvent& event = events.events()[i];
        if (event.refused) continue;
        if (event.topic == "small") {
            refusals_.push_back({i, RefusalReason::too_large, "too large for this broker"});
        }
        values_.emplace_back(*event.value);
    }
}

SendResult FakeEventProducer::finish(std::chrono::milliseconds) {
    const std::lock_guard lock{kafka_.mutex};
    if (epoch_ != kafka_.epoch) return Superseded{};
    if (!refusals_.empty()) return EventsRefused{refusals_};
    const auto commit = [&kafka = kafka_, values = values_, number = number_] {
        kafka.committed.insert(kafka.committed.end(), values.begin(), values.end());
        kafka.mark = number;
    };
    if (kafka_.chance.strikes()) return SendFailed{"the transaction timed out"};
    if (kafka_.chance.strikes()) {
        kafka_.undecided = commit;
        return SendFailed{"the answer to the commit was lost"};
    }
    if (kafka_.chance.strikes()) return Undecided{};
    commit();
    if (kafka_.chance.strikes()) return SendFailed{"the answer to the commit was lost"};
    return Sent{};
}

PurgeStep FakeOutboxPurge::step(BatchNumber sent) {
    const std::lock_guard lock{database_.mutex};
    database_.maybe_fail();
    PurgeStep step;
    for (const auto& [key, book] : database_.books) {
        if (key.first > sent || key.second != 0) continue;
        for (const std::string& id : book.ids) {
            auto& from = book.kind == "retry" ? database_.refused_events : database_.table;
            step.rows += static_cast<std::int64_t>(from.erase(id));
        }
    }
    step.purged = sent;
    return step;
}

}  // namespace sluice::fakes
