#include "sinks/books/batch_books.h"

#include "sinks/books/dead_letters.h"
#include "sinks/books/tip.h"
#include "sinks/copy/copy_rows.h"
#include "sinks/session/server_family.h"

#include <algorithm>
#include <array>
#include <optional>

namespace sluice {
namespace {

/// What keys() gives, as a table: a row for each slice that moves.
constexpr const char* slices =
    "SELECT unnest($3::text[]) AS topic, unnest($4::int[]) AS kafka_partition,"
    " unnest($5::int[]) AS incarnation, unnest($6::bigint[]) AS from_offset";

/// One array parameter: a number of each slice that moves.
template <typename Number>
std::string column_of(const Batch& batch, Number number) {
    std::vector<std::int64_t> numbers;
    for (const Slice& slice : batch.slices())
        if (slice.moves()) numbers.push_back(number(slice));
    return array_literal(numbers);
}

bool is_before(const Slice& slice, const Tip& tip) {
    return tip.next == slice.range.from && tip.incarnation == slice.incarnation;
}

}  // namespace

void BatchBooks::insert_dead_letters(const Batch& batch) {
    if (batch.rejects.empty()) return;
    constexpr std::size_t block = 128u << 10;
    std::map<PartitionId, int> incarnations;
    for (const Slice& slice : batch.slices()) incarnations[slice.partition] = slice.incarnation;
    session_.send(dead_letter_copy(identity_.schema));
    session_.await_copy();
    std::string rows(copy_header());
    for (const Reject& reject : batch.rejects) {
        const Record record = batch.records.at(reject.record);
        append_dead_letter(rows, identity_, record, incarnations.at(record.from->id),
                           reject.reasons);
        if (rows.size() < block) continue;
        session_.put(rows);
        rows.clear();
    }
    rows.append(copy_trailer());
    session_.put(rows);
    session_.end_copy();
    session_.finish();
}

Row BatchBooks::keys(const Batch& batch) const {
    std::vector<std::string> topics;
    std::vector<std::int64_t> numbers;
    for (const Slice& slice : batch.slices()) {
        if (!slice.moves()) continue;
        const TopicPartition& named = (*identity_.partitions)[slice.partition];
        topics.push_back(named.topic);
        numbers.push_back(named.number);
    }
    return {identity_.pipeline,
            identity_.cluster_id,
            array_literal(topics),
            array_literal(numbers),
            column_of(batch, [](const Slice& s) { return std::int64_t{s.incarnation}; }),
            column_of(batch, [](const Slice& s) { return s.range.from; })};
}

std::optional<Tip> BatchBooks::tip_before(const Slice& slice) {
    std::optional<Tip> tip = read_tip(session_, identity_, slice.partition);
    if (tip && !is_before(slice, *tip)) tip.reset();
    return tip;
}

std::optional<Tip> BatchBooks::own_before(const Slice& slice) const {
    const auto known = known_.find(slice.partition);
    if (known == known_.end() || !is_before(slice, known->second)) return std::nullopt;
    return known->second;
}

bool BatchBooks::follows_own(const Batch& batch) const {
    return std::ranges::all_of(
        batch.slices(), [&](const Slice& slice) { return !slice.moves() || own_before(slice); });
}

std::optional<Tip> BatchBooks::known_before(const Slice& slice) {
    if (const std::optional<Tip> own = own_before(slice)) return own;
    if (std::optional<Tip> tip = read_ ? read_->of(slice.partition) : std::nullopt;
        tip && is_before(slice, *tip))
        return tip;
    return tip_before(slice);
}

TipKeys BatchBooks::keys_for(std::size_t tips) {
    constexpr std::size_t few = 16;
    if (tips <= few) return TipKeys::written_out;
    return is_mpp(session_.family()) ? TipKeys::written_out : TipKeys::joined;
}

/// The row that it begins behind is there, and the key that it begins with is free, or it is not
/// inserted: of two writers who begin at one offset, the second one waits for the first.
bool BatchBooks::insert_ledger(const Batch& batch) {
    written_.clear();
    std::vector<Tip> tips;
    for (const Slice& slice : batch.slices()) {
        if (!slice.moves()) continue;
        const std::optional<Tip> tip = known_before(slice);
        if (!tip) return false;
        tips.push_back(*tip);
        written_.push_back({.partition = slice.partition,
                            .next = slice.range.to,
                            .incarnation = slice.incarnation,
                            .begins = slice.range.from,
                            .last = slice.last});
    }
    if (tips.empty()) return true;
    Row parameters = keys(batch);
    parameters.insert(parameters.end(), {identity_.writer, identity_.revision});
    for (const auto& number : std::to_array<std::int64_t (*)(const Slice&)>(
             {[](const Slice& s) { return s.range.to; }, [](const Slice& s) { return s.loaded; },
              [](const Slice& s) { return s.rejected; }, [](const Slice& s) { return s.filtered; },
              [](const Slice& s) { return s.gaps; }, [](const Slice& s) { return s.superseded; },
              [](const Slice& s) { return s.unmatched; },
              [](const Slice& s) { return s.last.offset; },
              [](const Slice& s) { return s.last.timestamp_ms; },
              [](const Slice& s) { return std::int64_t{s.last.checksum}; }}))
        parameters.push_back(column_of(batch, number));
    const Rows inserted = session_.exec(
        "INSERT INTO " + ledger_ +
            " (pipeline, cluster_id, topic, kafka_partition, incarnation, from_offset, to_offset,"
            " loaded, rejected, filtered, gaps, superseded, unmatched, lost, kind, writer,"
            " revision, committed_at, last_offset, last_timestamp_ms, last_checksum)"
            " SELECT $1::text, $2::text, v.topic, v.kafka_partition, v.incarnation, v.from_offset,"
            " v.to_offset, v.loaded, v.rejected, v.filtered, v.gaps, v.superseded, v.unmatched, 0,"
            " 'batch', $7::text, $8::text, clock_timestamp(), v.last_offset, v.last_timestamp_ms,"
            " v.last_checksum FROM (" +
            slices +
            ", unnest($9::bigint[]) AS to_offset, unnest($10::bigint[]) AS loaded,"
            " unnest($11::bigint[]) AS rejected, unnest($12::bigint[]) AS filtered,"
            " unnest($13::bigint[]) AS gaps, unnest($14::bigint[]) AS superseded,"
            " unnest($15::bigint[]) AS unmatched, unnest($16::bigint[]) AS last_offset,"
            " unnest($17::bigint[]) AS last_timestamp_ms, unnest($18::bigint[]) AS last_checksum) v"
            " JOIN " +
            still_there(identity_, tips, keys_for(tips.size())) +
            " tip ON tip.topic = v.topic AND tip.kafka_partition = v.kafka_partition"
            // Whoever waits for another one's row, waits for none that comes before it.
            " ORDER BY v.topic, v.kafka_partition ON CONFLICT DO NOTHING",
        parameters);
    const bool all = inserted.affected == std::ssize(tips);
    if (!all) known_.clear();
    return all;
}

void BatchBooks::note_committed() {
    for (const Tip& tip : written_) known_[tip.partition] = tip;
    written_.clear();
}

PartitionId BatchBooks::partition(const Rows& rows, std::size_t row) const {
    return identity_.partitions->id_of(rows.text(row, 0),
                                       static_cast<PartitionNumber>(rows.number(row, 1)));
}

std::vector<PartitionId> BatchBooks::moved_by_others(const Batch& batch) {
    std::vector<PartitionId> moved;
    std::vector<PartitionId> moving;
    for (const Slice& slice : batch.slices())
        if (slice.moves()) moving.push_back(slice.partition);
    std::map<PartitionId, Tip> now;
    for (const Tip& tip : read_tips(session_, identity_, moving)) now.emplace(tip.partition, tip);
    for (const Slice& slice : batch.slices()) {
        if (!slice.moves()) continue;
        const auto tip = now.find(slice.partition);
        if (tip == now.end() || !is_before(slice, tip->second)) moved.push_back(slice.partition);
    }
    return moved;
}

/// A row of no offsets under the same key: it waits for who has one there, and is refused if that
/// one commits.
std::map<PartitionId, Offset> BatchBooks::settled(const Batch& batch) {
    const Row of_batch = keys(batch);
    Row parameters = of_batch;
    parameters.insert(parameters.end(), {identity_.writer, identity_.revision});
    const Rows free = session_.exec(
        "INSERT INTO " + ledger_ +
            " (pipeline, cluster_id, topic, kafka_partition, incarnation, from_offset, to_offset,"
            " loaded, rejected, filtered, gaps, lost, kind, writer, revision, last_offset,"
            " last_timestamp_ms, last_checksum)"
            " SELECT $1::text, $2::text, v.topic, v.kafka_partition, v.incarnation, v.from_offset,"
            " v.from_offset, 0, 0, 0, 0, 0, 'probe', $7::text, $8::text, -1, -1, 0 FROM (" +
            slices +
            ") v ORDER BY v.topic, v.kafka_partition ON CONFLICT DO NOTHING"
            " RETURNING topic, kafka_partition, from_offset",
        parameters);
    const Rows taken = session_.exec(
        "SELECT l.topic, l.kafka_partition, l.to_offset FROM (" + std::string(slices) +
            ") v JOIN " + ledger_ +
            " l ON l.pipeline = $1 AND l.cluster_id = $2 AND l.topic = v.topic"
            " AND l.kafka_partition = v.kafka_partition AND l.incarnation = v.incarnation"
            " AND l.from_offset = v.from_offset AND l.kind <> 'probe'",
        of_batch);
    std::map<PartitionId, Offset> next;
    for (const Rows* rows : {&free, &taken})
        for (std::size_t row = 0; row < rows->rows.size(); ++row)
            next[partition(*rows, row)] = rows->number(row, 2);
    // On an MPP database a segment may have committed what its coordinator does not show yet.
    if (std::ssize(next) != std::ranges::count_if(batch.slices(), &Slice::moves))
        throw DatabaseError({"40001", "it is still being committed", {}});
    return next;
}

}  // namespace sluice
