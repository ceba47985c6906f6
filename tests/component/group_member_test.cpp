#include "tests/component/member_setup.h"

#include <doctest/doctest.h>

#include <numeric>
#include <stop_token>

using namespace sluice;
using namespace sluice::fixture;
using namespace sluice::member_test;
using namespace std::chrono_literals;

TEST_CASE("member: records arrive in order, with all that belongs to them") {
    shared_broker().admin().create_topic("whole", 1);
    KafkaProducer producer(shared_broker().client());
    producer.produce({.topic = "whole",
                      .partition = 0,
                      .key = "k",
                      .value = "v",
                      .headers = {{"a", "1"}, {"none", std::nullopt}, {"a", ""}},
                      .timestamp_ms = 1'700'000'000'123});
    producer.produce({.topic = "whole", .partition = 0, .key = "", .value = std::nullopt});
    producer.produce({.topic = "whole", .partition = 0, .value = ""});
    producer.flush();

    Member member("whole");
    member.until([&] { return member.ends.contains(0); }, "the end");
    REQUIRE(member.got.size() == 3);
    CHECK(member.ends[0] == 3);
    const Got& first = member.got[0];
    CHECK(first.offset == 0);
    CHECK(first.timestamp_ms == 1'700'000'000'123);
    CHECK(first.key == "k");
    CHECK(first.value == "v");
    REQUIRE(first.headers.size() == 3);
    CHECK(first.headers[0] == std::pair<std::string, std::optional<std::string>>{"a", "1"});
    CHECK(first.headers[1].second == std::nullopt);
    CHECK(first.headers[2].second == "");
    CHECK(member.got[1].value == std::nullopt);
    CHECK(member.got[1].key == "");
    CHECK(member.got[2].key == std::nullopt);
    CHECK(member.got[2].value == "");
}

TEST_CASE("member: nothing arrives before a partition is opened, nor after it was closed") {
    make_topic("closed", 2, 5);
    Member member("closed");
    member.open = false;
    member.until_owning(2);
    member.group.lane(0).open(1);
    member.until([&] { return member.ends.contains(1); }, "the end of partition 1");
    CHECK(std::ranges::all_of(member.got, [](const Got& it) { return it.partition == 1; }));
    CHECK_FALSE(member.ends.contains(0));
    member.group.lane(0).close(1);
    append("closed", 1, {"5"});
    member.group.lane(0).open(0);
    append("closed", 0, {"5"});
    member.until([&] { return member.ends[0] == 6; }, "the end of partition 0");
    CHECK(member.got.size() == 5 + 6);
    member.group.lane(0).open(1);
    member.until([&] { return member.ends[1] == 6; }, "what came while it was closed");
}

TEST_CASE("member: a lane that lets go late leaves alone what was fetched for the next time") {
    make_topic("late", 1, 100);
    Member member("late");
    member.until([&] { return member.ends[0] == 100; }, "the end");
    member.got.clear();
    member.fetched_bytes.clear();
    // Handed over, and back, while the lane is still in a commit.
    member.group.unassign({{0}});
    member.group.assign({{{0, 50}}});
    const auto fetched = [&] {
        return !member.fetched_bytes.empty() && member.fetched_bytes.back() > 0;
    };
    wait_until(
        [&] {
            member.group.poll(member, 5ms);
            return fetched();
        },
        patient(30s), "the records from 50 on");
    member.group.lane(0).close(0);
    member.group.lane(0).open(0);
    append("late", 0, {"last"});
    member.until([&] { return !member.got.empty() && member.values().back() == "last"; }, "it");
    CHECK(member.got.front().offset == 50);
    CHECK(member.got.size() == 51);
}

TEST_CASE("member: a seek drops what was fetched before it") {
    make_topic("sought", 1, 50);
    Member member("sought");
    member.until([&] { return member.ends[0] == 50; }, "the end");
    for (int round = 0; round < 20; ++round) {
        member.group.lane(0).close(0);
        append("sought", 0, {"x"});
        member.group.seek({{{0, 10}}});
        member.got.clear();
        member.ends.clear();
        member.group.lane(0).open(0);
        member.until([&] { return member.ends.contains(0); }, "the end");
        REQUIRE_FALSE(member.got.empty());
        CHECK(member.got.front().offset == 10);
        CHECK(member.got.size() == static_cast<std::size_t>(50 + round + 1 - 10));
    }
}

