#include "tests/component/merge_setup.h"

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <vector>

/// Changes that are valid one after the other, and are in each other's way in another order; and
/// many that are refused.
namespace sluice::test {
namespace {

const std::string with_city = with_key + ", UNIQUE (city)";
/// City is the id of another row.
const std::string of_itself =
    "id text PRIMARY KEY, city text REFERENCES t (id), amount numeric, day date";

std::string refused_offsets(const Merge& merge) {
    return merge.setup.list("SELECT kafka_offset FROM sluice.dead_letter ORDER BY 1");
}

}  // namespace

TEST_CASE("merge: a row that others leave within the batch is removed") {
    for (const char* order : {"", version}) {
        CAPTURE(order);
        Merge merge(of_itself, config::Mode::merge, order);
        merge.change("p1", Said{});
        merge.change("p2", Said{});
        merge.change("c", Said{.city = "p1"});
        merge.commit();
        merge.change("c", Said{.city = "p2"});
        merge.change("p1", std::nullopt);
        merge.commit();
        CHECK(merge.table("id, city") == "c|p2 p2|NULL");
        CHECK(merge.setup.rejected() == "0");
    }
}

TEST_CASE("merge: a row refers to one that comes with it, and is changed once more") {
    for (const char* order : {"", version}) {
        CAPTURE(order);
        Merge merge(of_itself, config::Mode::merge, order);
        merge.change("p1", Said{});
        merge.change("c", Said{.city = "p1"});
        merge.change("c", Said{.amount = "5", .keeps_city = true});
        merge.commit();
        CHECK(merge.table("id, city, amount") == "c|p1|5 p1|NULL|0");
        // Rows of two forms are made in layers: the reference comes before what it refers to.
        merge.change("p2", Said{});
        merge.change("d", Said{.city = "p2", .day = "Jan 8 1999"});
        merge.change("d", Said{.amount = "6", .keeps_city = true});
        merge.commit();
        CHECK(merge.table("id, city, amount") == "c|p1|5 d|p2|6 p1|NULL|0 p2|NULL|0");
        CHECK(merge.setup.rejected() == "0");
    }
}

TEST_CASE("merge: a unique value that a row leaves is another's, which is changed once more") {
    for (const char* order : {"", version}) {
        CAPTURE(order);
        Merge merge(with_city, config::Mode::merge, order);
        for (const char* day : {"1999-01-08", "Jan 8 1999"}) {
            CAPTURE(day);
            merge.setup.exec("TRUNCATE t; INSERT INTO t VALUES (1, 'a', 0), (4, 'd', 0)");
            merge.change("1", std::nullopt);
            merge.change("2", Said{.city = "a", .day = day});
            merge.change("2", Said{.amount = "5", .keeps_city = true});
            merge.change("4", Said{.city = "x"});
            merge.change("3", Said{.city = "d", .day = day});
            merge.change("3", Said{.amount = "5", .keeps_city = true});
            merge.commit();
            CHECK(merge.table() == "2|a|5 3|d|5 4|x|0");
        }
        CHECK(merge.setup.rejected() == "0");
    }
}

TEST_CASE("merge: values change places in rows that are only updated, and by changes of columns") {
    for (const config::Mode mode : {config::Mode::merge, config::Mode::update}) {
        Merge merge(with_city + ", more int", mode);
        merge.setup.exec(
            "INSERT INTO t (id, city, amount, more) VALUES (1, 'a', 1, 7), (2, 'b', 2, NULL), "
            "(3, 'c', 3, NULL)");
        merge.change("1", Said{.city = "b"});
        merge.change("2", Said{.city = "a"});
        merge.commit();
        CHECK(merge.table("id, city, amount, more") == "1|b|0|7 2|a|0|NULL 3|c|3|NULL");
        // Amount and day stay: nothing is said of them.
        const auto city = [&](const std::string& id, const std::string& to) {
            merge.change(id, Said{.city = to, .keeps_rest = true});
        };
        city("1", "c");
        city("3", "a");
        city("2", "b");
        merge.commit();
        CHECK(merge.table("id, city, amount, more") == "1|c|0|7 2|b|0|NULL 3|a|3|NULL");
        CHECK(merge.setup.value("SELECT day FROM t WHERE id = 1") == "2026-01-02");
        CHECK(merge.sums() == "5|0|0|0");
    }
}

TEST_CASE("merge: values move along a row of rows to a place that is free, or stay") {
    for (const char* order : {"", version}) {
        CAPTURE(order);
        Merge merge(with_city, config::Mode::merge, order);
        constexpr int count = 300;
        const auto move = [&](int by) {
            for (int id = 0; id < count; ++id)
                merge.change(std::to_string(id), Said{.city = std::to_string(id + by)});
            merge.commit();
        };
        move(0);
        move(1);
        CHECK(merge.setup.value("SELECT count(*) FROM t WHERE city = (id + 1)::text") == "300");
        CHECK(merge.setup.rejected() == "0");
        // Someone who does not move has the last place: nobody can.
        merge.setup.exec("INSERT INTO t VALUES (-1, '301', 0)");
        move(2);
        CHECK(merge.setup.value("SELECT count(*) FROM t WHERE city = (id + 1)::text") == "300");
        CHECK(merge.setup.rejected() == "300");
    }
}

TEST_CASE("merge: a change whose place is kept by one that is refused comes after an earlier one") {
    for (const char* order : {"", version}) {
        CAPTURE(order);
        Merge merge(with_city, config::Mode::merge, order);
        merge.change("1", Said{.city = "a"});
        merge.change("9", Said{.city = "z"});
        merge.commit();
        merge.change("1", Said{.city = "b"});
        merge.change("1", Said{.city = "z"});  // 9 has it
        merge.change("2", Said{.city = "a"});
        merge.commit();
        CHECK(merge.table() == "1|b|0 2|a|0 9|z|0");
        CHECK(refused_offsets(merge) == "3");
    }
}

TEST_CASE("merge: a place that a row left again is another's, and of its changes one is refused") {
    for (const char* order : {"", version}) {
        CAPTURE(order);
        Merge merge(with_city, config::Mode::merge, order);
        merge.change("1", Said{.city = "a"});
        merge.change("2", Said{.city = "z"});
        merge.commit();
        merge.change("1", Said{.city = "b", .amount = "1"});
        merge.change("1", Said{.city = "b", .amount = "-1"});
        merge.change("1", Said{.city = "c", .keeps_rest = true});
        merge.change("1", Said{.amount = "-2", .keeps_city = true});
        merge.change("1", Said{.city = "d", .keeps_rest = true});
        merge.change("2", Said{.city = "b"});
        merge.commit();
        CHECK(merge.table() == "1|d|1 2|b|0");
        CHECK(refused_offsets(merge) == "3 5");
    }
}

TEST_CASE("merge: with an order, too, a value goes to another row and comes back") {
    for (const char* order : {"", version}) {
        CAPTURE(order);
        Merge merge(with_city, config::Mode::merge, order);
        const auto go = [&](const std::string& id, const std::string& to) {
            merge.change(id, Said{.city = to, .keeps_rest = true});
        };
        merge.change("1", Said{.city = "a", .amount = "1"});
        merge.commit();
        go("1", "b");
        merge.change("2", Said{.city = "a", .amount = "2"});
        go("2", "c");
        go("1", "a");
        merge.commit();
        CHECK(merge.table() == "1|a|1 2|c|2");
        merge.change("3", Said{.city = "d", .amount = "3"});
        go("1", "b");
        merge.change("3", Said{.city = "a", .amount = "4"});
        go("3", "d");
        go("1", "a");
        merge.commit();
        CHECK(merge.table() == "1|a|1 2|c|2 3|d|4");
        CHECK(merge.setup.rejected() == "0");
    }
}

TEST_CASE("merge: with an order, too, a row leaves one that came and went within the batch") {
    for (const char* order : {"", version}) {
        CAPTURE(order);
        Merge merge(of_itself, config::Mode::merge, order);
        merge.change("p1", Said{});
        merge.change("p2", Said{});
        merge.commit();
        merge.change("p3", Said{});
        merge.change("d", Said{.city = "p3", .amount = "4"});
        merge.change("d", Said{.city = "p2", .keeps_rest = true});
        merge.change("p3", std::nullopt);
        merge.commit();
        CHECK(merge.table() == "d|p2|4 p1|NULL|0 p2|NULL|0");
        CHECK(merge.setup.rejected() == "0");
    }
}

TEST_CASE("merge order: of changes made as one those are left out that are older than the row") {
    Merge merge(with_city, config::Mode::merge, version);
    merge.setup.exec(
        "INSERT INTO t VALUES (1, 'a', 1, NULL, 0), (2, 'b', 2, NULL, 7), (4, 'd', 4, NULL, 0)");
    merge.setup.anchor(1, 8);
    merge.partition = 1;
    merge.next = 8;
    merge.change("3", std::nullopt);
    merge.commit();
    merge.partition = 0;
    merge.next = 0;
    const auto go = [&](const std::string& id, const std::string& to) {
        merge.change(id, Said{.city = to, .keeps_rest = true});
    };
    merge.change("2", Said{.city = "x", .amount = "5"});
    merge.change("2", Said{.city = "y", .amount = "6"});
    merge.change("3", Said{.city = "z", .amount = "7"});
    merge.change("4", Said{.city = "v", .amount = "8"});
    while (merge.next < 9) go("1", "t");
    go("2", "a");
    go("3", "w");
    go("4", "u");
    go("1", "b");
    merge.commit();
    CHECK(merge.table() == "1|b|1 2|a|2 3|w|NULL 4|u|8");
    CHECK(merge.setup.rejected() == "0");
}

TEST_CASE("merge: what is refused for other tables' rows is not taken for what comes later") {
    Merge merge(with_key);
    merge.setup.exec(
        "CREATE TABLE city (name text PRIMARY KEY); INSERT INTO city VALUES ('a'); "
        "ALTER TABLE t ADD FOREIGN KEY (city) REFERENCES city");
    merge.setup.read_table();
    merge.begin();
    merge.change("1", Said{.city = "a"});
    merge.change("2", Said{.city = "nowhere"});
    merge.change("3", Said{.city = "a"});
    merge.commit();
    CHECK(merge.table("id, city") == "1|a 3|a");
    CHECK(refused_offsets(merge) == "1");
}

TEST_CASE("merge: of a key of which every change is refused others are made") {
    Merge merge(with_key);
    constexpr int count = 400;
    for (int i = 0; i < count; ++i) merge.change("1", Said{.city = "x", .amount = "-1"});
    merge.change("2", Said{.city = "y"});
    merge.commit();
    CHECK(merge.table("id, city") == "2|y");
    CHECK(merge.setup.rejected() == std::to_string(count));
}

namespace {

const std::string with_checks = with_key +
                                ", CONSTRAINT known CHECK (city <> 'Atlantis'),"
                                " CONSTRAINT \"is fair\" CHECK (100 / amount < 50)";

/// Statements that insert into t, those that were rolled back included.
int inserts(const Merge& merge) {
    return std::stoi(merge.setup.value("SELECT last_value + is_called::int FROM inserts"));
}

void count_inserts(const Merge& merge) {
    merge.setup.exec("CREATE SEQUENCE inserts MINVALUE 0");
    merge.setup.add_trigger("BEFORE INSERT ON t", "PERFORM nextval('inserts'); RETURN NULL;");
}

void change_all(Merge& merge) {
    const std::vector<std::string> cities = {"Atlantis", "Mu", "Ulm", "Ulm"};
    for (std::size_t id = 0; id < 100; ++id)
        merge.change(std::to_string(id), Said{cities[id % cities.size()], "4"});
}

void refuse_a_quarter(Merge& merge) {
    change_all(merge);
    merge.commit();
    CHECK(merge.setup.rejected() == "25");
}

/// The same once more, after the table has changed.
void change_all_again(Merge& merge) {
    change_all(merge);
    CHECK(retry_reason(merge.sink->commit(merge.batch)).find("have just changed") !=
          std::string::npos);
    merge.commit();
}

}  // namespace

TEST_CASE("merge: many changes that break CHECKs are found at once, and leave what was there") {
    for (const char* order : {"", version}) {
        CAPTURE(order);
        Merge merge(with_checks, config::Mode::merge, order);
        count_inserts(merge);
        constexpr int count = 2000;
        for (int batch = 0; batch < 2; ++batch) {
            for (int id = 0; id < count; ++id) {
                const std::string amount = std::to_string(4 + batch);
                // Of every tenth the last change is refused, and the one before it stands.
                if (id % 10 == 0) merge.change(std::to_string(id), Said{"Ulm", amount});
                const bool lost = id % 10 == 0 || id % 25 == 1;
                merge.change(std::to_string(id),
                             Said{lost ? "Atlantis" : "Bonn", id % 25 == 2 ? "1" : amount});
            }
            merge.commit();
        }
        CHECK(merge.setup.value("SELECT count(*) FROM t WHERE (id % 10 = 0 AND city = 'Ulm' OR"
                                " id % 10 <> 0 AND id % 25 NOT IN (1, 2) AND city = 'Bonn')"
                                " AND amount = 5") == merge.setup.value("SELECT count(*) FROM t"));
        CHECK(merge.setup.value("SELECT count(*) FROM t") == "1840");
        CHECK(merge.setup.list("SELECT reasons->0->>'reason', count(*) FROM sluice.dead_letter"
                               " GROUP BY 1 ORDER BY 1") ==
              "new row for relation t violates check constraint \"is fair\"|160"
              " new row for relation t violates check constraint \"known\"|560");
        CHECK(inserts(merge) < 30);
    }
}

TEST_CASE("merge: a CHECK that fails for a row, and one about a column that a change leaves") {
    Merge merge(with_checks);
    for (int id = 0; id < 300; ++id)
        merge.change(std::to_string(id), Said{.city = "Ulm", .amount = id % 50 == 7 ? "0" : "4"});
    merge.commit();
    CHECK(merge.setup.rejected() == "6");
    for (int id = 0; id < 300; ++id)
        merge.change(std::to_string(id), id % 3 == 0 ? Said{.city = "Atlantis", .keeps_rest = true}
                                                     : Said{.city = "Bonn", .keeps_rest = true});
    merge.commit();
    CHECK(merge.setup.list("SELECT city, count(*) FROM t GROUP BY 1 ORDER BY 1") ==
          "Bonn|200 Ulm|98");
}

TEST_CASE("merge: a CHECK that was dropped refuses nothing more") {
    Merge merge(with_checks);
    refuse_a_quarter(merge);
    merge.setup.exec("ALTER TABLE t DROP CONSTRAINT known");
    change_all_again(merge);
    CHECK(merge.setup.rejected() == "25");
    CHECK(merge.setup.value("SELECT count(*) FROM t") == "100");
}

TEST_CASE("merge: a CHECK that gave way to a more lenient one refuses nothing more") {
    Merge merge(with_checks);
    refuse_a_quarter(merge);
    merge.setup.exec(
        "DELETE FROM t; ALTER TABLE t DROP CONSTRAINT known,"
        " ADD CONSTRAINT other CHECK (city <> 'Mu')");
    change_all_again(merge);
    CHECK(merge.setup.rejected() == "50");
    CHECK(merge.setup.value("SELECT count(*) FROM t WHERE city = 'Atlantis'") == "25");
}

TEST_CASE(
    "merge: CHECKs are not asked of rows that a trigger puts right, nor where none is there") {
    Merge merge(with_checks);
    merge.setup.add_trigger("BEFORE INSERT OR UPDATE ON t FOR EACH ROW",
                            "IF NEW.day = '1999-01-01' THEN NEW.city := 'Ulm'; END IF;"
                            " RETURN NEW;");
    for (int id = 0; id < 100; ++id)
        merge.change(std::to_string(id), Said{id % 4 == 0 ? "Atlantis" : "Bonn", "4",
                                              id % 8 == 0 ? "1999-01-01" : "2026-01-02"});
    merge.commit();
    CHECK(merge.setup.rejected() == "12");
    Merge update(with_checks, config::Mode::update);
    update.setup.exec("INSERT INTO t VALUES (1, 'Bonn', 4), (2, 'Bonn', 4)");
    for (int id = 0; id < 100; ++id)
        update.change(std::to_string(id), Said{id % 2 == 0 ? "Atlantis" : "Ulm", "4"});
    update.commit();
    CHECK(update.table("id, city") == "1|Ulm 2|Bonn");
    CHECK(update.sums() == "1|0|98|1");
}

}  // namespace sluice::test
