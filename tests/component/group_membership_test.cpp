#include "tests/component/member_setup.h"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::fixture;
using namespace sluice::member_test;
using namespace std::chrono_literals;

TEST_CASE("member: may leave at any moment of joining") {
    shared_broker().admin().create_topic("brief", 2);
    // Each one is served a little longer than the one before, until one got as far as its
    // partitions.
    for (auto time = 0ms;; time += 2ms) {
        Member member("brief");
        const auto end = Clock::now() + time;
        while (Clock::now() < end && member.owned.empty()) member.group.poll(member, 1ms);
        if (!member.owned.empty()) break;
        REQUIRE(time < patient(10s));
    }
}

TEST_CASE("member: a second member takes some partitions, the others are not disturbed") {
    make_topic("shared", 4, 10);
    Member one("shared");
    one.until_owning(4);
    one.until([&] { return one.got.size() == 40; }, "all records");
    auto two = std::make_unique<Member>("shared");
    one.until(
        [&] {
            two->serve();
            return one.owned.size() == 2 && two->owned.size() == 2;
        },
        "two partitions each");
    for (const PartitionId kept : one.owned) CHECK(one.times_assigned[kept] == 1);
    for (PartitionId p = 0; p < 4; ++p) append("shared", p, {"more"});
    one.until(
        [&] {
            two->serve();
            return one.got.size() == 42 && two->got.size() == 22;
        },
        "the new records");
    two.reset();
    one.until_owning(4);
}

TEST_CASE("member: a third one that joins during a rebalance gets its share, none is left over") {
    make_topic("crowd", 6, 5);
    config::Kafka kafka = kafka_of(shared_broker());
    std::vector<std::unique_ptr<Member>> members;
    const auto join = [&](const std::string& name) {
        kafka.instance = name;
        members.push_back(std::make_unique<Member>("crowd", kafka, ingest_of("crowd")));
    };
    const auto until = [&](const std::function<bool()>& state, const std::string& what) {
        members[0]->until(
            [&] {
                for (std::size_t i = 1; i < members.size(); ++i) members[i]->serve();
                return state();
            },
            what);
    };
    join("crowd-1");
    members[0]->until_owning(6);
    join("crowd-2");
    until([&] { return members[0]->owned.size() < 6; }, "a rebalance");
    join("crowd-3");
    until(
        [&] {
            return std::ranges::all_of(
                members, [](const auto& member) { return member->owned.size() == 2; });
        },
        "two partitions each");
    for (PartitionId p = 0; p < 6; ++p) append("crowd", p, {"last"});
    until(
        [&] {
            std::set<PartitionId> ends;
            for (const auto& member : members) {
                for (const PartitionId partition : member->owned) {
                    if (member->ends[partition] == 6) ends.insert(partition);
                }
            }
            return ends.size() == 6;
        },
        "the end of all partitions");
}

TEST_CASE("member: new partitions are picked up while running") {
    make_topic("growing", 1, 3);
    config::Kafka kafka = kafka_of(shared_broker());
    kafka.properties["topic.metadata.refresh.interval.ms"] = {"500", false};
    Member member("growing", kafka, ingest_of("growing"));
    member.until_owning(1);
    shared_broker().admin().add_partitions("growing", 3);
    append("growing", 2, {"new"});
    member.until_owning(3);
    member.until([&] { return member.got.size() == 4; }, "all records");
    CHECK(member.times_assigned[0] == 1);
}

TEST_CASE("member: of a partition that is newer than what it knows of the topic it asks anew") {
    make_topic("newer", 1, 3);
    config::Kafka kafka = kafka_of(shared_broker());
    kafka.properties["topic.metadata.refresh.interval.ms"] = {"600000", false};
    Member member("newer", kafka, ingest_of("newer"));
    member.until_owning(1);
    shared_broker().admin().add_partitions("newer", 3);
    append("newer", 2, {"new"});
    CHECK(member.group.resolve({}, {{2}}) == std::vector<Position>{{2, 0}});
    shared_broker().admin().add_partitions("newer", 4);
    append("newer", 3, {"new"});
    CHECK(member.group.available(3).to == 1);
}

TEST_CASE("member: with the same instance a second one takes over at once") {
    make_topic("static", 2, 3);
    config::Kafka kafka = kafka_of(shared_broker());
    kafka.instance = "host-1";
    auto one = std::make_unique<Member>("static", kafka, ingest_of("static"));
    one->until_owning(2);
    SUBCASE("while the first is still there, which is then told") {
        Member two("static", kafka, ingest_of("static"));
        const auto began = Clock::now();
        two.until_owning(2);
        CHECK(since(began) < 10s);
        CHECK_THROWS_AS(one->until([] { return false; }, "to be fenced"), kafka::MemberFenced);
        two.until([&] { return two.got.size() == 6; }, "all records");
    }
    SUBCASE("after the first has left") {
        one.reset();
        Member two("static", kafka, ingest_of("static"));
        const auto began = Clock::now();
        two.until_owning(2);
        CHECK(since(began) < 10s);
    }
}

