#include "tests/component/merge_setup.h"
#include "tests/fixture/mpp_locks.h"
#include "tests/fixture/pg_connection.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

/// Random changes, and a map that is changed alike.
namespace sluice::test {
namespace {

constexpr const char* valid_day = "1999-01-08";
constexpr const char* day_of_the_database = "Jan 8 1999";  // only the database reads it

struct Row {
    std::string city = "NULL";
    std::string amount = "0";
};
/// By id, those of digits by number.
using Model = std::map<std::pair<std::size_t, std::string>, Row>;

std::pair<std::size_t, std::string> key_of(const std::string& id) {
    return {id.size(), id};
}

std::string list_of(const Model& model) {
    std::string all;
    for (const auto& [key, row] : model)
        all += (all.empty() ? "" : " ") + key.second + "|" + row.city + "|" + row.amount;
    return all;
}

std::string list_of(const Merge& merge) {
    return merge.setup.list("SELECT id, city, amount::int FROM t ORDER BY length(id::text), id");
}

/// What a batch says of one key; nullopt: it is removed. An amount of -1 is refused.
using Changes = std::vector<std::optional<Said>>;

bool is_bad(const std::optional<Said>& change) {
    return change && change->amount == "-1";
}
bool is_whole(const std::optional<Said>& change) {
    return !change || !change->keeps_city;
}

void make(Model& model, const std::string& id, const std::optional<Said>& change) {
    if (!change) {
        model.erase(key_of(id));
        return;
    }
    Row& row = model[key_of(id)];
    row.amount = change->amount;
    if (!change->keeps_city) row.city = change->city.value_or("NULL");
}

/// Where the last one is taken, each column is as the last says that speaks of it. Else the last
/// whole row that is taken counts, and then one after the other. Returns how many may be refused.
std::size_t make_batch(Model& model, const std::string& id, const Changes& changes) {
    if (!is_bad(changes.back())) {
        const auto whole = std::find_if(changes.rbegin(), changes.rend(), is_whole);
        if (whole != changes.rend()) make(model, id, *whole);
        make(model, id, changes.back());
        return 0;
    }
    const auto taken = std::find_if(changes.rbegin(), changes.rend(), [](const auto& change) {
        return is_whole(change) && !is_bad(change);
    });
    if (taken != changes.rend()) make(model, id, *taken);
    std::size_t refused = 0;
    for (auto change = taken.base(); change != changes.end(); ++change) {
        if (is_bad(*change) || (refused > 0 && !model.contains(key_of(id))))
            ++refused;
        else
            make(model, id, *change);
    }
    return refused;
}

}  // namespace

TEST_CASE("merge model: after every batch the table is what all changes say, whatever its shape") {
    const std::string shapes[] = {with_key, columns, with_key + ", more int DEFAULT 5",
                                  columns + ", more int GENERATED ALWAYS AS IDENTITY"};
    for (std::size_t shape = 0; shape < 2 * std::size(shapes); ++shape) {
        const std::string& table = shapes[shape / 2];
        const char* const order = shape % 2 == 0 ? "" : version;
        CAPTURE(table);
        CAPTURE(order);
        Merge merge(table, config::Mode::merge, order);
        std::mt19937 random{17};
        Model model;
        std::size_t rejected = 0;
        for (int batch = 0; batch < 16; ++batch) {
            std::map<std::string, Changes> of_batch;
            for (std::size_t i = 1 + random() % 200; i > 0; --i) {
                // Some keys are hot.
                const std::string id = std::to_string(random() % (random() % 2 == 0 ? 3 : 300));
                std::optional<Said> said;
                if (random() % 5 != 0) {
                    said = Said{.city = std::to_string(merge.next),
                                .amount = std::to_string(random() % 100),
                                .day = batch % 4 == 1 ? day_of_the_database : valid_day};
                    if (batch % 3 != 0 && random() % 6 == 0) said->amount = "-1";
                    said->keeps_city = random() % 4 == 0;
                }
                merge.change(id, said);
                of_batch[id].push_back(said);
            }
            for (const auto& [id, changes] : of_batch) rejected += make_batch(model, id, changes);
            merge.commit();
            REQUIRE(list_of(merge) == list_of(model));
            REQUIRE(merge.setup.rejected() == std::to_string(rejected));
        }
        CHECK(merge.setup.value("SELECT sum(loaded + superseded + rejected) FROM sluice.ledger") ==
              std::to_string(merge.next));
        CHECK(rejected > 0);
    }
}

namespace {

/// A source that obeys the table's constraints with every single change.
class Source {
public:
    Source(Merge& merge, unsigned seed) : merge_(merge), random_(seed) {}

