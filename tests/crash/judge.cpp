#include "tests/crash/records.h"
#include "tests/crash/scenario.h"

#include <algorithm>

namespace sluice::crash {

namespace {

/// What is in one and not in the other; both sorted.
std::string compare(const std::string& what, const std::vector<std::string>& expected,
                    const std::vector<std::string>& found) {
    std::vector<std::string> missing;
    std::vector<std::string> surplus;
    std::ranges::set_difference(expected, found, std::back_inserter(missing));
    std::ranges::set_difference(found, expected, std::back_inserter(surplus));
    std::string text;
    const auto tell = [&](const char* how, const std::vector<std::string>& lines) {
        if (lines.empty()) return;
        text += what + ": " + std::to_string(lines.size()) + " " + how + ":\n";
        for (std::size_t i = 0; i < std::min<std::size_t>(lines.size(), 5); ++i)
            text += "    " + lines[i] + "\n";
    };
    tell("are missing", missing);
    tell("are there and should not be, or too often", surplus);
    return text;
}

std::string place_text(const std::pair<int, std::int64_t>& place) {
    return std::to_string(place.first) + "/" + std::to_string(place.second);
}

std::string hex(std::string_view bytes) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (const char c : bytes) {
        text += digits[static_cast<unsigned char>(c) >> 4];
        text += digits[static_cast<unsigned char>(c) & 15];
    }
    return text;
}

std::vector<std::string> lines_of(const fixture::SqlRows& rows) {
    std::vector<std::string> lines;
    for (const auto& row : rows) lines.push_back(row.at(0).value_or("NULL"));
    std::ranges::sort(lines);
    return lines;
}

}  // namespace

std::string Scenario::judge(const std::string& pipeline) {
    observe();
    return judge_rows(pipeline) + judge_dead_letters(pipeline) + judge_ledger(pipeline);
}

std::string Scenario::judge() {
    std::string problems;
    for (const std::string& pipeline : options_.pipelines) problems += judge(pipeline);
    const fixture::RunResult verify =
        fixture::run_sluice({"verify", "-c", config_.string()}, {{"SLUICE_INSTANCE", "judge"}});
    if (verify.exit_code != 0) {
        problems += "sluice verify ends with " + std::to_string(verify.exit_code) + ":\n" +
                    verify.out + verify.err;
    }
    return problems.empty() ? "" : problems + logs();
}

/// What the ledger calls lost, and was deleted by the test, is neither row nor dead letter.
bool Scenario::is_lost(std::size_t incarnation, const Place& place) const {
    if (incarnation + 1 != truth_.size()) return false;
    const auto lost = lost_in_latest_.find(place.first);
    if (lost == lost_in_latest_.end() || place.second >= lost->second) return false;
    return value(
               "select exists (select 1 from sluice.ledger where kind = 'skipped' and"
               " incarnation = " +
               std::to_string(incarnation) + " and kafka_partition = " +
               std::to_string(place.first) + " and from_offset <= " + std::to_string(place.second) +
               " and to_offset > " + std::to_string(place.second) + ")") == "t";
}

std::string Scenario::judge_rows(const std::string& pipeline) const {
    std::vector<std::string> expected;
    for (std::size_t incarnation = 0; incarnation < truth_.size(); ++incarnation) {
        for (const auto& [place, number] : truth_[incarnation]) {
            if (fate_of(number) != Fate::row || is_lost(incarnation, place)) continue;
            expected.push_back(place_text(place) + " " + row_of(number));
        }
    }
    std::ranges::sort(expected);
    const auto found = lines_of(world().postgres->query(
        "select kpart || '/' || koffset || ' ' || id || ' ' || text || ' ' || amount from " +
            pipeline,
        database_));
    return compare(pipeline + ": rows", expected, found);
}

