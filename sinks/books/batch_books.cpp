#include "sinks/books/batch_books.h"

#include "sinks/books/schema.h"
#include "sinks/dead_letters/dead_letters.h"
#include "sinks/load/copy_rows.h"

#include <algorithm>
#include <array>

namespace sluice {
namespace {

/// In a statement whose v has a row for each slice that moves.
constexpr const char* of_slice = " AND p.topic = v.topic AND p.kafka_partition = v.kafka_partition";

/// One array parameter: a number of each slice that moves.
template <typename Number>
std::string column_of(const Batch& batch, Number number) {
    std::vector<std::int64_t> numbers;
    for (const Slice& slice : batch.slices())
        if (slice.moves()) numbers.push_back(number(slice));
    return array_literal(numbers);
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
    return {identity_.pipeline, identity_.cluster_id, array_literal(topics),
            array_literal(numbers)};
}

void BatchBooks::insert_ledger(const Batch& batch) {
    Row parameters = keys(batch);
    parameters.insert(parameters.end(), {identity_.writer, identity_.revision});
    for (const auto& number : std::to_array<std::int64_t (*)(const Slice&)>(
             {[](const Slice& s) { return s.range.from; },
              [](const Slice& s) { return s.range.to; }, [](const Slice& s) { return s.loaded; },
              [](const Slice& s) { return s.rejected; }, [](const Slice& s) { return s.filtered; },
              [](const Slice& s) { return s.gaps; }, [](const Slice& s) { return s.superseded; },
              [](const Slice& s) { return s.unmatched; }}))
        parameters.push_back(column_of(batch, number));
    session_.exec_prepared(
        "ledger",
        "INSERT INTO " + ledger_ +
            " (pipeline, cluster_id, topic, kafka_partition, incarnation, from_offset, to_offset,"
            " loaded, rejected, filtered, gaps, superseded, unmatched, lost, kind, writer,"
            " revision, committed_at)"
            " SELECT p.pipeline, p.cluster_id, p.topic, p.kafka_partition, p.incarnation,"
            " v.from_offset, v.to_offset, v.loaded, v.rejected, v.filtered, v.gaps, v.superseded,"
            " v.unmatched, 0, 'batch', $5::text, $6::text, clock_timestamp()"
            " FROM (SELECT unnest($3::text[]) AS topic, unnest($4::int[]) AS kafka_partition,"
            " unnest($7::bigint[]) AS from_offset, unnest($8::bigint[]) AS to_offset,"
            " unnest($9::bigint[]) AS loaded, unnest($10::bigint[]) AS rejected,"
            " unnest($11::bigint[]) AS filtered, unnest($12::bigint[]) AS gaps,"
            " unnest($13::bigint[]) AS superseded, unnest($14::bigint[]) AS unmatched) v"
            // No progress row, no ledger row: the compare-and-set that follows will see it.
            " JOIN " +
            progress_ + " p ON" + of_pipeline + of_slice,
        parameters);
}

bool BatchBooks::move_progress(const Batch& batch) {
    Row parameters = keys(batch);
    parameters.push_back(identity_.writer);
    for (const auto& number : std::to_array<std::int64_t (*)(const Slice&)>(
             {[](const Slice& s) { return s.range.from; },
              [](const Slice& s) { return s.range.to; },
              [](const Slice& s) { return s.last.offset; },
              [](const Slice& s) { return s.last.timestamp_ms; },
              [](const Slice& s) { return std::int64_t{s.last.checksum}; },
              [](const Slice& s) { return std::int64_t{s.incarnation}; }}))
        parameters.push_back(column_of(batch, number));
    const Rows moved = session_.exec_prepared(
        "progress",
        "UPDATE " + progress_ +
            " p SET next_offset = v.to_offset, last_offset = v.last_offset,"
            " last_timestamp_ms = v.last_timestamp_ms, last_checksum = v.last_checksum,"
            " moved_at = clock_timestamp(), writer = $5::text"
            " FROM (SELECT unnest($3::text[]) AS topic, unnest($4::int[]) AS kafka_partition,"
            " unnest($6::bigint[]) AS from_offset, unnest($7::bigint[]) AS to_offset,"
            " unnest($8::bigint[]) AS last_offset, unnest($9::bigint[]) AS last_timestamp_ms,"
            " unnest($10::bigint[]) AS last_checksum, unnest($11::int[]) AS incarnation) v WHERE" +
            of_pipeline + of_slice +
            " AND p.next_offset = v.from_offset AND p.incarnation = v.incarnation",
        parameters);
    return moved.affected == std::ranges::count_if(batch.slices(), &Slice::moves);
}

PartitionId BatchBooks::partition(const Rows& rows, std::size_t row) const {
    return identity_.partitions->id_of(rows.text(row, 0),
                                       static_cast<PartitionNumber>(rows.number(row, 1)));
}

std::vector<PartitionId> BatchBooks::moved_by_others(const Batch& batch) {
    Row parameters = keys(batch);
    parameters.push_back(column_of(batch, [](const Slice& s) { return s.range.from; }));
    parameters.push_back(
        column_of(batch, [](const Slice& s) { return std::int64_t{s.incarnation}; }));
    const Rows rows = session_.exec(
        "SELECT v.topic, v.kafka_partition FROM (SELECT unnest($3::text[]) AS topic,"
        " unnest($4::int[]) AS kafka_partition, unnest($5::bigint[]) AS from_offset,"
        " unnest($6::int[]) AS incarnation) v LEFT JOIN " +
            progress_ + " p ON" + of_pipeline + of_slice +
            " AND p.incarnation = v.incarnation"
            " WHERE p.next_offset IS NULL OR p.next_offset <> v.from_offset",
        parameters);
    std::vector<PartitionId> moved;
    for (std::size_t row = 0; row < rows.rows.size(); ++row) moved.push_back(partition(rows, row));
    return moved;
}

/// An UPDATE that changes nothing: it waits for the locks of whoever has moved these rows.
std::map<PartitionId, Offset> BatchBooks::settled(const Batch& batch) {
    const Rows rows = session_.exec(
        "UPDATE " + progress_ +
            " p SET next_offset = p.next_offset FROM (SELECT unnest($3::text[]) AS topic,"
            " unnest($4::int[]) AS kafka_partition) v WHERE" +
            of_pipeline + of_slice + " RETURNING p.topic, p.kafka_partition, p.next_offset",
        keys(batch));
    std::map<PartitionId, Offset> next;
    for (std::size_t row = 0; row < rows.rows.size(); ++row)
        next[partition(rows, row)] = rows.number(row, 2);
    return next;
}

}  // namespace sluice
