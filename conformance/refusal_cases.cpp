#include "conformance/check_list.h"
#include "conformance/feed.h"
#include "conformance/site.h"
#include "sinks/session/sql_text.h"

#include <atomic>
#include <chrono>
#include <thread>

/// Rows that the database refuses: which ones, why, and what it costs.
namespace sluice::conformance {
namespace {

constexpr Offset rows_per_batch = 20000;
constexpr int batches = 2;
constexpr Offset every = 100;  // one row of so many is bad

struct Kind {
    std::string name;
    std::string columns;
    std::string clause{};
    std::string after{};  ///< statements; @t@ is the table, @n@ a name that nothing else has
    std::string bad{};    ///< the fields of a bad row, @i@ being its number
    std::string good = "\"id\":@i@,\"city\":\"city\"";
    std::string reason{};  ///< what its reason says, or the column that it names
    std::string not_on_mpp{};
    std::string keys{};  ///< of the pipeline, as TOML
};

constexpr const char* no_bad_city = ", CONSTRAINT @n@_real CHECK (city <> 'bad')";
constexpr const char* bad_city = "\"id\":@i@,\"city\":\"bad\"";

const std::vector<Kind> kinds{
    {.name = "a CHECK constraint",
     .columns = std::string("id bigint, city text") + no_bad_city,
     .bad = bad_city,
     .reason = "_real"},
    {.name = "a CHECK constraint, of merges",
     .columns = std::string("id bigint PRIMARY KEY, city text") + no_bad_city,
     .bad = bad_city,
     .reason = "_real",
     .keys = "mode = \"merge\"\n"},
    {.name = "a CHECK constraint, of columns by SQL",
     .columns = std::string("id bigint, city text") + no_bad_city,
     .bad = bad_city,
     .reason = "_real",
     .keys = "fields = { name = { from = \"city\", type = \"text\" } }\n"
             "columns = { id = \"id\", city = { sql = \"trim(name)\" } }\n"},
    {.name = "NOT NULL",
     .columns = "id bigint, city text NOT NULL",
     .bad = "\"id\":@i@,\"city\":null",
     .reason = "city"},
    {.name = "a unique key, held by a row of the same batch",
     .columns = "id bigint, city text, CONSTRAINT @n@_one UNIQUE (id)",
     .bad = "\"id\":@i@ - 1,\"city\":\"again\"",
     .reason = "_one"},
    {.name = "a primary key, held by an older row",
     .columns = "id bigint CONSTRAINT @n@_key PRIMARY KEY, city text",
     .after = "INSERT INTO @t@ SELECT -i, 'older' FROM generate_series(1, 40000) i",
     .bad = "\"id\":-@i@,\"city\":\"again\"",
     .reason = "_key"},
    {.name = "a foreign key",
     .columns = "id bigint, city text",
     .after = "CREATE TABLE @n@ (name text PRIMARY KEY); INSERT INTO @n@ VALUES ('city');"
              "ALTER TABLE @t@ ADD CONSTRAINT known_city FOREIGN KEY (city) REFERENCES @n@",
     .bad = "\"id\":@i@,\"city\":\"nowhere\"",
     .reason = "known_city",
     .not_on_mpp = "foreign keys are taken here, and not enforced"},
    {.name = "a label that an enum has not",
     .columns = "id bigint, city public.@n@",
     .bad = "\"id\":@i@,\"city\":\"nowhere\"",
     .reason = "nowhere"},
    {.name = "a value that only the server can read",
     .columns = "id bigint, city text, lasted interval",
     .bad = "\"id\":@i@,\"lasted\":\"for ever\"",
     .reason = "for ever"},
    {.name = "a domain's CHECK",
     .columns = "id bigint, city public.@d@",
     .bad = bad_city,
     .reason = "check constraint"},
    {.name = "no partition for it",
     .columns = "id bigint, city text, kind int DEFAULT 0",
     .clause = "PARTITION BY",
     .bad = "\"id\":@i@,\"kind\":7",
     .good = "\"id\":@i@,\"kind\":1",
     .reason = "partition"},
    {.name = "a trigger",
     .columns = "id bigint, city text",
     .after = "CREATE FUNCTION @n@() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
              " IF NEW.city = 'bad' THEN RAISE EXCEPTION 'no such city'; END IF; RETURN NEW;"
              " END $$; CREATE TRIGGER judge BEFORE INSERT ON @t@ FOR EACH ROW EXECUTE PROCEDURE"
              " @n@()",
     .bad = bad_city,
     .reason = "no such city"},
};

/// A table of the kind, with what belongs to it.
class Target {
public:
    Target(Site& site, const Kind& kind) : site_(site), kind_(kind) {
        name_ = site.fresh_name("of_case");
        std::string columns = filled_in(kind.columns, {{"n", name_}, {"d", name_}});
        if (kind.columns.find("public.@n@") != std::string::npos)
            site.exec("CREATE TYPE public." + name_ + " AS ENUM ('city')");
        if (kind.columns.find("@d@") != std::string::npos)
            site.exec("CREATE DOMAIN public." + name_ + " AS text CHECK (VALUE <> 'bad')");
        table_ = kind.clause.empty() ? site.make_table(columns) : make_partitioned(columns);
        if (!kind.after.empty())
            site.exec(filled_in(kind.after, {{"t", table_}, {"n", "public." + name_}}));
    }