std::string Scenario::judge_dead_letters(const std::string& pipeline) const {
    std::vector<std::string> expected;
    for (std::size_t incarnation = 0; incarnation < truth_.size(); ++incarnation) {
        for (const auto& [place, number] : truth_[incarnation]) {
            if (fate_of(number) != Fate::rejected || is_lost(incarnation, place)) continue;
            expected.push_back(std::to_string(incarnation) + ":" + place_text(place) + " " +
                               hex(std::to_string(number)) + " " + hex(*value_of(number)));
        }
    }
    std::ranges::sort(expected);
    const auto found = lines_of(world().postgres->query(
        "select incarnation || ':' || kafka_partition || '/' || kafka_offset || ' ' ||"
        " encode(key, 'hex') || ' ' || encode(value, 'hex') from sluice.dead_letter"
        " where jsonb_array_length(reasons) > 0 and pipeline = '" +
            pipeline + "'",
        database_));
    return compare(pipeline + ": dead letters", expected, found);
}

std::string Scenario::judge_ledger(const std::string& pipeline) const {
    struct Counts {
        std::int64_t loaded = 0, rejected = 0, filtered = 0;
        bool operator==(const Counts&) const = default;
    };
    std::string problems;
    std::map<std::pair<int, int>, std::int64_t> ends;  // by incarnation and partition
    const auto rows = world().postgres->query(
        "select incarnation, kafka_partition, from_offset, to_offset, loaded, rejected, filtered,"
        " lost, kind, kafka_partition || '@' || from_offset || '-' || to_offset || ' (' || kind ||"
        " ')' from sluice.ledger where pipeline = '" +
            pipeline + "' order by 1, 2, 3, 4",
        database_);
    for (const auto& row : rows) {
        const auto number = [&](std::size_t column) { return std::stoll(row[column].value()); };
        const auto incarnation = static_cast<std::size_t>(number(0));
        const auto partition = static_cast<int>(number(1));
        const std::string where = pipeline + ": ledger: " + row[9].value() + ": ";
        auto [end, first] = ends.try_emplace({number(0), partition}, number(2));
        if (end->second != number(2))
            problems += where + "the range before it ends at " + std::to_string(end->second) + "\n";
        end->second = number(3);
        if (row[8] == "skipped") continue;
        if (incarnation >= truth_.size()) {
            problems += where + "there was no such incarnation\n";
            continue;
        }
        Counts counts;
        const Truth& truth = truth_[incarnation];
        for (auto at = truth.lower_bound({partition, number(2)});
             at != truth.end() && at->first < Place{partition, number(3)}; ++at) {
            const Fate fate = fate_of(at->second);
            ++(fate == Fate::row        ? counts.loaded
               : fate == Fate::rejected ? counts.rejected
                                        : counts.filtered);
        }
        if (counts != Counts{number(4), number(5), number(6)})
            problems += where + "loaded, rejected, filtered should be " +
                        std::to_string(counts.loaded) + ", " + std::to_string(counts.rejected) +
                        ", " + std::to_string(counts.filtered) + "\n";
    }
    for (const auto& row : world().postgres->query(
             "select p.kafka_partition, p.anchor_offset, p.next_offset, p.incarnation,"
             " (select min(from_offset) from sluice.ledger l where l.pipeline = p.pipeline and"
             " l.kafka_partition = p.kafka_partition and l.incarnation = p.incarnation)"
             " from sluice.progress p where pipeline = '" +
                 pipeline + "'",
             database_)) {
        const auto number = [&](std::size_t column) { return std::stoll(row[column].value()); };
        const auto end = ends.find({number(3), static_cast<int>(number(0))});
        const std::int64_t reached = end == ends.end() ? number(1) : end->second;
        if (reached != number(2) || (row[4] && number(4) != number(1)))
            problems += pipeline + ": ledger of partition " + row[0].value() + " covers " +
                        row[4].value_or("nothing") + " to " + std::to_string(reached) +
                        ", progress says " + row[1].value() + " to " + row[2].value() + "\n";
    }
    return problems;
}

}  // namespace sluice::crash
