#include "pipeline/batch.h"
#include "tests/fakes/partitions.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace sluice;

namespace {

Record record(PartitionId partition, Offset offset, std::string_view value) {
    Record made;
    made.from = fakes::orders(partition);
    made.offset = offset;
    made.timestamp_ms = 1700000000000 + offset;
    made.value = value;
    return made;
}

EncodedRows rows(const std::vector<std::string>& encoded) {
    EncodedRows made;
    for (std::size_t i = 0; i < encoded.size(); ++i) {
        made.bytes += encoded[i];
        made.rows.push_back({.record = static_cast<RecordLog::Index>(i), .end = made.bytes.size()});
    }
    return made;
}

std::vector<std::string> split(const EncodedRows& from) {
    std::vector<std::string> encoded;
    for (std::size_t i = 0; i < from.rows.size(); ++i) {
        encoded.emplace_back(from.bytes_of(i));
    }
    return encoded;
}

}  // namespace

TEST_CASE("identify: the checksum is zlib's CRC-32 of key, then value") {
    Record known = record(0, 7, "6789");
    known.key = "12345";
    CHECK(identify(known) == RecordIdentity{7, 1700000000007, 0xcbf43926});
    known.key = std::nullopt;
    known.value = "123456789";
    CHECK(identify(known).checksum == 0xcbf43926);
    known.value = std::nullopt;
    CHECK(identify(known).checksum == 0);
}

TEST_CASE("record log: what was appended comes back whole") {
    RecordLog log;
    const Header headers[] = {{"trace", "a"}, {"", std::nullopt}, {"empty", ""}};
    Record full = record(3, 42, "the value");
    full.key = std::string_view("k\0y", 3);
    full.headers = headers;
    CHECK(log.append(full) == 0);
    Record bare;
    bare.from = fakes::orders(1);
    CHECK(log.append(bare) == 1);
    CHECK(log.append(record(2, 9, "")) == 2);

    const Record back = log.at(0);
    CHECK(back.from == fakes::orders(3));
    CHECK(back.offset == 42);
    CHECK(back.timestamp_ms == full.timestamp_ms);
    CHECK(back.key == full.key);
    CHECK(back.value == "the value");
    REQUIRE(back.headers.size() == 3);
    CHECK(back.headers[0].name == "trace");
    CHECK(back.headers[0].value == "a");
    CHECK_FALSE(back.headers[1].value.has_value());
    CHECK(back.headers[2].value == "");
    CHECK_FALSE(log.at(1).value.has_value());
    CHECK_FALSE(log.at(1).key.has_value());
    CHECK(log.at(2).value == "");
    CHECK(log.at(1).headers.empty());
}

TEST_CASE("record log: views stay valid while it grows over many blocks") {
    RecordLog log;
    const std::string large(3u << 20, 'x');
    std::vector<std::string_view> views;
    for (int i = 0; i < 300; ++i) {
        const std::string value = i % 100 == 50 ? large : std::string(10000, char('a' + i % 26));
        views.push_back(*log.at(log.append(record(0, i, value))).value);
    }
    for (int i = 0; i < 300; ++i) {
        CHECK(views[static_cast<std::size_t>(i)].front() == (i % 100 == 50 ? 'x' : 'a' + i % 26));
        CHECK(views[static_cast<std::size_t>(i)] == log.at(static_cast<RecordLog::Index>(i)).value);
    }
    CHECK(log.bytes() >= 3 * large.size() + 297 * 10000);
}

TEST_CASE("record log: starts anew after clear") {
    RecordLog log;
    for (int round = 0; round < 3; ++round) {
        CHECK(log.size() == 0);
        CHECK(log.bytes() == 0);
        log.append(record(0, 1, std::string(2u << 20, 'x')));
        CHECK(log.append(record(0, 2, "small")) == 1);
        CHECK(log.at(1).value == "small");
        log.clear();
    }
}

TEST_CASE("encoded rows: any rows can be taken out") {
    const std::vector<std::vector<std::size_t>> selections = {{},     {0},          {3},   {1, 2},
                                                              {0, 3}, {0, 1, 2, 3}, {1, 3}};
    const std::vector<std::string> all = {"one", "", "three", "four!"};
    for (const auto& selection : selections) {
        EncodedRows some = rows(all);
        some.erase(selection);
        std::vector<std::string> expected;
        std::vector<RecordLog::Index> records;
        for (std::size_t i = 0; i < all.size(); ++i) {
            if (std::find(selection.begin(), selection.end(), i) != selection.end()) continue;
            expected.push_back(all[i]);
            records.push_back(static_cast<RecordLog::Index>(i));
        }
        CHECK(split(some) == expected);
        REQUIRE(some.rows.size() == records.size());
        for (std::size_t i = 0; i < records.size(); ++i) CHECK(some.rows[i].record == records[i]);
        CHECK(some.bytes.size() == (some.rows.empty() ? 0 : some.rows.back().end));
    }
}