    /// One or several changes that are legal one after the other.
    virtual void change() = 0;
    virtual ~Source() = default;

    Model model;

protected:
    void say(const std::string& id, const std::optional<Said>& said) {
        merge_.change(id, said);
        make(model, id, said);
    }
    [[nodiscard]] std::string random_id() {
        return std::to_string(random_() % (random_() % 2 == 0 ? 4 : 60));
    }
    [[nodiscard]] std::string random_amount() { return std::to_string(random_() % 100); }
    [[nodiscard]] bool one_in(unsigned count) { return random_() % count == 0; }

    Merge& merge_;
    std::mt19937 random_;
};

/// City is unique, and there are fewer than ids.
class UniqueCities : public Source {
public:
    using Source::Source;

    void change() override {
        const std::string id = random_id();
        const bool is_there = model.contains(key_of(id));
        if (is_there && one_in(5)) return say(id, std::nullopt);
        if (is_there && one_in(4))
            return say(id, Said{.amount = random_amount(), .keeps_city = true});
        if (is_there && one_in(3)) return move(id, random_id());
        const std::string city = "c" + std::to_string(random_() % 30);
        const auto owner =
            std::ranges::find_if(model, [&](const auto& each) { return each.second.city == city; });
        if (owner == model.end() || owner->first == key_of(id)) return put(id, city);
        if (is_there) exchange(id, owner->first.second);
    }

private:
    void put(const std::string& id, const std::string& city) {
        std::optional<std::string> said;
        if (city != "NULL") said = city;
        say(id, Said{.city = said, .amount = random_amount()});
    }
    /// To another key, if nobody has it.
    void move(const std::string& from, const std::string& to) {
        if (model.contains(key_of(to))) return;
        const std::string city = model.at(key_of(from)).city;
        say(from, std::nullopt);
        put(to, city);
    }
    void exchange(const std::string& one, const std::string& other) {
        const std::string of_one = model.at(key_of(one)).city;
        const std::string of_other = model.at(key_of(other)).city;
        put(one, "NULL");
        put(other, of_one);
        put(one, of_other);
    }
};

/// City is the id of another row, or of its own.
class Referring : public Source {
public:
    using Source::Source;

    void change() override {
        const std::string id = random_id();
        const bool is_there = model.contains(key_of(id));
        if (is_there && one_in(3)) {
            // Whoever refers to it goes elsewhere before it is removed.
            std::vector<std::string> children;
            for (const auto& [key, row] : model)
                if (row.city == id && key != key_of(id)) children.push_back(key.second);
            for (const std::string& child : children) refer(child, "NULL");
            return say(id, std::nullopt);
        }
        if (is_there && one_in(3))
            return say(id, Said{.amount = random_amount(), .keeps_city = true});
        const std::string other = random_id();
        refer(id, model.contains(key_of(other)) ? other : "NULL");
    }

private:
    void refer(const std::string& id, const std::string& to) {
        std::optional<std::string> said;
        if (to != "NULL") said = to;
        say(id, Said{.city = said, .amount = random_amount()});
    }
};

/// As UniqueCities, and between its changes some that are refused whatever stands before them, and
/// some that tell the city alone.
class RefusedAmong : public Source {
public:
    using Source::Source;

    void change() override {
        const std::string id = random_id();
        const auto row = model.find(key_of(id));
        const bool is_there = row != model.end();
        if (one_in(40)) return refuse(id, is_there ? row->second.city : "NULL");
        if (is_there && one_in(3)) return remove(id);
        if (is_there && one_in(3)) return go_to(id, free_city(id));
        if (is_there && one_in(3)) return exchange(id);
        put(id, free_city(id));
    }

