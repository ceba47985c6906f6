#include "conformance/outbox_bench.h"

#include "config/load.h"
#include "conformance/check_list.h"
#include "pipeline/outbox/outbox_relay.h"
#include "sinks/outbox/outbox_ddl.h"
#include "sinks/outbox/outbox_leadership.h"

#include <set>
#include <thread>
#include <utility>

namespace sluice::conformance {
namespace {

using namespace std::chrono_literals;

config::Outbox outbox_of(const std::string& name) {
    const config::Loaded loaded =
        config::parse("[kafka]\nbrokers = 'b:1'\n[cloudberry]\ndsn = 'dbname=d'\n[outbox." + name +
                          "]\ntable = 'public." + name +
                          "'\ntopic = 'events'\nbatch = { rows = 200 }\npoll = { idle = '20ms' }\n",
                      "case.toml");
    if (!loaded.problems.empty())
        throw std::logic_error(config::to_string(loaded.problems.front()));
    return loaded.config.outbox.front();
}

class KeepingProducer : public EventProducer {
public:
    explicit KeepingProducer(KeptMessages& messages) : messages_(messages) {}

    std::optional<BatchNumber> start() override { return messages_.mark(); }
    std::vector<Refusal> inspect(const EventBatch&) override { return {}; }
    void send(BatchNumber mark, const EventBatch& events) override {
        mark_ = mark;
        values_.clear();
        for (const OutboxEvent& event : events.events())
            if (!event.refused) values_.emplace_back(event.value.value_or(""));
    }
    SendResult finish(std::chrono::milliseconds) override {
        messages_.commit(mark_, std::exchange(values_, {}));
        return Sent{};
    }

private:
    KeptMessages& messages_;
    BatchNumber mark_ = 0;
    std::vector<std::string> values_;
};

}  // namespace

std::optional<BatchNumber> KeptMessages::mark() const {
    const std::lock_guard lock{mutex_};
    return mark_;
}

void KeptMessages::commit(BatchNumber mark, std::vector<std::string> values) {
    const std::lock_guard lock{mutex_};
    mark_ = mark;
    for (std::string& value : values) values_.push_back(std::move(value));
}

std::vector<std::string> KeptMessages::values() const {
    const std::lock_guard lock{mutex_};
    return values_;
}

OutboxBench::OutboxBench(Site& site)
    : site_(site),
      config_(outbox_of(site.fresh_name("outbox"))),
      identity_{.relay = config_.name, .writer = "case", .revision = "conformance"},
      observer_(registry_, config_.name) {
    site.exec(outbox_ddl(config_, site.family()));
    site.announce(config_.table);
}

OutboxTable OutboxBench::read_table(const std::string& dsn) const {
    Session session(dsn_of(dsn), "sluice/" + config_.name);
    return read_outbox_table(session, config_);
}

CloudberryOutbox OutboxBench::store(const std::string& dsn) const {
    return {dsn_of(dsn), identity_, read_table(dsn)};
}

CloudberryOutboxPurge::Options OutboxBench::purge(const std::string& dsn) const {
    return {.dsn = dsn_of(dsn), .identity = identity_, .table = read_table(dsn)};
}

std::string OutboxBench::insertion(std::int64_t from, std::int64_t count) const {
    return "INSERT INTO " + config_.table + " (payload) SELECT i::text FROM generate_series(" +
           std::to_string(from) + ", " + std::to_string(from + count - 1) + ") i";
}

void OutboxBench::insert(std::int64_t from, std::int64_t count) {
    site_.exec(insertion(from, count));
}

void OutboxBench::send_all(const std::string& dsn) {
    using Clock = std::chrono::steady_clock;
    {
        Session session(dsn_of(dsn), "sluice/" + config_.name);
        take_table(session, identity_, read_table(dsn).qualified);
        static_cast<void>(ensure_origin(session, identity_));
    }
    RelayParts parts{
        .store = std::make_unique<CloudberryOutbox>(dsn_of(dsn), identity_, read_table(dsn)),
        .producer = std::make_unique<KeepingProducer>(messages_),
        .leadership = std::make_unique<AdvisoryLeadership>(dsn_of(dsn), identity_),
        .purger = std::make_unique<OutboxPurger>(
            std::make_unique<CloudberryOutboxPurge>(purge(dsn)), observer_),
        .observer = observer_};
    OutboxRelay relay(config_, std::move(parts), {.retry = {20ms, 1s}, .standby = 100ms});
    std::string failure;
    std::jthread thread([&] {
        try {
            relay.run();
        } catch (const std::exception& error) {
            failure = error.what();
        }
    });
    const Clock::time_point until = Clock::now() + 30s;
    while (rows() != "0" && Clock::now() < until) std::this_thread::sleep_for(20ms);
    const std::string trouble = relay.status().trouble;
    relay.request_stop(Clock::now() + 5s);
    thread.join();
    expect(failure.empty(), "the relay ended: " + failure);
    expect(rows() == "0", "not all is sent and purged within 30 s; left are " + rows() + " rows" +
                              (trouble.empty() ? "" : ": " + trouble));
}

std::string OutboxBench::counts() const {
    const std::vector<std::string> values = messages_.values();
    const std::set<std::string> different(values.begin(), values.end());
    return std::to_string(values.size()) + "|" + std::to_string(different.size());
}

std::string OutboxBench::rows() const {
    return site_.value("SELECT count(*) FROM " + config_.table);
}

}  // namespace sluice::conformance