TEST_CASE("batch: a partition has one slice, opened where it was first seen") {
    Batch batch;
    CHECK(batch.empty());
    batch.slice(7, 100).loaded = 5;
    batch.slice(0, 3);
    CHECK(batch.slice(7, 999).range == OffsetRange{100, 100});
    CHECK(batch.slices().size() == 2);
    CHECK(batch.slices()[0].loaded == 5);
    batch.clear();
    CHECK(batch.empty());
    CHECK(batch.slice(7, 200).range == OffsetRange{200, 200});
}

TEST_CASE("batch: refused rows become rejects, and the slices' sums follow") {
    Batch batch;
    for (int i = 0; i < 4; ++i) {
        batch.records.append(record(i % 2, 10 + i, "v"));
        ++batch.slice(i % 2, 10 + i).loaded;
    }
    batch.targets[0].text = rows({"a", "b", "c", "d"});
    batch.refuse({{2, {{"", "second"}}}, {1, {{"x", "first"}}}});
    CHECK(split(batch.targets[0].text) == std::vector<std::string>{"a", "d"});
    REQUIRE(batch.rejects.size() == 2);
    CHECK(batch.rejects[0].record == 1);
    CHECK(batch.rejects[0].reasons == std::vector<Reason>{{"x", "first"}});
    CHECK(batch.rejects[1].record == 2);
    for (const Slice& slice : batch.slices()) {
        CHECK(slice.loaded == 1);
        CHECK(slice.rejected == 1);
    }
    CHECK(batch.row_count() == 2);
}

TEST_CASE("batch: a record of several rows in several targets counts once, and goes as a whole") {
    Batch batch;
    batch.targets.resize(2);
    for (int i = 0; i < 3; ++i) {
        batch.records.append(record(0, 10 + i, "v"));
        ++batch.slice(0, 10).loaded;
    }
    batch.slice(0, 10).range.to = 13;
    batch.targets[0].binary = rows({"0a", "0b", "1", "2a", "2b"});
    batch.targets[1].text = rows({"0", "1", "2"});
    constexpr RecordLog::Index of_row[] = {0, 0, 1, 2, 2};
    for (std::size_t row = 0; row < 5; ++row)
        batch.targets[0].binary.rows[row].record = of_row[row];
    CHECK(batch.row_count() == 8);

    batch.refuse({{0, {{"x", "first"}}}, {0, {{"y", "second"}}}});
    REQUIRE(batch.rejects.size() == 1);
    CHECK(batch.rejects[0].reasons == std::vector<Reason>{{"x", "first"}, {"y", "second"}});
    CHECK(batch.rejects[0].cause == RejectCause::refused);
    CHECK(split(batch.targets[0].binary) == std::vector<std::string>{"1", "2a", "2b"});
    CHECK(split(batch.targets[1].text) == std::vector<std::string>{"1", "2"});
    CHECK((batch.slices()[0].loaded == 2 && batch.slices()[0].rejected == 1));

    batch.cut(0, 12);
    CHECK(split(batch.targets[0].binary) == std::vector<std::string>{"1"});
    CHECK(split(batch.targets[1].text) == std::vector<std::string>{"1"});
    CHECK((batch.slices()[0].loaded == 1 && batch.slices()[0].rejected == 1));
    CHECK(batch.slices()[0].filtered == 0);
    batch.clear();
    CHECK(batch.row_count() == 0);
    CHECK(batch.targets.size() == 1);
}

TEST_CASE("batch: what is cut off leaves sums and range of what stays") {
    Batch batch;
    // Offsets 10 (filtered), 12 (row), 13 (reject), 14 (row) of partition 0; 5 of partition 1.
    for (const Offset offset : {10, 12, 13, 14}) batch.records.append(record(0, offset, "v"));
    batch.records.append(record(1, 5, "other"));
    batch.targets[0].text = rows({"a", "b", "c"});
    batch.targets[0].text.rows[0].record = 1;
    batch.targets[0].text.rows[1].record = 3;
    batch.targets[0].text.rows[2].record = 4;
    batch.reject(2, {{"", "bad"}});
    Slice& slice = batch.slice(0, 9);
    slice = {
        .partition = 0, .range = {9, 15}, .loaded = 2, .rejected = 1, .filtered = 1, .gaps = 2};
    // Nothing at 3 and 4.
    batch.slice(1, 3) = {.partition = 1, .range = {3, 6}, .loaded = 1, .gaps = 2};

    batch.cut(0, 14);
    CHECK(split(batch.targets[0].text) == std::vector<std::string>{"a", "c"});
    CHECK(batch.rejects.size() == 1);
    batch.cut(0, 13);
    CHECK(batch.rejects.empty());
    const Slice& cut = batch.slices()[0];
    CHECK(cut.range == OffsetRange{9, 13});
    CHECK(cut.last == identify(batch.records.at(1)));
    CHECK((cut.loaded == 1 && cut.rejected == 0 && cut.filtered == 1 && cut.gaps == 2));
    CHECK(batch.slices()[1].range == OffsetRange{3, 6});
    batch.cut(1, 5);
    CHECK(split(batch.targets[0].text) == std::vector<std::string>{"a"});
    CHECK(batch.slices()[1].range == OffsetRange{3, 3});
    CHECK((batch.slices()[1].loaded == 0 && batch.slices()[1].gaps == 0));
}

