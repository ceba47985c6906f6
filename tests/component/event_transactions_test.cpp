#include "kafka/event_transactions.h"

#include "tests/fixture/kafka_broker.h"
#include "tests/fixture/kafka_handle.h"
#include "tests/fixture/kafka_reader.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <variant>
#include <vector>

using namespace sluice;
using namespace sluice::fixture;
using namespace std::chrono_literals;

namespace {

config::Kafka kafka_of(KafkaProperties client, const KafkaProperties& more = {}) {
    config::Kafka kafka;
    kafka.brokers.text = client.extract("bootstrap.servers").mapped();
    client.insert(more.begin(), more.end());
    for (const auto& [name, value] : client) kafka.properties[name].text = value;
    return kafka;
}

/// A relay's side of Kafka, a topic of one partition that takes no event without a key, and a batch
/// of events for it.
class SendingSetup {
public:
    struct Options {
        std::size_t queue_bytes = 64u << 20;
        std::chrono::milliseconds transaction_timeout = 60s;
        KafkaProperties properties{};
        KafkaProperties topic_config{{"cleanup.policy", "compact"}};
        bool encodes_later = false;
    };
    explicit SendingSetup(const std::string& name) : SendingSetup(name, Options()) {}
    SendingSetup(const std::string& name, const Options& options)
        : topic_(name),
          transactions_(kafka_of(shared_broker().client(), options.properties),
                        {.name = name,
                         .transactional_id = name,
                         .marks_topic = name + ".marks",
                         .encodes_later = options.encodes_later,
                         .queue_bytes = options.queue_bytes,
                         .transaction_timeout = options.transaction_timeout}) {
        shared_broker().admin().create_topic(topic_, 1, options.topic_config);
        CHECK(transactions_.start() == std::nullopt);
    }

    void add(const std::optional<std::string>& key, const std::string& value) {
        OutboxEvent& event = events_.add();
        event.place = static_cast<int>(events_.events().size()) - 1;
        event.topic = topic_;
        if (key) event.key = events_.keep(*key);
        event.value = events_.keep(value);
    }
    void add_good(int count, std::size_t size = 100) {
        for (int i = 0; i < count; ++i) {
            add("key", std::to_string(events_.events().size()) + std::string(size, '.'));
        }
    }
    std::vector<Refusal> inspect() { return transactions_.inspect(events_); }
    /// One try, until it is decided. `asked`: how often it was not.
    SendResult try_once(std::chrono::milliseconds patience = 1s) {
        asked = 0;
        transactions_.send(7, events_);
        SendResult result;
        wait_until(
            [&] {
                result = transactions_.finish(patience);
                asked += std::holds_alternative<Undecided>(result);
                return !std::holds_alternative<Undecided>(result);
            },
            patient(60s), "a decision");
        if (const auto* failed = std::get_if<SendFailed>(&result)) MESSAGE(failed->reason);
        return result;
    }
    /// Takes the refusals of each try into the batch, and begins anew where one fails, as a relay
    /// does, until it is sent.
    std::vector<std::size_t> send() {
        std::vector<std::size_t> refused;
        for (int failures = 0;;) {
            const SendResult result = try_once();
            if (std::holds_alternative<Sent>(result)) return refused;
            const auto* refusals = std::get_if<EventsRefused>(&result);
            if (refusals == nullptr) {
                REQUIRE(++failures < 5);
                transactions_.start();
                continue;
            }
            for (const Refusal& refusal : refusals->refusals) {
                refused.push_back(refusal.event);
                events_.events()[refusal.event].refused = true;
            }
        }
    }
    /// Begins anew after each failure. How many there were.
    int try_until_sent() {
        for (int failures = 0;; ++failures) {
            const SendResult result = try_once();
            if (std::holds_alternative<Sent>(result)) return failures;
            REQUIRE(std::holds_alternative<SendFailed>(result));
            REQUIRE(failures < 10);
            transactions_.start();
        }
    }
    void start() { CHECK(transactions_.start() == 7); }
    [[nodiscard]] std::size_t arrived() const {
        return read_topic(shared_broker().client(), topic_).size();
    }

    int asked = 0;

private:
    const std::string topic_;
    kafka::EventTransactions transactions_;
    EventBatch events_;
};

using Places = std::vector<std::size_t>;

}  // namespace

TEST_CASE("event transactions: what is refused while others are still queued is settled") {
    // More than the queue holds: it is full until Kafka has answered for the first of them.
    SendingSetup setup("transactions-early", {.queue_bytes = 64u << 10});
    setup.add(std::nullopt, "refused");
    setup.add_good(5000, 1000);
    CHECK(setup.send() == Places{0});
    CHECK(setup.arrived() == 5000);
}

TEST_CASE("event transactions: what is refused while the commit is under way is settled") {
    SendingSetup setup("transactions-late");
    setup.add(std::nullopt, "refused");
    setup.add_good(100);
    const SendResult result = setup.try_once(1ms);
    CHECK(setup.asked > 0);
    CHECK(std::holds_alternative<EventsRefused>(result));
}

TEST_CASE("event transactions: few are found among many before Kafka ends a transaction") {
    // All in one request, which is refused whole; Kafka looks for old transactions every 10 s.
    SendingSetup setup("transactions-many",
                       {.transaction_timeout = 3s, .properties = {{"linger.ms", "1000"}}});
    for (int part = 0; part < 3; ++part) {
        setup.add_good(3000, 1);
        setup.add(std::nullopt, "refused");
    }
    CHECK(setup.send() == Places{3000, 6001, 9002});
    CHECK(setup.arrived() == 9000);
}

