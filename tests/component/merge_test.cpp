#include "pipeline/errors.h"
#include "sinks/books/removed_row_upkeep.h"
#include "sinks/catalogue/catalogue.h"
#include "sinks/dead_letters/dead_letter_loader.h"
#include "sinks/verify/verify.h"
#include "tests/component/merge_setup.h"
#include "tests/fakes/partitions.h"
#include "tests/fixture/mpp_locks.h"

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <thread>

/// Changes against a table, and against a model of it.
namespace sluice::test {

TEST_CASE("merge: the last change of each key is what the table holds, and the rest is counted") {
    Merge merge(with_key);
    merge.change("1", Said{.city = "Bonn"});
    merge.change("2", Said{.city = "Ulm"});
    merge.change("1", Said{.city = "Köln", .day = "Jan 8 1999"});  // only the database reads it
    merge.change("3", Said{.city = "Jena"});
    merge.change("3", std::nullopt);
    merge.commit();
    CHECK(merge.table() == "1|Köln|0 2|Ulm|0");
    CHECK(merge.sums() == "3|2|0|0");
    merge.change("2", std::nullopt);
    merge.change("4", Said{.city = "Mainz"});
    merge.change("2", Said{.amount = "7"});
    merge.change("9", std::nullopt);
    merge.commit();
    CHECK(merge.table() == "1|Köln|0 2|NULL|7 4|Mainz|0");
    CHECK(merge.sums() == "6|3|0|0");
}

TEST_CASE("merge: what was folded beforehand is staged, unless rows have gone since") {
    Merge merge(with_key);
    merge.prepares = false;
    const auto begin = [&](const std::string& city) {
        merge.change("1", Said{.city = city});
        merge.change("2", Said{.city = city});
        merge.change("1", Said{.city = city + "!"});
        merge.sink->use(merge.sink->prepare(merge.batch));
        // As a lane's batch becomes the one that is offered.
        Batch offered;
        std::swap(offered, merge.batch);
        return offered;
    };
    Batch whole = begin("Bonn");
    std::string& bytes = whole.targets.front().binary.bytes;
    for (std::size_t at = 0; (at = bytes.find("Bonn")) != std::string::npos;)
        bytes.replace(at, 4, "late");
    REQUIRE(committed(merge.sink->commit(whole)));
    CHECK(merge.table() == "1|Bonn!|0 2|Bonn|0");

    Batch less = begin("Ulm");
    less.cut(merge.partition, merge.next - 1);
    REQUIRE(committed(merge.sink->commit(less)));
    CHECK(merge.table() == "1|Ulm|0 2|Ulm|0");
    CHECK(merge.sums() == "4|1|0|0");

    // Once only: what another batch has in the same place is its own.
    --merge.next;
    merge.change("1", Said{.city = "Jena"});
    merge.change("3", Said{.city = "Jena"});
    REQUIRE(committed(merge.sink->commit(merge.batch)));
    CHECK(merge.table() == "1|Jena|0 2|Ulm|0 3|Jena|0");
}

TEST_CASE("merge: what the database refuses leaves its row as the changes before it say") {
    Merge merge(with_key);
    merge.change("1", Said{.city = "a"});
    merge.commit();
    merge.change("1", Said{.city = "b"});
    merge.change("1", Said{.city = "c"});
    merge.change("1", Said{.city = "bad", .amount = "-1"});
    merge.change("2", Said{.city = "bad", .amount = "-1"});
    merge.change("3", Said{.city = "x"});
    merge.change("3", Said{.city = "unreadable", .day = "Jan 32 1999"});
    merge.commit();
    CHECK(merge.table() == "1|c|0 3|x|0");
    CHECK(merge.sums() == "3|1|0|3");
    CHECK(merge.setup.list("SELECT kafka_offset FROM sluice.dead_letter ORDER BY 1") == "3 4 6");
}

TEST_CASE("merge: values of a unique column change places within a batch") {
    Merge merge(with_key + ", UNIQUE (city), more int DEFAULT 5");
    merge.change("1", Said{.city = "a"});
    merge.change("2", Said{.city = "b"});
    merge.change("3", Said{.city = "c"});
    merge.commit();
    merge.setup.exec("UPDATE t SET more = id");
    merge.change("1", Said{.city = "b"});
    merge.change("2", Said{.city = "a"});
    merge.change("4", Said{.city = "c"});  // 3 keeps it
    merge.change("5", Said{.city = "e"});
    merge.commit();
    CHECK(merge.table("id, city, more") == "1|b|1 2|a|2 3|c|3 5|e|5");
    CHECK(merge.sums() == "6|0|0|1");
}

TEST_CASE("merge: trouble while what waits is tried once more loses nothing of it") {
    Merge merge(with_key + ", UNIQUE (city)");
    merge.change("1", Said{.city = "a"});
    merge.change("2", Said{.city = "b"});
    merge.commit();
    merge.setup.exec("CREATE SEQUENCE times");
    merge.setup.add_trigger("BEFORE INSERT ON t FOR EACH ROW",
                            "IF NEW.id = 1 AND EXISTS (SELECT FROM t WHERE city = 'z') AND "
                            "nextval('times') <= 2 THEN RAISE 'locked' USING ERRCODE = '55P03'; "
                            "END IF; RETURN NEW;");
    // The first waits until the second has left its place.
    merge.change("1", Said{.city = "b"});
    merge.change("2", Said{.city = "z"});
    merge.change("3", Said{.city = "c"});
    for (int i = 0; i < 2; ++i) {
        const CommitResult result = merge.sink->commit(merge.batch);
        CHECK_FALSE(committed(result));
    }
    CHECK(merge.table("id, city") == "1|a 2|b");
    merge.commit();
    CHECK(merge.table("id, city") == "1|b 2|z 3|c");
    CHECK(merge.sums() == "5|0|0|0");
}

TEST_CASE("merge: values that change places take no rows of other tables with them") {
    for (const std::string action : {"CASCADE", "SET NULL", "SET DEFAULT", "NO ACTION"}) {
        CAPTURE(action);
        Merge merge(with_key + ", UNIQUE (city)");
        merge.setup.exec("CREATE TABLE child (id bigint DEFAULT 9 REFERENCES t ON DELETE " +
                         action + ")");
        merge.setup.read_table();
        merge.begin();
        merge.change("1", Said{.city = "a"});
        merge.change("2", Said{.city = "b"});
        merge.change("9", Said{.city = "z"});
        merge.commit();
        merge.setup.exec("INSERT INTO child VALUES (1), (2)");
        merge.change("1", Said{.city = "b"});
        merge.change("2", Said{.city = "a"});
        merge.commit();
        CHECK(merge.setup.list("SELECT id FROM child ORDER BY 1") == "1 2");
        CHECK(merge.table("id, city") == "1|b 2|a 9|z");
        CHECK(merge.sums() == "5|0|0|0");
    }
}

TEST_CASE("merge: a column of which a change says nothing keeps its value") {
    for (const char* key : {", PRIMARY KEY (id)", ""}) {
        Merge merge(columns + key);
        merge.change("1", Said{.city = "a"});
        merge.change("1", Said{.amount = "1", .keeps_city = true});
        merge.commit();
        CHECK(merge.table() == "1|a|1");
        merge.change("1", Said{.amount = "2", .keeps_city = true});
        merge.change("2", Said{.amount = "3", .keeps_city = true});
        merge.commit();
        CHECK(merge.table() == "1|a|2 2|NULL|3");
        CHECK(merge.sums() == "4|0|0|0");
        // Of a change that another takes the place of in part nobody judges that part.
        merge.change("1", Said{.city = "b", .amount = "-1"});
        merge.change("1", Said{.amount = "4", .keeps_city = true});
        merge.change("2", Said{.city = "bad", .amount = "-1"});
        merge.change("2", Said{.amount = "-1", .keeps_city = true});
        merge.change("2", Said{.amount = "6", .keeps_city = true});
        merge.change("2", Said{.amount = "-1", .keeps_city = true});
        merge.commit();
        CHECK(merge.table() == "1|b|4 2|NULL|6");
    }
}

TEST_CASE("merge: values of some columns only make no row where the one before was refused") {
    Merge merge(with_key);
    merge.change("1", Said{.city = "a", .amount = "-1"});
    merge.change("1", Said{.amount = "4", .keeps_city = true});
    merge.change("1", Said{.amount = "-1", .keeps_city = true});
    merge.change("2", Said{.city = "b"});
    merge.change("2", Said{.city = "bad", .amount = "-1"});
    merge.change("2", Said{.amount = "5", .keeps_city = true});
    merge.change("2", Said{.amount = "-1", .keeps_city = true});
    merge.commit();
    CHECK(merge.table() == "2|b|5");
    CHECK(merge.setup.list("SELECT kafka_offset FROM sluice.dead_letter ORDER BY 1") ==
          "0 1 2 4 6");
}

TEST_CASE("merge: values change places around a trigger or a rule of deletes") {
    for (const bool rule : {false, true}) {
        Merge merge(with_key + ", UNIQUE (city)");
        merge.setup.exec("CREATE TABLE child (id bigint)");
        if (rule)
            merge.setup.exec(
                "CREATE RULE r AS ON DELETE TO t DO ALSO DELETE FROM child WHERE id = OLD.id");
        else
            merge.setup.add_trigger("BEFORE DELETE ON t FOR EACH ROW",
                                    "DELETE FROM child WHERE id = OLD.id; RETURN OLD;");
        merge.setup.read_table();
        merge.begin();
        merge.change("1", Said{.city = "a"});
        merge.change("2", Said{.city = "b"});
        merge.commit();
        merge.setup.exec("INSERT INTO child VALUES (1), (2)");
        merge.change("1", Said{.city = "b"});
        merge.change("2", Said{.city = "a"});
        merge.commit();
        CHECK(merge.table("id, city") == "1|b 2|a");
        CHECK(merge.setup.list("SELECT id FROM child ORDER BY 1") == "1 2");
        CHECK(merge.sums() == "4|0|0|0");
        // A value that has to be there cannot leave.
        merge.setup.exec("ALTER TABLE t ALTER city SET NOT NULL");
        merge.setup.read_table();
        merge.begin();
        merge.change("1", Said{.city = "a"});
        merge.change("2", Said{.city = "b"});
        merge.commit();
        CHECK(merge.table("id, city") == "1|b 2|a");
        CHECK(merge.setup.list("SELECT id FROM child ORDER BY 1") == "1 2");
        CHECK(merge.sums() == "4|0|0|2");
    }
}

TEST_CASE("merge: values change places in rows that others refer to") {
    Merge merge(with_key + ", UNIQUE (city)");
    merge.change("1", Said{.city = "a"});
    merge.change("2", Said{.city = "b"});
    merge.commit();
    SUBCASE("by their key") {
        merge.setup.exec("CREATE TABLE child AS SELECT id FROM t");
        merge.setup.exec("ALTER TABLE child ADD FOREIGN KEY (id) REFERENCES t");
        merge.change("1", Said{.city = "b"});
        merge.change("2", Said{.city = "a"});
        merge.commit();
        CHECK(merge.table("id, city") == "1|b 2|a");
        CHECK(merge.sums() == "4|0|0|0");
    }
    SUBCASE("by the value, and that change along with it") {
        merge.setup.exec("CREATE TABLE child AS SELECT city FROM t");
        merge.setup.exec(
            "ALTER TABLE child ADD FOREIGN KEY (city) REFERENCES t (city) ON UPDATE SET NULL");
        merge.setup.read_table();
        merge.begin();
        merge.change("1", Said{.city = "b"});
        merge.change("2", Said{.city = "a"});
        merge.commit();
        CHECK(merge.table("id, city") == "1|a 2|b");
        CHECK(merge.setup.list("SELECT city FROM child ORDER BY 1") == "a b");
        CHECK(merge.sums() == "2|0|0|2");
    }
}

TEST_CASE("merge: a table that was altered is looked up anew before anything is lost") {
    const auto stopped = [](Merge& merge) {
        CHECK_THROWS_AS(merge.sink->commit(merge.batch), TroubleOfTheWorld);
        merge.batch.clear();
    };
    const auto exchange = [](Merge& merge, const std::string& alter) {
        merge.change("1", Said{.city = "a"});
        merge.change("2", Said{.city = "b"});
        merge.commit();
        merge.setup.exec(alter);
        merge.change("1", Said{.city = "b"});
        merge.change("2", Said{.city = "a"});
    };
    SUBCASE("a column has come, which an exchange would lose") {
        Merge merge(with_key + ", UNIQUE (city)");
        exchange(merge, "ALTER TABLE t ADD COLUMN note text; UPDATE t SET note = 'mine'");
        stopped(merge);
        CHECK(merge.table("id, city, note") == "1|a|mine 2|b|mine");
    }
    SUBCASE("a column that no change speaks of takes finer values") {
        Merge merge(with_key + ", UNIQUE (city), more numeric(10,2)");
        exchange(merge, "ALTER TABLE t ALTER more TYPE numeric(10,4); UPDATE t SET more = 1.2345");
        stopped(merge);
        CHECK(merge.table("id, city, more") == "1|a|1.2345 2|b|1.2345");
    }
    SUBCASE("a column that no change speaks of is gone") {
        Merge merge(with_key + ", more int");
        exchange(merge, "ALTER TABLE t DROP COLUMN more");
        stopped(merge);
    }
    SUBCASE("rows that only the database reads would be rounded") {
        Merge merge("id bigint PRIMARY KEY, city xml, amount numeric(10,2), day date");
        exchange(merge, "ALTER TABLE t ALTER amount TYPE numeric(10,4)");
        stopped(merge);
    }
}

TEST_CASE("merge: a domain that refuses NULL takes removals and values of some columns") {
    Merge merge(with_key);
    merge.setup.exec(
        "CREATE DOMAIN dated AS date NOT NULL; CREATE DOMAIN named AS text NOT NULL CHECK (VALUE "
        "<> "
        "'x'); CREATE DOMAIN twice AS named; ALTER TABLE t ALTER day TYPE dated, ALTER city TYPE "
        "twice");
    merge.setup.read_table();
    merge.begin();
    merge.change("1", Said{.city = "a"});
    merge.change("2", Said{.city = "b"});
    merge.change("3", Said{.city = "x"});
    merge.commit();
    merge.change("1", std::nullopt);
    merge.change("2", Said{.amount = "7", .keeps_city = true});
    merge.commit();
    CHECK(merge.table() == "2|b|7");
    CHECK(merge.sums() == "4|0|0|1");
}

TEST_CASE("merge: a varchar key is the same with surplus spaces, as the database cuts them") {
    Merge merge("id varchar(2) PRIMARY KEY, city text, amount numeric, day date");
    merge.change("äb  ", Said{.city = "x"});
    merge.change("a ", Said{.city = "y"});
    merge.change("äb", std::nullopt);
    merge.change("a", Said{.city = "z"});
    merge.commit();
    CHECK(merge.table("'<' || id || '>', city") == "<a>|z <a >|y");
}

TEST_CASE("merge: an index that takes other keys for equal is no arbiter") {
    Merge merge("id text PRIMARY KEY, city text, amount numeric, day date");
    merge.setup.exec(
        "CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);"
        "CREATE UNIQUE INDEX ON t (id COLLATE ci)");
    merge.setup.read_table();
    merge.begin();
    merge.change("BOB", Said{.city = "old"});
    merge.commit();
    merge.change("bob", Said{.city = "new"});
    merge.commit();
    CHECK(merge.table("id, city") == "BOB|old");
    CHECK(merge.setup.rejected() == "1");
}

TEST_CASE("merge: a deferrable key beside a unique index is merged into") {
    Merge merge(columns + ", PRIMARY KEY (id) DEFERRABLE");
    merge.setup.exec("CREATE UNIQUE INDEX ON t (id)");
    merge.setup.read_table();
    merge.begin();
    merge.change("1", Said{.city = "a"});
    merge.commit();
    merge.change("1", Said{.city = "b"});
    merge.commit();
    CHECK(merge.table("id, city") == "1|b");
}

TEST_CASE("merge: a truncation that is refused alone leaves the rest of its batch") {
    Merge merge(with_key);
    merge.setup.exec("CREATE TABLE child (id bigint REFERENCES t)");
    merge.change("1", Said{.city = "a"});
    merge.commit();
    merge.setup.exec("INSERT INTO child VALUES (1)");
    merge.truncate();
    merge.commit();
    CHECK(merge.table("id, city") == "1|a");
    CHECK(merge.sums() == "1|0|0|1");
}

constexpr const char* not_by_you = "RAISE 'not by you' USING ERRCODE = '42501';";

TEST_CASE("merge: changes of one kind that are refused alike need no patience beside others") {
    Merge merge(with_key);
    merge.begin(std::nullopt);
    for (int id = 0; id < 200; ++id) merge.change(std::to_string(id), Said{.city = "a"});
    merge.commit();
    merge.setup.add_trigger("BEFORE DELETE ON t FOR EACH ROW", not_by_you);
    // Deletes come first; more than are tried before others are looked at.
    for (int id = 0; id < 150; ++id) merge.change(std::to_string(id), std::nullopt);
    for (int id = 150; id < 160; ++id) merge.change(std::to_string(id), Said{.city = "b"});
    merge.commit();
    CHECK(merge.setup.list("SELECT count(*), count(*) FILTER (WHERE city = 'b') FROM t") ==
          "200|10");
    CHECK(merge.setup.rejected() == "150");
}

TEST_CASE("merge: where all changes are refused alike the batch waits, and is rejected later") {
    for (const int count : {1, 50, 300}) {
        Merge merge(with_key);
        merge.begin(std::nullopt);
        merge.setup.add_trigger("BEFORE INSERT ON t FOR EACH ROW", not_by_you);
        for (int id = 0; id < count; ++id) {
            merge.change(std::to_string(id), Said{.city = "a"});
            // Refused before it comes to the table: that nothing is left of it takes no change.
            merge.change(std::to_string(1000 + id), Said{.day = "Jan 32 1999"});
        }
        for (int i = 0; i < 2; ++i)
            CHECK(retry_reason(merge.sink->commit(merge.batch)).find("waits until it ends") !=
                  std::string::npos);
        CHECK(merge.setup.rejected() == "0");
        merge.begin(std::chrono::milliseconds(0));
        CHECK(retry_reason(merge.sink->commit(merge.batch)).find("reject_after") !=
              std::string::npos);
        merge.commit();
        CHECK(merge.setup.rejected() == std::to_string(2 * count));
    }
}

TEST_CASE("merge: a change is not to blame for what has ended while it was found") {
    Merge merge(with_key);
    merge.setup.exec("CREATE SEQUENCE tries");
    merge.setup.add_trigger("BEFORE INSERT ON t FOR EACH ROW",
                            "IF NEW.id = 5 AND nextval('tries') <= 5 THEN " +
                                std::string(not_by_you) + " END IF; RETURN NEW;");
    for (int id = 0; id < 10; ++id) merge.change(std::to_string(id), Said{.city = "a"});
    merge.commit();
    CHECK(merge.sums() == "10|0|0|0");
    CHECK(merge.setup.value("SELECT count(*) FROM t") == "10");
}

TEST_CASE("update: only rows that are there change, and the others are counted") {
    for (const char* key : {", PRIMARY KEY (id)", ""}) {
        Merge merge(columns + key, config::Mode::update);
        merge.setup.exec("INSERT INTO t VALUES (1, 'a', 0, NULL), (2, 'b', 0, NULL)");
        merge.change("1", Said{.city = "c"});
        merge.change("7", Said{.city = "d"});
        merge.change("2", std::nullopt);
        merge.commit();
        CHECK(merge.table() == "1|c|0");
        CHECK(merge.sums() == "2|0|1|0");
        merge.change("1", Said{.city = "e", .amount = "-1"});
        merge.change("8", Said{.city = "f"});
        merge.commit();
        CHECK(merge.table() == "1|c|0");
        CHECK(merge.sums() == "2|0|2|1");
        merge.change("1", std::nullopt);
        merge.change("1", Said{.city = "g"});
        merge.commit();
        CHECK(merge.table() == "");
        CHECK(merge.sums() == "3|0|3|1");
    }
}

TEST_CASE("update: statements follow each other where no row goes") {
    const std::string rows = "INSERT INTO t VALUES (1, 'a', 1, NULL), (2, 'b', 1, NULL)";
    {
        // Each of its own columns.
        Merge merge(with_key, config::Mode::update);
        merge.setup.exec(rows);
        merge.change("1", Said{.city = "c", .amount = "2"});
        merge.change("2", Said{.city = "d", .keeps_rest = true});
        merge.change("1", Said{.amount = "3", .keeps_city = true});
        merge.change("7", Said{.city = "x", .keeps_rest = true});
        merge.commit();
        CHECK(merge.table() == "1|c|3 2|d|1");
        CHECK(merge.sums() == "3|0|1|0");
    }
    {
        Merge merge(with_key, config::Mode::update, "amount");
        merge.setup.exec(rows);
        merge.change("1", Said{.city = "c", .amount = "2"});
        merge.change("2", Said{.city = "d", .amount = "0"});
        merge.change("7", Said{.city = "x", .amount = "2"});
        merge.commit();
        CHECK(merge.table() == "1|c|2 2|b|1");
        CHECK(merge.sums() == "1|1|1|0");
    }
}

TEST_CASE("merge: reading once more from an earlier offset leads to the same table") {
    Merge merge(with_key);
    const auto read = [&](Offset from, Offset to) {
        for (Offset at = from; at < to; ++at) {
            if (at % 7 == 0)
                merge.change(std::to_string(at % 10), std::nullopt);
            else
                merge.change(std::to_string(at % 10), Said{.city = std::to_string(at)});
            if (at % 13 == 0) merge.commit();
        }
        merge.commit();
    };
    read(0, 100);
    const std::string before = merge.table();
    CloudberryProgress progress = merge.setup.progress();
    const PartitionId zero = 0;
    const ProgressMove back{0, progress.read({&zero, 1}).front(), 40};
    REQUIRE(progress.set({&back, 1}));
    merge.next = 40;
    merge.begin();
    for (Offset at = 40; at < 100; ++at) {
        if (at % 7 == 0)
            merge.change(std::to_string(at % 10), std::nullopt);
        else
            merge.change(std::to_string(at % 10), Said{.city = std::to_string(at)});
    }
    merge.batch.slice(0, 40).incarnation = progress.read({&zero, 1}).front().incarnation;
    merge.commit();
    CHECK(merge.table() == before);
}

TEST_CASE("merge: lanes of one table take turns where a change locks it as a whole") {
    Merge one(with_key);
    {
        fixture::PgConnection connection(one.setup.dsn);
        fixture::install_mpp_locks(connection, "t");
    }
    one.setup.anchor(1, 0);
    const auto merge = [&one](PartitionId partition) {
        config::Ingest ingest = one.ingest;
        const auto plans = plan_columns(ingest, one.setup.table);
        RowEncoder encoder(ingest, plans, true);
        CloudberrySink sink({.dsn = one.setup.dsn,
                             .identity = one.setup.identity,
                             .loader = merge_loader({.table = one.setup.table,
                                                     .columns = {"id", "city", "amount", "day"},
                                                     .key = ingest.key,
                                                     .mode = ingest.mode},
                                                    config::OnInvalid::reject)});
        Offset next = 0;
        for (int i = 0; i < 30; ++i) {
            Batch batch;
            for (int k = 0; k < 50; ++k) {
                const std::string id = std::to_string((k * 7 + i + partition * 3) % 60);
                const Record record{.from = fakes::orders(partition),
                                    .offset = next,
                                    .key = id,
                                    .value = id,
                                    .headers = {}};
                std::vector<Value> values(4);
                values[0] = {Value::Kind::text, id};
                Rejection why;
                static_cast<void>(encoder.encode(batch.records.append(record), values,
                                                 k % 5 == 0 ? Change::remove : Change::upsert,
                                                 batch.targets.front(), why));
                Slice& slice = batch.slice(partition, next);
                ++slice.loaded;
                slice.range.to = ++next;
                slice.last = identify(record);
            }
            const CommitResult result = sink.commit(batch);
            CHECK(retry_reason(result) == "");
            if (!committed(result)) return;
        }
    };
    std::thread other([&] { merge(1); });
    merge(0);
    other.join();
    CHECK(one.setup.next(0) == 1500);
    CHECK(one.setup.next(1) == 1500);
}

TEST_CASE("merge order: a newer row wins over what comes later, and so does its removal") {
    for (const char* key : {", PRIMARY KEY (id)", ""}) {
        CAPTURE(key);
        Merge merge(columns + key, config::Mode::merge, "amount");
        merge.change("1", Said{.city = "new", .amount = "9.5"});
        merge.change("1", Said{.city = "old", .amount = "9.25"});
        merge.change("2", Said{.city = "a", .amount = "5"});
        merge.change("3", Said{.city = "a", .amount = "5"});
        merge.change("5", std::nullopt, "7");  // of a row that is yet to come
        merge.commit();
        CHECK(merge.table("id, city, amount") == "1|new|9.5 2|a|5 3|a|5");
        CHECK(merge.sums() == "4|1|0|0");
        merge.change("1", Said{.city = "older", .amount = "9"});
        merge.change("1", std::nullopt, "8");
        merge.change("2", std::nullopt, "6");
        merge.change("3", Said{.city = "equal", .amount = "5.00"});
        merge.change("5", Said{.city = "older", .amount = "6", .day = "Jan 8 1999"});
        merge.commit();
        CHECK(merge.table("id, city, amount") == "1|new|9.5 3|equal|5.00");
        CHECK(merge.sums() == "6|4|0|0");
        merge.change("2", Said{.city = "older", .amount = "5.5"});
        merge.change("5", Said{.city = "newer", .amount = "8"});
        merge.commit();
        CHECK(merge.table("id, city") == "1|new 3|equal 5|newer");
        CHECK(merge.sums() == "7|5|0|0");
        // What the table does not order may be changed by anything.
        merge.setup.exec("UPDATE t SET amount = NULL WHERE id = 1");
        merge.change("1", Said{.city = "any", .amount = "1"});
        merge.commit();
        CHECK(merge.table("id, city") == "1|any 3|equal 5|newer");
    }
}

TEST_CASE("merge order: two partitions and what is refused lead to the newest that is taken") {
    for (const config::Mode mode : {config::Mode::merge, config::Mode::update}) {
        for (const char* key : {", PRIMARY KEY (id)", ""}) {
            CAPTURE(key);
            Merge merge(columns + key + ", CHECK (city <> 'bad')", mode, "amount");
            merge.setup.anchor(1, 0);
            std::map<std::string, std::pair<int, std::string>> model;  // no city: it is gone
            for (int id = 0; mode == config::Mode::update && id < 40; ++id) {
                merge.setup.exec("INSERT INTO t VALUES (" + std::to_string(id) + ", 'first', 0)");
                model[std::to_string(id)] = {0, "first"};
            }
            std::mt19937 random{23};
            Offset next[2] = {0, 0};
            for (int batch = 0; batch < 10; ++batch) {
                for (int i = 0; i < 120; ++i) {
                    merge.partition = static_cast<PartitionId>(random() % 2);
                    merge.next = next[merge.partition]++;
                    const std::string id = std::to_string(random() % 40);
                    const int order = batch * 20 + static_cast<int>(random() % 60);
                    std::string city = std::to_string(batch) + "." + std::to_string(i);
                    if (random() % 5 == 0) city.clear();
                    if (batch % 2 == 1 && random() % 6 == 0) city = "bad";
                    if (city.empty())
                        merge.change(id, std::nullopt, std::to_string(order));
                    else
                        merge.change(id, Said{.city = city, .amount = std::to_string(order)});
                    const auto known = model.find(id);
                    if (city == "bad" || (known != model.end() && known->second.first > order))
                        continue;
                    // An update does not bring back what is gone.
                    if (mode == config::Mode::update && model[id].second.empty()) continue;
                    model[id] = {order, city};
                }
                merge.commit();
                std::map<int, std::string> expected;
                for (const auto& [id, row] : model)
                    if (!row.second.empty()) expected[std::stoi(id)] = row.second;
                std::string all;
                for (const auto& [id, city] : expected)
                    all += (all.empty() ? "" : " ") + std::to_string(id) + "|" + city;
                if (mode == config::Mode::merge) REQUIRE(merge.table("id, city") == all);
            }
            CHECK(merge.setup.value("SELECT sum(loaded + superseded + unmatched + rejected) FROM "
                                    "sluice.ledger") == "1200");
        }
    }
}

TEST_CASE("merge order: changes of some columns stand on what is not older, whatever is refused") {
    for (const char* rest : {", PRIMARY KEY (id)", "", ", PRIMARY KEY (id), more int DEFAULT 5"}) {
        CAPTURE(rest);
        Merge merge(columns + rest, config::Mode::merge, "amount");
        struct Row {
            int order = 0;
            bool is_there = false;
            std::string city = "NULL";
        };
        std::map<int, Row> model;
        std::mt19937 random{29};
        int refused = 0;
        for (int batch = 0; batch < 20; ++batch) {
            std::map<int, std::multimap<int, std::optional<Said>>> changes;
            for (int i = 0; i < 150; ++i) {
                const int id = static_cast<int>(random() % 40);
                const int order = batch * 20 + static_cast<int>(random() % 60);
                std::optional<Said> said;
                if (random() % 6 != 0)
                    said = Said{.city = std::to_string(merge.next),
                                .amount = std::to_string(order),
                                .keeps_city = random() % 2 == 0};
                merge.change(std::to_string(id), said, std::to_string(order));
                changes[id].emplace(order, said);
                if (i % 50 > batch % 2) continue;
                merge.change("99", Said{.amount = "-1"});
                ++refused;
            }
            for (const auto& [id, of_key] : changes) {
                Row& row = model[id];
                for (const auto& [order, said] : of_key) {
                    if (order < row.order) continue;
                    if (!row.is_there || !said) row.city = "NULL";
                    if (said && !said->keeps_city) row.city = *said->city;
                    row.is_there = said.has_value();
                    row.order = order;
                }
            }
            merge.commit();
            std::string all;
            for (const auto& [id, row] : model)
                if (row.is_there)
                    all += (all.empty() ? "" : " ") + std::to_string(id) + "|" + row.city + "|" +
                           std::to_string(row.order);
            REQUIRE(merge.table() == all);
        }
        CHECK(merge.setup.rejected() == std::to_string(refused));
    }
}

TEST_CASE("merge order: removals are forgotten once they are old") {
    Merge merge(with_key, config::Mode::merge, "amount");
    merge.change("1", std::nullopt, "5");
    merge.change("2", std::nullopt, "5");
    merge.commit();
    merge.setup.exec(
        "UPDATE sluice.removed_row SET removed_at = now() - interval '2 days' WHERE key = "
        "'\\x000000080000000000000001'");
    Session session(merge.setup.dsn, "test");
    CHECK(forget_removed_rows(session, "sluice", std::chrono::hours(24)).removals == 1);
    merge.change("1", Said{.city = "a", .amount = "4"});
    merge.change("2", Said{.city = "a", .amount = "4"});
    merge.commit();
    CHECK(merge.table("id, city") == "1|a");
}

TEST_CASE("merge order: a dead letter that is retried never overwrites what is newer") {
    Merge merge(with_key, config::Mode::merge, "amount");
    merge.change("1", Said{.city = "new", .amount = "5"});
    merge.commit();
    Session session(merge.setup.dsn, "test");
    DeadLetterLoader loader(session, merge.ingest, merge.setup.table, "sluice");
    const auto letter = [](Offset offset, const std::string& value) {
        WholeDeadLetter whole;
        whole.offset = offset;
        whole.value = value;
        whole.headers = "[]";
        return whole;
    };
    loader.prepare({letter(7, R"({"id":1,"city":"old","amount":4})"),
                    letter(8, R"({"id":2,"city":"only","amount":1})")});
    Transaction transaction(session);
    const auto outcomes = loader.load();
    transaction.commit();
    REQUIRE(outcomes.size() == 2);
    CHECK(outcomes[0].kind == DeadLetterOutcome::Kind::filtered);
    CHECK(outcomes[1].kind == DeadLetterOutcome::Kind::loaded);
    CHECK(merge.table("id, city") == "1|new 2|only");
}

TEST_CASE("merge: a dead letter is not loaded later than what came after it") {
    Merge merge(with_key);
    Session session(merge.setup.dsn, "test");
    CHECK_THROWS_WITH_AS(DeadLetterLoader(session, merge.ingest, merge.setup.table, "sluice"),
                         doctest::Contains("could overwrite what later records brought"),
                         WrongConfiguration);
}

TEST_CASE("merge: verify looks at keys, of which no two rows have the same") {
    Merge merge(columns);
    merge.change("1", Said{.city = "a"});
    merge.change("2", Said{.city = "b"});
    merge.change("1", Said{.city = "c"});
    merge.commit();
    Session session(merge.setup.dsn, "test");
    VerifyOptions options{.schema = "sluice",
                          .pipeline = merge.setup.identity.pipeline,
                          .topics = "orders",
                          .table = merge.setup.table,
                          .not_comparable = "rows hold the last change of their key",
                          .key = {"id"},
                          .partition_column = {},
                          .offset_column = {},
                          .topic_column = {}};
    Verification found = verify(session, options);
    REQUIRE(found.keys);
    CHECK(found.keys->rows == 2);
    CHECK(found.fine());
    merge.setup.exec("INSERT INTO t VALUES (1, 'd', 0, NULL)");
    found = verify(session, options);
    CHECK(found.keys->doubled == 1);
    CHECK_FALSE(found.fine());
}

}  // namespace sluice::test
