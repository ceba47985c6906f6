#include "pipeline/ingest/change_fold.h"

#include "pipeline/mapping/row_mapper.h"
#include "tests/fakes/partitions.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <random>
#include <string>

/// What is left of a batch's changes, against a table that gets all of them one after the other.
namespace sluice::test {
namespace {

constexpr std::size_t columns = 3;

/// A row: what changes speak of, and a column of which they do not.
struct Row {
    std::vector<int> values = std::vector<int>(columns, 0);
    int other = 0;
    bool operator==(const Row&) const = default;
};
using Table = std::map<std::string, Row>;

class Changes {
public:
    Changes() { rows.kept[0] = {}; }

    void add(const std::string& key, Change change, const std::vector<bool>& kept = {},
             CopyForm form = CopyForm::binary) {
        auto set = std::ranges::find(rows.kept, kept);
        if (set == rows.kept.end()) set = rows.kept.insert(set, kept);
        EncodedRows& to = form == CopyForm::binary ? rows.binary : rows.text;
        to.rows.push_back({.record = static_cast<RecordLog::Index>(keys.size()),
                           .change = change,
                           .kept = static_cast<std::uint16_t>(set - rows.kept.begin()),
                           .end = 0});
        to.keys.append(key);
        keys.push_back(key);
    }

    void make(Table& table, std::size_t change, const EncodedRows::Row& about) const {
        if (about.change == Change::remove) {
            table.erase(keys[change]);
            return;
        }
        Row& row = table[keys[change]];
        const std::vector<bool>& kept = rows.kept[about.kept];
        for (std::size_t i = 0; i < columns; ++i)
            if (kept.empty() || !kept[i]) row.values[i] = static_cast<int>(change) + 1;
    }