TEST_CASE("event transactions: what is too much together is sent in smaller requests for a while") {
    SendingSetup setup("transactions-together", {.properties = {{"linger.ms", "1000"}},
                                                 .topic_config = {{"max.message.bytes", "20000"}}});
    setup.add_good(100, 1000);
    const auto fails = [&] { return std::holds_alternative<SendFailed>(setup.try_once()); };
    CHECK(setup.try_until_sent() > 0);
    for (int i = 0; i < 100; ++i) CHECK_FALSE(fails());
    setup.start();
    CHECK(fails());
    CHECK(setup.try_until_sent() > 0);
}

TEST_CASE("event transactions: a size is judged where the value is, or found when it was encoded") {
    const std::string large(2000, '.');
    SendingSetup plain("transactions-plain", {.properties = {{"message.max.bytes", "1500"}}});
    plain.add("key", large);
    REQUIRE(plain.inspect().size() == 1);
    CHECK(plain.inspect().front().reason == RefusalReason::too_large);

    SendingSetup encoding("transactions-encoding",
                          {.properties = {{"message.max.bytes", "1500"}}, .encodes_later = true});
    encoding.add("key", large);
    encoding.add_good(2);
    CHECK(encoding.inspect().empty());
    CHECK(encoding.send() == Places{0});  // as it would be encoded
    CHECK(encoding.arrived() == 2);
}

TEST_CASE("event transactions: a topic that is not for us holds up the others for a while only") {
    KafkaBroker broker({.properties = {{"authorizer.class.name",
                                        "org.apache.kafka.metadata.authorizer.StandardAuthorizer"},
                                       {"allow.everyone.if.no.acl.found", "true"},
                                       {"super.users", "User:ANONYMOUS"}},
                        .secured = true});
    const auto allow = [&](const std::string& user, const char* topic,
                           rd_kafka_AclOperation_t operation) {
        fixture::allow(broker.client(), user, RD_KAFKA_RESOURCE_TOPIC, topic, operation);
    };
    for (const char* topic : {"open", "seen", "unseen", "seen.too"})
        broker.admin().create_topic(topic, 1);
    allow(broker.user(), "seen", RD_KAFKA_ACL_OPERATION_DESCRIBE);
    allow(broker.user(), "seen.too", RD_KAFKA_ACL_OPERATION_DESCRIBE);
    allow("nobody", "unseen", RD_KAFKA_ACL_OPERATION_DESCRIBE);
    std::vector<std::string> topics{"open", "seen", "unseen", "open", "seen.too"};
    std::string fixed;
    std::chrono::seconds patience = 3s;
    bool mended = true;
    SUBCASE("each row names its own") {
        mended = false;
    }
    SUBCASE("it is permitted meanwhile") {
        topics = {"open", "seen"};
        patience = 1h;
    }
    SUBCASE("there is no other") {
        topics = {fixed = "seen"};
    }
    kafka::EventTransactions transactions(kafka_of(broker.secured_client()),
                                          {.name = "acl",
                                           .transactional_id = "acl",
                                           .marks_topic = "acl.marks",
                                           .fixed_topic = fixed,
                                           .forbidden_patience = patience});
    EventBatch events;
    for (const std::string& topic : topics) {
        OutboxEvent& event = events.add();
        event.topic = events.keep(topic);
        event.value = "x";
    }
    std::vector<std::string> troubles;
    std::vector<std::string> refusals;
    // As a relay does.
    const auto is_sent = [&] {
        try {
            transactions.start();
            for (const Refusal& refusal : transactions.inspect(events)) {
                refusals.push_back(std::to_string(refusal.event) + ":" +
                                   std::string(name_of(refusal.reason)));
                events.events()[refusal.event].refused = true;
            }
            transactions.send(1, events);
            for (;;) {
                const SendResult result = transactions.finish(1s);
                if (std::holds_alternative<Undecided>(result)) continue;
                return std::holds_alternative<Sent>(result);
            }
        } catch (const TroubleOfTheWorld& trouble) {
            if (troubles.empty() || troubles.back() != trouble.what())
                troubles.emplace_back(trouble.what());
            return false;
        }
    };
    const auto says = [&](const std::string& what) {
        return std::ranges::any_of(troubles, [&](const std::string& trouble) {
            return trouble.find(what) != std::string::npos;
        });
    };
    const auto began = std::chrono::steady_clock::now();
    if (mended) {
        wait_until(
            [&] {
                CHECK_FALSE(is_sent());
                return says("\"seen\": permit Write on it") &&
                       std::chrono::steady_clock::now() - began > 4s;
            },
            patient(60s), "the word of it, for longer than others are held up");
        allow(broker.user(), "seen", RD_KAFKA_ACL_OPERATION_WRITE);
    }
    wait_until(is_sent, patient(60s), "all that can be sent");
    std::ranges::sort(refusals);
    std::size_t arrived = 0;
    for (const char* topic : {"open", "seen", "unseen", "seen.too"})
        arrived += read_topic(broker.client(), topic).size();
    CHECK(arrived == topics.size() - refusals.size());
    if (mended) {
        CHECK(refusals.empty());
        return;
    }
    CHECK(refusals ==
          std::vector<std::string>{"1:not_permitted", "2:not_permitted", "4:not_permitted"});
    CHECK(says("does not let this user write topic \"seen\""));
    CHECK(says("topic \"unseen\" is not there or not for us"));
    CHECK(says(" s its events are refused, and the others go on"));
}
