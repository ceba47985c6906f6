#include "conformance/check_list.h"
#include "conformance/cut_link.h"
#include "conformance/feed.h"
#include "conformance/site.h"

/// Connections that are lost, whatever was on its way.
namespace sluice::conformance {
namespace {

constexpr Offset rows_per_cut = 1000;

/// A batch before the cut, the one that it hits, and one behind it.
std::string load_through_a_cut(Site& site, CutLink::At at) {
    CutLink link(site.dsn());
    Feed feed(site, {.table = site.make_table("id bigint, city text"), .dsn = link.dsn()});
    feed.add_rows(0, rows_per_cut);
    feed.commit();
    link.cut_at(at);
    feed.add_rows(rows_per_cut, rows_per_cut);
    const CommitResult lost = feed.offer();
    expect(link.has_cut(), "the connection was not cut");
    expect(std::holds_alternative<Retry>(lost), "what was cut is " + describe(lost));
    const CommitResult again = feed.offer();
    const auto* committed = std::get_if<Committed>(&again);
    expect(committed != nullptr, "the second time it is " + describe(again));
    expect(committed->settled == (at == CutLink::At::after_commit),
           committed->settled ? "it counts as committed at first, which it was not"
                              : "it was written twice");
    feed.add_rows(2 * rows_per_cut, rows_per_cut);
    feed.commit();
    expect_equal("rows, and different ones",
                 site.list("SELECT count(*), count(DISTINCT id) FROM " + feed.table()),
                 "3000|3000");
    expect_equal("loaded, superseded, filtered, rejected", feed.sums(), "3000|0|0|0");
    expect_equal("the next offset", std::to_string(feed.next()), "3000");
    return "";
}

/// Who comes back after its batch was taken over, and does not know whether it had committed.
std::string doubt_behind_another(Site& site) {
    CutLink link(site.dsn());
    Feed feed(site, {.table = site.make_table("id bigint, city text"), .dsn = link.dsn()});
    link.cut_at(CutLink::At::before_commit);
    feed.add_rows(0, rows_per_cut);
    expect(std::holds_alternative<Retry>(feed.offer()), "what was cut is not to be tried again");
    Feed other(site, {.table = feed.table(), .name = feed.name()});
    other.add("{\"id\":0,\"city\":\"other\"}");
    other.commit();
    const CommitResult late = feed.offer();
    expect(std::holds_alternative<Fenced>(late), "who comes late is " + describe(late));
    expect_equal("rows", feed.count(), "1");
    return "";
}

}  // namespace

std::vector<Case> commit_cases() {
    constexpr const char* group = "A connection that is lost";
    const auto cut = [](CutLink::At at) {
        return [at](Site& site) { return load_through_a_cut(site, at); };
    };
    return {{group, "in the midst of rows", cut(CutLink::At::rows)},
            {group, "before the server has COMMIT", cut(CutLink::At::before_commit)},
            {group, "behind COMMIT: whether it happened is found out, not guessed",
             cut(CutLink::At::after_commit)},
            {group, "and another daemon was faster", doubt_behind_another}};
}

}  // namespace sluice::conformance