    /// Of so many seconds for so many rows, the seconds of writing; every hundredth of them bad.
    double load(bool with_bad_ones) {
        Feed feed(site_, {.table = table_, .keys = kind_.keys});
        double seconds = 0;
        for (int batch = 0; batch < batches; ++batch) {
            for (Offset i = 0; i < rows_per_batch; ++i) {
                const Offset number = batch * rows_per_batch + i;
                const bool bad = with_bad_ones && number % every == every / 2;
                feed.add("{" + fields(bad ? kind_.bad : kind_.good, number) + "}");
            }
            const Clock::time_point began = Clock::now();
            feed.commit();
            seconds += std::chrono::duration<double>(Clock::now() - began).count();
        }
        check(feed, with_bad_ones ? batches * rows_per_batch / every : 0);
        return seconds;
    }

private:
    using Clock = std::chrono::steady_clock;

    std::string make_partitioned(const std::string& columns) {
        if (site_.is_mpp())
            return site_.make_table(columns,
                                    "DISTRIBUTED BY (id) PARTITION BY LIST (kind)"
                                    " (PARTITION known VALUES (0, 1))");
        std::string table = site_.make_table(columns, "PARTITION BY LIST (kind)");
        site_.exec("CREATE TABLE " + table + "_some PARTITION OF " + table +
                   " FOR VALUES IN (0, 1)");
        return table;
    }

    static std::string fields(const std::string& of, Offset number) {
        const std::string before = "@i@ - 1";
        std::string text = of;
        if (const auto at = text.find(before); at != std::string::npos)
            text.replace(at, before.size(), std::to_string(number - 1));
        return filled_in(text, {{"i", std::to_string(number)}});
    }

    void check(Feed& feed, Offset bad) const {
        expect_equal(
            "loaded, superseded, filtered, rejected", feed.sums(),
            std::to_string(batches * rows_per_batch - bad) + "|0|0|" + std::to_string(bad));
        if (bad == 0) return;
        const std::string of_feed =
            " FROM sluice.dead_letter WHERE pipeline = " + quote_literal(feed.name());
        expect_equal("good rows among the refused ones",
                     site_.value("SELECT count(*)" + of_feed + " AND kafka_offset % " +
                                 std::to_string(every) + " <> " + std::to_string(every / 2)),
                     "0");
        const std::string reasons =
            site_.value("SELECT reasons::text" + of_feed + " ORDER BY kafka_offset DESC LIMIT 1");
        expect(reasons.find(kind_.reason) != std::string::npos,
               "a reason says neither which nor what: " + reasons);
    }