TEST_CASE("batch: what is cut off forgets what had no effect, which is told anew") {
    Batch batch;
    for (const Offset offset : {0, 1, 2, 3}) batch.records.append(record(0, offset, "v"));
    batch.targets[0].text = rows({"a", "b", "c", "d"});
    for (RecordLog::Index i = 0; i < 4; ++i) batch.targets[0].text.rows[i].record = i;
    batch.slice(0, 0) = {.partition = 0, .range = {0, 4}, .loaded = 4};
    batch.set_without_effect({.superseded = {0}, .unmatched = {1}});
    batch.cut(0, 3);
    const Slice& cut = batch.slices()[0];
    CHECK((cut.loaded == 3 && cut.superseded == 0 && cut.unmatched == 0 && cut.filtered == 0));
    batch.set_without_effect({.superseded = {0}, .unmatched = {}});
    CHECK((cut.loaded == 2 && cut.superseded == 1));
}

TEST_CASE("batch: what had no effect is counted once, and forgotten with what is cut off") {
    Batch batch;
    for (const Offset offset : {0, 1, 2, 3}) batch.records.append(record(0, offset, "v"));
    batch.targets[0].text = rows({"a", "b", "c", "d"});
    batch.slice(0, 0) = {.partition = 0, .range = {0, 4}, .loaded = 4};
    const Slice& slice = batch.slices()[0];
    batch.set_without_effect({.superseded = {0}, .unmatched = {1}, .filtered = {3}, .rows = 3});
    CHECK((slice.loaded == 1 && slice.superseded == 1 && slice.unmatched == 1));
    CHECK((slice.filtered == 1 && batch.effective_rows() == 1));
    batch.set_without_effect({.superseded = {2}, .unmatched = {}, .filtered = {3}, .rows = 2});
    CHECK((slice.loaded == 2 && slice.superseded == 1 && slice.unmatched == 0));
    CHECK((slice.filtered == 1 && batch.effective_rows() == 2));
    batch.cut(0, 2);
    CHECK((slice.loaded == 2 && slice.superseded == 0 && slice.filtered == 0));
    batch.set_without_effect({});
    CHECK((slice.loaded == 2 && slice.filtered == 0 && batch.effective_rows() == 2));
}

TEST_CASE("batch: partitions that are dropped are as if nothing of them had come") {
    Batch batch;
    for (const PartitionId partition : {0, 1, 2, 0, 1})
        batch.records.append(record(partition, 7, "v"));
    batch.use(3).text = rows({"a", "b", "c", "d"});
    batch.reject(4, {{"", "no number"}});
    batch.slice(0, 7) = {.partition = 0, .range = {7, 9}, .loaded = 2};
    batch.slice(1, 7) = {.partition = 1, .range = {7, 9}, .loaded = 1, .rejected = 1};
    batch.slice(2, 7) = {.partition = 2, .range = {7, 8}, .loaded = 1};
    CHECK(batch.partitions_of(3) == std::vector<PartitionId>{0, 1, 2});
    CHECK(batch.partitions_of(0).empty());
    batch.set_without_effect({.superseded = {0, 2}, .unmatched = {}, .rows = 2});

    batch.drop({0, 1});
    CHECK(split(batch.targets[3].text) == std::vector<std::string>{"c"});
    CHECK(batch.rejects.empty());
    REQUIRE(batch.slices().size() == 1);
    CHECK((batch.slices()[0].partition == 2 && batch.slices()[0].loaded == 1));
    CHECK(batch.effective_rows() == 1);
    // What comes of them now is as of a partition that the batch has not seen.
    CHECK(batch.slice(0, 5).range == OffsetRange{5, 5});
    CHECK(batch.slice(2, 5).range == OffsetRange{7, 8});
    batch.drop({0, 2});
    CHECK((batch.empty() && !batch.has_changes()));
}