TEST_CASE("member: what was cut short between letting go and taking back is done the next time") {
    make_topic("half_done", 1, 50);
    Member member("half_done");
    member.until([&] { return member.ends[0] == 50; }, "the end");
    member.group.lane(0).close(0);
    member.group.set_aside({{0}});
    member.group.set_aside({{0}});
    member.group.seek({{{0, 10}}});
    member.got.clear();
    member.ends.clear();
    member.group.lane(0).open(0);
    member.until([&] { return member.ends.contains(0); }, "the end once more");
    CHECK(member.got.size() == 40);
    member.group.unassign({{0}});
    member.group.unassign({{0}});
}

TEST_CASE("member: offsets resolve for earliest, latest and a time") {
    shared_broker().admin().create_topic("times", 2);
    KafkaProducer producer(shared_broker().client());
    for (int i = 0; i < 10; ++i) {
        producer.produce({.topic = "times",
                          .partition = 0,
                          .value = "v",
                          .timestamp_ms = 1'700'000'000'000 + i * 1000});
    }
    producer.flush();
    shared_broker().admin().delete_records("times", 0, 2);
    Member member("times");
    using Kind = config::Start::Kind;
    const auto resolve = [&](Kind kind, std::int64_t time = 0) {
        auto found = member.group.resolve({kind, time}, Partitions{0, 1});
        std::ranges::sort(found, {}, &Position::partition);
        return found;
    };
    CHECK(resolve(Kind::earliest) == std::vector<Position>{{0, 2}, {1, 0}});
    CHECK(resolve(Kind::latest) == std::vector<Position>{{0, 10}, {1, 0}});
    CHECK(resolve(Kind::time, 1'700'000'004'500) == std::vector<Position>{{0, 5}, {1, 0}});
    CHECK(resolve(Kind::time, 1'900'000'000'000) == std::vector<Position>{{0, 10}, {1, 0}});
    CHECK(member.group.available(0) == OffsetRange{2, 10});
    CHECK(member.group.partitions() == Partitions{0, 1});
    CHECK(member.group.cluster_id() == shared_broker().admin().cluster_id());
}

TEST_CASE("member: a topic that does not exist is named, with what to do") {
    Member member("nowhere");
    CHECK_THROWS_WITH_AS(static_cast<void>(member.group.partitions()),
                         doctest::Contains("there is no topic \"nowhere\""), TroubleOfTheWorld);
}

TEST_CASE("member: the same partition of two topics is two, in one lane") {
    make_topic("two_a", 1, 3);
    make_topic("two_b", 1, 5);
    config::Ingest ingest = ingest_of("two_a");
    ingest.topic.names = {"two_a", "two_b"};
    Member member(ingest.topic, kafka_of(shared_broker()), ingest);
    constexpr PartitionId a = 0;
    constexpr PartitionId b = 100;
    member.until([&] { return member.ends[a] == 3 && member.ends[b] == 5; }, "both ends");
    CHECK(member.owned == std::set<PartitionId>{a, b});
    const auto count = [&](PartitionId of) {
        return std::ranges::count(member.got, of, &Got::partition);
    };
    CHECK(count(a) == 3);
    CHECK(count(b) == 5);
    CHECK(member.group.partitions() == Partitions{a, b});
    CHECK(member.group.available(b) == OffsetRange{0, 5});
    CHECK(member.group.resolve({config::Start::Kind::latest, 0}, Partitions{a, b}) ==
          std::vector<Position>{{a, 3}, {b, 5}});

    // What one is told, the other does not notice.
    member.group.lane(0).close(a);
    append("two_a", 0, {"x"});
    append("two_b", 0, {"y"});
    member.group.seek({{{a, 1}}});
    member.until([&] { return member.ends[b] == 6; }, "what came to the other");
    CHECK(count(a) == 3);
    CHECK(count(b) == 6);
    member.group.lane(0).open(a);
    member.until([&] { return member.ends[a] == 4; }, "what came after the seek");
    CHECK(count(a) == 3 + 3);
    CHECK(count(b) == 6);
    member.group.unassign({{a}});
    append("two_b", 0, {"z"});
    member.until([&] { return member.ends[b] == 7; }, "the one that is left");
}

TEST_CASE("member: of a list, a topic that is missing keeps nobody from the others") {
    config::Ingest ingest = ingest_of("listed");
    ingest.topic = {};
    ingest.topic.names = {"listed_a", "listed_b", "listed_later"};
    config::Kafka kafka = kafka_of(shared_broker());
    kafka.properties["topic.metadata.refresh.interval.ms"].text = "1000";
    for (const char* topic : {"listed_a", "listed_b"}) make_topic(topic, 2, 3);
    Member one(ingest.topic, kafka, ingest);
    one.until_owning(4);
    one.until([&] { return one.got.size() == 12; }, "all records");
    // While one fetches, questions take their time, and joining asks some.
    Member other(ingest.topic, kafka, ingest);
    const auto until_each_has = [&](std::size_t count) {
        one.until(
            [&] {
                other.serve();
                return one.owned.size() == count && other.owned.size() == count;
            },
            std::to_string(count) + " partitions each");
    };
    until_each_has(2);
    make_topic("listed_later", 2, 0);
    until_each_has(3);
    CHECK(one.group.is_new("listed_later"));
}

