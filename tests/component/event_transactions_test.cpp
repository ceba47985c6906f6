#include "kafka/event_transactions.h"

#include "tests/fixture/kafka_broker.h"
#include "tests/fixture/kafka_reader.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <string>
#include <variant>
#include <vector>

using namespace sluice;
using namespace sluice::fixture;
using namespace std::chrono_literals;

namespace {

/// A relay's side of Kafka, a topic of one partition that takes no event without a key, and a batch
/// of events for it.
class SendingSetup {
public:
    explicit SendingSetup(const std::string& name, std::size_t queue_bytes = 64u << 20,
                          const KafkaProperties& topic_config = {{"cleanup.policy", "compact"}})
        : topic_(name),
          transactions_(kafka(), {.name = name,
                                  .transactional_id = name,
                                  .marks_topic = name + ".marks",
                                  .queue_bytes = queue_bytes}) {
        shared_broker().admin().create_topic(topic_, 1, topic_config);
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
    /// Takes the refusals of each try into the batch, as a relay does, until it is sent.
    std::vector<std::size_t> send() {
        std::vector<std::size_t> refused;
        for (;;) {
            const SendResult result = try_once();
            const auto* refusals = std::get_if<EventsRefused>(&result);
            if (refusals == nullptr) {
                CHECK(std::holds_alternative<Sent>(result));
                return refused;
            }
            for (const Refusal& refusal : refusals->refusals) {
                refused.push_back(refusal.event);
                events_.events()[refusal.event].refused = true;
            }
        }
    }
    [[nodiscard]] std::size_t arrived() const {
        return read_topic(shared_broker().client(), topic_).size();
    }

    int asked = 0;

private:
    static config::Kafka kafka() {
        config::Kafka kafka;
        kafka.brokers.text = shared_broker().bootstrap();
        return kafka;
    }

    const std::string topic_;
    kafka::EventTransactions transactions_;
    EventBatch events_;
};

using Places = std::vector<std::size_t>;

}  // namespace

TEST_CASE("event transactions: what is refused while others are still queued is settled") {
    // More than the queue holds: it is full until Kafka has answered for the first of them.
    SendingSetup setup("transactions-early", 64u << 10);
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