TEST_CASE("batch: what is cut off counts no records from before their partition was dropped") {
    Batch batch;
    for (const Offset offset : {5, 6, 7}) batch.records.append(record(0, offset, "v"));
    batch.slice(0, 5).range.to = 8;
    batch.drop({0});
    // Read anew, behind 5, which was deleted meanwhile.
    for (const Offset offset : {6, 7, 8}) batch.records.append(record(0, offset, "v"));
    batch.use(0).text = rows({"a", "b"});
    batch.targets[0].text.rows[0].record = 3;
    batch.targets[0].text.rows[1].record = 5;
    batch.slice(0, 5) = {.partition = 0, .range = {5, 9}, .loaded = 2, .filtered = 1, .gaps = 1};

    batch.cut(0, 8);
    const Slice& cut = batch.slices()[0];
    CHECK(cut.range == OffsetRange{5, 8});
    CHECK((cut.loaded == 1 && cut.filtered == 1 && cut.gaps == 1));
    batch.clear();
    batch.records.append(record(0, 9, "v"));
    batch.slice(0, 9) = {.partition = 0, .range = {9, 11}, .filtered = 1, .gaps = 1};
    batch.cut(0, 10);
    CHECK((cut.range == OffsetRange{9, 10} && cut.filtered == 1 && cut.gaps == 0));
}

TEST_CASE("batch: bytes are those of all targets, whichever grows") {
    Batch batch;
    batch.use(2).text = rows({std::string(500, 'a')});
    batch.use(0).text = rows({std::string(300, 'b')});
    const std::size_t both = batch.bytes();
    CHECK(both >= 800);
    batch.use(2).text.bytes.append(100, 'c');
    CHECK(batch.bytes() == both + 100);
    batch.use(1);
    CHECK(batch.bytes() == both + 100);
    batch.clear();
    CHECK(batch.bytes() == 0);
}

TEST_CASE("batch: truncations are records that are loaded and have no rows") {
    Batch batch;
    for (const Offset offset : {0, 1, 2, 3}) batch.records.append(record(0, offset, "v"));
    batch.targets[0].text = rows({"a", "d"});
    batch.targets[0].text.rows[1].record = 3;
    batch.targets[0].truncations = {1, 2};
    batch.slice(0, 0) = {.partition = 0, .range = {0, 4}, .loaded = 4};
    batch.refuse({{2, {{"", "others refer to it"}}}});
    CHECK(batch.targets[0].truncations == std::vector<RecordLog::Index>{1});
    const Slice& slice = batch.slices()[0];
    CHECK((slice.loaded == 3 && slice.rejected == 1));
    batch.cut(0, 1);
    CHECK((slice.loaded == 1 && slice.rejected == 0 && slice.filtered == 0));
    CHECK(batch.targets[0].truncations.empty());
    CHECK(batch.has_changes());
    batch.cut(0, 0);
    CHECK_FALSE(batch.has_changes());
}

TEST_CASE("batch: a truncation that one target refuses is not to stay in others") {
    Batch batch;
    batch.records.append(record(0, 0, "v"));
    batch.targets.resize(2);
    batch.targets[0].truncations = batch.targets[1].truncations = {0};
    batch.slice(0, 0) = {.partition = 0, .range = {0, 1}, .loaded = 1};
    CHECK(batch.refuse({{0, {{"", "others refer to it"}}}}));
    CHECK_FALSE(batch.has_changes());
}

TEST_CASE("batch: bytes count records, rows and rejects") {
    Batch batch;
    CHECK(batch.bytes() == 0);
    batch.records.append(record(0, 0, std::string(1000, 'x')));
    CHECK(batch.bytes() >= 1000);
    const std::size_t before = batch.bytes();
    batch.targets[0].binary = rows({std::string(500, 'r')});
    CHECK(batch.bytes() >= before + 500);
    const std::size_t of_rows = batch.bytes();
    for (int i = 0; i < 100; ++i) batch.targets[0].kept.emplace_back(800);
    batch.targets[0].truncations.assign(250, 0);
    CHECK(batch.bytes() >= of_rows + 100 * 100 + 1000);
    const std::size_t without = batch.bytes();
    batch.reject(0, {{"column", std::string(2000, 'w')}, {"", std::string(3000, 'y')}});
    CHECK(batch.bytes() >= without + 5000);
    CHECK(batch.take_back_reject().size() == 2);
    CHECK(batch.rejects.empty());
    CHECK(batch.bytes() == without);
    batch.records.append(record(0, 1, ""));
    const std::size_t with_two = batch.bytes();
    batch.reject(1, {{"", std::string(2000, 'w')}});
    batch.slice(0, 0) = {.partition = 0, .range = {0, 2}, .loaded = 1, .rejected = 1};
    batch.cut(0, 1);
    CHECK(batch.bytes() == with_two);
    batch.refuse({{0, {{"", std::string(4000, 'z')}}}});
    CHECK(batch.bytes() >= 1000 + 4000);
    batch.clear();
    CHECK(batch.bytes() == 0);
}
