#include "tests/demo/traffic.h"

#include "tests/fixture/kafka_producer.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <optional>
#include <random>
#include <string>
#include <utility>

namespace sluice::demo {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using std::chrono::system_clock;

constexpr std::array customers{"Ada", "Bo", "Chloe", "Dmitri", "Emeka", "Fatima", "Goro", "Ines"};
constexpr std::array cities{"Lisbon", "Osaka", "Lagos", "Tromsø", "Quito", "Pune", "Graz", "Perth"};
constexpr std::array goods{"tea", "lamp", "rope", "ink", "kettle", "map"};

using Random = std::minstd_rand;

int up_to(Random& random, int limit) {
    return std::uniform_int_distribution<int>(0, limit - 1)(random);
}

template <typename Choices>
const char* one_of(Random& random, const Choices& choices) {
    return choices[static_cast<std::size_t>(up_to(random, int(choices.size())))];
}

std::int64_t now_ms() {
    return std::chrono::duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

template <typename... Values>
std::string format(const char* pattern, Values... values) {
    std::array<char, 400> text{};
    std::snprintf(text.data(), text.size(), pattern, values...);
    return text.data();
}

/// An order with one thing wrong, each in its own way.
std::string bad_order(Random& random, long long id) {
    const char* name = one_of(random, customers);
    const long long now = now_ms();
    switch (up_to(random, 4)) {
        case 0:  // no JSON: cut short
            return format(R"({"id":%lld,"customer":{"name":"%s","addr)", id, name);
        case 1:  // a decimal comma
            return format(R"({"id":%lld,"customer":{"name":"%s"},"amount":"%d,50","ts":%lld})", id,
                          name, up_to(random, 90), now);
        case 2:  // a time in words
            return format(R"({"id":%lld,"customer":{"name":"%s"},"amount":1,"ts":"last week"})", id,
                          name);
        default:  // well-formed; only the table's CHECK constraint objects
            return format(R"({"id":%lld,"customer":{"name":"%s"},"amount":-%d,"ts":%lld})", id,
                          name, 1 + up_to(random, 90), now);
    }
}

std::string good_order(Random& random, long long id) {
    return format(R"({"id":%lld,"customer":{"name":"%s","address":{"city":"%s"}},)"
                  R"("items":[{"sku":"%s","n":%d}],"amount":%d.%02d,"ts":%lld})",
                  id, one_of(random, customers), one_of(random, cities), one_of(random, goods),
                  1 + up_to(random, 4), up_to(random, 500), up_to(random, 100),
                  static_cast<long long>(now_ms()));
}

std::string good_reading(Random& random, long long id) {
    return format("%lld,s-%03d,%d.%d,\"%s, \"\"roof\"\"\"", id, up_to(random, 200),
                  up_to(random, 40), up_to(random, 10), one_of(random, cities));
}

std::string bad_reading(Random& random, long long id) {
    if (up_to(random, 2) == 0) return format("%lld,s-%03d,n/a,", id, up_to(random, 200));
    return format("%lld,s-%03d,21.5,\"never closed", id, up_to(random, 200));
}

constexpr int one_bad_in = 200;
constexpr int one_tombstone_in = 2000;

/// One topic's stream of records; the only one to write its counts.
class Stream {
public:
    Stream(std::string topic, Produced& produced, unsigned seed)
        : topic_(std::move(topic)), produced_(produced), random_(seed) {}

    void send(fixture::KafkaProducer& producer) {
        const std::int64_t id = produced_.all() + 1;
        const std::string key = "c" + std::to_string(up_to(random_, 5000));
        std::optional<std::string> value;
        if (up_to(random_, one_tombstone_in) == 0) {
            ++produced_.tombstones;
        } else if (up_to(random_, one_bad_in) == 0) {
            ++produced_.bad;
            value = topic_ == "orders" ? bad_order(random_, id) : bad_reading(random_, id);
        } else {
            ++produced_.good;
            produced_.id_sum += id;
            value = topic_ == "orders" ? good_order(random_, id) : good_reading(random_, id);
        }
        producer.produce({.topic = topic_, .key = key, .value = value});
    }

private:
    std::string topic_;
    Produced& produced_;
    Random random_;
};

}  // namespace

Traffic::Traffic(fixture::KafkaProperties properties) : properties_(std::move(properties)) {}

Traffic::~Traffic() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
}

void Traffic::start(Rates rates) {
    stopping_ = false;
    thread_ = std::thread([this, rates] { run(rates); });
}

void Traffic::stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
    if (failure_) std::rethrow_exception(failure_);
}

void Traffic::run(Rates rates) {
    try {
        produce(rates);
    } catch (...) {
        failure_ = std::current_exception();
    }
}

void Traffic::produce(Rates rates) {
    fixture::KafkaProducer producer(properties_);
    Stream orders("orders", orders_, static_cast<unsigned>(orders_.all() + 1));
    Stream readings("readings", readings_, static_cast<unsigned>(readings_.all() + 2));
    const auto begin = steady_clock::now();
    std::int64_t sent_orders = 0;
    std::int64_t sent_readings = 0;
    while (!stopping_) {
        const std::chrono::duration<double> elapsed = steady_clock::now() - begin;
        for (; double(sent_orders) < elapsed.count() * rates.orders; ++sent_orders)
            orders.send(producer);
        for (; double(sent_readings) < elapsed.count() * rates.readings; ++sent_readings)
            readings.send(producer);
        std::this_thread::sleep_for(milliseconds(10));
    }
    producer.flush();
}

}  // namespace sluice::demo