TEST_CASE("member: a topic that is made anew takes nothing of the other one in its lane") {
    make_topic("anew_a", 1, 3);
    make_topic("anew_b", 1, 3);
    config::Ingest ingest = ingest_of("anew_a");
    ingest.topic.names = {"anew_a", "anew_b"};
    config::Kafka kafka = kafka_of(shared_broker());
    kafka.properties["topic.metadata.refresh.interval.ms"].text = "300";
    Member member(ingest.topic, kafka, ingest);
    constexpr PartitionId a = 0;
    constexpr PartitionId b = 100;
    member.until([&] { return member.ends[a] == 3 && member.ends[b] == 3; }, "both ends");

    // So that there is always something of it on its way to the lane.
    std::jthread busy([](const std::stop_token& stop) {
        while (!stop.stop_requested()) append("anew_b", 0, Strings(20, "more"));
    });
    for (int times = 2; times <= 4; ++times) {
        shared_broker().admin().delete_topic("anew_a");
        member.until([&] { return !member.owned.contains(a); }, "that it is gone");
        member.next[a] = 0;
        make_topic("anew_a", 1, 1);
        member.until([&] { return member.times_assigned[a] == times; }, "that it is back");
    }
    busy.request_stop();
    busy.join();
    const Offset end = member.group.available(b).to;
    member.until([&] { return member.next[b] == end; }, "all of the other one");
    std::vector<Offset> of_b;
    for (const Got& it : member.got)
        if (it.partition == b) of_b.push_back(it.offset);
    std::vector<Offset> all(static_cast<std::size_t>(end));
    std::iota(all.begin(), all.end(), Offset{0});
    CHECK(of_b == all);
}

TEST_CASE("member: topics that come to fit an expression are read, and Kafka's own are not") {
    config::Ingest ingest = ingest_of("fits");
    ingest.topic = {};
    ingest.topic.regex = "fits_.+|.*consumer.*";
    config::Kafka kafka = kafka_of(shared_broker());
    kafka.properties["topic.metadata.refresh.interval.ms"].text = "300";
    Member member(ingest.topic, kafka, ingest);
    CHECK(member.group.partitions().empty());
    member.until([&] { return !member.group.trouble().empty(); }, "that there is none");
    CHECK(member.group.trouble().find("no topic whose whole name fits") != std::string::npos);
    make_topic("fits_1", 1, 3);
    make_topic("not_fits_1", 1, 3);
    member.until_owning(1);
    CHECK(member.partitions[*member.owned.begin()].topic == "fits_1");
    member.until([&] { return member.got.size() == 3; }, "its records");
    CHECK(member.group.is_new("fits_1"));
    make_topic("fits_2", 2, 3);
    member.until_owning(3);
    member.until([&] { return member.got.size() == 9; }, "those of the other");
    CHECK(member.group.trouble().empty());

    shared_broker().admin().delete_topic("fits_1");
    member.until_owning(2);
    append("fits_2", 0, {"more"});
    member.until([&] { return member.got.size() == 10; }, "what the other goes on with");
}

TEST_CASE("member: of transactions only what was committed arrives, the end lies behind markers") {
    shared_broker().admin().create_topic("transactions", 1);
    KafkaProperties properties = shared_broker().client();
    properties["transactional.id"] = "member";
    KafkaProducer producer(properties);
    producer.begin();
    producer.produce("transactions", 0, "aborted");
    producer.abort();
    producer.begin();
    producer.produce("transactions", 0, "committed");
    producer.commit();
    producer.begin();
    producer.produce("transactions", 0, "aborted too");
    producer.abort();
    Member member("transactions");
    member.until([&] { return member.ends[0] == 6; }, "the end behind the last marker");
    CHECK(member.values() == Strings{"committed"});
    CHECK(member.got[0].offset == 2);

    // An open transaction is not read yet, and what comes after it neither.
    producer.begin();
    producer.produce("transactions", 0, "open");
    producer.flush();
    append("transactions", 0, {"after"});
    CHECK(member.group.available(0) == OffsetRange{0, 6});
    CHECK(member.group.resolve({config::Start::Kind::latest, 0}, Partitions{0}) ==
          std::vector<Position>{{0, 6}});
    producer.commit();
    member.until([&] { return member.ends[0] == 9; }, "the rest");
    CHECK(member.values() == Strings{"committed", "open", "after"});
}