    Site& site_;
    const Kind& kind_;
    std::string name_;
    std::string table_;
};

std::string refuse(Site& site, const Kind& kind) {
    if (site.is_mpp() && !kind.not_on_mpp.empty()) throw Skipped(kind.not_on_mpp);
    Target without(site, kind);
    const double fast = without.load(false);
    Target with(site, kind);
    const double slow = with.load(true);
    return std::to_string(static_cast<int>(100 * fast / slow)) +
           " % of the speed where 1 % is refused";
}

std::string whole_table_refuses(Site& site) {
    const std::string table = site.make_table("id bigint, city text");
    Feed feed(site, {.table = table});
    site.exec("ALTER TABLE " + table + " RENAME TO away");
    feed.add("{\"id\":1,\"city\":\"a\"}");
    const CommitResult result = feed.offer();
    site.exec("ALTER TABLE public.away RENAME TO " + table.substr(table.find('.') + 1));
    expect(std::holds_alternative<Retry>(result),
           "a batch for a table that is away is " + describe(result));
    feed.commit();
    expect_equal("loaded, superseded, filtered, rejected", feed.sums(), "1|0|0|0");
    return "";
}

/// Looks at the table by a query of several slices, again and again, as reports do.
class Onlooker {
public:
    Onlooker(const Site& site, const std::string& table)
        : session_(site.dsn(), "onlooker"),
          sql_("SELECT count(*) FROM " + table + " a JOIN " + table + " b ON a.city = b.id::text"),
          thread_([this] { look(); }) {}
    ~Onlooker() { stop(); }
    Onlooker(const Onlooker&) = delete;
    Onlooker& operator=(const Onlooker&) = delete;

    /// How often it has looked.
    int stop() {
        done_ = true;
        if (thread_.joinable()) thread_.join();
        return looks_;
    }

private:
    void look() {
        try {
            session_.open();
            for (; !done_; ++looks_) static_cast<void>(session_.exec(sql_));
        } catch (const DatabaseError&) {
            done_ = true;  // what it has seen by then is told
        }
    }

    Session session_;
    const std::string sql_;
    std::atomic<bool> done_ = false;
    std::atomic<int> looks_ = 0;
    std::thread thread_;  // the last: it uses the others
};

/// What is refused here is found behind savepoints, whose rows some server may lose.
std::string are_looked_at(Site& site) {
    const std::string judge = site.fresh_name("judge");
    const std::string table = site.make_table("id bigint, city text");
    site.exec("CREATE FUNCTION public." + judge +
              "() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.id % 50 = 0 THEN"
              " RAISE EXCEPTION 'not this one'; END IF; RETURN NEW; END $$;"
              " CREATE TRIGGER judge BEFORE INSERT ON " +
              table + " FOR EACH ROW EXECUTE PROCEDURE public." + judge + "()");
    constexpr Offset rows = 1000;
    constexpr int times = 4;
    Feed feed(site, {.table = table});
    Onlooker onlooker(site, table);
    for (int time = 0; time < times; ++time) {
        feed.add_rows(time * rows, rows);
        feed.commit();
    }
    const int looks = onlooker.stop();
    constexpr Offset refused = times * rows / 50;
    expect_equal("loaded, superseded, filtered, rejected", feed.sums(),
                 std::to_string(times * rows - refused) + "|0|0|" + std::to_string(refused));
    expect_equal("rows of those that were loaded", feed.count(),
                 std::to_string(times * rows - refused));
    return "looked at " + std::to_string(looks) + " times meanwhile";
}

}  // namespace

std::vector<Case> refusal_cases() {
    constexpr const char* group = "Rows that the database refuses";
    std::vector<Case> cases;
    for (const Kind& kind : kinds)
        cases.push_back({group, kind.name, [&kind](Site& site) { return refuse(site, kind); }});
    cases.push_back({group, "the others stay, whoever looks at them meanwhile", are_looked_at});
    cases.push_back(
        {group, "a table that is away makes no row a dead letter", whole_table_refuses});
    return cases;
}

}  // namespace sluice::conformance
