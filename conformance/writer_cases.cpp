#include "conformance/check_list.h"
#include "conformance/feed.h"
#include "conformance/site.h"
#include "sinks/books/ledger_upkeep.h"
#include "sinks/session/sql_text.h"

#include <atomic>
#include <chrono>
#include <thread>

/// Several writers: of one pipeline, and side by side.
namespace sluice::conformance {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* plain = "id bigint, city text";

void expect_fenced(const CommitResult& result, const char* who) {
    expect(std::holds_alternative<Fenced>(result), std::string(who) + " is " + describe(result));
}

std::string zombie(Site& site) {
    Feed feed(site, {.table = site.make_table(plain)});
    Feed zombie(site, {.table = feed.table(), .name = feed.name()});
    zombie.add_rows(0, 10);
    feed.add_rows(0, 20);
    feed.commit();
    expect_fenced(zombie.offer(), "who begins where another one has written");
    zombie.seek(10);
    zombie.add_rows(10, 10);
    expect_fenced(zombie.offer(), "who begins in the midst of what another one has written");
    zombie.seek(30);
    zombie.add_rows(30, 10);
    expect_fenced(zombie.offer(), "who leaves a hole");
    expect_equal("rows", feed.count(), "20");
    return "";
}

std::string zombie_behind_folded_rows(Site& site) {
    Feed feed(site, {.table = site.make_table(plain)});
    Feed zombie(site, {.table = feed.table(), .name = feed.name()});
    for (const Offset from : {0, 10, 20, 30}) {
        feed.add_rows(from, 10);
        feed.commit();
    }
    Session session(site.dsn(), "fold");
    expect_equal(
        "folded rows",
        std::to_string(fold_ledger(session, "sluice", feed.name(), std::chrono::seconds(0)).rows),
        "2");
    for (const Offset from : {0, 10, 20, 30}) {
        zombie.seek(from);
        zombie.add_rows(from, 10);
        expect_fenced(zombie.offer(), "who comes back behind folded rows");
    }
    expect_equal("rows", feed.count(), "40");
    return "";
}

/// The rows of the ledger decide: of two that begin at one offset the second waits, and is refused.
std::string compare_and_set(Site& site) {
    Feed feed(site, {.table = site.make_table(plain)});
    Session other(site.dsn(), "case");
    const std::string row = "INSERT INTO sluice.ledger VALUES (" + quote_literal(feed.name()) +
                            ", 'conformance', 'records', 0, 0, 0, 3, 3, 0, 0, 0, 0, 'batch',"
                            " 'other', 'r', now(), 0, 0, 2, -1, 0)";
    {
        Transaction transaction(other);
        other.exec(row);
        transaction.roll_back();
    }
    std::optional<CommitResult> result;
    {
        Transaction transaction(other);
        other.exec(row);
        feed.add_rows(0, 2);
        std::atomic<bool> over = false;
        std::jthread writer([&] {
            result = feed.offer();
            over = true;
        });
        const Clock::time_point until = Clock::now() + std::chrono::seconds(1);
        while (!over && Clock::now() < until)
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        const bool waited = !over;
        transaction.commit();
        writer.join();
        expect(waited, "the second does not wait for the first: it is " + describe(*result));
    }
    expect_fenced(*result, "the second");
    expect_equal("rows", feed.count(), "0");
    return "";
}

std::string each_offset_once(Site& site) {
    Feed feed(site, {.table = site.make_table(plain)});
    constexpr Offset end = 400;
    std::atomic<int> times_fenced = 0;
    const auto write = [&](Feed& writer) {
        for (;;) {
            const Offset next = writer.next();
            if (next >= end) return;
            writer.seek(next);
            writer.add_rows(next, 10);
            const CommitResult result = writer.offer();
            if (std::holds_alternative<Fenced>(result)) ++times_fenced;
            if (std::holds_alternative<Retry>(result)) writer.drop();
        }
    };
    Feed rival(site, {.table = feed.table(), .name = feed.name()});
    std::jthread other([&] { write(rival); });
    write(feed);
    other.join();
    expect_equal("rows, and different ones",
                 site.list("SELECT count(*), count(DISTINCT id) FROM " + feed.table()), "400|400");
    return "one was fenced " + std::to_string(times_fenced) + " times";
}

/// A lane that has written its row of the ledger, and not committed, holds up nobody else's.
std::string side_by_side(Site& site) {
    Feed feed(site, {.table = site.make_table(plain)});
    Session other(site.dsn(), "case");
    Transaction transaction(other);
    other.exec("INSERT INTO " + feed.table() + " VALUES (-1, 'other')");
    other.exec("INSERT INTO sluice.ledger VALUES (" + quote_literal(feed.name()) +
               ", 'conformance', 'records', 1, 0, 0, 3, 3, 0, 0, 0, 0, 'batch', 'other',"
               " 'r', now(), 0, 0, 2, -1, 0)");
    feed.add_rows(0, 10);
    const Clock::time_point began = Clock::now();
    feed.commit();
    const std::chrono::duration<double> took = Clock::now() - began;
    expect(took < std::chrono::seconds(5),
           "a batch waited " + std::to_string(took.count()) + " s for another partition's");
    return "";
}

/// Batches of ten rows by one writer, and by four at once.
std::string commits_per_second(Site& site) {
    const std::string table = site.make_table(plain);
    const auto commits = [&](int writers) {
        std::atomic<int> done = 0;
        std::vector<std::unique_ptr<Feed>> feeds;
        for (int i = 0; i < writers; ++i)
            feeds.push_back(std::make_unique<Feed>(site, Feed::Options{.table = table}));
        const Clock::time_point until = Clock::now() + std::chrono::seconds(2);
        {
            std::vector<std::jthread> threads;
            for (const auto& feed : feeds) {
                threads.emplace_back([&done, &feed, until] {
                    for (Offset next = 0; Clock::now() < until; next += 10) {
                        feed->add_rows(next, 10);
                        feed->commit();
                        ++done;
                    }
                });
            }
        }
        return done / 2;
    };
    const int one = commits(1);
    const int four = commits(4);
    return std::to_string(one) + " commits a second by one writer, " + std::to_string(four) +
           " by four";
}

/// Whoever holds keys that the other one wants, and the other way round: on two segments nobody
/// sees the circle.
std::string keys_in_a_circle(Site& site) {
    Feed feed(site, {.table = site.make_table("id bigint PRIMARY KEY, city text")});
    Session other(site.dsn(), "case");
    Transaction transaction(other);
    const auto insert = [&](const char* from, const char* to) {
        other.exec("INSERT INTO " + feed.table() + " SELECT i, 'other' FROM generate_series(" +
                   from + ", " + to + ") i");
    };
    insert("1", "10");
    feed.add_rows(11, 10);
    feed.add_rows(1, 10);
    const Clock::time_point began = Clock::now();
    std::optional<CommitResult> result;
    std::jthread writer([&] { result = feed.offer(); });
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    std::string other_one = "the other one went on";
    try {
        insert("11", "20");
        transaction.commit();
    } catch (const DatabaseError& error) {
        transaction.roll_back();
        other_one = "the other one got " + error.sqlstate();
    }
    writer.join();
    const std::chrono::duration<double> took = Clock::now() - began;
    if (std::holds_alternative<Retry>(*result)) feed.commit();
    expect(took < std::chrono::seconds(15),
           "it took " + std::to_string(static_cast<int>(took.count())) + " s");
    expect_equal("rows", feed.count(), "20");
    return "within " + std::to_string(static_cast<int>(took.count() * 10) / 10.0).substr(0, 3) +
           " s; " + other_one;
}

std::string folding_gives_way(Site& site) {
    Feed feed(site,
              {.table = site.make_table(columns_with_positions), .keys = keys_with_positions});
    for (const Offset from : {0, 10, 20}) {
        feed.add_rows(from, 10);
        feed.commit();
    }
    Session other(site.dsn(), "case");
    Session session(site.dsn(), "fold");
    const auto fold = [&] {
        return fold_ledger(session, "sluice", feed.name(), std::chrono::seconds(0));
    };
    {
        Transaction transaction(other);
        other.exec("INSERT INTO sluice.ledger SELECT * FROM sluice.ledger WHERE false");
        const Clock::time_point began = Clock::now();
        expect(fold().gave_way, "it does not give way to a writer");
        expect(Clock::now() - began < std::chrono::seconds(5), "it waits for a writer");
    }
    expect_equal("folded rows", std::to_string(fold().rows), "1");
    expect_equal("what sluice verify finds", feed.problems(), "");
    return "";
}

}  // namespace

std::vector<Case> writer_cases() {
    constexpr const char* group = "Writers";
    return {{group, "who was replaced is fenced", zombie},
            {group, "also where the rows behind its own were folded", zombie_behind_folded_rows},
            {group, "of two at one offset the second waits for the first, and is fenced",
             compare_and_set},
            {group, "two at once write each offset once", each_offset_once},
            {group, "nobody waits for another partition's COMMIT", side_by_side},
            {group, "two that wait for keys of each other end within seconds", keys_in_a_circle},
            {group, "commit side by side", commits_per_second},
            {group, "folding the ledger gives way to them", folding_gives_way}};
}

}  // namespace sluice::conformance
