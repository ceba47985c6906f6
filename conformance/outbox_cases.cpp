#include "conformance/check_list.h"
#include "conformance/outbox_bench.h"
#include "conformance/site.h"
#include "sinks/outbox/outbox_check.h"
#include "sinks/outbox/outbox_leadership.h"
#include "sinks/outbox/outbox_verify.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

/// Outboxes: what is claimed, sent and purged while applications write.
namespace sluice::conformance {
namespace {

constexpr EventLimits at_once{.rows = 50000, .bytes = 16u << 20};

using namespace std::chrono_literals;

std::string fits(Site& site) {
    const OutboxBench bench(site);
    Session session(site.dsn(), "case");
    for (const Finding& finding : check_outbox(session, bench.config(), "sluice"))
        expect(!finding.is_error() && finding.severity != Finding::Severity::warning,
               "sluice check: " + to_string(finding));
    return "";
}

std::string sent_once(Site& site) {
    OutboxBench bench(site);
    std::vector<std::jthread> applications;
    for (int i = 0; i < 4; ++i) {
        applications.emplace_back([&site, &bench, i] {
            Session session(site.dsn(), "application");
            for (int k = 0; k < 25; ++k) session.exec(bench.insertion(i * 1000 + k * 20, 20));
        });
    }
    bench.insert(100000, 1);
    bench.send_all();
    for (std::jthread& application : applications) application.join();
    bench.send_all();
    expect_equal("messages, and different ones", bench.counts(), "2001|2001");
    Session session(site.dsn(), "case");
    const OutboxBooks books = read_books(session, bench.identity(), bench.read_table());
    expect_equal("claimed twice", std::to_string(books.claimed_twice.size()), "0");
    return "";
}

std::string committed_late(Site& site) {
    OutboxBench bench(site);
    Session late(site.dsn(), "application");
    {
        Transaction transaction(late);
        late.exec(bench.insertion(1, 10));
        bench.insert(11, 10);
        CloudberryOutbox store = bench.store();
        store.begin_sweep(0);
        const EventBatch events = store.read(at_once);
        expect_equal("rows that are read beside an open transaction",
                     std::to_string(events.events().size()), "10");
        expect(store.claim(1, 0, events) == ClaimResult::claimed, "nothing could be claimed");
        store.end_sweep();
        transaction.commit();
    }
    bench.messages().commit(0, {});
    bench.send_all();
    expect_equal("messages, and different ones", bench.counts(), "20|20");
    return "";
}

std::string rolled_back(Site& site) {
    OutboxBench bench(site);
    {
        Session session(site.dsn(), "application");
        const Transaction transaction(session);
        session.exec(bench.insertion(1, 10));
    }
    bench.insert(11, 1);
    bench.send_all();
    expect_equal("messages, and different ones", bench.counts(), "1|1");
    return "";
}

std::string one_claims(Site& site) {
    OutboxBench bench(site);
    bench.insert(1, 10);
    CloudberryOutbox one = bench.store();
    CloudberryOutbox other = bench.store();
    const auto read = [](CloudberryOutbox& store) {
        store.begin_sweep(0);
        return store.read(at_once);
    };
    const EventBatch of_one = read(one);
    const EventBatch of_other = read(other);
    std::atomic<int> claimed = 0;
    std::atomic<int> outrun = 0;
    const auto claim = [&](CloudberryOutbox& store, const EventBatch& events) {
        ++(store.claim(1, 0, events) == ClaimResult::claimed ? claimed : outrun);
    };
    std::jthread beside([&] { claim(other, of_other); });
    claim(one, of_one);
    beside.join();
    expect_equal("relays that claimed, and were outrun",
                 std::to_string(claimed) + " " + std::to_string(outrun), "1 1");
    expect_equal("the highest claim", std::to_string(one.last_claimed()), "1");
    const std::vector<ClaimedBatch> found = other.claimed_above(0);
    expect(found.size() == 1 && found.front().ids.size() == 10, "the claim is not found again");
    return "";
}

/// An application's transaction is open, and others begin, while rows are deleted.
std::string purge_gives_way(Site& site) {
    using Clock = std::chrono::steady_clock;
    OutboxBench bench(site);
    bench.insert(1, 5000);
    CloudberryOutbox store = bench.store();
    store.begin_sweep(0);
    const EventBatch events = store.read(at_once);
    expect(store.claim(1, 0, events) == ClaimResult::claimed, "nothing could be claimed");
    store.end_sweep();
    CloudberryOutboxPurge purge(bench.purge());
    bool gave_way = false;
    {
        Session application(site.dsn(), "application");
        const Transaction transaction(application);
        application.exec(bench.insertion(10000, 1));
        const Clock::time_point began = Clock::now();
        gave_way = purge.step(1).gave_way;
        expect(Clock::now() - began < 5s, "the purge waits for an application's transaction");
    }
    std::atomic<bool> purged = false;
    Clock::duration longest{};
    std::jthread application([&] {
        Session session(site.dsn(), "application");
        for (int i = 0; !purged || i < 10; ++i) {
            const Clock::time_point began = Clock::now();
            session.exec(bench.insertion(20000 + i, 1));
            longest = std::max(longest, Clock::now() - began);
        }
    });
    const Clock::time_point until = Clock::now() + 60s;
    while (purge.step(1).purged < 1 && Clock::now() < until) std::this_thread::sleep_for(5ms);
    purged = true;
    application.join();
    expect_equal(
        "rows that were to be purged",
        site.value("SELECT count(*) FROM " + bench.table() + " WHERE payload::int <= 5000"), "0");
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(longest);
    return std::string(gave_way ? "it gives way to" : "it deletes beside") +
           " an open transaction; an INSERT beside it took up to " +
           std::to_string(milliseconds.count()) + " ms";
}

std::string zombie_purge(Site& site) {
    OutboxBench bench(site);
    bench.insert(1, 10);
    CloudberryOutboxPurge zombie(bench.purge());
    expect_equal("what the books say is purged", std::to_string(zombie.purged()), "0");
    bench.send_all();
    site.exec("INSERT INTO " + bench.table() + " (id, payload) VALUES (1, 'again')");
    for (int i = 0; i < 3; ++i) static_cast<void>(zombie.step(1));
    expect_equal("rows whose ids were used before", bench.rows(), "1");
    return "";
}

std::string one_leads(Site& site) {
    const OutboxBench bench(site);
    AdvisoryLeadership first(site.dsn(), bench.identity());
    AdvisoryLeadership second(site.dsn(), bench.identity());
    expect(first.acquire(), "the lead is not to be had");
    expect(!second.acquire(), "two have the lead");
    first.release();
    const auto until = std::chrono::steady_clock::now() + 10s;
    while (!second.acquire() && std::chrono::steady_clock::now() < until)
        std::this_thread::sleep_for(20ms);
    expect(second.hold(), "the lead does not pass on");
    return "";
}

std::string refused_stay(Site& site) {
    OutboxBench bench(site);
    bench.insert(1, 10);
    CloudberryOutbox store = bench.store();
    store.begin_sweep(0);
    const EventBatch events = store.read(at_once);
    store.end_sweep();
    expect(store.claim(1, 0, events) == ClaimResult::claimed, "nothing could be claimed");
    const std::vector<Refusal> refused{
        {.event = 3, .reason = RefusalReason::too_large, .detail = "too large"}};
    expect(store.refuse(1, 1, events, refused) == DecisionResult::decided,
           "nothing could be refused");
    expect(store.refuse(1, 1, events, refused) == DecisionResult::outrun,
           "two relays decide about one batch");
    bench.messages().commit(0, {});
    bench.send_all();
    expect_equal("messages, and different ones", bench.counts(), "9|9");
    expect_equal("refused events",
                 site.list("SELECT batch, place, convert_from(value, 'UTF8') FROM"
                           " sluice.refused_event WHERE relay = '" +
                           bench.identity().relay + "'"),
                 "1|3|4");
    return "";
}

}  // namespace

std::vector<Case> outbox_cases() {
    constexpr const char* group = "Outboxes";
    return {{group, "the table that sluice schema makes is what sluice check asks for", fits},
            {group, "rows of several applications are sent once, and purged", sent_once},
            {group, "rows that commit late are sent, too", committed_late},
            {group, "rows that were rolled back are not", rolled_back},
            {group, "of two relays that claim, one is outrun", one_claims},
            {group, "what is refused stays behind, by one decision", refused_stay},
            {group, "the purge holds up no application", purge_gives_way},
            {group, "a purge that was replaced deletes nothing", zombie_purge},
            {group, "one relay leads, until it lets go", one_leads}};
}

}  // namespace sluice::conformance