TEST_CASE("member: every compression is read") {
    shared_broker().admin().create_topic("compressed", 1);
    Strings expected;
    for (const char* codec : {"none", "gzip", "snappy", "lz4", "zstd"}) {
        KafkaProperties properties = shared_broker().client();
        properties["compression.type"] = codec;
        KafkaProducer producer(properties);
        for (int i = 0; i < 100; ++i) {
            expected.push_back(std::string(codec) + std::to_string(i) + std::string(100, 'x'));
            producer.produce("compressed", 0, expected.back());
        }
        producer.flush();
    }
    Member member("compressed");
    member.until([&] { return member.ends[0] == 500; }, "the end");
    CHECK(member.values() == expected);
}

TEST_CASE("member: a position outside of the partition is told, and left by a seek") {
    make_topic("outside", 1, 10);
    shared_broker().admin().delete_records("outside", 0, 5);
    for (const Offset position : {Offset{2}, Offset{99}}) {
        CAPTURE(position);
        Member member("outside");
        member.next[0] = position;
        member.until([&] { return member.out_of_range.contains(0); }, "out of range");
        CHECK(member.got.empty());
        member.group.lane(0).close(0);
        member.group.seek({{{0, 5}}});
        member.group.lane(0).open(0);
        member.until([&] { return member.ends.contains(0); }, "the end");
        CHECK(member.values() == Strings{"5", "6", "7", "8", "9"});
    }
}

TEST_CASE("member: a million small records, with little memory and no stall") {
    constexpr int partitions = 4;
    constexpr std::size_t total = 1'000'000;
    shared_broker().admin().create_topic("million", partitions);
    {
        KafkaProperties properties = shared_broker().client();
        properties["linger.ms"] = "20";
        properties["batch.num.messages"] = "10000";
        KafkaProducer producer(properties);
        const std::string value(140, 'v');
        for (std::size_t i = 0; i < total; ++i) {
            producer.produce("million", static_cast<int>(i % partitions), value);
        }
        producer.flush();
    }
    struct Counter : RecordVisitor {
        void on_record(const Record&) override { ++records; }
        std::size_t records = 0;
    } counter;
    Member member("million");
    member.open = false;
    member.until_owning(partitions);
    const auto began = Clock::now();
    auto last = began;
    std::chrono::milliseconds longest{0};
    for (PartitionId p = 0; p < partitions; ++p) member.group.lane(0).open(p);
    while (counter.records < total && since(began) < patient(60s)) {
        const std::size_t before = counter.records;
        counter.take_from(member.group.lane(0), 10ms);
        if (counter.records == before) continue;
        longest = std::max(longest, since(last));
        last = Clock::now();
    }
    CHECK(counter.records == total);
    const auto took = since(began);
    MESSAGE("1,000,000 records in " << took.count() << " ms, longest pause " << longest.count()
                                    << " ms");
}

TEST_CASE("member: a lane that is done with all it took does not wait while Kafka has more") {
    constexpr int partitions = 8;
    constexpr int total = 2000;  // 80 MB, five times the budget
    shared_broker().admin().create_topic("large", partitions);
    KafkaProducer producer(shared_broker().client());
    const std::string value(40'000, 'v');
    for (int i = 0; i < total; ++i) producer.produce("large", i % partitions, value);
    producer.flush();
    config::Ingest ingest = ingest_of("large");
    ingest.memory = 64u << 20;
    ingest.batch.bytes = 48u << 20;  // 16 MiB are left to fetch ahead
    Member member("large", kafka_of(shared_broker()), ingest);
    // As a slow commit does it: what is fetched meanwhile reaches the budget, and the thread
    // that fetches waits without a limit.
    struct Slow : RecordVisitor {
        explicit Slow(Member& served) : member(served) {}
        void on_record(const Record&) override {
            if (++records > 1) return;
            wait_until(
                [&] {
                    member.group.poll(member, 50ms);
                    const auto& told = member.fetched_bytes;
                    return told.size() > 1 && told.back() > 0 &&
                           told.back() == told[told.size() - 2];
                },
                patient(30s), "no more to be fetched");
        }
        Member& member;
        int records = 0;
    } slow{member};
    member.open = false;
    member.until_owning(partitions);
    for (PartitionId p = 0; p < partitions; ++p) member.group.lane(0).open(p);
    std::chrono::nanoseconds longest{};
    while (slow.records < total) {
        longest = std::max(longest, slow.take_from(member.group.lane(0), patient(20s)));
    }
    CHECK(longest < patient(5s));  // not until the time of poll() is up
}