    TargetRows rows;
    std::vector<std::string> keys;
};

std::vector<std::size_t> all_of(const OrderedChanges& changes) {
    std::vector<std::size_t> all(changes.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    return all;
}

/// "part+part+change/layer …" of what is left, "?" behind what is made one for another, "!" behind
/// what stands on that.
std::string left_of(const Changes& changes, const FoldOptions& options = {}) {
    const OrderedChanges ordered(changes.rows);
    std::string text;
    for (const FoldedChange& each :
         fold(ordered, all_of(ordered), changes.rows.kept, options).changes) {
        text += text.empty() ? "" : " ";
        for (const std::size_t part : each.parts) text += std::to_string(part) + "+";
        text += std::to_string(each.change) + "/" + std::to_string(each.layer);
        if (each.turn == FoldedChange::Turn::unless_made) text += "?";
        if (each.turn == FoldedChange::Turn::if_made) text += "!";
    }
    return text;
}

constexpr Change upsert = Change::upsert;
constexpr Change removal = Change::remove;
const std::vector<bool> keeps_last = {false, false, true};
const std::vector<bool> keeps_first = {true, false, false};

}  // namespace

TEST_CASE("fold: of each key the last change is left, in the order of the records") {
    Changes changes;
    changes.add("a", upsert);
    changes.add("b", upsert, {}, CopyForm::text);
    changes.add("a", removal, {}, CopyForm::text);
    changes.add("c", upsert);
    changes.add("a", upsert);
    changes.add("b", removal);
    CHECK(left_of(changes) == "3/0 4/0 5/0");
}

TEST_CASE("fold: what several changes say of a row's columns is made as one") {
    Changes changes;
    changes.add("a", upsert);
    changes.add("a", upsert);
    changes.add("a", upsert, keeps_last);
    changes.add("b", upsert);
    changes.add("a", upsert, keeps_last);
    CHECK(left_of(changes) == "3/0 1+4/0");
    CHECK(left_of(changes, {.joins = false}) == "1/0 3/1 4/1");
    changes.add("a", upsert, keeps_first);
    CHECK(left_of(changes) == "3/0 1+4+5/0");
    CHECK(left_of(changes, {.joins = false}) == "1/0 4/1 3/2 5/2");
}

TEST_CASE("fold: rows of two forms are made one behind the other") {
    Changes changes;
    changes.add("a", upsert, {}, CopyForm::text);
    changes.add("a", upsert, keeps_last);
    changes.add("b", upsert);
    CHECK(left_of(changes) == "0/0 1/1 2/1");
}

TEST_CASE("fold: what a removal takes beyond the changes' columns does not come back") {
    Changes changes;
    changes.add("a", removal);
    changes.add("a", upsert);
    CHECK(left_of(changes) == "1/0");
    CHECK(left_of(changes, {.removals_matter = true}) == "0/0 1/0");
    changes.add("a", removal);
    CHECK(left_of(changes, {.removals_matter = true}) == "2/0");
}

TEST_CASE("fold: what is behind a removal leaves nothing as it was") {
    Changes changes;
    changes.add("a", removal);
    changes.add("a", upsert, keeps_last);
    const OrderedChanges ordered(changes.rows);
    const Folded folded = fold(ordered, all_of(ordered), changes.rows.kept, {});
    REQUIRE(folded.changes.size() == 1);
    CHECK(folded.changes.front().parts == std::vector<std::size_t>{0});
    CHECK(folded.kept_sets[folded.changes.front().kept].empty());
}

TEST_CASE(
    "fold: of a key that is apart the latest whole row that is taken counts, and what follows") {
    const std::vector<bool> apart = {true};
    Changes changes;
    changes.add("a", upsert, keeps_last);
    changes.add("a", removal);
    changes.add("a", upsert);
    changes.add("a", upsert);
    changes.add("a", upsert, keeps_last);
    changes.add("a", upsert, keeps_last);
    CHECK(left_of(changes, {.apart = &apart}) == "3/0? 2/1? 1/2? 4/3! 5/4!");
    CHECK(left_of(changes, {.removals_matter = true, .apart = &apart}) ==
          "1/0 3/1? 2/2? 4/3! 5/4!");
    Changes of_some_columns;
    of_some_columns.add("a", upsert, keeps_last);
    of_some_columns.add("a", upsert, keeps_last);
    CHECK(left_of(of_some_columns, {.apart = &apart}) == "0/0 1/1");
}

TEST_CASE("fold: what is left leads where all changes lead") {
    std::mt19937 random{4711};
    for (int round = 0; round < 2000; ++round) {
        Changes changes;
        const bool has_other_columns = random() % 2 == 0;
        const std::size_t keys = 1 + random() % 6;
        Table before;
        for (std::size_t i = 0; i < keys; i += 2)
            before[std::to_string(i)] = {{7, 8, 9}, has_other_columns ? 5 : 0};
        for (std::size_t i = random() % 30; i > 0; --i) {
            std::vector<bool> kept;
            if (random() % 2 == 0) {
                for (std::size_t c = 0; c < columns; ++c) kept.push_back(random() % 2 == 0);
                if (std::ranges::find(kept, true) == kept.end()) kept.clear();
            }
            const bool removes = random() % 4 == 0;
            changes.add(std::to_string(random() % keys), removes ? removal : upsert,
                        removes ? std::vector<bool>{} : kept,
                        random() % 3 == 0 ? CopyForm::text : CopyForm::binary);
        }
        const OrderedChanges ordered(changes.rows);
        Table all = before;
        for (std::size_t i = 0; i < ordered.size(); ++i) changes.make(all, i, ordered[i].about());
        Table folded = before;
        std::map<std::string, std::size_t> left;
        Folded what = fold(ordered, all_of(ordered), changes.rows.kept,
                           {.removals_matter = has_other_columns, .joins = random() % 2 == 0});
        // Of a layer removals are made first.
        std::ranges::stable_sort(what.changes, {}, [&](const FoldedChange& each) {
            return std::pair(each.layer, ordered[each.change].about().change != removal);
        });
        for (const FoldedChange& each : what.changes) {
            for (const std::size_t part : each.parts)
                changes.make(folded, part, ordered[part].about());
            changes.make(folded, each.change, ordered[each.change].about());
            ++left[changes.keys[each.change]];
        }
        REQUIRE(folded == all);
        for (const auto& [key, count] : left) REQUIRE(count <= columns + 2);
    }
}

TEST_CASE("change fold: where a column says which change is newer, it wins wherever it stands") {
    Changes changes;
    const auto add = [&](const std::string& key, const std::string& order, CopyForm form) {
        changes.add(key, Change::upsert, {}, form);
        (form == CopyForm::binary ? changes.rows.binary : changes.rows.text).orders.append(order);
    };
    add("a", "2", CopyForm::binary);
    add("b", "1", CopyForm::binary);
    add("a", "1", CopyForm::text);
    add("b", "1", CopyForm::text);
    const OrderedChanges ordered(changes.rows);
    std::vector<RecordLog::Index> left;
    for (const FoldedChange& each : fold(ordered, all_of(ordered), changes.rows.kept, {}).changes)
        left.push_back(ordered[each.change].about().record);
    std::ranges::sort(left);
    CHECK(left == std::vector<RecordLog::Index>{0, 3});  // of equal ones the later record
}

TEST_CASE("changes: keys that come from several partitions are counted, unless there is an order") {
    Batch batch;
    const auto add = [&](PartitionId partition, Offset offset, const std::string& key) {
        const Record record{.from = fakes::orders(partition),
                            .offset = offset,
                            .key = key,
                            .value = key,
                            .headers = {}};
        batch.slice(partition, offset).range.to = offset + 1;
        EncodedRows& rows = batch.targets.front().binary;
        rows.rows.push_back({.record = batch.records.append(record), .end = 0});
        rows.keys.append(key);
    };
    add(0, 0, "a");
    add(0, 1, "b");
    add(0, 2, "a");
    CHECK(keys_without_order(batch) == 0);
    add(1, 0, "a");
    add(1, 1, "c");
    add(2, 0, "a");
    add(2, 1, "b");
    CHECK(keys_without_order(batch) == 2);
    for (int i = 0; i < 7; ++i) batch.targets.front().binary.orders.append("1");
    CHECK(keys_without_order(batch) == 0);
}

}  // namespace sluice::test
