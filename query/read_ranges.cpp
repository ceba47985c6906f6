#include "query/read_ranges.h"

#include "query/record_filter.h"

#include <algorithm>
#include <tuple>

namespace sluice::query {

using config::Comparison;
using config::Condition;
using config::Operator;

namespace {

using Ranges = std::vector<ReadRange>;

/// Beyond so many, ranges become coarser: intersections could otherwise grow without end.
constexpr std::size_t most_ranges = 512;

const Ranges everything{ReadRange{}};

bool is_empty(const ReadRange& range) {
    return range.offsets.from >= range.offsets.to || range.from_ms >= range.to_ms;
}

auto in_order(const ReadRange& range) {
    return std::tuple(range.from_ms, range.to_ms, range.offsets.from);
}

/// Joins those of the same times that touch.
void join_touching(Ranges& ranges) {
    std::ranges::sort(ranges, {}, in_order);
    Ranges joined;
    for (const ReadRange& range : ranges) {
        if (is_empty(range)) continue;
        const bool touches = !joined.empty() && joined.back().from_ms == range.from_ms &&
                             joined.back().to_ms == range.to_ms &&
                             joined.back().offsets.to >= range.offsets.from;
        if (touches) {
            joined.back().offsets.to = std::max(joined.back().offsets.to, range.offsets.to);
        } else {
            joined.push_back(range);
        }
    }
    ranges = std::move(joined);
}

void simplify(Ranges& ranges) {
    join_touching(ranges);
    if (ranges.size() <= most_ranges) return;
    for (ReadRange& range : ranges) {
        range.from_ms = no_lower_bound;
        range.to_ms = no_upper_bound;
    }
    join_touching(ranges);
    // What lies between two neighbours is read as well.
    while (ranges.size() > most_ranges) {
        for (std::size_t i = 0; i + 1 < ranges.size(); i += 2) {
            ranges[i].offsets.to = ranges[i + 1].offsets.from;
        }
        join_touching(ranges);
    }
}

Ranges intersection(const Ranges& left, const Ranges& right) {
    Ranges both;
    for (const ReadRange& a : left) {
        for (const ReadRange& b : right) {
            const ReadRange range{
                {std::max(a.offsets.from, b.offsets.from), std::min(a.offsets.to, b.offsets.to)},
                std::max(a.from_ms, b.from_ms),
                std::min(a.to_ms, b.to_ms)};
            if (!is_empty(range)) both.push_back(range);
        }
    }
    simplify(both);
    return both;
}

std::int64_t after(std::int64_t number) {
    return number == no_upper_bound ? number : number + 1;
}

struct Interval {
    std::int64_t from = no_lower_bound;
    std::int64_t to = no_upper_bound;
};

/// The numbers that fulfil a comparison.
std::vector<Interval> intervals(const Comparison& comparison) {
    switch (comparison.op) {
        case Operator::equal:
            return {{comparison.number(), after(comparison.number())}};
        case Operator::not_equal:
            return {{no_lower_bound, comparison.number()}, {after(comparison.number())}};
        case Operator::less:
            return {{no_lower_bound, comparison.number()}};
        case Operator::less_equal:
            return {{no_lower_bound, after(comparison.number())}};
        case Operator::greater:
            return {{after(comparison.number())}};
        case Operator::greater_equal:
            return {{comparison.number()}};
        default:
            return {{}};
    }
}

Ranges ranges_of(const Comparison& comparison, const TopicPartition& partition) {
    switch (static_cast<RecordField>(comparison.field)) {
        case RecordField::topic: {
            const Record any_record{.from = &partition, .key = {}, .value = {}, .headers = {}};
            Condition condition;
            condition.comparison = comparison;
            return matches(condition, any_record) ? everything : Ranges{};
        }
        case RecordField::partition: {
            if (comparison.op == Operator::is_null) return {};
            const bool asked =
                std::ranges::any_of(intervals(comparison), [&](const Interval& each) {
                    return each.from <= partition.number && partition.number < each.to;
                });
            return asked ? everything : Ranges{};
        }
        case RecordField::offset: {
            if (comparison.op == Operator::is_null) return {};
            Ranges ranges;
            for (const Interval& each : intervals(comparison)) {
                ranges.push_back({.offsets = {std::max<Offset>(0, each.from), each.to}});
            }
            return ranges;
        }
        case RecordField::timestamp: {
            Ranges ranges;
            for (const Interval& each : intervals(comparison)) {
                ranges.push_back({.from_ms = each.from, .to_ms = each.to});
            }
            return ranges;
        }
        case RecordField::key:
        case RecordField::value:
            break;
    }
    return everything;
}

Ranges ranges_of(const Condition& condition, const TopicPartition& partition) {
    if (condition.kind == Condition::Kind::comparison) {
        return ranges_of(condition.comparison, partition);
    }
    if (condition.kind == Condition::Kind::all_of) {
        Ranges all = everything;
        for (const Condition& part : condition.parts) {
            all = intersection(all, ranges_of(part, partition));
        }
        return all;
    }
    Ranges any;
    for (const Condition& part : condition.parts) {
        std::ranges::copy(ranges_of(part, partition), std::back_inserter(any));
    }
    simplify(any);
    return any;
}

}  // namespace

std::vector<ReadRange> ranges_to_read(const Condition& condition, const TopicPartition& partition) {
    Ranges ranges = ranges_of(condition, partition);
    simplify(ranges);
    std::ranges::sort(ranges, {}, [](const ReadRange& range) {
        return std::tuple(range.offsets.from, range.offsets.to, range.from_ms);
    });
    return ranges;
}

std::vector<ReadRange> settle(std::vector<ReadRange> ranges, OffsetRange available,
                              const std::function<Offset(std::int64_t)>& first_at) {
    for (ReadRange& range : ranges) {
        if (range.from_ms > 0) {
            range.offsets.from = std::max(range.offsets.from, first_at(range.from_ms));
        }
        // An end that was asked for is not anticipated.
        if (range.offsets.to != no_upper_bound) range.to_ms = no_upper_bound;
        range.from_ms = no_lower_bound;
        range.offsets.from = std::max(range.offsets.from, available.from);
        range.offsets.to = std::min(range.offsets.to, available.to);
    }
    std::erase_if(ranges, is_empty);
    std::ranges::sort(ranges, {}, [](const ReadRange& range) { return range.offsets.from; });
    Ranges apart;
    for (const ReadRange& range : ranges) {
        if (apart.empty() || apart.back().offsets.to < range.offsets.from) {
            apart.push_back(range);
            continue;
        }
        apart.back().offsets.to = std::max(apart.back().offsets.to, range.offsets.to);
        apart.back().to_ms = std::max(apart.back().to_ms, range.to_ms);
    }
    return apart;
}

}  // namespace sluice::query