TEST_CASE("member: who comes back under its name reads what it is to read now, and nothing else") {
    make_topic("kept", 1, 3);
    make_topic("left", 1, 3);
    config::Kafka kafka = kafka_of(shared_broker());
    kafka.instance = "host-1";
    config::Topics both;
    config::Topics now;
    SUBCASE("a topic is not in its list any more") {
        both.names = {"kept", "left"};
        now = "kept";
    }
    SUBCASE("its expression is another one") {
        both.regex = "kept|left";
        now.regex = "kep.";
    }
    SUBCASE("a topic is gone") {
        both.regex = "kept|left";
        now = both;
    }
    config::Ingest ingest = ingest_of("kept");
    ingest.topic = both;
    auto one = std::make_unique<Member>(both, kafka, ingest);
    one->until_owning(2);
    one.reset();
    if (now == both) shared_broker().admin().delete_topic("left");
    ingest.topic = now;
    Member two(now, kafka, ingest);
    if (!(now == both)) append("left", 0, {"not for us"});
    const PartitionId kept = two.partitions.id_of("kept", 0);
    two.until([&] { return two.times_assigned[kept] == 2; }, "what the group gives out anew");
    append("kept", 0, {"for us"});
    two.until([&] { return !two.got.empty() && two.values().back() == "for us"; }, "a record");
    CHECK(two.owned == std::set{kept});
    CHECK(std::ranges::all_of(two.got, [&](const Got& it) { return it.partition == kept; }));
    CHECK(two.times_assigned.size() == 1);
}

TEST_CASE("member: leaves quickly, whatever it is doing") {
    make_topic("leaving", 2, 100);
    config::Ingest ingest = ingest_of("leaving");
    auto member = std::make_unique<Member>("leaving", kafka_of(shared_broker()), ingest);
    SUBCASE("before it joined") {}
    SUBCASE("while its assignment is not answered") {
        member->answer = false;
        member->until_owning(2);
    }
    SUBCASE("while it reads") {
        member->until([&] { return member->got.size() > 10; }, "records");
    }
    SUBCASE("while the broker's thread is throttled") {
        append("leaving", 0, Strings(500, std::string(20'000, 'x')));
        ingest.memory = ingest.batch.bytes + (1u << 20);
        member = std::make_unique<Member>("leaving", kafka_of(shared_broker()), ingest);
        member->until_owning(2);
        wait_until(
            [&] {
                member->group.poll(*member, 5ms);
                const auto& told = member->fetched_bytes;
                return told.size() > 1 && told.back() > 0 && told.back() == told[told.size() - 2];
            },
            patient(30s), "no more to be fetched");
    }
    const auto began = Clock::now();
    member.reset();
    CHECK(since(began) < patient(5s));
}

TEST_CASE("member: wake ends the waiting, of the group and of a lane, also before it begins") {
    make_topic("woken", 1, 0);
    Member member("woken");
    member.until([&] { return member.ends.contains(0); }, "the end");
    for (int round = 0; round < 5; ++round) {
        auto began = Clock::now();
        member.group.wake();
        member.group.poll(member, 20s);
        member.group.lane(0).wake();
        member.take_from(member.group.lane(0), 20s);
        CHECK(since(began) < 10s);
        began = Clock::now();
        std::thread waker([&] {
            std::this_thread::sleep_for(20ms);
            member.group.lane(0).wake();
        });
        member.take_from(member.group.lane(0), 20s);
        waker.join();
        CHECK(since(began) < 10s);
    }
}

TEST_CASE("member: why Kafka does not let it in is its trouble, in Kafka's words") {
    make_topic("refused_join", 1, 1);
    config::Kafka kafka = kafka_of(shared_broker());
    kafka.properties["session.timeout.ms"].text = "500";  // the brokers take 1000 and more
    Member member("refused_join", kafka, ingest_of("refused_join"));
    member.until([&] { return !member.group.trouble().empty(); }, "the refusal");
    const std::string trouble = member.group.trouble();
    CHECK_MESSAGE(trouble.find("session timeout") != std::string::npos, trouble);
    CHECK_MESSAGE(trouble.find("; session.timeout.ms of [kafka.properties]") != std::string::npos,
                  trouble);
}
