#include "conformance/check_list.h"
#include "conformance/feed.h"
#include "conformance/site.h"
#include "sinks/books/latest_batches.h"
#include "sinks/dead_letters/dead_letter_retry.h"
#include "sinks/dead_letters/dead_letter_upkeep.h"
#include "sinks/session/sql_text.h"

#include <chrono>
#include <limits>

/// The ledger, dead letters, and what `sluice verify` makes of them.
namespace sluice::conformance {
namespace {

DeadLetterQuery query_of(const Feed& feed) {
    return {.schema = "sluice", .pipeline = feed.name(), .topic = "", .where = {}};
}

DeadLetterCounts retry(Site& site, const Feed& feed) {
    Session session(site.dsn(), "retry");
    DeadLetterRetry retry(session, feed.ingest(), query_of(feed));
    DeadLetterCounts counts;
    retry.run(nullptr, {"case", "r"}, retry.all(), [&](const DeadLetterCounts& batch) {
        counts += batch;
        return std::numeric_limits<std::int64_t>::max();
    });
    return counts;
}

std::string letters_are_retried(Site& site) {
    Feed feed(site, {.table = site.make_table(std::string(columns_with_positions) +
                                              ", CONSTRAINT small CHECK (id < 90)"),
                     .keys = keys_with_positions});
    for (int id = 0; id < 100; ++id)
        feed.add(id % 10 == 5 ? "no JSON" : "{\"id\":" + std::to_string(id) + ",\"city\":\"a\"}");
    feed.commit();
    expect_equal("loaded, superseded, filtered, rejected", feed.sums(), "81|0|0|19");
    site.exec("ALTER TABLE " + feed.table() + " DROP CONSTRAINT small");
    const DeadLetterCounts counts = retry(site, feed);
    expect_equal("loaded, and refused again",
                 std::to_string(counts.loaded) + " " + std::to_string(counts.rejected), "9 10");
    expect_equal("rows", feed.count(), "90");
    expect_equal("what sluice verify finds", feed.problems(), "");
    return "";
}

std::string letters_are_discarded_and_purged(Site& site) {
    Feed feed(site,
              {.table = site.make_table(columns_with_positions), .keys = keys_with_positions});
    for (int id = 0; id < 20; ++id) feed.add("no JSON");
    feed.commit();
    Session session(site.dsn(), "discard");
    DeadLetterPass pass(session, {.query = query_of(feed), .by = {"case", "r"}},
                        [](const std::vector<WholeDeadLetter>& letters) {
                            return [count = letters.size()] {
                                return std::vector<DeadLetterOutcome>(
                                    count, {DeadLetterOutcome::Kind::discarded, {}});
                            };
                        });
    DeadLetterCounts counts;
    while (const auto batch = pass.next(1000)) counts += *batch;
    expect_equal("discarded", std::to_string(counts.discarded), "20");
    expect_equal("open", std::to_string(count_dead_letters(session, query_of(feed))), "0");
    expect_equal(
        "purged",
        std::to_string(
            purge_dead_letters(session, "sluice", feed.name(), std::chrono::seconds(0)).letters),
        "20");
    expect_equal("what sluice verify finds", feed.problems(), "");
    return "";
}

std::string letters_keep_every_byte(Site& site) {
    Feed feed(site, {.table = site.make_table("id bigint NOT NULL, city text")});
    const std::string bytes("\0\xff\n\\", 4);
    feed.add(bytes, bytes);
    feed.commit();
    expect_equal("key and value",
                 site.list("SELECT encode(key, 'hex'), encode(value, 'hex') FROM"
                           " sluice.dead_letter WHERE pipeline = " +
                           quote_literal(feed.name())),
                 "00ff0a5c|00ff0a5c");
    return "";
}

std::string verify_finds(Site& site) {
    Feed feed(site,
              {.table = site.make_table(columns_with_positions), .keys = keys_with_positions});
    for (int id = 0; id < 50; ++id) feed.add("{\"id\":" + std::to_string(id) + "}");
    feed.commit();
    expect_equal("at first", feed.problems(), "");
    const std::string kept = "public." + site.fresh_name("kept");
    site.exec("CREATE TABLE " + kept + " AS SELECT * FROM " + feed.table());
    site.exec("DELETE FROM " + feed.table() + " WHERE id IN (0, 17, 49)");
    expect_equal("with lost rows", feed.problems(),
                 "3 loaded records are missing in the table: 0, 17, 49");
    site.exec("INSERT INTO " + feed.table() + " SELECT * FROM " + kept +
              " WHERE id IN (0, 3, 17, 30, 49)");
    expect_equal("with doubled rows", feed.problems(), "2 rows are doubled: 3, 30");
    return "";
}

std::string progress_moves_by_hand(Site& site) {
    Feed feed(site,
              {.table = site.make_table(columns_with_positions), .keys = keys_with_positions});
    const auto add = [&](int from, int to) {
        for (int id = from; id < to; ++id) feed.add("{\"id\":" + std::to_string(id) + "}");
        feed.commit();
    };
    const auto move = [&](Offset to) {
        CloudberryProgress progress = feed.progress();
        const PartitionId partition = 0;
        const ProgressMove moved{partition, progress.read({&partition, 1}).at(0), to};
        expect(progress.set({&moved, 1}), "progress had moved meanwhile");
        const ResumePoint point = progress.read({&partition, 1}).at(0);
        expect_equal("the next offset", std::to_string(point.next), std::to_string(to));
        feed.seek(to, point.incarnation);
    };
    add(0, 20);
    move(10);
    site.exec("DELETE FROM " + feed.table() + " WHERE offs >= 10");
    add(10, 30);
    move(40);
    add(40, 50);
    expect_equal("rows", feed.count(), "40");
    expect_equal("what sluice verify finds", feed.problems(), "");
    Session session(site.dsn(), "case");
    expect_equal("rows of the ledger",
                 std::to_string(latest_batches(session, "sluice", feed.name(), 100).size()), "5");
    return "";
}

}  // namespace

std::vector<Case> book_cases() {
    constexpr const char* group = "Books";
    return {
        {group, "dead letters keep every byte of key and value", letters_keep_every_byte},
        {group, "dead letters are loaded once what was wrong is mended", letters_are_retried},
        {group, "dead letters are discarded, and purged later", letters_are_discarded_and_purged},
        {group, "sluice verify finds lost and doubled rows", verify_finds},
        {group, "progress is moved by hand, back and forth", progress_moves_by_hand}};
}

}  // namespace sluice::conformance