    std::set<Offset> refused;
    std::string told;  ///< a line for each change

private:
    void tell(const std::string& what) { told += std::to_string(merge_.next) + " " + what + "\n"; }
    static std::optional<std::string> said(const std::string& city) {
        if (city == "NULL") return std::nullopt;
        return city;
    }
    void remove(const std::string& id) {
        tell("removes " + id);
        say(id, std::nullopt);
    }
    void put(const std::string& id, const std::string& city) {
        tell("puts " + id + " to " + city);
        say(id, Said{.city = said(city), .amount = random_amount()});
    }
    void refuse(const std::string& id, const std::string& city) {
        tell("is refused: " + id + " to " + city);
        refused.insert(merge_.next);
        merge_.change(id, Said{.city = said(city), .amount = "-1"});
    }
    void go_to(const std::string& id, const std::string& city) {
        tell("moves " + id + " to " + city);
        merge_.change(id, Said{.city = said(city), .keeps_rest = true});
        model.at(key_of(id)).city = city;
    }
    std::string free_city(const std::string& id) {
        const std::string city = "c" + std::to_string(random_() % 30);
        for (const auto& [key, row] : model)
            if (row.city == city && key != key_of(id)) return "NULL";
        return city;
    }
    void exchange(const std::string& id) {
        const std::string city = model.at(key_of(id)).city;
        for (const auto& [key, row] : model) {
            if (key == key_of(id) || row.city == "NULL") continue;
            const std::string other = key.second;
            const std::string others = row.city;
            go_to(id, "NULL");
            go_to(other, city);
            go_to(id, others);
            return;
        }
    }
};

void check_that_nothing_is_refused(Merge& merge, Source& source) {
    std::mt19937 random{5};
    for (int batch = 0; batch < 25; ++batch) {
        for (std::size_t i = 1 + random() % 120; i > 0; --i) source.change();
        if (merge.batch.empty()) continue;
        merge.commit();
        REQUIRE(list_of(merge) == list_of(source.model));
        REQUIRE(merge.setup.rejected() == "0");
    }
}

}  // namespace

TEST_CASE("merge model: changes that are legal one after the other are all made, unique values") {
    for (const char* order : {"", version}) {
        for (const char* more : {"", ", more int DEFAULT 5"}) {
            CAPTURE(order);
            CAPTURE(more);
            Merge merge(with_key + ", UNIQUE (city)" + more, config::Mode::merge, order);
            UniqueCities source(merge, 11);
            check_that_nothing_is_refused(merge, source);
        }
    }
}

TEST_CASE("merge model: of changes that are legal but for some, only these are refused") {
    const char* more = std::getenv("SLUICE_SEED");
    const unsigned first = more == nullptr ? 19 : static_cast<unsigned>(std::stoul(more));
    for (unsigned seed = first; seed < first + (more == nullptr ? 3 : 100); ++seed) {
        for (const char* rest : {", UNIQUE (city)", ", more int DEFAULT 5, UNIQUE (city)", "",
                                 ", UNIQUE (city), CHECK (amount < 1000)"}) {
            CAPTURE(seed);
            // By turns: the result is the same.
            const char* const order = seed % 2 == 0 ? version : "";
            CAPTURE(rest);
            CAPTURE(order);
            Merge merge(with_key + rest, config::Mode::merge, order);
            // Of an expression nobody looks up who holds its value.
            if (*rest == '\0') merge.setup.exec("CREATE UNIQUE INDEX ON t (lower(city))");
            merge.setup.exec("ALTER TABLE t ALTER day SET NOT NULL");
            if (std::string(rest).ends_with("1000)")) {
                fixture::PgConnection connection(merge.setup.dsn);
                fixture::install_mpp_locks(connection, "t");  // a trigger on DELETE
            }
            merge.setup.read_table();
            merge.begin();
            RefusedAmong source(merge, seed);
            std::mt19937 random{seed};
            for (int batch = 0; batch < 25; ++batch) {
                const std::string before = list_of(merge);
                source.told.clear();
                for (std::size_t i = 1 + random() % 200; i > 0; --i) source.change();
                CAPTURE(before);
                CAPTURE(source.told);
                merge.commit();
                REQUIRE(list_of(merge) == list_of(source.model));
                std::istringstream offsets(
                    merge.setup.list("SELECT kafka_offset FROM sluice.dead_letter ORDER BY 1"));
                for (Offset offset = 0; offsets >> offset;)
                    REQUIRE(source.refused.contains(offset));
            }
        }
    }
}

TEST_CASE("merge model: changes that are legal one after the other are all made, references") {
    for (const char* order : {"", version}) {
        CAPTURE(order);
        Merge merge("id text PRIMARY KEY, city text REFERENCES t (id), amount numeric, day date",
                    config::Mode::merge, order);
        Referring source(merge, 13);
        check_that_nothing_is_refused(merge, source);
    }
}

}  // namespace sluice::test
